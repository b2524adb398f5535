import json
import math

import pytest
import torch

from istar.errors import UnknownNameError
from istar.questions import (
    Entropy,
    GreedyCorrect,
    KLFrom,
    ReadoutError,
    SpanLogprob,
    SpanMargin,
    readout_from_json,
)

TOKENS = (9, 0, 2, 1)


def log_probs(*rows):
    return torch.tensor(rows, dtype=torch.float64).log()


# After token 0 and after token 2: the probabilities of tokens 0, 1, 2.
SPAN = log_probs([0.1, 0.2, 0.7], [0.3, 0.6, 0.1])


class TestSpanLogprob:
    def test_each_token_is_read_just_before_it(self):
        (path,) = SpanLogprob(2).paths(TOKENS)
        assert path.tokens == (9, 0, 2)
        assert path.reads == (1, 2)
        assert not path.plain

    def test_value_is_the_sum_or_the_mean_of_log_probabilities(self):
        assert SpanLogprob(2).value(TOKENS, [SPAN]) == pytest.approx(math.log(0.7) + math.log(0.6))
        assert SpanLogprob(2, mean=True).value(TOKENS, [SPAN]) == pytest.approx((math.log(0.7) + math.log(0.6)) / 2)

    @pytest.mark.parametrize("start", [0, 4, 7])
    def test_a_span_outside_the_tokens_is_an_error(self, start):
        with pytest.raises(ReadoutError, match=f"starts at position {start} of 4 tokens; it must start at 1 or later"):
            SpanLogprob(start).paths(TOKENS)


class TestSpanMargin:
    READOUT = SpanMargin(2, (1, 0, 0))

    def test_the_foil_takes_the_place_of_the_span(self):
        span, foil = self.READOUT.paths(TOKENS)
        assert span.tokens == (9, 0, 2)
        assert foil.tokens == (9, 0, 1, 0)
        assert foil.reads == (1, 2, 3)

    def test_value_is_the_difference_of_log_probabilities(self):
        foil = log_probs([0.1, 0.2, 0.7], [0.5, 0.4, 0.1], [0.8, 0.1, 0.1])
        expected = math.log(0.7 * 0.6) - math.log(0.2 * 0.5 * 0.8)
        assert self.READOUT.value(TOKENS, [SPAN, foil]) == pytest.approx(expected)

    def test_an_empty_foil_is_an_error(self):
        with pytest.raises(ReadoutError, match="hold at least one token"):
            SpanMargin(2, ()).paths(TOKENS)


class TestEntropy:
    def test_the_last_position_is_read(self):
        (path,) = Entropy().paths(TOKENS)
        assert (path.tokens, path.reads) == (TOKENS, (3,))

    def test_uniform_and_certain_distributions(self):
        assert Entropy().value(TOKENS, [log_probs([0.25] * 4)]) == pytest.approx(math.log(4))
        assert Entropy().value(TOKENS, [log_probs([0.0, 1.0])]) == 0
        assert Entropy().value(TOKENS, [log_probs([0.5, 0.25, 0.25])]) == pytest.approx(1.5 * math.log(2))


class TestGreedyCorrect:
    def test_one_only_if_every_token_is_the_arg_max(self):
        assert GreedyCorrect(2).value(TOKENS, [SPAN]) == 1.0
        assert GreedyCorrect(2).value((9, 0, 2, 0), [SPAN]) == 0.0
        assert GreedyCorrect(2).value((9, 0, 1, 1), [SPAN]) == 0.0

    def test_paths_are_those_of_the_span(self):
        assert GreedyCorrect(2).paths(TOKENS) == SpanLogprob(2).paths(TOKENS)


class TestKLFrom:
    def test_both_runs_are_read_at_their_ends_and_the_reference_is_plain(self):
        run, reference = KLFrom((5, 6, 7), last=2).paths(TOKENS)
        assert (run.tokens, run.reads, run.plain) == (TOKENS, (2, 3), False)
        assert (reference.tokens, reference.reads, reference.plain) == ((5, 6, 7), (1, 2), True)

    def test_value_is_the_mean_divergence_from_the_reference(self):
        run, reference = log_probs([0.5, 0.5], [0.9, 0.1]), log_probs([0.25, 0.75], [0.9, 0.1])
        first = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
        assert KLFrom((5, 6), last=2).value(TOKENS, [run, reference]) == pytest.approx(first / 2)

    @pytest.mark.parametrize("last", [0, 3])
    def test_more_positions_than_there_are_is_an_error(self, last):
        with pytest.raises(ReadoutError, match=f"KL over the last {last} positions of runs of 4 and 2 tokens"):
            KLFrom((5, 6), last=last).paths(TOKENS)


@pytest.mark.parametrize(
    "readout",
    [SpanLogprob(3), SpanLogprob(1, mean=True), SpanMargin(2, (4, 5)), Entropy(), GreedyCorrect(1), KLFrom((1, 2), 2)],
    ids=lambda readout: readout.kind,
)
def test_json_round_trip(readout):
    again = readout_from_json(json.loads(json.dumps(readout.to_json())))
    assert again == readout
    assert hash(again) == hash(readout)


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="no readout is called 'entropi'; did you mean 'entropy'"):
        readout_from_json({"kind": "entropi"})
