from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istar.flops import CostModel, PriceError, PriceSheet, price_sheet, rows_by_op
from istar.questions import Entropy, Intervention, KLFrom, Run, SpanLogprob, SpanMargin, build_trie

COSTS = CostModel(per_token=100, per_pair=3, per_read=7)


@dataclass(frozen=True)
class Nudge(Intervention):
    kind: ClassVar[str] = "nudge"
    size: int


NUDGES = (Nudge(1), Nudge(2))
NUDGE_FLOPS = {NUDGES[0].key: 1000, NUDGES[1].key: 555}


def naive_price(runs, interventions=NUDGE_FLOPS):
    """Prices by sets of prefixes, without a trie."""
    tokens, reads, keys = set(), set(), set()
    for run in runs:
        key = "" if run.intervention is None else run.intervention.key
        if key:
            keys.add(key)
        for path in run.paths:
            model = "" if path.plain else key
            tokens |= {(model, path.tokens[: end + 1]) for end in range(len(path.tokens))}
            reads |= {(model, path.tokens[: end + 1]) for end in path.reads}
    flops = sum(COSTS.per_token + COSTS.per_pair * len(prefix) for _, prefix in tokens)
    return flops + COSTS.per_read * len(reads) + sum(interventions[key] for key in keys)


@st.composite
def random_runs(draw):
    token = st.integers(0, 2)
    runs = []
    for _ in range(draw(st.integers(1, 8))):
        tokens = (0, *draw(st.lists(token, min_size=2, max_size=7)))
        start = draw(st.integers(1, len(tokens) - 1))
        foil = tuple(draw(st.lists(token, min_size=1, max_size=3)))
        readout = draw(
            st.sampled_from([SpanLogprob(start), SpanMargin(start, foil), Entropy(), KLFrom((0, *foil), last=1)])
        )
        runs.append(Run(tokens, readout, draw(st.sampled_from([None, *NUDGES]))))
    return tuple(runs)


def sheet_of(runs):
    used = {run.intervention.key for run in runs if run.intervention}
    return price_sheet(build_trie(runs), runs, COSTS, {key: NUDGE_FLOPS[key] for key in used})


@given(random_runs())
def test_parts_by_operation_add_up_to_the_price_of_all_rows(runs):
    costs = {"mm": CostModel(per_token=90, per_pair=1), "exp": CostModel(10, 2, per_read=7)}
    used = {run.intervention.key for run in runs if run.intervention}
    parts = rows_by_op(build_trie(runs), costs, [{"mm": NUDGE_FLOPS[key] - 5, "add": 5} for key in used])
    sheet = sheet_of(runs)
    assert sum(flops for by_op in parts.values() for flops in by_op.values()) == sheet.total
    assert parts["tokens"]["mm"] == 9 * parts["tokens"]["exp"] == 90 * sheet.unique_tokens
    assert sum(parts["interventions"].values()) == sum(NUDGE_FLOPS[key] for key in used)


class TestLaws:
    @given(random_runs(), st.data())
    def test_a_set_of_rows_costs_its_unique_tokens_reads_and_interventions(self, runs, data):
        sheet = sheet_of(runs)
        rows = data.draw(st.lists(st.integers(0, len(runs) - 1)))
        assert sheet.bill().price(rows) == naive_price([runs[row] for row in rows])
        assert sheet.total == naive_price(runs)
        assert sheet.row_flops.tolist() == [naive_price([run]) for run in runs]
        assert sheet.dearest_run == max(naive_price([run]) for run in runs)
        assert sheet.unique_tokens == build_trie(runs).unique_tokens

    @given(random_runs(), st.data())
    def test_buying_in_any_order_costs_the_same(self, runs, data):
        sheet = sheet_of(runs)
        bill = sheet.bill()
        prices = [bill.buy([row]) for row in data.draw(st.permutations(range(len(runs))))]
        assert sum(prices) == bill.spent == sheet.total
        assert bill.marginal().tolist() == [0] * len(runs)

    @given(random_runs(), st.data())
    def test_prices_are_monotone_and_submodular(self, runs, data):
        sheet = sheet_of(runs)
        row = st.integers(0, len(runs) - 1)
        few = data.draw(st.sets(row))
        many = few | data.draw(st.sets(row))
        extra = data.draw(row)
        bill = sheet.bill()
        few_price, many_price = bill.price(sorted(few)), bill.price(sorted(many))
        gain_few = bill.price(sorted(few | {extra})) - few_price
        gain_many = bill.price(sorted(many | {extra})) - many_price
        assert few_price <= many_price
        assert gain_few >= gain_many >= 0

    @given(random_runs(), st.data())
    def test_marginal_prices_are_those_of_buying_each_row_alone_now(self, runs, data):
        bill = sheet_of(runs).bill()
        bill.buy(data.draw(st.lists(st.integers(0, len(runs) - 1))))
        assert bill.marginal().tolist() == [bill.price([row]) for row in range(len(runs))]

    @given(random_runs(), st.data())
    def test_what_was_bought_is_free(self, runs, data):
        bill = sheet_of(runs).bill()
        rows = data.draw(st.lists(st.integers(0, len(runs) - 1), min_size=1))
        bill.buy(rows)
        spent = bill.spent
        assert bill.buy(rows + rows[::-1]) == 0
        assert bill.spent == spent
        assert bill.bought.tolist() == [row in rows for row in range(len(runs))]

    @given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    def test_without_sharing_the_price_is_the_naive_sum(self, lengths):
        runs = tuple(Run((number, *[9] * length), SpanLogprob(1)) for number, length in enumerate(lengths))
        assert sheet_of(runs).total == sum(naive_price([run]) for run in runs)

    @given(random_runs())
    def test_arrays_round_trip(self, runs):
        sheet = sheet_of(runs)
        again = PriceSheet.from_arrays(sheet.to_arrays())
        for rows in ([0], range(len(runs))):
            assert again.bill().price(rows) == sheet.bill().price(rows)
        assert again.unique_tokens == sheet.unique_tokens
        assert again.row_flops.tolist() == sheet.row_flops.tolist()

    @given(random_runs())
    def test_a_copied_bill_goes_its_own_way(self, runs):
        bill = sheet_of(runs).bill()
        other = bill.copy()
        other.buy([0])
        assert bill.spent == 0
        assert bill.price([0]) == other.spent > 0


def test_a_shared_read_is_charged_once():
    runs = (Run((0, 1, 2), SpanLogprob(1)), Run((0, 1, 3), SpanLogprob(1)))
    sheet = sheet_of(runs)
    assert sheet.total == 2 * 100 + 3 * (1 + 2) + 2 * 7
    assert sheet.bill().price([0]) == sheet.total


def test_segments_are_far_fewer_than_tokens():
    generator = np.random.default_rng(0)
    context = tuple(generator.integers(0, 1000, 200).tolist())
    runs = tuple(Run((*context, 1000 + row, 1, 2), SpanLogprob(201)) for row in range(20))
    sheet = sheet_of(runs)
    assert sheet.unique_tokens == 200 + 20 * 2
    # The context's tokens, the read at its end, and each row's own end.
    assert len(sheet.segment_flops) <= 22


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_large_sheets_agree_with_brute_force(seed):
    generator = np.random.default_rng(seed)
    prompts = [tuple(generator.integers(0, 5, 12).tolist()) for _ in range(10)]
    runs = tuple(
        Run((0, *prompts[row % 10], *generator.integers(0, 3, 6).tolist()), SpanLogprob(13)) for row in range(300)
    )
    sheet = sheet_of(runs)
    bill, bought = sheet.bill(), []
    for _ in range(6):
        rows = generator.choice(300, 40, replace=False).tolist()
        bought += rows
        bill.buy(rows)
        assert bill.spent == naive_price([runs[row] for row in bought])


class TestErrors:
    RUNS = (Run((0, 1, 2), SpanLogprob(1)),)

    @pytest.mark.parametrize("row", [1, -1])
    def test_a_row_that_does_not_exist(self, row):
        with pytest.raises(PriceError, match=f"row {row} was asked for; rows run from 0 to 0"):
            sheet_of(self.RUNS).bill().price([row])

    def test_a_price_for_an_intervention_that_no_run_has(self):
        with pytest.raises(PriceError, match="interventions are priced that no run has: ghost"):
            price_sheet(build_trie(self.RUNS), self.RUNS, COSTS, {"ghost": 5})

    def test_more_flops_than_a_number_holds(self):
        dear = CostModel(per_token=2**62, per_pair=1, per_read=0)
        one, three = (Run((0,), Entropy()),), (Run((0, 1, 2), Entropy()),)
        assert price_sheet(build_trie(one), one, dear).total == 2**62 + 1
        with pytest.raises(PriceError, match=r"3 unique tokens would take 1\.4e\+19 FLOPs, and no more than 9\.2e\+18"):
            price_sheet(build_trie(three), three, dear)
