import json
import math

import numpy as np
import pytest
import torch
from synthetic_search import deep_and_brief, has_tuned_lens, search

from istar.errors import CorruptDataError
from istar.researchers import PRIMITIVES, Feedback, PolicyResearcher, Proposal, RandomResearcher, ResearcherError
from istar.researchers.choice_policy import (
    ChoicePolicy,
    PolicyDraw,
    PolicyReplay,
    ascend,
    grammar_decisions,
    surrogate,
)
from istar.researchers.grammar.sentence import draw_sentence
from istar.researchers.policy import advantage
from istar.seeds import Seed


def shaken(policy, size=0.5):
    """The policy with other parameters, so that nothing about it is special."""
    generator = np.random.default_rng(4)
    policy.load(
        {name: value + size * generator.normal(size=np.shape(value)) for name, value in policy.to_json().items()}
    )
    return policy


def replayed(policy, drawn):
    replay = PolicyReplay(policy, drawn)
    draw_sentence(replay)
    return replay


DRAWN = {
    "channels": 2,
    "1.kind": "tuned_lens",
    "1.tuned_lens.depth": 4,
    "1.tuned_lens.ridge": 0,
    "2.kind": "attention_gates",
    "2.attention_gates.points": 1,
}


def test_every_decision_of_the_grammar_is_known():
    decisions = grammar_decisions()
    assert decisions["channels"] == 3
    assert decisions["kind"] == len(PRIMITIVES)
    assert decisions["tuned_lens.ridge"] == 4
    assert decisions["attention_gates.points"] == 2


def test_the_initial_policy_is_uniform():
    walk = replayed(ChoicePolicy(grammar_decisions(), 8), DRAWN)
    assert walk.log_probability.item() == pytest.approx(-math.log(3 * 9 * 4 * 2 * len(PRIMITIVES) ** 2))
    assert walk.relative_entropies == pytest.approx([1.0] * 6)


def test_a_decision_depends_on_the_choices_before_it():
    policy = shaken(ChoicePolicy(grammar_decisions(), 8))
    first = replayed(policy, DRAWN)
    other = replayed(policy, DRAWN | {"1.tuned_lens.depth": 5})
    assert first.entropies[:3] == other.entropies[:3]
    assert all(one != two for one, two in zip(first.entropies[3:], other.entropies[3:], strict=True))


def test_draws_have_the_probabilities_that_the_policy_states():
    policy = shaken(ChoicePolicy({"arm": 5}, 4))
    counts = np.zeros(5)
    for number in range(4000):
        counts[PolicyDraw(policy, Seed.root(number)).suggest_int("arm", 0, 4)] += 1
    stated = []
    for arm in range(5):
        replay = PolicyReplay(policy, {"arm": arm})
        replay.suggest_int("arm", 0, 4)
        stated.append(math.exp(replay.log_probability.item()))
    assert sum(stated) == pytest.approx(1)
    assert counts / 4000 == pytest.approx(stated, abs=5 * 0.5 / 4000**0.5)


def test_gradient_of_the_surrogate_is_that_of_finite_differences():
    policy = shaken(ChoicePolicy(grammar_decisions(), 3))
    now = replayed(policy, DRAWN).log_probability.item()
    drawn_log_probability = now + 0.4  # it has become less likely, so that the weight is below 1
    weight = math.exp(-0.4)

    def value():
        walk = replayed(policy, DRAWN)
        entropy = sum(each.item() for each in walk.entropies)
        return weight * 1.7 * walk.log_probability.item() + 0.3 * entropy

    objective = surrogate(replayed(policy, DRAWN), 1.7, drawn_log_probability, 0.3)
    assert objective.item() == pytest.approx(value())
    parameters = policy.theta.values()
    gradients = torch.autograd.grad(objective, list(parameters))
    for parameter, gradient in zip(parameters, gradients, strict=True):
        flat = parameter.detach().view(-1)
        numeric = []
        for place in range(len(flat)):
            kept = float(flat[place])
            flat[place] = kept + 1e-6
            up = value()
            flat[place] = kept - 1e-6
            numeric.append((up - value()) / 2e-6)
            flat[place] = kept
        assert gradient.view(-1).numpy() == pytest.approx(np.array(numeric), abs=1e-7)
        assert np.abs(numeric).max() > 1e-3


def test_choices_that_became_likelier_weigh_no_more_than_on_policy():
    policy = shaken(ChoicePolicy(grammar_decisions(), 3))
    walk = replayed(policy, DRAWN)
    now = walk.log_probability.item()
    assert surrogate(walk, 2.0, now - 5.0, 0.0).item() == surrogate(walk, 2.0, now, 0.0).item() == 2.0 * now


def test_updates_are_those_of_reinforce_written_out_for_a_bandit():
    """One decision of four arms, every gradient by hand, for sixty steps."""
    arms, hidden, rate, bonus = 4, 5, 0.05, 0.05
    policy = shaken(ChoicePolicy({"arm": arms}, hidden), 0.2)
    theta = {name: np.array(values) for name, values in policy.to_json().items()}
    worth = np.array([0.0, 1.0, 0.3, -1.0])
    rewards = []
    for step in range(60):
        draw = PolicyDraw(policy, Seed.root(7).split(step))
        arm = draw.suggest_int("arm", 0, arms - 1)
        rewards.append(worth[arm])

        memory = np.tanh(theta["asked"][0] + theta["slot"][0])
        logits = theta["weight"] @ memory + theta["table"]
        probabilities = np.exp(logits) / np.exp(logits).sum()
        entropy = -(probabilities * np.log(probabilities)).sum()
        gain = 0.0
        if np.std(rewards) > 0:
            gain = np.clip((rewards[-1] - np.mean(rewards[:-1])) / np.std(rewards), -3, 3)
        by_logits = gain * ((np.arange(arms) == arm) - probabilities)
        by_logits = by_logits - bonus * probabilities * (np.log(probabilities) + entropy)
        by_input = (theta["weight"].T @ by_logits) * (1 - memory**2)
        theta["weight"] = theta["weight"] + rate * np.outer(by_logits, memory)
        theta["table"] = theta["table"] + rate * by_logits
        theta["asked"][0] += rate * by_input
        theta["slot"][0] += rate * by_input

        replay = PolicyReplay(policy, {"arm": arm})
        replay.suggest_int("arm", 0, arms - 1)
        ascend(policy, surrogate(replay, advantage(rewards), draw.log_probability.item(), bonus), rate)
        for name, values in policy.to_json().items():
            assert np.array(values) == pytest.approx(theta[name], abs=1e-12), name
    assert probabilities[1] > 0.6


def test_advantage_is_in_standard_deviations_of_what_was_told():
    assert advantage([0.1] * 7) == 0.0
    assert advantage([5.0]) == 0.0
    assert advantage([0.0, 2.0, 1.0, 2.0]) == pytest.approx((2 - 1) / np.std([0, 2, 1, 2]))
    assert advantage([0.0] * 99 + [1.0]) == 3.0
    assert advantage([0.0] * 99 + [-1.0]) == -3.0


SEEDS = (0, 1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_learns_what_is_rewarded(seed):
    learned = search(PolicyResearcher(), has_tuned_lens, 200, seed)
    blind = search(RandomResearcher(), has_tuned_lens, 200, seed)
    assert np.mean(learned[-50:]) > np.mean(blind[-50:]) + 0.4


def test_it_learns_several_things_at_once():
    learned = [np.mean(search(PolicyResearcher(), deep_and_brief, 200, seed)[-50:]) for seed in SEEDS]
    blind = [np.mean(search(RandomResearcher(), deep_and_brief, 200, seed)[-50:]) for seed in SEEDS]
    assert np.mean(learned) > np.mean(blind) + 0.4


def test_entropy_falls_as_it_learns_and_is_recorded():
    researcher = PolicyResearcher()
    search(researcher, has_tuned_lens, 150, seed=0)
    entropies = [proposal.parameters["entropy"] for proposal, _ in researcher.told]
    assert entropies[0] == pytest.approx(1.0)
    assert all(0 < each < 1 + 1e-9 for each in entropies)
    assert np.mean(entropies[-30:]) < 0.9


@pytest.mark.parametrize("reward", [0.1, None], ids=["equal rewards", "failures"])
def test_without_differences_in_reward_the_policy_stays_where_it_is(reward):
    researcher = PolicyResearcher(learning_rate=0.1)
    search(researcher, lambda proposal: reward, 60)
    assert replayed(researcher.policy, DRAWN).relative_entropies == pytest.approx([1.0] * 6, abs=1e-9)


def test_noise_in_the_rewards_has_no_favourite():
    """Rewards that have nothing to do with the sentence move the policy, but to no option more than to others."""
    likelihood = []
    for seed in range(12):
        researcher = PolicyResearcher()
        search(researcher, lambda proposal: int(proposal.hash[:8], 16) / 16**8, 60, seed)
        with torch.no_grad():
            _, logits = researcher.policy.ask(researcher.policy.begin(), "channels", None)
            likelihood.append(torch.softmax(logits, 0).numpy())
    error = np.std(likelihood, axis=0, ddof=1) / len(likelihood) ** 0.5
    assert (error > 0).all()
    assert np.abs(np.mean(likelihood, axis=0) - 1 / 3).max() < 4 * error.max()


def has_a_lens(proposal):
    """Whether some channel is a lens or learns features; of blindly drawn sentences two in five."""
    kinds = {channel["kind"] for channel in proposal.parameters["sentence"]}
    return any(kind.endswith(("lens", "probe", "coder")) for kind in kinds)


def test_failures_are_avoided():
    """At least half as often, summed over seeds: of one search, another machine's rounding makes another course."""
    early = late = 0
    for seed in SEEDS:
        rewards = search(PolicyResearcher(), lambda proposal: None if has_a_lens(proposal) else 0.0, 200, seed)
        early += rewards[:50].count(None)
        late += rewards[-50:].count(None)
    assert late < early / 2


def test_theta_survives_json_bit_for_bit():
    researcher = PolicyResearcher()
    search(researcher, has_tuned_lens, 10)
    restored = PolicyResearcher()
    restored.restore(json.loads(json.dumps(researcher.state())))
    assert restored.policy.to_json() == researcher.policy.to_json() != PolicyResearcher().policy.to_json()
    assert restored.told == researcher.told


def test_a_search_resumed_from_its_ledger_has_the_same_theta():
    """Three proposals side by side, told in order; the ledger keeps them with the keys sorted."""
    undisturbed, resumed = PolicyResearcher(), PolicyResearcher()
    for group in range(6):
        proposals = [undisturbed.propose(Seed.root(1).split(group, slot)) for slot in range(3)]
        stored = [json.loads(json.dumps(each.to_json(), sort_keys=True)) for each in proposals]
        again = [Proposal.from_json(each) for each in stored]
        for proposal in again:
            resumed.remember(proposal)
        for before, after in zip(proposals, again, strict=True):
            undisturbed.update(before, Feedback(deep_and_brief(before)))
            resumed.update(after, Feedback(deep_and_brief(after)))
    assert resumed.policy.to_json() == undisturbed.policy.to_json()


def test_proposals_keep_their_probability_when_drawn():
    researcher = PolicyResearcher()
    for _ in range(3):
        search(researcher, has_tuned_lens, 5, seed=len(researcher.told))
        proposal = researcher.propose(Seed.root(9).split(len(researcher.told)))
        replay = replayed(researcher.policy, proposal.parameters["drawn"])
        assert proposal.parameters["log_probability"] == replay.log_probability.item()
        researcher.update(proposal, Feedback(0.0))


def settled(strength):
    """A policy that insists on one sentence, which was proposed before."""
    researcher = PolicyResearcher(learning_rate=0.0)
    table = [strength * (option == 0) for count in researcher.policy.choices.values() for option in range(count)]
    researcher.policy.load(researcher.policy.to_json() | {"table": table})
    search(researcher, lambda proposal: 0.0, 1)
    return researcher


def test_a_settled_policy_is_softened_until_it_finds_something_new():
    researcher = settled(40.0)
    proposal = researcher.propose(Seed.root(0))
    on_policy = replayed(researcher.policy, proposal.parameters["drawn"]).log_probability.item()
    assert proposal.parameters["log_probability"] > on_policy + 1


def test_it_ends_where_nothing_new_is_found():
    with pytest.raises(ResearcherError, match="the policy researcher found no new sentence in 100 attempts after 1"):
        settled(1e6).propose(Seed.root(0))


def test_theta_of_another_width_is_refused():
    with pytest.raises(CorruptDataError, match="`hidden` that the search began with"):
        PolicyResearcher(hidden=8).restore(PolicyResearcher(hidden=4).state())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": -0.1}, "policy researcher's learning_rate must be a number from 0.0 to 1.0, not -0.1"),
        ({"learning_rate": "fast"}, "not 'fast'"),
        ({"entropy_bonus": float("nan")}, "entropy_bonus must be a number from 0.0 to 10.0, not nan"),
        ({"hidden": 0}, "hidden must be a whole number from 1 to 1024, not 0"),
        ({"hidden": 2.5}, "hidden must be a whole number"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ResearcherError, match=message):
        PolicyResearcher(**options)
