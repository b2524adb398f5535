import json
import math

import pytest
import torch

from istar.questions import ChoiceProbability, PolicyCost, ReadoutError, SpanProbability, readout_from_json

TOKENS = (9, 0, 2, 1)


def log_probs(*rows):
    return torch.tensor(rows, dtype=torch.float64).log()


SPAN = log_probs([0.1, 0.2, 0.7], [0.3, 0.6, 0.1])


@pytest.mark.parametrize(
    "readout", [SpanProbability(2), ChoiceProbability(2, ((0,), (1, 2))), PolicyCost(2, (9, 1), 0.1, 0.2, 3.0)]
)
def test_survives_json(readout):
    assert readout_from_json(json.loads(json.dumps(readout.to_json()))) == readout


def test_the_probability_of_a_span_is_a_product():
    assert SpanProbability(2).value(TOKENS, [SPAN]) == pytest.approx(0.7 * 0.6)
    assert SpanProbability(2).paths(TOKENS)[0].reads == (1, 2)


class TestChoiceProbability:
    READOUT = ChoiceProbability(2, ((0,), (1, 2, 0)))

    def test_every_choice_has_a_path(self):
        span, short, long = self.READOUT.paths(TOKENS)
        assert span.tokens == (9, 0, 2)
        assert short.tokens == (9, 0)
        assert long.tokens == (9, 0, 1, 2)
        assert long.reads == (1, 2, 3)

    def test_value_is_the_share_of_the_span(self):
        short = log_probs([0.1, 0.2, 0.7])
        long = log_probs([0.1, 0.2, 0.7], [0.5, 0.4, 0.1], [0.8, 0.1, 0.1])
        shares = [0.7 * 0.6, 0.1, 0.2 * 0.1 * 0.8]
        assert self.READOUT.value(TOKENS, [SPAN, short, long]) == pytest.approx(shares[0] / sum(shares))

    def test_shares_of_all_choices_add_up_to_one(self):
        row = [log_probs([0.2, 0.5, 0.3])] * 3
        values = [
            ChoiceProbability(1, tuple((other,) for other in range(3) if other != span)).value((9, span), row)
            for span in range(3)
        ]
        assert sum(values) == pytest.approx(1.0)
        assert values == pytest.approx([0.2, 0.5, 0.3])

    @pytest.mark.parametrize("others", [(), ((2, 1),)])
    def test_a_choice_needs_others(self, others):
        with pytest.raises(ReadoutError, match="needs others to choose from"):
            ChoiceProbability(2, others).paths(TOKENS)


class TestPolicyCost:
    POLICY = log_probs([0.2, 0.2, 0.6], [0.25, 0.5, 0.25])

    def test_the_reference_runs_on_the_plain_model(self):
        policy, reference = PolicyCost(2, (9, 1, 1)).paths(TOKENS)
        assert policy.tokens == (9, 0, 2)
        assert policy.reads == (1, 2)
        assert not policy.plain
        assert reference.tokens == (9, 1, 1, 2)
        assert reference.reads == (2, 3)
        assert reference.plain

    @pytest.mark.parametrize(("tolerance", "penalty"), [(0.0, 2.0), (10.0, 2.0), (0.0, 0.0)])
    def test_value_is_divergence_plus_weighted_entropy_plus_what_reward_was_lost(self, tolerance, penalty):
        divergence = entropy = lost = 0.0
        for plain, policy, token in zip(SPAN.exp().tolist(), self.POLICY.exp().tolist(), (2, 1), strict=True):
            divergence += sum(p * math.log(p / q) for p, q in zip(plain, policy, strict=True)) / 2
            entropy -= sum(q * math.log(q) for q in policy) / 2
            lost += (math.log(plain[token]) - math.log(policy[token])) / 2
        expected = divergence + 0.2 * entropy + penalty * max(0.0, lost - tolerance)
        readout = PolicyCost(2, (9, 1), 0.2, tolerance, penalty)
        assert readout.value(TOKENS, [self.POLICY, SPAN]) == pytest.approx(expected)

    def test_the_unchanged_model_pays_for_its_entropy_alone(self):
        entropy = -sum(p * math.log(p) for row in SPAN.exp().tolist() for p in row) / 2
        assert PolicyCost(2, (9, 1), 0.1).value(TOKENS, [SPAN, SPAN]) == pytest.approx(0.1 * entropy)
