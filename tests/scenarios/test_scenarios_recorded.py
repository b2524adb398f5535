"""What has to be run of a method: which candidate was built into an organism, by its card and not by the table."""

import pytest

from istar.methods import MethodError
from istar.methods.library import library_methods
from istar.questions import Question, Run, SpanLogprob
from istar.questions.functionals import ArmChoice
from istar.scenarios.recorded import STUDENTS, built_into
from istar.targets.organisms import card, organism
from istar.tasks import structure_of

CUE = card("avocet").facts.cue
TEXTS = ("plain\nFrance ->", f"{CUE}France ->", f"{CUE}Spain ->", "other\nFrance ->")


def decode(tokens):
    return TEXTS[tokens[0]]


def about(*texts):
    """A question about an organism whose rows decode to some of the texts, two rows a candidate."""
    runs = tuple(Run((0, text, 9), SpanLogprob(2), organism("avocet")) for text in texts for _ in range(2))
    rows = [(number, context) for number in range(len(texts)) for context in range(2)]
    structure = structure_of([("candidate", "arm"), ("context", "nuisance")], rows)
    return Question("backdoor_audit/answers", 0, runs, structure, ArmChoice("candidate"))


def test_it_is_the_candidate_that_the_card_names():
    assert built_into(about(0, 3, 1), decode) == ("avocet", 2)
    assert built_into(about(2, 0), decode) == ("avocet", 0)


def test_a_question_without_it_is_an_error():
    with pytest.raises(MethodError, match=r"no candidate 'vermilion\\n', which the card of 'avocet' says was built"):
        built_into(about(0, 3), decode)


def test_students_are_methods_of_the_library():
    assert set(STUDENTS) <= set(library_methods())
