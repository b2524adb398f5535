import json

import pytest
from synthetic_search import search

from istar.errors import CorruptDataError
from istar.researchers import Feedback, GrpoResearcher, NothingNewError, PolicyResearcher, Proposal, ResearcherError
from istar.researchers.grammar.drawing import BlindChooser
from istar.researchers.grammar.sentence import draw_sentence
from istar.seeds import Seed
from istar.targets import TargetError
from istar.testing.researchers import ResearcherConformance

WORDS = ("attention_gates", "attention_knockout", "logit_lens")
"""Twelve channels."""


@pytest.fixture(autouse=True)
def own_store(monkeypatch, tmp_path):
    pytest.importorskip("peft")
    # everything that is converted stays in istar's own folder; what is kept of adapters is this test's
    monkeypatch.setattr("istar.storage.store.store_folder", lambda: tmp_path / "store")


def researcher(**options):
    return GrpoResearcher(
        **{
            "model": "tiny-random",
            "group": 4,
            "rank": 2,
            "learning_rate": 0.01,
            "entropy_bonus": 0.01,
            "checkpoint": 2,
            "words": WORDS,
            **options,
        }
    )


class TestGrpo(ResearcherConformance):
    rounds = 6

    def make(self):
        return researcher(words=("attention_gates", "logit_lens", "tuned_lens"))


def has_knockout(proposal):
    return float(any(channel["kind"] == "attention_knockout" for channel in proposal.parameters["sentence"]))


def proposals_of(one):
    return [proposal for proposal, _ in one.told]


def theta_of(one):
    return {name: value.tolist() for name, value in one._caught_up().policy.theta.items()}


def test_it_proposes_sentences_of_the_grammar():
    one = researcher(words=None)
    search(one, has_knockout, 6)
    for proposal in proposals_of(one):
        sentence = draw_sentence(BlindChooser(Seed.root(0), proposal.parameters["drawn"]))
        assert sentence.source == proposal.source
        assert one.text.write(sentence) == proposal.parameters["text"]
        assert proposal.parameters["log_probability"] < 0
        assert 0 <= proposal.parameters["entropy"] <= 1
    assert len({each.source for each in proposals_of(one)}) == 6


def test_repeats_count_again_and_are_not_proposed_again():
    one = researcher(entropy_bonus=0.5)
    search(one, has_knockout, 20)
    texts = [text for text, _ in one.rollouts]
    proposed = [each.parameters["text"] for each in proposals_of(one)]
    assert len(set(proposed)) == len(proposed)
    assert set(texts) <= set(proposed)
    assert len(texts) > len(set(texts))
    rewards = {each.parameters["text"]: has_knockout(each) for each in proposals_of(one)}
    assert all(reward == rewards[text] for text, reward in one.rollouts)
    groups = [group for each in proposals_of(one) for group in each.parameters["groups"]]
    assert [each["number"] for each in groups] == list(range(len(groups)))
    drawn = [rollout["text"] for each in groups for rollout in each["rollouts"]]
    assert texts == drawn[: len(texts)]


@pytest.mark.slow
def test_it_learns_what_is_rewarded():
    one = researcher(words=("attention_knockout", "logit_lens", "tuned_lens"), group=8)
    untrained = one._learner.policy.draw(64, Seed.root(0))
    number = 0
    while len(one.rollouts) < 80:
        proposal = one.propose(Seed.root(3).split(number))
        one.update(proposal, Feedback(1 - has_knockout(proposal)))
        number += 1
    last = [reward for _, reward in one.rollouts[-24:]]
    assert sum(last) / len(last) > sum("knockout" not in each.text for each in untrained) / len(untrained) + 0.3


def test_theta_moves_once_a_group_is_whole():
    one = researcher()
    first = theta_of(one)
    for number in range(20):
        proposal = one.propose(Seed.root(3).split(number))
        (group, *_) = one._open
        left = {rollout.text for rollout in group.rollouts} - {each.parameters["text"] for each in proposals_of(one)}
        assert len(proposal.parameters["groups"]) == 1 or number
        one.update(proposal, Feedback(has_knockout(proposal)))
        assert bool(one.rollouts) == (left == {proposal.parameters["text"]})
        if one.rollouts:
            break
    assert theta_of(one) != first


def test_failures_count_as_worse_than_any_reward():
    one = researcher()
    search(one, lambda proposal: None if has_knockout(proposal) else 0.25, 12)
    rewards = dict(one.rollouts)
    assert {"knockout" in text: reward for text, reward in rewards.items()} == {True: -0.75, False: 0.25}


@pytest.mark.parametrize("made", [5, 13])
@pytest.mark.parametrize("every", [2, 1000])
def test_a_search_goes_on_to_the_same_bits(made, every):
    """With a checkpoint, and without one: all steps are then made again."""
    whole, killed, resumed = (researcher(checkpoint=every) for _ in range(3))
    search(whole, has_knockout, 16)
    search(killed, has_knockout, made)
    for proposal, feedback in killed.told:
        again = Proposal.from_json(json.loads(json.dumps(proposal.to_json())))
        resumed.remember(again)
        resumed.update(again, feedback)
    for number in range(made, 16):
        proposal = resumed.propose(Seed.root(3).split(number))
        resumed.update(proposal, Feedback(has_knockout(proposal)))
    assert proposals_of(resumed) == proposals_of(whole)
    assert resumed.rollouts == whole.rollouts
    assert theta_of(resumed) == theta_of(whole)


def test_steps_before_a_checkpoint_are_not_made_again(monkeypatch):
    from istar.researchers.grpo.learning import Learner

    one = researcher(entropy_bonus=0.5)
    search(one, has_knockout, 16)
    expected = theta_of(one)
    steps = len(one._steps)
    assert steps >= 3
    made = []
    learn = Learner.learn
    monkeypatch.setattr(Learner, "learn", lambda self, step: (made.append(step), learn(self, step)))
    other = researcher(entropy_bonus=0.5)
    other.restore(json.loads(json.dumps(one.state())))
    assert theta_of(other) == expected
    assert len(made) == steps % 2
    assert len(list(one.store.folder.rglob("adapters/*/*"))) == 1  # earlier ones are gone


@pytest.mark.parametrize("changed", [{"learning_rate": 0.02}, {"prompt": "Go:\n"}])
def test_a_checkpoint_of_other_options_is_not_taken(changed, monkeypatch):
    from istar.researchers.grpo.learning import Learner

    one = researcher()
    search(one, has_knockout, 16)
    theta_of(one)
    made = []
    learn = Learner.learn
    monkeypatch.setattr(Learner, "learn", lambda self, step: (made.append(step), learn(self, step)))
    other = researcher(**changed)
    other.restore(one.state())
    theta_of(other)
    assert len(made) == len(one._steps)


def test_a_checkpoint_that_was_changed_is_an_error():
    one = researcher()
    search(one, has_knockout, 16)
    theta_of(one)
    (path,) = one.store.folder.rglob("adapters/*/*")
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    other = researcher()
    other.restore(one.state())
    with pytest.raises(CorruptDataError, match=r"the adapter in .* is not what was written .* delete the file"):
        theta_of(other)


def test_it_says_when_nothing_is_left(monkeypatch):
    monkeypatch.setattr("istar.researchers.grpo.researcher.SETTLED", 5)
    one = researcher(words=(*WORDS[1:2], "direct_logit_attribution"))
    with pytest.raises(NothingNewError, match=r"no new sentence in 5 groups of 4 after 3 methods; .*entropy_bonus"):
        search(one, has_knockout, 4)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"group": 1}, r"group must be a whole number from 2 to 1024, not 1"),
        ({"learning_rate": -1.0}, r"learning_rate must be a number from 0.0 to 1.0"),
        ({"entropy_bonus": 11}, r"entropy_bonus must be a number from 0.0 to 10.0"),
        ({"clip": "wide"}, r"clip must be a number from 0.0 to 1.0, not 'wide'"),
        ({"rank": 0}, r"rank must be a whole number from 1 to 256"),
        ({"checkpoint": 0}, r"checkpoint must be a whole number from 1"),
        ({"prompt": 3}, r"prompt must be a text, not 3"),
        ({"model": None}, r"model must be a text, not None"),
        ({"words": ["logit_lens"]}, r"words must be a list of two or more"),
    ],
)
def test_options_out_of_range_are_refused(options, says):
    with pytest.raises(ResearcherError, match=says):
        researcher(**options)


def test_a_model_that_is_not_there_is_said_before_anything_is_proposed():
    one = researcher(model="/nowhere/model")
    with pytest.raises(TargetError, match="/nowhere/model"):
        one.begin(None)


def test_another_researchers_state_is_refused():
    with pytest.raises(CorruptDataError, match="of the researcher 'policy', not of 'grpo'"):
        researcher().restore(PolicyResearcher().state())
