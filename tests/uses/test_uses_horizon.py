"""How far what is learned at one length transfers: where evidence stands, what is learned from, and where it ends."""

import json

import pytest
from jailed_uses import CONSTANT, KNOWING, SILENT, method

from istar.arms.sessions import SandboxSession
from istar.arms.settings import ArmSettings
from istar.rewards.bootstrap import Estimate
from istar.rewards.multipliers import Comparison, MultiplierEstimate
from istar.seeds import Seed
from istar.uses import far_evidence, reading
from istar.uses.auroc import Area
from istar.uses.errors import SilentError, UseError
from istar.uses.far_evidence import Horizon, draw_contexts, draw_questions, positions
from istar.uses.horizon import AtLength, Detection, Transfer, measure_horizon
from istar.uses.reading import generic_text

SMALL = Horizon(length=220, questions=3, depths=2, contexts=6)

SEEING = """
import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({'length': torch.tensor([len(corpus.tokens[0])])})


def predict(question, runs, target, interpretation, prepared):
    return torch.tensor([[float(len(set(run.tokens[-40:]) & set(run.tokens[:30])))] for run in runs])
"""


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(far_evidence, "TIMES", (1, 2))
    monkeypatch.setattr(far_evidence, "CONTEXTS", 2)


def measured(target, unsafe, source, asked=SMALL):
    settings = ArmSettings(threads=1, executor_seeds=1, unsafe=unsafe)
    return measure_horizon(settings, target, method(source), "mine", asked)


def test_questions_grow_with_the_length_and_those_to_learn_from_are_no_others(random_target):
    found = draw_questions(SMALL, random_target, 0)
    assert {length: len(theirs) for length, theirs in found.items()} == {220: 6, 440: 3}
    assert len({question.hash for theirs in found.values() for question in theirs}) == 9
    for length, theirs in found.items():
        longest = max(len(run.tokens) for question in theirs for run in question.runs)
        assert length / 2 < longest < length + 100  # the query and its answer come after the context


def test_evidence_stands_as_far_back_as_the_context_is_long(random_target):
    seed = Seed.root(0)
    for length in (220, 880):
        runs = draw_contexts(SMALL, random_target, length, 6, seed)
        for with_it, without in zip(runs[:6], runs[6:], strict=True):
            answer = with_it.tokens[with_it.readout.start :]
            assert answer == without.tokens[without.readout.start :]
            texts = [random_target.decode(run.tokens[1 : run.readout.start]) for run in (with_it, without)]
            said = random_target.decode(answer).strip()
            assert f"is {said}." in texts[0][:60]
            assert said not in texts[1][:60]
            middle = texts[0].index(".") + 1, texts[1].index(".") + 1
            assert texts[0][middle[0] :] == texts[1][middle[1] :]  # all else is the same
            query = texts[0].index("\n")  # the query begins with one, and nothing before it has any
            assert length - 150 < query <= length


def test_learned_contexts_are_others_than_tested_ones(random_target):
    drawn = [draw_contexts(SMALL, random_target, 220, 6, Seed.root(0).split(part)) for part in ("learned", "tested")]
    assert not {run.tokens for run in drawn[0]} & {run.tokens for run in drawn[1]}


def test_a_method_learns_from_text_no_longer_than_the_first_length(random_target, home, monkeypatch):
    monkeypatch.setattr(reading, "CORPUS_LENGTH", 64)
    assert {len(tokens) for tokens in generic_text(random_target, 0, 24).tokens} == {24}
    assert {len(tokens) for tokens in generic_text(random_target, 0, 240).tokens} == {64}


@pytest.fixture(scope="module")
def found_and_asked(random_target, unsafe):
    asked, evaluate = [], SandboxSession.evaluate

    def noting(self, table, others=()):
        asked.append((table, tuple(others), self.arms._questions[table.question.hash].others(table.question.hash)))
        return evaluate(self, table, others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(far_evidence, "TIMES", (1, 2))
        patch.setattr(far_evidence, "CONTEXTS", 2)
        patch.setattr(SandboxSession, "evaluate", noting)
        yield measured(random_target, unsafe, SEEING), asked


@pytest.mark.slow
def test_the_executor_learns_at_the_first_length_alone(found_and_asked):
    _, asked = found_and_asked
    assert len(asked) == 6

    def longest(table):
        return max(len(run.tokens) for run in table.question.runs)

    for table, others, known in asked:
        assert len(others) == 3
        assert {each.question.hash for each in others} == {each.question.hash for each in known}  # in both arms
        assert table.question.hash not in {each.question.hash for each in others}
        assert max(map(longest, others)) < SMALL.length + 100
    assert max(longest(table) for table, *_ in asked) > 1.5 * SMALL.length


@pytest.mark.slow
def test_a_detector_that_sees_the_evidence_transfers_to_all_lengths(found_and_asked):
    found, _ = found_and_asked
    assert [each.length for each in found.lengths] == [220, 440]
    assert found.explained > 0.5
    assert all(each.detection.method.low > 0.5 for each in found.lengths)
    assert found.detection_ends is None
    assert all(each.detection.flops < each.detection.brute_flops for each in found.lengths)
    stated = json.loads(json.dumps(found.to_json()))
    assert stated["detection_ends"] is None
    assert stated["lengths"][1]["detection"]["method"]["estimate"] == found.lengths[1].detection.method.estimate


@pytest.mark.slow
def test_a_method_that_says_the_same_of_all_detects_nothing(random_target, unsafe):
    found = measured(random_target, unsafe, CONSTANT)
    assert all(each.detection.method.estimate == 0.5 for each in found.lengths)
    assert found.detection_ends == SMALL.length == found.saving_ends
    assert all(each.multiplier == (1, 1, 1) for each in found.lengths)
    assert all(each.heard == 0 and each.answers == 3 for each in found.lengths)


def planted(multipliers, areas):
    saved = [
        Comparison("task", ("task",), {0.8: MultiplierEstimate(m, low, 9.0, False, "exact", 0, 3)}, Estimate(0, 0, 0))
        for m, low in multipliers
    ]
    told = [Area(a, low, 1.0, 0.1, 0.1, 0, 0, 0, (a,)) for a, low in areas]
    lengths = [
        AtLength(10 * 2**place, one, 0, 3, Detection(other, other, 1, 2))
        for place, (one, other) in enumerate(zip(saved, told, strict=True))
    ]
    return Transfer("mine", "tiny", "reviews", 1, 1, 0.5, tuple(lengths))


def test_transfer_ends_where_an_interval_first_holds_nothing():
    found = planted([(2, 1.5), (1.8, 1.2), (1.3, 0.9)], [(0.9, 0.8), (0.6, 0.5), (0.9, 0.8)])
    assert (found.saving_ends, found.detection_ends) == (40, 20)
    always = planted([(2, 1.5)], [(0.9, 0.8)])
    assert (always.saving_ends, always.detection_ends) == (None, None)


def test_a_horizon_beyond_the_target_s_positions(random_target, monkeypatch):
    monkeypatch.setattr(far_evidence, "TIMES", (1, 2, 4, 8, 16))
    assert positions(random_target) == 4096
    with pytest.raises(UseError) as error:
        draw_questions(Horizon(length=4096), random_target, 0)
    assert (
        "--length 4096 is too long: at 16 times that, rows have 65537 tokens, and tiny-random has 4096 positions; give "
        "255 at most, or another target" in str(error.value)
    )
    with pytest.raises(UseError, match=r"rows have 41\d\d tokens, and tiny-random has 4096 positions; give 2[45]\d at"):
        draw_questions(Horizon(length=255, depths=2), random_target, 0)  # contexts fit, their queries do not


def test_a_length_without_room(random_target):
    with pytest.raises(UseError, match=r"--length 60 has no room for a haystack \(.*; give more, or fewer --depths"):
        draw_questions(Horizon(length=60), random_target, 0)
    with pytest.raises(UseError, match=r"--length 60 has no room for a haystack \(no sentence fits into \d+ tokens\)"):
        draw_contexts(Horizon(length=60), random_target, 60, 4, Seed.root(0))


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"data_set": "novels"}, "--texts 'novels': give one of reviews, scripture"),
        ({"length": 8}, "--length 8; give 16 to"),
        ({"questions": 2}, "--questions 2; give 3 to 1000"),
        ({"depths": 1}, "--depths 1; give 2 to 64"),
        ({"contexts": 3}, "--contexts 3; give 4 to 1000"),
    ],
)
def test_numbers_out_of_range(numbers, said):
    with pytest.raises(UseError) as error:
        Horizon(**numbers)
    assert said in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        (SILENT, SilentError, "'mine' has nothing to say of these rows"),
        (KNOWING.replace("target.run(runs)", "1 / 0"), UseError, "'mine' failed at 220 tokens; question 3 of needle"),
    ],
)
def test_a_method_without_what_is_needed(source, kind, said, random_target, unsafe):
    with pytest.raises(kind, match=said):
        measured(random_target, unsafe, source)
