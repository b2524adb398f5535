"""What the sweep says: a wrong price and a long time are named, by the case and in figures."""

import json
from types import SimpleNamespace

import pytest
import torch

from istar.flops.kinds import KINDS
from istar.flops.witness import KindRate
from istar.testing.operations import __main__ as program
from istar.testing.operations import verdict
from istar.testing.operations.case import Case, accepted, backward, billed_and_counted, forms, numbers, spelt
from istar.testing.operations.verdict import counted, missed, too_slow, witnessed
from istar.testing.operations.witness import Timed

SIDE = 8
ADDED = Case(
    "torch.add", ("torch.add",), lambda n: (numbers(n, SIDE), numbers(n, SIDE)), torch.add, lambda a, b: a.numel()
)


def renamed(name, **changes):
    return Case(**{**vars(ADDED), "name": name, **changes})


def test_a_bill_far_from_the_count_is_named():
    found = counted(
        [ADDED, renamed("twice", work=lambda a, b: 2 * a.numel()), renamed("five", work=lambda a, b: 5 * a.numel())]
    )
    assert found["faults"] == [f"five is billed {6 * SIDE} for {5 * 6 * SIDE}"]
    assert (found["cases"], found["exact"], found["within_2"]) == (3, 1, 2)
    assert (found["least"], found["most"]) == (0.2, 1.0)


def test_an_operation_without_a_price_is_named():
    refused = renamed("torch.hypot", call=torch.hypot)
    (fault,) = counted([refused])["faults"]
    assert fault.startswith("torch.hypot is refused: rulebook v2 has no price for the operation aten.hypot.default")


def test_what_must_be_exact_is_held_to_it():
    assert counted([renamed("exact", within=1)])["faults"] == []
    (fault,) = counted([renamed("nearly", work=lambda a, b: a.numel() + 1, within=1)])["faults"]
    assert fault.startswith("nearly is billed")


@pytest.fixture
def clock(monkeypatch):
    """Times as if this machine did one FLOP of any kind a nanosecond, but for the cases that are named."""
    taken = {}

    def timed(case, rulebook=None):
        nanoseconds = taken.get(case.name, 1000.0)
        return nanoseconds and Timed(case, 64, nanoseconds, 1000, 0, {"sin": 1000})

    monkeypatch.setattr(verdict, "timed", timed)
    monkeypatch.setattr(verdict, "kind_rates", lambda: dict.fromkeys(KINDS, KindRate(1e-9, 0.0)))
    monkeypatch.setattr(verdict, "product_rate", lambda: 1e9)
    monkeypatch.setattr(verdict, "copying_nanoseconds", lambda: 1.0)
    monkeypatch.setattr(verdict, "missed", lambda: [])
    return taken


def test_a_form_that_takes_longer_than_its_bill_is_named(clock):
    clock |= {"torch.add: one row": 3900.0, "torch.add: one element": 4100.0, "torch.add: out=": 9000.0}
    found = witnessed(renamed(name) for name in ("torch.add", *clock))
    assert too_slow(found["times"]) == ["torch.add: one element takes 4.1 times what its bill explains"]
    assert found["timed"] == 3
    assert found["kinds"] == {"transcendental": {"cases": 3, "of_product": 3.9, "most": pytest.approx(4.1)}}


def test_a_form_is_compared_with_the_plain_one_in_the_same_direction(clock):
    clock |= {"torch.add: backward": 3000.0, "torch.add: one row: backward": 9000.0}
    found = witnessed(renamed(name) for name in ("torch.add", *clock))
    assert max(found["times"].values()) == pytest.approx(3.0)


def test_a_plain_form_is_held_to_its_kind_but_for_what_is_known_to_be_slow(clock):
    clock |= {"torch.mul": 5000.0, "torch.multinomial": 9000.0}
    found = witnessed(map(renamed, clock))
    assert found["times"] == {"torch.mul": pytest.approx(5.0)}


def test_what_took_longer_is_timed_again_and_rates_more_than_once(clock, monkeypatch):
    """Other work on the machine makes an operation slower, or a calibration faster than the machine is for long."""
    first = iter([9000.0, 3000.0])
    monkeypatch.setattr(verdict, "timed", lambda case: Timed(case, 64, next(first), 1000, 0, {"sin": 1000}))
    assert witnessed([renamed("torch.mul")])["times"] == {"torch.mul": pytest.approx(3.0)}
    rates = iter([1e-9, 3e-9, *[1e-9] * 10])
    monkeypatch.setattr(verdict, "kind_rates", lambda: dict.fromkeys(KINDS, KindRate(next(rates), 0.0)))
    monkeypatch.setattr(verdict, "timed", lambda case: Timed(case, 64, 9000.0, 1000, 0, {"sin": 1000}))
    assert witnessed([renamed("torch.mul")])["times"] == {"torch.mul": pytest.approx(3.0)}


def test_a_rate_is_that_of_many_forms_of_a_kind_where_there_are_many(clock):
    """One calibrated operation may lie better in memory than any other of its kind in this process."""
    usual = [f"torch.op{number}" for number in range(verdict.FORMS)]
    clock |= dict.fromkeys(usual, 3000.0) | {"torch.hidden": 15000.0}
    found = witnessed(map(renamed, (*usual, "torch.hidden")))["times"]
    assert found["torch.op0"] == pytest.approx(1.0)
    assert too_slow(found) == ["torch.hidden takes 5.0 times what its bill explains"]
    few = witnessed(map(renamed, (*usual[:3], "torch.hidden")))["times"]
    assert few["torch.hidden"] == pytest.approx(15.0)


def test_what_is_slow_in_every_sweep_is_named_and_no_sweep_is_made_for_nothing(monkeypatch, capsys):
    def swept(sweeps):
        made = iter(sweeps)

        def run(command, **named):
            found = {"timed": 2, "kinds": {}, "times": next(made), "faults": []}
            return SimpleNamespace(stdout=json.dumps(found))

        monkeypatch.setattr(program.subprocess, "run", run)
        return program._swept(()), len(list(made))

    found, left = swept([{"a": 2.0, "b": 9.0}, {"a": 6.0, "b": 3.0}, {}])
    assert (found["faults"], found["slow"], found["most"], left) == ([], [1, 1], 3.0, 1)
    found, left = swept([{"a": 9.0, "b": 2.0}] * 4 + [{"a": 5.0}] * 4)
    assert (found["faults"], left) == (["a takes 9.0 times what its bill explains"], 4)


def test_the_times_must_tell_what_an_earlier_rulebook_billed_too_low(monkeypatch):
    monkeypatch.setattr(verdict, "timed", lambda case, rulebook: Timed(case, 64, 1000.0, 1000, 0, {"sin": 1000}))
    monkeypatch.setattr(
        verdict, "all_cases", lambda *kinds: [renamed(name) for _, *pair in verdict.MISPRICED for name in pair]
    )
    assert len(missed()) == len(verdict.MISPRICED)
    assert missed()[0] == "no time tells that rulebook v1 bills torch.linalg.lu_solve: 40 sides too low"


def test_forms_are_of_the_same_numbers():
    case = renamed("torch.mul", call=torch.mul)
    torch.manual_seed(0)
    plain = case.operands(4)
    for each in forms(case):
        torch.manual_seed(0)
        for before, after in zip(plain, each.operands(4), strict=True):
            assert after.shape == before.shape
            if "zero strides" not in each.name:
                torch.testing.assert_close(after.to(before.dtype), before, atol=4e-3, rtol=0)
    assert {each.form for each in spelt(case, "mul", torch.mul, in_place=True)} == {"method", "in place", "out="}


def test_a_gradient_is_billed_with_what_it_is_the_gradient_of():
    case = renamed("torch.sin", operands=lambda n: (numbers(n, SIDE),), call=torch.sin, work=lambda a: 16 * a.numel())
    forward, _ = billed_and_counted(case, verdict.Meter(strict=True))
    both, work = billed_and_counted(backward(case, 2.0), verdict.Meter(strict=True))
    assert (forward, both, work) == (16 * 6 * SIDE, 33 * 6 * SIDE, 32 * 6 * SIDE)


def test_forms_that_torch_refuses_are_left_out():
    bad = renamed("torch.mm", call=torch.mm, operands=lambda n: (numbers(3, 4), numbers(3, 4)))
    assert list(accepted([bad, ADDED])) == [ADDED]


def test_the_program_prints_counts_and_ends_with_1_on_a_fault(monkeypatch, capsys):
    monkeypatch.setattr(program, "cases", lambda *kinds: [ADDED])
    monkeypatch.setattr("sys.argv", ["operations", "--counts-only"])
    assert program.main() == 0
    assert json.loads(capsys.readouterr().out)["counted"]["exact"] == 1
    monkeypatch.setattr(program, "cases", lambda *kinds: [renamed("five", work=lambda a, b: 5 * a.numel())])
    assert program.main() == 1
    assert "five is billed" in json.loads(capsys.readouterr().out)["faults"][0]
