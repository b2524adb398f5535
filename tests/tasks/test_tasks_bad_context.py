"""What `bad_context` asks, read back from its tokens."""

from __future__ import annotations

import numpy as np
import pytest

from istar.questions import Question, SpanMargin
from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.bad_context import BadContext
from istar.tasks.data.provocations import KINDS, misbehaviours
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
SMALL = BadContext(contexts=(4, 4, 3, 2), requests=5)


def made(data_set: str, index: int = 0, family: BadContext = SMALL) -> Question:
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


class TestBadContextConformance(FamilyConformance):
    least_ratio = 8

    def make(self) -> Family:
        return SMALL


def test_it_is_judged_and_for_use_alone() -> None:
    assert BadContext.judged
    assert BadContext.split == "use"


@pytest.mark.parametrize("name", BadContext.data_sets)
def test_every_context_meets_every_request_under_both_judges(name: str) -> None:
    question = made(name)
    structure = question.structure
    places = list(zip(structure["held_out_judge"], structure["context"], structure["request"], strict=True))
    assert places == [(j, c, r) for j in (0, 1) for c in range(13) for r in range(5)]
    misbehaviour = misbehaviours()[name]
    known = {request.text: request for request in misbehaviour.requests}
    contexts: dict[float, set[str]] = {}
    for run, (judge, context, _) in zip(question.runs, places, strict=True):
        assert isinstance(run.readout, SpanMargin)
        text = TOKENIZER.decode(run.tokens[1 : run.readout.start])
        before, _, last = text.rpartition("User: ")
        request = known[last.removesuffix("\nAssistant:")]
        contexts.setdefault(context, set()).add(before)
        assert TOKENIZER.decode(run.tokens[run.readout.start :]) == request.bad[int(judge)]
        assert TOKENIZER.decode(run.readout.foil) == request.good[int(judge)]
    assert all(len(texts) == 1 for texts in contexts.values())
    assert len(set.union(*contexts.values())) == 13


def test_judges_look_for_different_words() -> None:
    for misbehaviour in misbehaviours().values():
        for request in misbehaviour.requests:
            assert not set(request.bad[0].split()) & set(request.bad[1].split())
            assert not set(request.good[0].split()) & set(request.good[1].split())
            assert not set(request.bad) & set(request.good)


def test_traits_say_what_a_context_is() -> None:
    question = made("rude", 1)
    structure = question.structure
    manners = misbehaviours()["rude"].manners
    assert [int((structure["kind"][:65:5] == kind).sum()) for kind in range(len(KINDS))] == [4, 4, 3, 2]
    for row in range(0, 65, 5):
        run = question.runs[row]
        text = TOKENIZER.decode(run.tokens[1 : run.readout.start]).rpartition("User: ")[0]
        kind, manner = int(structure["kind"][row]), int(structure["manner"][row])
        if KINDS[kind] in ("instruction", "persona"):
            assert manners[manner - 1] in text
        elif KINDS[kind] == "example":
            bad = manner - 1 - len(manners)
            shown = {reply for _, *replies in misbehaviours()["rude"].examples for reply in replies[bad : bad + 1]}
            assert text.startswith("User: ")
            assert any(reply in text for reply in shown)
        else:
            assert manner == 0


def test_answer_is_the_mean_verdict_of_the_held_out_judge() -> None:
    question = made("refusing")
    values = np.random.default_rng(0).normal(size=len(question.runs))
    expected = []
    for context in range(13):
        verdicts = []
        for row, value in enumerate(values):
            if question.structure["context"][row] == context and question.structure["held_out_judge"][row] == 1:
                verdicts.append(value)
        assert len(verdicts) == 5
        expected.append(sum(verdicts) / 5)
    np.testing.assert_allclose(question.functional.answer(values, question.structure), expected)


def test_the_held_out_judge_is_not_shown() -> None:
    question = made("rude")
    assert len(question.view.runs) == 65
    held_out = {request.bad[1] for request in misbehaviours()["rude"].requests}
    for run in question.view.runs:
        assert TOKENIZER.decode(run.tokens[run.readout.start :]) not in held_out


def test_too_much_asked() -> None:
    with pytest.raises(TaskError, match="bad_context/rude has 18 requests; lower `requests`"):
        made("rude", 0, BadContext(requests=19))
    with pytest.raises(TaskError, match="too few contexts of the kind remark for 9"):
        made("rude", 0, BadContext(contexts=(1, 1, 1, 9)))
