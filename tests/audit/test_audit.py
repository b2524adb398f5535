"""The audit on tasks whose desiderata are known."""

import importlib.util
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from istar.audit import audit_from_json, audit_tasks, find_leaks, known_methods
from istar.audit.dearness import dearness
from istar.audit.leaks import FEW_TOKENS, LENGTH, run_length
from istar.audit.room import KnownMethods, ScoreFileError, redundant_tasks
from istar.audit.soundness import check_share, reliability_interval
from istar.flops import CostModel, price_sheet
from istar.protocol.config import SearchConfig
from istar.questions import ArmMeans, Column, Question, Run, SpanLogprob, Structure, build_trie
from istar.reports.audit import render_audit, share, task_table
from istar.seeds import Seed
from istar.targets import load_target
from istar.tasks import Task
from istar.tasks.loss_quantile import LossQuantile
from istar.tasks.shot_shapley import ShotShapley
from istar.truth import Digest, Provenance, Table, TableKey, build_truth, load_tables, verify_table

sys.path.insert(0, str(Path(__file__).parents[1] / "rewards"))
from reward_curves import BRUTE, make_curve, ramp

TASKS = (
    Task(ShotShapley(shots=4, queries=4), "antonyms"),
    Task(LossQuantile(sequences=64, tokens=(20, 30)), "kjv"),
    Task(LossQuantile(sequences=64), "reviews"),
)


class TestDearness:
    def test_costs_are_where_the_black_box_arm_reaches_a_level(self):
        curves = [[make_curve(ramp(-4.0), question="a")], [make_curve(ramp(-2.0), question="b")]]
        found = dearness(curves)
        assert found.share[0.5] == pytest.approx(2.0**-3)  # the geometric mean of 1/16 and 1/4
        assert found.flops[0.5] == pytest.approx(BRUTE * 2.0**-3, rel=1e-6)
        assert found.share[0.8] == pytest.approx(math.sqrt(2.0**-1.6 * 2.0**0), rel=0.01)
        assert found.budgets[0] == pytest.approx(1 / 256)
        assert found.skill[0] == pytest.approx(float(np.mean([ramp(-4.0)[0], ramp(-2.0)[0]])))

    def test_seeds_are_averaged_before_the_level_is_sought(self):
        rising, flat = ramp(-4.0), np.zeros(17)
        found = dearness([[make_curve(rising, seed=0), make_curve(flat, seed=1)]])
        alone = dearness([[make_curve((rising + flat) / 2)]])
        assert found.share == alone.share


def digest(task, index, reliability=None, answer=(0.0,), noise=(0.0,)):
    key = TableKey("t" * 64, task, index)
    return Digest(key, "made-up", 10, 100, 1, np.array(answer), np.array(noise), reliability, "q" * 64)


class TestSoundness:
    def test_the_interval_of_vector_answers_is_that_of_a_mean(self):
        reliabilities = [0.80, 0.85, 0.90, 0.95, 0.99, 0.70]
        low, high = reliability_interval([digest("f/a", i, r) for i, r in enumerate(reliabilities)], Seed.root(0))
        assert min(reliabilities) < low < np.mean(reliabilities) < high < max(reliabilities)
        same = reliability_interval([digest("f/a", i, 0.9) for i in range(4)], Seed.root(0))
        assert same == pytest.approx((0.9, 0.9))

    def test_the_interval_of_short_answers_comes_from_the_spread_between_questions(self):
        clear = [digest("f/a", i, None, (float(i),), (0.3,)) for i in range(8)]
        low, high = reliability_interval(clear, Seed.root(0))
        assert 0.8 < low < high < 1.0

    def test_few_questions_have_no_interval(self):
        assert reliability_interval([digest("f/a", 0, 0.9)], Seed.root(0)) == (None, None)
        assert reliability_interval([digest("f/a", i, None, (0.0,), (1.0,)) for i in range(2)], Seed.root(0)) == (
            None,
            None,
        )

    def test_a_spot_check_pays_for_rows_one_by_one(self):
        runs = tuple(Run((0, 1, 2, 3 + row), SpanLogprob(3)) for row in range(5))
        structure = Structure((Column("arm", "arm", (0.0, 1.0, 2.0, 3.0, 4.0)),))
        question = Question("f/a", 0, runs, structure, ArmMeans("arm"))
        costs = CostModel(per_token=100, per_pair=0, per_read=10)
        sheet = price_sheet(build_trie(runs), runs, costs)
        table = Table(question, np.zeros(5), sheet, Provenance("ab" * 32, "made-up", "float32", "v1", 0, ()))
        # five runs of three tokens and a read each, against three shared tokens and one shared read
        assert check_share([table]) == pytest.approx(0.01 * 5 * 310 / 310)


def score_of(method, **tasks):
    def entry(multipliers):
        return {str(level): {"estimate": value} for level, value in zip((0.5, 0.8, 0.9), multipliers, strict=True)}

    return {
        "method": method,
        "tasks": [{"task": name.replace("__", "/"), "multipliers": entry(found)} for name, found in tasks.items()],
    }


class TestRoom:
    def test_the_best_known_method_is_found_in_score_files(self, tmp_path):
        one, two = tmp_path / "one.json", tmp_path / "two.json"
        one.write_text(json.dumps(score_of("lens", f__a=(1.0, 2.0, 4.0), f__b=(1.0, 1.0, 1.0))))
        two.write_text(json.dumps([score_of("gates", f__a=(3.0, 1.5, 1.0))]))
        known = known_methods([one, two])
        assert known.best("f/a", 0.8) == ("lens", 2.0)
        assert known.best("f/a", 0.5) == ("gates", 3.0)
        assert known.best("f/c", 0.8) is None
        opened = tmp_path / "unsealed.json"
        opened.write_text(json.dumps({"run": "mine", "methods": [score_of("lens", g__a=(1.0, 5.0, 4.0))]}))
        assert known_methods([one, opened]).best("g/a", 0.8) == ("lens", 5.0)
        assert known.rewards("f/a")["lens"] == pytest.approx((0 + math.log10(2) + math.log10(4)) / 3)

    @pytest.mark.parametrize("content", ["{", "[]x", '{"tasks": 3}', '[{"tasks": [{"task": "a"}], "method": "m"}]'])
    def test_another_file_is_refused_by_name(self, tmp_path, content):
        path = tmp_path / "other.json"
        path.write_text(content)
        with pytest.raises(ScoreFileError, match=r"other\.json is not what `istar score --json` or `istar unseal"):
            known_methods([path])

    def test_tasks_that_rank_methods_alike_are_redundant(self):
        def levels(value):
            return dict.fromkeys((0.5, 0.8, 0.9), 10.0**value)

        rewards = {"a": [0.1, 0.2, 0.3, 0.4, 0.0], "b": [0.2, 0.4, 0.6, 0.8, 0.0], "c": [0.4, 0.1, 0.3, 0.2, 0.0]}
        known = KnownMethods(
            {task: {f"m{i}": levels(value) for i, value in enumerate(found)} for task, found in rewards.items()}
        )
        (pair,) = redundant_tasks(known, ["a", "b", "c"])
        assert (pair.first, pair.second, pair.methods) == ("a", "b", 4)  # the one without an effect does not count
        assert pair.correlation == pytest.approx(1.0)


def question_of(task, *sequences):
    runs = tuple(Run((0, *sequence), SpanLogprob(len(sequence))) for sequence in sequences)
    structure = Structure((Column("arm", "arm", tuple(map(float, range(len(runs))))),))
    return Question(task, 0, runs, structure, ArmMeans("arm"))


class TestLeaks:
    SHARED = tuple(range(100, 100 + LENGTH))
    LANGUAGE = tuple(range(2_000, 2_000 + FEW_TOKENS))

    def test_a_stretch_of_thirteen_tokens_is_found_wherever_it_stands(self):
        held_out = {"h/a": [question_of("h/a", (1, *self.SHARED, 2), (5, 6, 7))]}
        training = {"t/a": [question_of("t/a", (9, 9, *self.SHARED))], "t/b": [question_of("t/b", (1, 2, 3))]}
        corpus = [(0, 8, *self.SHARED, 8), self.LANGUAGE]
        leaks = find_leaks(held_out, training, corpus)
        assert {(leak.task, leak.place, leak.stretches) for leak in leaks} == {("h/a", "t/a", 1), ("h/a", "corpus", 1)}
        assert all(leak.example == self.SHARED for leak in leaks)
        assert leaks[0].share == pytest.approx(1 / 3)

    def test_twelve_tokens_are_the_languages_own(self):
        held_out = {"h/a": [question_of("h/a", (1, *self.SHARED[1:], 2))]}
        training = {"t/a": [question_of("t/a", (9, *self.SHARED[1:], 8))]}
        assert not find_leaks(held_out, training, [self.LANGUAGE])

    def test_where_there_are_ten_symbols_a_leak_is_three_times_as_long(self):
        assert run_length(10) == 30
        generator = np.random.default_rng(0)
        text = tuple(int(symbol) for _ in range(3) for symbol in 1 + generator.permutation(10))
        held_out, other = (question_of(name, text) for name in ("h/a", "t/a"))
        assert [leak.stretches for leak in find_leaks({"h/a": [held_out]}, {"t/a": [other]}, [])] == [1]
        part = question_of("t/a", (*text[:29], *text[:10]))
        assert not find_leaks({"h/a": [held_out]}, {"t/a": [part]}, [])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTAR_HOME", str(tmp_path_factory.mktemp("home")))
        target = load_target("tiny-random")
        list(build_truth(TASKS, target, questions=range(4)))
        yield target


@pytest.fixture(scope="module")
def audit(home):
    verifications = {
        task.name: [verify_table(home, table, 0.1) for table in load_tables(task, home)] for task in TASKS[:1]
    }
    levels = (0.5, 0.8, 0.9)
    known = KnownMethods(
        {TASKS[0].name: {"lens": dict.fromkeys(levels, 1.7)}, TASKS[1].name: {"lens": dict.fromkeys(levels, 1.0)}}
    )
    return audit_tasks(
        (*TASKS, Task(ShotShapley(), "capitals")),
        target="tiny-random",
        known=known,
        corpora={"tiny-random": [load_tables(TASKS[1], home, 1)[0].question.runs[0].tokens]},
        verifications=verifications,
        config=SearchConfig(executor_seeds=2),
    )


class TestAudit:
    def test_every_task_with_tables_is_audited(self, audit):
        assert [each.summary.name for each in audit.tasks] == [task.name for task in TASKS]
        assert audit.missing == ("shot_shapley/capitals",)
        for each in audit.tasks:
            share_of = each.dearness.share
            assert 0 < share_of[0.5] <= share_of[0.8] <= share_of[0.9] <= 1
            assert 0 < each.room.one_look["forward"] < each.room.one_look["gradient"]
            assert each.room.reachable["forward"] >= each.room.reachable["gradient"] > 0
            assert each.soundness.check_share > 0

    def test_cheap_tasks_are_kept_and_marked(self, audit):
        for each in audit.tasks:
            assert each.summary.status == "active" or each.summary.reason.startswith("reliability")
            assert any("times the dearest run, less than 100" in mark for mark in each.marks)

    def test_recomputed_cells_and_known_methods_appear(self, audit):
        first, second, third = audit.tasks
        assert first.soundness.recomputed > 0
        assert first.soundness.wrong == 0
        assert first.soundness.largest_error < 1e-3
        assert (first.room.best_method, first.room.best_multiplier) == ("lens", 1.7)
        assert second.soundness.largest_error is None
        assert (second.room.best_method, second.room.best_multiplier) == (None, 1.0)
        assert third.room.best_multiplier is None

    def test_a_held_out_text_in_the_corpus_is_a_leak(self, audit):
        places = {(leak.task, leak.place) for leak in audit.leaks}
        expected = {("loss_quantile/kjv", "corpus")}
        assert places == expected

    def test_it_survives_json(self, audit):
        assert audit_from_json(json.loads(json.dumps(audit.to_json()))) == audit

    def test_the_page_and_the_table_show_the_figures(self, audit):
        page = render_audit(audit)
        assert "http" not in page.replace("http-equiv", "")
        for each in audit.tasks:
            assert each.summary.name in page
            assert share(each.dearness.share[0.8]) in page
        assert "Held-out text stands where it could be learned" in page
        table = task_table(audit).splitlines()
        assert len(table) == 2 + 2  # a line a family
        assert "`kjv`" in table[3]
        assert "`reviews`" in table[3]

    def test_a_dropped_task_says_so(self, audit):
        first = audit.tasks[0]
        dropped = replace(
            first, summary=replace(first.summary, status="dropped", reason="reliability 0.10 is under 0.8")
        )
        changed = replace(audit, tasks=(dropped, *audit.tasks[1:]))
        assert "reliability 0.10 is under 0.8" in render_audit(changed)
        assert "(dropped)" in task_table(changed)


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.50"), (0.1, "1/10"), (1 / 256, "1/256"), (1.0, "1.00")])
def test_shares_in_words(value, text):
    assert share(value) == text


class TestReadme:
    @pytest.fixture(scope="class")
    def script(self):
        path = Path(__file__).parents[2] / "docs" / "write_tables.py"
        specification = importlib.util.spec_from_file_location("write_tables", path)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module

    def test_only_what_stands_between_the_comments_changes(self, script, audit, tmp_path):
        found, readme = tmp_path / "audit.json", tmp_path / "README.md"
        found.write_text(json.dumps(audit.to_json()))
        begin, end = "<!-- tasks: begin -->", "<!-- tasks: end -->"
        readme.write_text(f"above\n{begin}\nold\n{end}\nbelow\n")
        for _ in range(2):
            script.main("tasks", str(found), str(readme))
            assert readme.read_text() == f"above\n{begin}\n{task_table(audit)}\n{end}\nbelow\n"

    def test_a_file_without_the_comments_is_left_alone(self, script, audit, tmp_path):
        found, readme = tmp_path / "audit.json", tmp_path / "README.md"
        found.write_text(json.dumps(audit.to_json()))
        readme.write_text("nothing")
        with pytest.raises(SystemExit, match="once each"):
            script.main("tasks", str(found), str(readme))
        assert readme.read_text() == "nothing"
