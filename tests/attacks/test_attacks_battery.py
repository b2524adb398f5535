"""The battery itself can fail: an attack that gets through is reported, whatever it declares."""

import json
import os
import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest

from istar.flops.witness import BETWEEN, Witness
from istar.sandbox.bait import ANYBODYS, Bait
from istar.sandbox.battery import (
    SHIPPED,
    Attack,
    AttackFileError,
    Verdict,
    check_fence,
    counts,
    read_attack,
    read_attacks,
)

METHOD = '''
"""{doc}"""

import torch
from istar.methods import Interpretation

def interpret(target, corpus):
    return Interpretation()

def predict(question, runs, target, interpretation, prepared):
    {body}
'''


def attack(fate, body, detail="", fence=None):
    return Attack("made_up", METHOD.format(doc="Tries.", body=body), fence, fate, detail)


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (attack("harmless", "return torch.ones(len(runs), 1)"), "it got what it was after"),
        (attack("counted", "return torch.full((len(runs), 1), 1e9)"), "counted: 0 FLOPs of"),
        (attack("counted", "return torch.zeros(len(runs), 1)"), "counted: 0 FLOPs of 0"),
        (attack("cut", "return torch.zeros(len(runs), 1)"), "not cut"),
        (attack("seen", "return torch.zeros(len(runs), 1)", "0.1"), "unexplained, and no more than may be"),
        (
            attack("seen", "return torch.zeros(len(runs), 1) * int('@UNITS@')", "0.1"),
            "unexplained, and no more than may be",
        ),
        (attack("error", "return torch.zeros(len(runs), 1)", "anything"), "without an error"),
        (attack("error", "raise ValueError('this')", "something else"), "ValueError: this"),
        (attack("harmless", "raise ValueError('this')"), "ValueError: this"),
        (attack("harmless", "open('@FOLDER@/x', 'w'); return torch.zeros(len(runs), 1)", fence="`open`"), "Error: "),
    ],
)
def test_an_attack_that_gets_through_is_reported(shooting, made, found):
    verdict = shooting.run(made)
    assert not verdict.held
    assert found in verdict.found


@pytest.mark.parametrize(
    ("fate", "end"), [("harmless", "return torch.zeros(len(runs), 1)"), ("error", "raise ValueError")]
)
def test_an_attack_that_touches_the_bait_is_reported(unjailed, fate, end):
    body = f"open('@FOLDER@/left-by-{fate}', 'w').close(); {end}"
    verdict = unjailed.run(attack(fate, body, fence="`open`"))
    assert not verdict.held
    assert "the bait was touched" in verdict.found
    assert "left" in verdict.found


def test_the_fence_is_held_to_the_fault_that_was_declared():
    body = "return open('x')"
    assert check_fence(attack(None, body, fence="`open`")).held
    assert not check_fence(attack(None, body, fence="`eval`")).held
    assert not check_fence(attack("harmless", body)).held
    assert not check_fence(attack(None, "return torch.zeros(len(runs), 1)", fence="`open`")).held


def test_work_that_must_be_seen_grows_until_it_is(shooting, monkeypatch):
    """A second may be unexplained."""
    loop = "sum(number for number in range(1_000 * int('@UNITS@'))); return torch.zeros(len(runs), 1)"
    made = attack("seen", loop, "0.9")
    asked = []

    def recordings(attack, units=1):
        asked.append(units)
        witness = Witness(0.2 * units, {BETWEEN: 0.2 * units}, allowed=1.0)
        return [SimpleNamespace(cpu_seconds=0.2 * units, unexplained_cpu_seconds=0.2 * units, witness=witness)]

    monkeypatch.setattr(shooting, "recordings", recordings)
    verdict = shooting.run(made)
    assert asked == [1, 2, 4, 8]
    assert verdict.held, verdict.found


@pytest.mark.parametrize("folder", ANYBODYS, ids=str)
def test_bait_notices_what_is_left_where_everybody_may_write_and_takes_it_away(folder):
    if not os.access(folder, os.W_OK):
        pytest.skip(f"{folder} cannot be written to here")
    with Bait() as bait:
        mine = folder / bait.put_into("@NAME@-left")
        mine.write_text("state")
        assert bait.touched() == [str(mine)]
        (folder / bait.put_into("@NAME@-deep")).mkdir()
    assert not list(folder.glob(f"{bait.name}*"))


def test_bait_notices_what_is_done_to_it():
    with Bait() as bait:
        assert bait.touched() == []
        bait.secret.write_text("changed answers")
        assert bait.touched() == [str(bait.secret)]
        assert bait.touched() == []
        socket.create_connection(("127.0.0.1", bait.port)).close()
        assert bait.touched() == [f"port {bait.port}"]
        assert bait.put_into("@SECRET@ @PORT@") == f"{bait.secret} {bait.port}"
    assert not bait.folder.exists()


@pytest.mark.parametrize(
    "doc", ["", "Fence: passes", "Fence: maybe\nJail: harmless", "Jail: harmless", "Fence: passes\nJail: fine"]
)
def test_a_file_that_declares_no_fate_is_named(tmp_path, doc):
    path = tmp_path / "some.py"
    path.write_text(f'"""Tries.\n\n{doc}\n"""\n')
    with pytest.raises(AttackFileError, match=r"some\.py must say"):
        read_attack(path)


def test_a_file_is_read_as_declared(tmp_path):
    path = tmp_path / "some.py"
    path.write_text(
        '"""Tries it.\n\nFence: rejected: `open`\nJail: open: counted\nPlain: gains\nSeconds: 3\nRound: 2\n"""\n'
    )
    read = read_attack(path)
    assert (read.trick, read.fence, read.fate, read.known_open, read.gains_in_plain, read.seconds, read.round) == (
        "Tries it.",
        "`open`",
        "counted",
        True,
        True,
        3.0,
        2,
    )


def test_counts_tell_holes_from_what_held():
    held = Verdict("a", "bubblewrap", "harmless", "harmless", held=True)
    broken = replace(held, attack="b", held=False)
    known = replace(held, attack="c", held=False, known_open=True)
    fence = Verdict("a", "fence", "`open`", "line 1: `open`", held=True)
    found = counts([held, broken, known, fence])
    assert found["walls"]["bubblewrap"] == {"tried": 3, "held": 1, "known open": 1, "harmless": 1}
    assert found["walls"]["fence"] == {"tried": 1, "held": 1, "known open": 0, "rejected": 1}
    assert [each["attack"] for each in found["broken"]] == ["b"]
    assert [each["attack"] for each in found["open"]] == ["c"]
    assert json.loads(json.dumps(found)) == found


def test_the_attacks_that_ship_are_a_short_battery():
    assert 4 <= len(read_attacks(SHIPPED)) <= 10
