"""Streams that are handed out instead of computed: the same bits, the same bill, and only for the target as it is."""

from dataclasses import replace
from unittest import mock

import pytest
import torch

from istar.flops.meter import BudgetExceededError, Meter
from istar.methods import without_blocks
from istar.methods.check_questions import sample_questions
from istar.questions import FineTune
from istar.targets import appliers, load_target
from istar.targets.standard_runs import Replayed, replaying, standard_run

TARGET = load_target("tiny-random")
QUESTIONS = sample_questions(TARGET)


class Source:
    """Has the standard run of some runs, and notes what it was asked."""

    def __init__(self, runs):
        self.runs, self.stored, self.asked = runs, standard_run(TARGET, runs), []

    def find(self, runs, layer, left):
        self.asked.append(layer)
        if runs != self.runs or self.stored.bills[layer].flops > left:
            return None
        return Replayed(self.stored.values[layer], self.stored.bills[layer])


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.parametrize("layer", range(TARGET.layers + 1))
def test_replayed_streams_are_those_of_a_run_and_cost_the_same(kind, layer):
    runs = QUESTIONS[kind].runs
    source, computed, replayed = Source(runs), Meter(), Meter()
    with computed:
        expected = TARGET.run(runs, upto=layer)
    with replayed, replaying(TARGET, source, replayed):
        found = TARGET.run(runs, upto=layer)
    assert source.asked == [layer]
    assert torch.equal(found.values, expected.values)
    assert (found.layer, found.computed_tokens) == (expected.layer, expected.computed_tokens)
    assert replayed.by_op == computed.by_op
    assert (replayed.flops, replayed.matmul_flops) == (computed.flops, computed.matmul_flops)
    assert TARGET.read(runs, found).equal(TARGET.read(runs, expected))


def test_a_changed_target_is_run():
    runs = QUESTIONS["plain sequences"].runs
    source, block = Source(runs), TARGET.anatomy.blocks[1]
    with replaying(TARGET, source, Meter()):
        with without_blocks(TARGET, [1]):
            skipped = TARGET.run(runs)
        with block.register_forward_hook(lambda _module, _arguments, output: output * 2):
            hooked = TARGET.run(runs)
        TARGET.run(runs, hooks={1: lambda _stream, _positions: None})
        assert source.asked == []
        TARGET.run(runs[:3])
        assert source.asked == [TARGET.layers]
        plain = TARGET.run(runs)
    assert not torch.equal(skipped.values, plain.values)
    assert not torch.equal(hooked.values, plain.values)
    assert torch.equal(plain.values, TARGET.run(runs).values)


def test_replayed_streams_are_refused_where_the_budget_ends():
    runs = QUESTIONS["plain sequences"].runs
    source = Source(runs)
    meter = Meter(budget=source.stored.bills[2].flops)
    with meter, replaying(TARGET, source, meter):
        TARGET.run(runs, upto=2)
        with pytest.raises(BudgetExceededError, match=r"at aten"):
            TARGET.run(runs, upto=1)
    assert source.asked == [2, 1]


def test_a_run_that_cannot_be_paid_for_is_cut_off_where_it_would_have_been():
    runs = QUESTIONS["plain sequences"].runs
    source = Source(runs)
    spent = []
    for offered in (source, None):
        meter = Meter(budget=source.stored.bills[2].flops // 2)
        with meter, replaying(TARGET, offered, meter), pytest.raises(BudgetExceededError):
            TARGET.run(runs, upto=2)
        spent.append((meter.flops, meter.by_op))
    assert spent[0] == spent[1]
    assert 0 < spent[0][0] < source.stored.bills[2].flops


def test_what_a_method_does_to_a_stream_stays_with_it():
    runs = QUESTIONS["plain sequences"].runs
    source = Source(runs)
    with replaying(TARGET, source, Meter()):
        first = TARGET.run(runs).values
        kept = first.clone()
        first.zero_()
        assert torch.equal(TARGET.run(runs).values, kept)


def test_nothing_is_replayed_outside():
    runs = QUESTIONS["plain sequences"].runs
    source = Source(runs)
    with replaying(TARGET, source, Meter()):
        pass
    TARGET.run(runs)
    assert source.asked == []


class Nothing:
    """Has no standard run."""

    def find(self, runs, layer, left):
        return None


TUNED = tuple(
    replace(run, intervention=FineTune((run.tokens[:6],), (2,), 0.05)) for run in QUESTIONS["plain sequences"].runs[:3]
)
TUNES = len({run.intervention.key for run in TUNED})


def tuned_and_read(meter, source):
    """Run under fine-tunes and read through two lenses; return the values and how often gradients were taken."""
    watched = mock.patch("istar.targets.appliers._gradients", side_effect=appliers._gradients)
    with watched as taken, meter, replaying(TARGET, source, meter):
        streams = TARGET.run(TUNED)
        read = [TARGET.read(TUNED, streams), TARGET.read(TUNED, streams, lens=lambda stream: 2 * stream)]
    return torch.stack(read), taken.call_count


def test_reading_under_fine_tunes_is_charged_for_them_and_does_not_make_them_again():
    made, charged = Meter(), Meter()
    expected, everywhere = tuned_and_read(made, None)
    found, once = tuned_and_read(charged, Nothing())
    assert torch.equal(found, expected)
    assert (charged.by_op, charged.matmul_flops) == (made.by_op, made.matmul_flops)
    assert (everywhere, once) == (3 * TUNES, TUNES)


def test_fine_tunes_of_a_changed_target_are_made_for_reading_too():
    meter = Meter()
    watched = mock.patch("istar.targets.appliers._gradients", side_effect=appliers._gradients)
    with watched as taken, meter, replaying(TARGET, Nothing(), meter):
        streams = TARGET.run(TUNED)
        with without_blocks(TARGET, [1]):
            TARGET.read(TUNED, streams)
    assert taken.call_count == 2 * TUNES


@pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
def test_fine_tunes_that_cannot_be_paid_for_are_cut_off_where_they_would_have_been(share):
    whole = Meter()
    tuned_and_read(whole, None)
    spent = []
    for source in (Nothing(), None):
        meter = Meter(budget=int(share * whole.flops))
        with pytest.raises(BudgetExceededError):
            tuned_and_read(meter, source)
        spent.append((meter.flops, meter.by_op))
    assert spent[0] == spent[1]
