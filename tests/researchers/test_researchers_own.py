"""The researcher of the page, `examples/my_researcher.py`: it conforms, and it minds what questions say."""

from pathlib import Path

import pytest

from istar.methods.fence import check_source
from istar.methods.library import library_methods
from istar.methods.loading import read_source
from istar.protocol.config import SearchConfig
from istar.protocol.setup import make_researcher
from istar.protocol.stages import TasksError
from istar.researchers import RESEARCHERS, Feedback, NothingNewError, QuestionFeedback, ResearcherError
from istar.seeds import Seed
from istar.testing.researchers import Begun, ResearcherConformance
from plugged import plugged

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_researcher.py"
LENS = read_source(library_methods()["tuned_lens"])


@pytest.fixture(scope="module", autouse=True)
def tuner():
    with plugged(EXAMPLE):
        yield RESEARCHERS.get("tuner")


class TestTuner(ResearcherConformance):
    def make(self):
        return RESEARCHERS.get("tuner")()


def told(reward, worst):
    questions = [QuestionFeedback("shot_shapley/antonyms", name, 0, value, 0.1) for name, value in worst.items()]
    return Feedback(reward, questions=tuple(questions))


def test_it_tries_variants_where_the_best_did_worst(tuner):
    begun = Begun(tuner(candidates=3))
    hashes = [each.question.hash for each in begun.workbench.questions("shot_shapley/antonyms")]
    first = begun.propose(Seed.root(0).split(0))
    assert first.source == LENS
    begun.update(first, told(0.1, {hashes[0]: 0.2, hashes[1]: 0.0}))
    second = begun.propose(Seed.root(0).split(1))
    assert second.parents == (first.hash,)
    scores = [use for use in begun.workbench.uses if use.kind == "score"]
    assert [[each.question for each in use.outcome.questions] for use in scores] == [[hashes[1]]] * 3
    best = max(scores, key=lambda use: use.outcome.reward)
    assert second.source == best.source
    assert check_source(second.source) == ()


def test_it_goes_on_when_the_budget_is_spent(tuner):
    begun = Begun(tuner(candidates=1, questions=2))
    hashes = [each.question.hash for each in begun.workbench.questions("shot_shapley/antonyms")]
    for number in range(60):  # two questions each: the hundred are spent before
        proposal = begun.propose(Seed.root(0).split(number))
        begun.update(proposal, told(0.1, {hashes[0]: 0.2, hashes[1]: 0.0}))
    assert begun.workbench.questions_left == 0


def test_it_ends_when_no_check_is_left(tuner, monkeypatch):
    begun = Begun(tuner())
    begun.propose(Seed.root(0))
    monkeypatch.setattr(type(begun.workbench), "checks_left", 0)
    with pytest.raises(NothingNewError, match="none of 20 variants of tuned_lens is new and passes the check"):
        begun.propose(Seed.root(1))


@pytest.mark.parametrize("method", ["nonsense", "direct_logit_attribution"])
def test_a_method_without_constants_is_an_error_before_anything_is_proposed(tuner, method):
    with pytest.raises(ResearcherError, match=f"no method '{method}' with numbers at its top"):
        Begun(tuner(method=method))


def test_options_come_from_the_settings(tuner):
    config = SearchConfig(researcher="tuner", researcher_options={"step": 0.5})
    assert make_researcher(config).step == 0.5
    with pytest.raises(TasksError, match=r"'tuner' does not take these options: .*nonsense"):
        make_researcher(SearchConfig(researcher="tuner", researcher_options={"nonsense": 1}))
