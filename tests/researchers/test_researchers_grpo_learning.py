"""The policy and its gradient, on the tiny model and grammars whose texts can be counted out."""

import math

import numpy as np
import pytest
import torch

pytest.importorskip("peft")

from istar.researchers.grpo.language_policy import LanguagePolicy, Rollout
from istar.researchers.grpo.learning import Learner, Step, clipped_surrogate, group_advantages
from istar.researchers.grpo.masks import token_texts
from istar.researchers.grpo.text import Prefix, SentenceText
from istar.seeds import Seed
from istar.targets import load_target

WORDS = ("attention_gates", "attention_knockout")
"""Three channels, fifteen texts."""


def tiny_policy(words=WORDS, rank=2):
    return LanguagePolicy(load_target("tiny-random"), SentenceText(words), "Methods:\n", rank)


def shaken(policy, size=0.2):
    """The policy with other parameters, so that nothing about it is special."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in policy.theta.values():
            parameter.add_(size * torch.randn(parameter.shape, generator=generator))
    return policy


def every_rollout(policy):
    """Every way to write every sentence; the tiny tokenizer has a token a byte, so that there is one a text."""
    found, begun = [], [((), Prefix())]
    while begun:
        tokens, prefix = begun.pop()
        if prefix.place.complete:
            text = "".join(policy.masks.tokens[token] for token in tokens)
            found.append(Rollout(text, tokens, (0.0,) * len(tokens), 0.0))
        begun += [((*tokens, token), after) for token, after in policy.masks.allowed(prefix).items()]
    return found


def probabilities(policy, rollouts):
    return policy.log_probabilities(rollouts)[0].sum(dim=1).exp()


def test_the_adapter_begins_as_the_model_itself():
    policy, target = tiny_policy(), load_target("tiny-random")
    (rollout,) = policy.draw(1, Seed.root(3))
    tokens = (target.bos, *target.encode("Methods:\n"), *rollout.tokens)
    logits = target.module(input_ids=torch.tensor([tokens])).logits[0].double()
    prefix, expected = Prefix(), []
    for place, token in enumerate(rollout.tokens, len(tokens) - len(rollout.tokens)):
        allowed = list(policy.masks.allowed(prefix))
        shares = torch.softmax(logits[place - 1], dim=0)
        expected.append(math.log(shares[token] / shares[allowed].sum()))
        prefix = policy.masks.allowed(prefix)[token]
    assert rollout.log_probabilities == pytest.approx(expected, abs=1e-4)
    assert policy.log_probabilities([rollout])[0][0].tolist() == pytest.approx(expected, abs=1e-4)


def test_probabilities_of_all_that_can_be_written_sum_to_one():
    policy = shaken(tiny_policy())
    rollouts = every_rollout(policy)
    assert len(rollouts) == 15
    assert probabilities(policy, rollouts).sum().item() == pytest.approx(1)


def test_draws_have_the_probabilities_that_the_policy_states():
    policy = shaken(tiny_policy())
    rollouts = every_rollout(policy)
    stated = dict(zip([each.tokens for each in rollouts], probabilities(policy, rollouts).tolist(), strict=True))
    drawn = policy.draw(800, Seed.root(1))
    counts = {tokens: sum(each.tokens == tokens for each in drawn) / len(drawn) for tokens in stated}
    assert sum(counts.values()) == pytest.approx(1)  # nothing else was drawn
    for tokens, share in stated.items():
        assert counts[tokens] == pytest.approx(share, abs=5 * (share / len(drawn)) ** 0.5)
    for each in drawn[:50]:
        assert math.exp(sum(each.log_probabilities)) == pytest.approx(stated[each.tokens], rel=1e-3)


def test_entropies_are_those_of_the_allowed_tokens():
    policy = shaken(tiny_policy())
    rollouts = every_rollout(policy)
    log, entropies, _ = policy.log_probabilities(rollouts)
    first = {}
    for number, each in enumerate(rollouts):
        first[each.tokens[0]] = log[number, 0].item()
    assert entropies[0, 0].item() == pytest.approx(-sum(math.exp(each) * each for each in first.values()))
    (drawn,) = policy.draw(1, Seed.root(0))
    one = policy.log_probabilities([drawn])[1][0].tolist()
    prefix, shares = Prefix(), []
    for token, entropy in zip(drawn.tokens, one, strict=True):
        allowed = policy.masks.allowed(prefix)
        assert (entropy == 0) == (len(allowed) == 1)
        if len(allowed) > 1:
            shares.append(entropy / math.log(len(allowed)))
        prefix = allowed[token]
    assert drawn.entropy == pytest.approx(np.mean(shares), abs=1e-4)


def test_the_expected_gradient_is_that_of_the_expected_reward():
    """Counted out over all texts: that of log-probabilities over the whole vocabulary would be another."""
    policy = shaken(tiny_policy())
    rollouts = every_rollout(policy)
    rewards = torch.linspace(-1, 2, len(rollouts), dtype=torch.float64)
    theta = list(policy.theta.values())
    exact = torch.autograd.grad((probabilities(policy, rollouts) * rewards).sum(), theta)
    log, _, there = policy.log_probabilities(rollouts)
    weights = log.sum(dim=1).exp().detach()
    # the surrogate is a mean over the group; each text weighs as it is drawn
    estimated = clipped_surrogate(log, log.detach(), there, rewards * weights * len(rollouts), 0.2)
    gradients = torch.autograd.grad(estimated, theta)
    assert max(float(each.abs().max()) for each in exact) > 1e-3
    for one, other in zip(gradients, exact, strict=True):
        assert one.numpy() == pytest.approx(other.numpy(), abs=1e-6)


def test_the_gradient_ends_where_a_probability_has_moved_too_far():
    drawn = torch.log(torch.tensor([[0.5, 0.5, 0.5], [0.5, 0.5, 1.0]], dtype=torch.float64))
    now = torch.log(torch.tensor([[0.7, 0.55, 0.35], [0.35, 0.55, 1.0]], dtype=torch.float64)).requires_grad_()
    there = torch.tensor([[True, True, True], [True, True, False]])
    value = clipped_surrogate(now, drawn, there, torch.tensor([1.0, -2.0]), clip=0.2)
    assert value.item() == pytest.approx((1.2 + 1.1 + 0.7 - 2 * (0.8 + 1.1)) / 2)
    value.backward()
    expected = torch.tensor([[0, 1.1, 0.7], [0, -2 * 1.1, 0]]) / 2
    assert now.grad.numpy() == pytest.approx(expected.numpy())


def test_advantages_are_relative_to_the_group():
    assert group_advantages([1.0, 2.0, 3.0]) == pytest.approx((-(1.5**0.5), 0, 1.5**0.5))
    assert group_advantages([0.1, 0.1, 0.1]) == (0, 0, 0)


def test_steps_make_what_is_rewarded_likelier():
    policy = tiny_policy()
    learner = Learner(policy, learning_rate=0.01, entropy_bonus=0.0, clip=0.2)
    rollouts = every_rollout(policy)
    wanted = [each for each in rollouts if "knockout" in each.text]
    before = probabilities(policy, wanted).sum().item()
    for number in range(15):
        group = policy.draw(8, Seed.root(number))
        learner.learn(Step(group, group_advantages([float("knockout" in each.text) for each in group])))
    assert probabilities(policy, wanted).sum().item() > max(0.9, before + 0.05)
    assert probabilities(policy, rollouts).sum().item() == pytest.approx(1)


def test_an_entropy_bonus_alone_makes_the_policy_more_even():
    policy = shaken(tiny_policy())
    learner = Learner(policy, learning_rate=0.01, entropy_bonus=1.0, clip=0.2)
    rollouts = every_rollout(policy)

    def entropy():
        shares = probabilities(policy, rollouts)
        return -(shares * shares.log()).sum().item()

    before = entropy()
    for number in range(10):
        learner.learn(Step(policy.draw(8, Seed.root(number)), (0.0,) * 8))
    assert entropy() > before + 0.1


def learned(learner, seeds):
    for seed in seeds:
        group = learner.policy.draw(4, Seed.root(seed))
        learner.learn(Step(group, group_advantages([float(len(each.tokens)) for each in group])))
    return {name: parameter.detach().clone() for name, parameter in learner.policy.theta.items()}


def test_a_checkpoint_goes_on_bit_for_bit():
    options = {"learning_rate": 0.01, "entropy_bonus": 0.1, "clip": 0.2}
    whole = Learner(tiny_policy(), **options)
    first = learned(whole, range(3))
    kept = whole.checkpoint()
    expected = learned(whole, range(3, 6))
    other = Learner(tiny_policy(), **options)
    other.resume(kept)
    assert other.steps == 3
    assert all(torch.equal(other.policy.theta[name], first[name]) for name in first)
    found = learned(other, range(3, 6))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert any(not torch.equal(first[name], expected[name]) for name in expected)


def test_without_a_learning_rate_the_model_stays_as_it_is():
    learner = Learner(tiny_policy(), learning_rate=0.0, entropy_bonus=1.0, clip=0.2)
    before = {name: parameter.detach().clone() for name, parameter in learner.policy.theta.items()}
    after = learned(learner, range(2))
    assert learner.steps == 2
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.smollm2
def test_the_embedded_model_writes_sentences_with_tokens_of_several_characters():
    target = load_target("smollm2-135m")
    text = SentenceText(("logit_lens", "tuned_lens", "attention_knockout"))
    texts = token_texts(target, target.vocabulary, text.alphabet)
    assert max(map(len, texts.values())) > 3
    policy = LanguagePolicy(target, text, "Methods:\n", 2)
    for each in policy.draw(2, Seed.root(0)):
        assert text.write(text.read(each.text)) == each.text
        assert len(each.tokens) < len(each.text)
