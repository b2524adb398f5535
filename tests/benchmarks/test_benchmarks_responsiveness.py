"""What is planted has the quality that it is named after, and what is said of it follows from the cells."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parents[1] / "executors"))

from synthetic_tables import arms_table

import responsiveness
from istar.executors import Executor
from istar.questions import ArmMeans
from istar.truth.table import Provenance, Table
from planted_channels import KINDS, Known, channels_of, planted_recording, standardised, under_another_name
from responsiveness import (
    Asked,
    Setting,
    arguments_of,
    cells_of,
    chosen_tasks,
    keep,
    key_of,
    read_cells,
    take_over,
    written,
)
from responsiveness_figures import ALONE, CELL, figures_of, missed, rank_correlation
from responsiveness_speed import figures as speeds
from responsiveness_speed import pairs_of, source_of


def table_of(index):
    made = arms_table(index, arms=12, examples=8)
    question = replace(made.question, functional=ArmMeans(made.question.structure.of("arm")[0].name))
    return Table(question, made.values, made.prices, Provenance("made", "made", "float32", "v2", 0, ()))


PAGE = Path(__file__).parents[2] / "docs" / "write_benchmarks.py"
SHARES = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0]


def known(rows=20_000, candidates=4_000):
    generator = np.random.default_rng(0)
    candidate = np.arange(rows) % candidates
    truth = standardised(generator.standard_normal(rows) + generator.standard_normal(candidates)[candidate])
    return Known(truth, candidate, np.random.default_rng(1))


@pytest.mark.parametrize("name", [name for name in KINDS if name.startswith("rows-")])
def test_rows_follow_the_truth_as_closely_as_their_name_says(name):
    given = known()
    assert np.corrcoef(KINDS[name].make(given), given.truth)[0, 1] == pytest.approx(KINDS[name].fidelity, abs=0.02)


def test_means_of_candidates_are_blurred_and_rows_of_one_candidate_hear_the_same():
    given = known()
    said = KINDS["candidates-0.95"].make(given)
    means = np.bincount(given.candidate, given.truth) / np.bincount(given.candidate)
    heard = said[: len(means)]
    np.testing.assert_array_equal(said, heard[given.candidate])
    assert np.corrcoef(heard, means)[0, 1] == pytest.approx(0.95, abs=0.02)


def test_the_truth_bent_is_in_the_same_order_and_the_truth_flipped_in_the_other():
    given = known()
    order = np.argsort(given.truth)
    assert (np.diff(KINDS["bent"].make(given)[order]) > 0).all()
    assert (np.diff(KINDS["flipped"].make(given)[order]) < 0).all()
    assert np.corrcoef(KINDS["scaled"].make(given), given.truth)[0, 1] == pytest.approx(1)


def test_half_of_the_candidates_are_told_the_truth_and_the_others_nothing():
    given = known()
    said = KINDS["half"].make(given)
    told = said == given.truth
    by_candidate = np.bincount(given.candidate, told) / np.bincount(given.candidate)
    assert set(by_candidate) == {0.0, 1.0}
    assert by_candidate.mean() == 0.5
    assert abs(np.corrcoef(said[~told], given.truth[~told])[0, 1]) < 0.05


def test_one_channel_of_sixteen_is_good():
    given = known()
    said = KINDS["one-of-sixteen"].make(given)
    correlations = np.sort([np.corrcoef(column, given.truth)[0, 1] for column in said.T])
    assert said.shape[1] == 16
    assert correlations[-1] == pytest.approx(0.95, abs=0.02)
    assert np.abs(correlations[:-1]).max() < 0.05


def test_channels_are_decided_by_the_question_and_priced_by_rows():
    table = table_of(0)
    said = channels_of(KINDS["rows-0.5"], table)
    np.testing.assert_array_equal(said, channels_of(KINDS["rows-0.5"], table))
    recording = planted_recording(table, said, 0.01)
    assert recording.batches[-1].flops == int(0.01 * table.brute_flops)
    done = np.cumsum([len(batch.rows) for batch in recording.batches])
    flops = np.array([batch.flops for batch in recording.batches])
    np.testing.assert_allclose(flops / flops[-1], done / done[-1], atol=2 / flops[-1])


def test_a_question_under_another_name_has_the_same_rows():
    table = table_of(0)
    other = under_another_name(table)
    assert other.question.hash != table.question.hash
    assert other.question.runs == table.question.runs
    np.testing.assert_array_equal(other.values, table.values)


def cell(kind, price, heard, skills, batches=0):
    answers = [
        {
            "question": f"{place}",
            "seed": 0,
            "rows": 1000,
            "share": SHARES,
            "skill": skill,
            "blind_skill": 0.0,
            "batches": batches,
            "stop": 0.5,
            "own": 0.0,
            "coverage": [1.0, 1.0, 0.5, 0.5, 1.0],
        }
        for place, skill in enumerate(skills)
    ]
    made = {"group": "train", "task": "made/up", "functional": "arm_means", "kind": kind, "price": price}
    return {**made, "heard": heard, "answers": answers}


SLOW, FAST, OTHER = [0.0, 0.0, 0.4, 0.8, 1.0], [0.4, 0.8, 1.0, 1.0, 1.0], [0.0, 0.4, 0.8, 1.0, 1.0]


def test_figures_of_cells_whose_curves_are_known():
    cells = [
        cell(ALONE, 0.0, "", [SLOW, SLOW]),
        cell("truth", 0.001, "known", [OTHER, OTHER], batches=2),
        cell("truth", 0.001, "stranger", [SLOW, SLOW]),
        cell("truth", 0.001, "oracle", [FAST, FAST], batches=2),
        cell("noise", 0.001, "known", [SLOW, [0.0, 0.0, 0.4, 0.6, 1.0]]),
    ]
    found = figures_of(cells)
    said, task = found["summary"]["train"], found["tasks"]["train"]["made/up"]
    assert task["black_box_share"]["0.8"] == pytest.approx(0.5)
    assert said["truth_multiplier"] == pytest.approx(2, abs=0.01)
    assert said["truth_bought"] == 1
    assert said["heard_share"] == pytest.approx(0.5, abs=0.01)
    assert said["heard_share_stranger"] == 0
    assert said["attainable"] == pytest.approx(0.5 / (0.001 + 16 / 1000), abs=0.01)
    assert said["attainable_whatever_rows_cost"] == pytest.approx(0.5 / 0.011, abs=0.01)
    assert said["harmed"] == 0
    assert 0 < said["noise_mean"] <= 0.5
    assert said["coverage"] == {"without": 0.75, "with": 0.75}


def test_where_the_oracle_gains_nothing_there_is_nothing_to_hear():
    cells = [
        cell(ALONE, 0.0, "", [SLOW]),
        cell("truth", 0.001, "known", [FAST]),
        cell("truth", 0.001, "oracle", [SLOW]),
    ]
    truth = figures_of(cells)["summary"]["train"]["by_kind"]["truth"]
    assert (truth["heard_share"], truth["nothing_to_hear"]) == (None, 1)


def test_channels_that_make_an_answer_dearer_harm():
    cells = [cell(ALONE, 0.0, "", [FAST]), cell("truth", 0.001, "known", [SLOW], batches=1)]
    said = figures_of(cells)["summary"]["train"]
    assert said["harmed_truth"] == 1
    assert said["harmed_worst"][0][1:] == ["made/up", "truth", 0.001, "known"]


def test_curves_that_begin_at_other_budgets_are_compared():
    late = cell("truth", 0.001, "known", [FAST])
    answer = late["answers"][0]
    late["answers"].append(answer | {"question": "1", "share": SHARES[1:], "skill": FAST[1:], "coverage": [None] * 4})
    alone = cell(ALONE, 0.0, "", [SLOW, SLOW])
    found = figures_of([alone, late])
    assert found["summary"]["train"]["truth_multiplier"] > 3
    # the question that begins late reaches 0.5 at its own first budget, an eighth, and no sooner
    reward = found["tasks"]["train"]["made/up"]["channels"]["truth"]["0.001"]["known"][CELL.index("reward")]
    half = np.log10(0.25 * 2**0.25 / 0.125)
    assert reward == pytest.approx(np.mean([*[np.log10(4)] * 5, half]), abs=0.001)


def test_rank_correlation_shares_ranks():
    assert rank_correlation([1, 2, 3, 4], [0, 0, 1, 1]) == pytest.approx(0.894, abs=0.001)
    assert rank_correlation([1, 1, 1], [0, 1, 2]) == 0


def test_a_run_that_was_stopped_goes_on(tmp_path):
    tables = [table_of(index) for index in range(4)]
    setting = Setting("statistician", {}, 2, None, 1)
    name, path = tables[0].question.task, tmp_path / "cells.jsonl"
    kinds = [KINDS["truth"], KINDS["noise"]]
    first = list(cells_of("train", Asked(name, tables, setting), kinds, (0.01,), {}))
    assert [key_of(each)[2:] for each in first] == [
        (ALONE, 0.0, ""),
        *(("truth", 0.01, state) for state in ("known", "stranger", "oracle")),
        *(("noise", 0.01, state) for state in ("known", "stranger")),
    ]
    for each in first[:3]:
        keep(path, each)
    with path.open("a") as file:
        file.write(json.dumps(first[3])[:50])
    found = read_cells(path, setting.identity)
    assert list(found) == [key_of(each) for each in first[:3]]
    rest = list(cells_of("train", Asked(name, tables, setting), kinds, (0.01,), found))
    assert [{**each, "seconds": 0} for each in rest] == [{**each, "seconds": 0} for each in first[3:]]
    assert read_cells(path, "another") == {}


class Credulous(Executor):
    """It buys all channels as soon as it can, learns nothing, and states no spread."""

    def learn(self, history):
        return history.blind

    def answer(self, market, state, seed):
        while market.next_checkpoint is not None:
            while (offer := market.channel_offer()) is not None and offer.flops <= market.allowance:
                market.buy_channels()
            answer = state
            if market.channels is not None and not np.isnan(market.channels).any():
                answer = market.functional.answer(market.channels[:, 0], market.structure)
            market.record(answer, np.full(len(answer), np.nan))
        return market.trace()


def test_an_executor_of_ones_own_is_driven_through_the_public_door(monkeypatch):
    monkeypatch.setattr(responsiveness, "make_executor", lambda name, options: Credulous(**options))
    tables = [table_of(index) for index in range(4)]
    asked = Asked(tables[0].question.task, tables, Setting("credulous", {}, 2, None, 1))
    cells = list(cells_of("train", asked, [KINDS["truth"], KINDS["noise"]], (0.01,), {}))
    found = figures_of(cells)
    task = found["tasks"]["train"][asked.name]
    # the answer of 1% of brute force is right, where without channels it never is
    multiplier = task["channels"]["truth"]["0.01"]["known"][CELL.index("multiplier_0.8")]
    assert multiplier > 30
    assert found["summary"]["train"]["coverage"] == {"without": None, "with": None}
    assert found["summary"]["train"]["heard_share_stranger"] == 1


def test_validation_and_test_are_run_by_name_alone(capsys):
    assert not {"validation", "test"} & set(arguments_of([]).group)
    assert not {"validation", "test"} & set(arguments_of(["--quick"]).group)
    assert arguments_of(["--group", "test"]).group == ("test",)
    with pytest.raises(
        SystemExit, match="is of the group 'validation', which is not asked for; add --group validation"
    ):
        chosen_tasks(("train",), ["memorisation/kjv"])
    with pytest.raises(SystemExit, match="there is no task 'memorization/kjv'"):
        chosen_tasks(("train",), ["memorization/kjv"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--price", "2"], "give a share of brute force above 0"),
        (["--questions", "0"], "give 1 at least"),
        (["--jobs", "0"], "give 1 at least"),
        (["--option", "variant"], "write NAME=JSON"),
        (["--option", "variant=full"], "is no JSON"),
        (["--kind", "lies"], "invalid choice"),
    ],
)
def test_bad_arguments_say_what_to_do(given, message, capsys):
    with pytest.raises(SystemExit):
        arguments_of(given)
    assert message in capsys.readouterr().err


def test_intervals_of_noise_that_lie_above_1_are_counted():
    cells = [cell(ALONE, 0.0, "", [SLOW, SLOW]), cell("noise", 0.001, "known", [OTHER, OTHER])]
    assert figures_of(cells)["summary"]["train"]["noise_called_better"] == 1
    cells[1] = cell("noise", 0.001, "known", [SLOW, OTHER])
    assert figures_of(cells)["summary"]["train"]["noise_called_better"] == 0


def test_a_reward_that_follows_fidelity_has_a_slope():
    kinds = {"truth": FAST, "rows-0.8": OTHER, "noise": SLOW}
    cells = [cell(kind, price, "known", [skill]) for kind, skill in kinds.items() for price in (0.01, 0.001)]
    said = figures_of([cell(ALONE, 0.0, "", [SLOW]), *cells])["summary"]["train"]
    assert (said["slope_share"], said["slope_median"]) == (1, 1)
    flat = [each | {"answers": cells[-1]["answers"]} for each in cells]
    assert figures_of([cell(ALONE, 0.0, "", [SLOW]), *flat])["summary"]["train"]["slope_share"] == 0


def test_a_group_of_several_functionals_is_told_apart():
    cells = [cell(ALONE, 0.0, "", [SLOW]), cell("truth", 0.001, "known", [FAST])]
    others = [each | {"task": "made/other", "functional": "floors"} for each in cells]
    said = figures_of([*cells, *others])["summary"]["train"]["by_functional"]
    assert {name: each["tasks"] for name, each in said.items()} == {"arm_means": 1, "floors": 1}


def test_the_speed_is_a_ratio_of_seconds_on_the_same_methods():
    planted = {"fidelity": 0.5, "price": 0.02}
    rows = [
        {
            "task": "one",
            **planted,
            "this": {"seconds": 1.0, "memory": 2**30},
            "other": {"seconds": 5.0, "memory": 2**29},
        },
        {
            "task": "two",
            **planted,
            "this": {"seconds": 1.0, "memory": 2**28},
            "other": {"seconds": 1.0, "memory": 2**29},
        },
    ]
    found = speeds(rows)
    assert found["answers_per_hour_ratio"] == 3
    assert found["answers_per_hour"] == {"this": 14400, "other": 4800}
    assert found["ratio_by_task"] == {"one": 5, "two": 1}
    assert found["memory_gib"] == {"this": 1, "other": 0.5}


def test_every_method_is_timed_on_every_task_once():
    pairs = pairs_of(["one", "two"], None)
    assert len(pairs) == len(set(pairs)) == 33 * 2
    assert pairs_of(["one", "two"], 5) == pairs[:5]


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="is no checkout of istar"):
        source_of(tmp_path)


def test_a_result_is_written_with_a_line_for_each_innermost_part():
    result = {"summary": {"train": {"tasks": 2}}, "rows": [["one", 0.5], ["two", 0.25]]}
    assert json.loads(written(result)) == result
    assert '"train": { "tasks": 2 }' in written(result)
    assert '[ "one", 0.5 ]' in written(result)


PARTS = ("asked", "summary", "tasks")


def test_groups_measured_before_stay_if_they_were_measured_in_the_same_way(tmp_path):
    def result(group, identity="one"):
        of_group = {part: {group: {"of": identity}} for part in PARTS}
        settings = dict.fromkeys(("executor", "options", "questions", "others", "seeds"), 1)
        return settings | {"identity": identity, "channels_tell": list(CELL)} | of_group

    path = tmp_path / "result.json"
    speed = {"answers_per_hour_ratio": 2.0}
    path.write_text(json.dumps(result("test") | {"speed": speed}), encoding="utf-8")
    for identity, groups in (("one", ["train", "test"]), ("other", ["train"])):
        found = result("train", identity)
        take_over(found, path)
        assert [[each for each in found[part] if each != "answers_per_hour_ratio"] for part in PARTS] == [groups] * 3
        assert found.get("speed") == (speed if identity == "one" else None)
    path.unlink()
    take_over(found, path)
    assert list(found["summary"]) == ["train"]


def test_the_page_shows_what_a_result_says():
    spec = importlib.util.spec_from_file_location("write_benchmarks", PAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    title, write = module.SECTIONS["responsiveness"]
    cells = [
        cell(ALONE, 0.0, "", [SLOW]),
        cell("truth", 0.001, "known", [OTHER], batches=1),
        cell("truth", 0.001, "oracle", [FAST], batches=1),
    ]
    asked = {"train": {"prices": [0.001], "kinds": ["truth"]}}
    setting = {"questions": 1, "seeds": 1, "asked": asked, "channels_tell": list(CELL)}
    planted = {"task": "one", "fidelity": 0.5, "price": 0.02}
    rows = [planted | {**{side: {"seconds": 1.0, "memory": 2**30} for side in ("this", "other")}}]
    text = write(setting | figures_of(cells) | {"speed": speeds(rows)})
    assert "| train, 1 task | 100% | 2.0 | 29.4 | 0.50 | – | – | – | 0.0% | – | 75% / 75% |" in text
    assert "| `truth` | 0.50 / – |" in text
    assert "**1.0 times as many**, with 1.0 to 1.0 GiB of memory. 1 method on a task" in text
    assert title == "What the executor hears"


def test_what_misses_its_target_is_named_with_its_value():
    cells = [
        cell(ALONE, 0.0, "", [SLOW]),
        cell("truth", 0.001, "known", [[0.2, 0.6, 0.9, 1.0, 1.0]], batches=1),
        cell("truth", 0.001, "stranger", [FAST]),
        cell("truth", 0.001, "oracle", [FAST], batches=1),
        cell("noise", 0.001, "known", [SLOW]),
    ]
    found = missed(figures_of(cells)["summary"]["train"])
    assert set(found) == {"truth_multiplier", "heard_share of truth", "coverage without", "coverage with"}
    assert 0.5 < found["heard_share of truth"] < 0.7
