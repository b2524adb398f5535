"""Resampling on a small target: against brute force done otherwise, with methods that know much and little."""

import numpy as np
import pytest
import torch
from jailed_uses import CONSTANT, KNOWING, SILENT, jail, method
from scipy.optimize import minimize
from scipy.special import entr, rel_entr

from istar.questions import Run, SpanLogprob
from istar.tasks import Encoder
from istar.uses.errors import UseError
from istar.uses.outputs import find_prompts, likeliest_outputs
from istar.uses.policies import PolicyError
from istar.uses.reading import prices_of_runs
from istar.uses.resample import Resampling, resample

PROMPTS = ("0\na>d\nb>", "1\nc>g\nd>f\na>", "#0abc", "#2ggh")
HOW = Resampling(goal="c\n", outputs=8, share=0.5, beta=0.1, draws=6)


def resampled(target, unsafe, source, how=HOW):
    with jail(target, unsafe) as arms:
        return resample(arms, method(source), "mine", PROMPTS, how, seed=0)


@pytest.fixture(scope="module")
def found(exact, unsafe):
    return resampled(exact, unsafe, KNOWING)


@pytest.fixture(scope="module")
def by_hand(exact):
    """M and the true rewards of each prompt, one whole forward each."""
    encode = Encoder(exact.tokenizer)
    known = []
    for prompt in PROMPTS:
        tokens = (encode.bos, *encode(prompt))
        log_p = torch.log_softmax(exact.module(torch.tensor([tokens])).logits[0, -1].double(), dim=-1)
        listed = log_p.topk(8).indices.tolist()
        runs = [Run((*tokens, each, *encode("c\n")), SpanLogprob(len(tokens) + 1)) for each in listed]
        p = log_p[listed].exp().detach().numpy()
        known.append((listed, p / p.sum(), np.array(exact.slow_values(runs)), runs))
    return known


def test_brute_force_is_what_an_optimiser_finds_on_the_true_rewards(found, by_hand):
    sums = []
    for _, p, reward, _ in by_hand:
        best = min(
            (
                minimize(
                    lambda q, p=p: rel_entr(p, np.clip(q, 1e-15, None)).sum() + 0.1 * entr(np.clip(q, 0, None)).sum(),
                    np.random.default_rng(seed).dirichlet(1 + 50 * p),
                    method="SLSQP",
                    bounds=[(1e-12, 1)] * len(p),
                    constraints=[
                        {"type": "eq", "fun": lambda q: q.sum() - 1},
                        {"type": "eq", "fun": lambda q, p=p, reward=reward: (q - p) @ reward},
                    ],
                    options={"maxiter": 1000, "ftol": 1e-14},
                )
                for seed in range(8)
            ),
            key=lambda each: each.fun if each.success else np.inf,
        )
        sums.append(best.fun)
    brute = found.parties["brute force"]
    assert brute.objective == pytest.approx(np.mean(sums), abs=1e-5)
    assert brute.reward < 1e-4
    assert found.certified == 1
    assert brute.objective < found.parties["M"].objective
    assert brute.kl + 0.1 * brute.entropy == pytest.approx(brute.objective)


def test_a_method_that_knows_rewards_finds_what_brute_force_finds(found):
    mine, brute = found.parties["mine"], found.parties["brute force"]
    assert mine.reward < 1e-3
    assert (mine.kl, mine.entropy) == pytest.approx((brute.kl, brute.entropy), abs=1e-3)
    assert found.explained > 0.99


def test_a_method_that_knows_nothing_misses_the_reward_as_rows_alone_do(exact, unsafe, found):
    blind = resampled(exact, unsafe, CONSTANT)
    assert blind.parties["mine"].reward > 10 * found.parties["mine"].reward
    assert blind.parties["mine"].flops < blind.parties["brute force"].flops
    rows = blind.parties["rows alone"]
    assert rows.flops <= blind.parties["mine"].flops
    assert rows.rows >= blind.parties["mine"].rows  # it pays for no method


def test_flops_are_those_of_rows_and_of_one_forward_a_prompt(found, by_hand, exact):
    runs = [run for *_, theirs in by_hand for run in theirs]
    listing = found.parties["M"].flops
    assert found.parties["brute force"].flops == listing + prices_of_runs(exact, runs).total
    assert (found.parties["brute force"].rows, found.parties["mine"].rows) == (32, 16)
    encode = Encoder(exact.tokenizer)
    listed = likeliest_outputs(exact, [(encode.bos, *encode(prompt)) for prompt in PROMPTS], 8)
    assert listed.flops == listing > 0
    assert listed.tokens == tuple(tuple(tokens) for tokens, *_ in by_hand)


def test_outputs_are_drawn_from_the_policy(exact, unsafe, by_hand):
    many = resampled(exact, unsafe, KNOWING, Resampling(goal="c\n", outputs=8, share=1.0, beta=0.0, draws=4000))
    for draw, (listed, p, reward, _) in zip(many.draws, by_hand, strict=True):
        texts = [exact.decode([token]) for token in listed]
        shares = np.array([draw.outputs.count(text) for text in texts]) / 4000
        np.testing.assert_allclose(shares, p, atol=0.04)  # a beta of 0 changes nothing
        assert draw.reward == pytest.approx(p @ reward, abs=1e-3)
        assert draw.entropy == pytest.approx(draw.entropy_before, abs=1e-6)


def test_the_same_seed_draws_the_same(exact, unsafe, found):
    assert resampled(exact, unsafe, KNOWING).to_json() == found.to_json()


def test_the_other_direction_is_the_tilt(exact, unsafe, by_hand):
    how = Resampling(goal="c\n", outputs=8, share=1.0, beta=0.2, direction="reverse", draws=0)
    tilted = resampled(exact, unsafe, KNOWING, how)
    assert tilted.parties["brute force"].entropy < np.mean([entr(p).sum() for _, p, *_ in by_hand])
    assert tilted.parties["brute force"].reward < 1e-6


def test_a_method_that_says_nothing(exact, unsafe):
    with pytest.raises(UseError, match="'mine' has nothing to say of these rows"):
        resampled(exact, unsafe, SILENT)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"goal": ""}, "the goal is empty; give a phrase whose probability is the reward"),
        ({"share": 0.0}, "a share of 0 of the outputs cannot be run; give --share above 0"),
        ({"share": float("nan")}, "a share of nan"),
        ({"draws": -1}, "-1 outputs cannot be drawn; give --draws from 0"),
        ({"beta": 1.0}, "beta is 1.0; from 1 on the least sum"),
    ],
)
def test_numbers_out_of_range(changed, said):
    with pytest.raises(UseError) as error:
        Resampling(**changed)
    assert said in str(error.value)


def test_what_only_the_target_can_tell(exact, unsafe):
    with pytest.raises(UseError, match="500 outputs a prompt cannot be listed; give --outputs from 2 to"):
        resampled(exact, unsafe, KNOWING, Resampling(goal="c", outputs=500))
    with pytest.raises(PolicyError, match=r"after the prompt .*lower beta"):
        resampled(exact, unsafe, KNOWING, Resampling(goal="c", outputs=8, beta=0.99))


def test_prompts(tmp_path):
    assert all(prompt.endswith("Assistant:") for prompt in find_prompts("refusing"))
    with pytest.raises(UseError, match=r"neither a kind of requests \(rude, refusing\) nor a file"):
        find_prompts("nowhere")
    (tmp_path / "none.txt").write_text("\n  \n")
    with pytest.raises(UseError, match=r"none\.txt has no line; write one prompt a line"):
        find_prompts(str(tmp_path / "none.txt"))
    (tmp_path / "two.txt").write_text("one \ntwo\none\n")
    assert find_prompts(str(tmp_path / "two.txt")) == ["one", "two"]
