"""The attack battery: method files that each try one trick, run where methods run, and what becomes of them.

An attack is a method file whose docstring ends with what must become of it:

    Fence: rejected: import of 'os'      what the fence says of its source, or `passes`
    Jail: harmless                       what happens when it runs; if the fence rejects it, it runs with the fence off
    Plain: gains                         that it works where there is no jail, so that the jail is what stops it
    Seconds: 2                           wall-clock seconds it may take, if fewer than usual
    Round: 1                             the round of new attacks in which it was written, if not among the first

and the jail's part is one of

    error: TEXT       it ends with an error of the method's that says TEXT
    harmless          it runs on two questions in turn and gains nothing: its channel, 1 where it got what it was after,
                      is 0 everywhere, and the bait was not touched
    counted           its channel says what FLOPs it spent, by its own reckoning, and the meter counted no fewer
    cut               it is stopped by the meter: the recording ends early, within twice its budget
    seen: SHARE       its recording is void, and at least so much of its processor time is not explained by what the
                      meter counted; its work, which it does `int("@UNITS@")` times, is doubled until that is so
    open: PART        a hole that is known: PART is what ought to hold, and does not
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from istar.errors import IstarError
from istar.methods.contract import MethodError
from istar.methods.fence import check_source
from istar.methods.loading import source_hash
from istar.questions import QuestionView, nested_batches
from istar.sandbox.bait import Bait
from istar.sandbox.client import Worker, WorkerRecording
from istar.sandbox.jail.jail import Jail
from istar.sandbox.jail.limits import Limits
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.targets.corpus import Corpus

LIMITS = Limits(interpret_seconds=60.0, record_seconds=60.0, memory_bytes=2**30)
BUDGET = 10**10
"""FLOPs that an attack may spend on a question; it is cut off at twice that."""
MOST_UNITS = 2**6
"""How many times an attack's work is done at most until it must be seen. Once is the work of about a second."""
RESIDUAL = 0.02
"""The share by which the meter may fall short of an attack's own reckoning."""
UNITS = "@UNITS@"
UNFENCED = "unfenced "

FATES = ("error", "harmless", "counted", "cut", "seen")
SHIPPED = Path(__file__).parent / "attacks"
"""The attacks that `istar doctor` tries."""


class AttackFileError(IstarError):
    """An attack file that does not say what must become of it."""


@dataclass(frozen=True)
class Attack:
    """A method file that tries one trick.

    Attributes:
        name: the file's name without its ending.
        source: the file's text.
        fence: what the fence must say of it; None if it must let it pass.
        fate: what must become of it where it runs; None if it is not run.
        detail: the fate's text or number.
        known_open: whether the fate is known not to hold.
        gains_in_plain: whether it gets what it is after where there is no jail.
        seconds: wall-clock seconds that it may take, None for the usual.
        round: the round of new attacks that it belongs to, 0 for the attacks that were there before them.
    """

    name: str
    source: str
    fence: str | None
    fate: str | None
    detail: str = ""
    known_open: bool = False
    gains_in_plain: bool = False
    seconds: float | None = None
    round: int = 0

    @property
    def trick(self) -> str:
        """What it tries: the first line of its docstring."""
        return (ast.get_docstring(ast.parse(self.source)) or "").partition("\n")[0]


@dataclass(frozen=True)
class Verdict:
    """What became of an attack.

    Attributes:
        attack: its name.
        wall: `fence`, or the tier that it ran under.
        expected: what had to become of it.
        found: what did.
        held: whether that is the same.
        known_open: whether this is a hole that is known.
    """

    attack: str
    wall: str
    expected: str
    found: str
    held: bool
    known_open: bool = False


def read_attack(path: Path) -> Attack:
    """Return the attack in a file.

    Raises:
        AttackFileError: its docstring does not say what must become of it.
    """
    source = path.read_text(encoding="utf-8")
    said = dict(
        re.findall(r"^(Fence|Jail|Plain|Seconds|Round): (.+)$", ast.get_docstring(ast.parse(source)) or "", re.M)
    )
    fence, _, fault = said.get("Fence", "").partition(": ")
    jail, _, detail = said.get("Jail", "").partition(": ")
    known_open = jail == "open"
    if known_open:
        jail, _, detail = detail.partition(": ")
    if fence not in ("rejected", "passes") or ((jail or fence == "passes") and jail not in FATES):
        raise AttackFileError(f"{path} must say `Fence: rejected: TEXT` or `Fence: passes`, and `Jail:` with its fate")
    seconds = float(said["Seconds"]) if "Seconds" in said else None
    rejected = fault if fence == "rejected" else None
    gains = "Plain" in said
    return Attack(
        path.stem, source, rejected, jail or None, detail, known_open, gains, seconds, int(said.get("Round", 0))
    )


def read_attacks(folder: Path) -> tuple[Attack, ...]:
    """Return the attacks in a folder, by name."""
    return tuple(read_attack(path) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_"))


class BatteryJail(Jail):
    """A jail that also runs methods with the fence off, if their name begins with `UNFENCED`."""

    @staticmethod
    def program(control: int) -> str:
        """See the base class."""
        return f"""
import builtins
from istar.methods import loading
from istar.sandbox import worker

def unless_unfenced(handle):
    def handled(target, request):
        if request.fields["name"].startswith({UNFENCED!r}):
            loading.check_source = lambda source: ()
            loading.restricted_builtins = lambda own: dict(vars(builtins))
            loading.guarded = lambda tree, own: tree
        return handle(target, request)
    return handled

worker.main({control}, {{kind: unless_unfenced(handle) for kind, handle in worker.HANDLERS.items()}})
"""


class UnfencedWorker(Worker):
    """A worker that does not check its method's source."""

    def admit(self) -> str:
        """See the base class."""
        self.name = UNFENCED + self.name
        return source_hash(self.source)


def check_fence(attack: Attack) -> Verdict:
    """Return what the fence says of an attack's source; nothing runs."""
    faults = check_source(attack.source)
    found = "; ".join(str(fault) for fault in faults) or "passes"
    held = not faults if attack.fence is None else any(attack.fence in str(fault) for fault in faults)
    return Verdict(attack.name, "fence", "passes" if attack.fence is None else attack.fence, found, held)


@dataclass
class Range:
    """Where attacks are run: a jail, two questions in turn, and the bait.

    Attributes:
        jail: runs them.
        view: what they are shown.
        corpus: what `interpret` is given.
        bait: what they are after.
    """

    jail: BatteryJail
    view: QuestionView
    corpus: Corpus
    bait: Bait

    def run(self, attack: Attack) -> Verdict:
        """Run an attack, with the fence off if the fence rejects it, and judge it."""
        tier = self.jail.tier.name
        expected = f"{attack.fate}: {attack.detail}" if attack.detail else str(attack.fate)
        try:
            held, found = self._judged(attack)
        except MethodError as error:
            found = f"error: {error}"
            held = attack.fate == "error" and re.search(attack.detail, str(error)) is not None and _is_printable(found)
        touched = self.bait.touched()
        if touched:
            held, found = False, f"{found}, and the bait was touched: {', '.join(touched)}"
        return Verdict(attack.name, tier, expected, found, held, attack.known_open)

    def _judged(self, attack: Attack) -> tuple[bool, str]:
        judge = _JUDGES.get(str(attack.fate), _no_error)
        units = 1
        held, found = judge(self.recordings(attack), attack.detail)
        while attack.fate == "seen" and UNITS in attack.source and not held and units < MOST_UNITS:
            units *= 2
            held, found = judge(self.recordings(attack, units), attack.detail)
        return held, found

    def recordings(self, attack: Attack, units: int = 1) -> list[WorkerRecording]:
        """Run an attack on a question, or on two in turn if it might carry something over.

        Args:
            attack: what is run.
            units: how many times it does its work.

        Raises:
            MethodError: the attack failed.
        """
        fenced = Worker if attack.fence is None else UnfencedWorker
        seconds = attack.seconds or LIMITS.record_seconds
        limits = replace(LIMITS, record_seconds=seconds, interpret_seconds=seconds)
        source = self.bait.put_into(attack.source).replace(UNITS, str(units))
        worker = fenced(source, self.jail.target, name=attack.name, jail=self.jail, limits=limits)
        content = worker.interpret(self.corpus).content
        batches = nested_batches(self.view.structure, Seed.root(0))
        questions = ("a", "b") if attack.fate == "harmless" else ("a",)
        return [worker.record(self.view, letter * 64, batches, content, max_flops=BUDGET) for letter in questions]

    def gain(self, attack: Attack) -> float:
        """Return the largest value of an attack's channel on any row."""
        return max(float(_channel(recording).max(initial=0.0)) for recording in self.recordings(attack))


def _channel(recording: WorkerRecording) -> np.ndarray[Any, Any]:
    found = [batch.channels[:, 0] for batch in recording.batches if batch.channels.shape[1]]
    return np.concatenate([np.zeros(0), *found])


def _harmless(recordings: Sequence[WorkerRecording], _: str) -> tuple[bool, str]:
    gains = [float(np.abs(_channel(each)).max(initial=0.0)) for each in recordings]
    return not any(gains), "harmless" if not any(gains) else f"it got what it was after ({gains})"


def _counted(recordings: Sequence[WorkerRecording], _: str) -> tuple[bool, str]:
    reckoned = sum(float(batch.channels[0, 0]) for each in recordings for batch in each.batches)
    metered = sum(each.total_flops for each in recordings)
    return 0 < reckoned * (1 - RESIDUAL) <= metered, f"counted: {metered} FLOPs of {reckoned:.0f} by its own reckoning"


def _cut(recordings: Sequence[WorkerRecording], _: str) -> tuple[bool, str]:
    held = all(not each.complete and each.total_flops <= 2 * BUDGET for each in recordings)
    return held, f"cut at {[each.total_flops for each in recordings]} FLOPs" if held else "not cut"


def _seen(recordings: Sequence[WorkerRecording], least: str) -> tuple[bool, str]:
    (recording,) = recordings
    seconds, unexplained = recording.cpu_seconds, recording.unexplained_cpu_seconds
    share = unexplained / seconds if unexplained else 0.0
    held = recording.witness.void and share >= float(least)
    said = "and more than may be" if recording.witness.void else "and no more than may be"
    return held, f"seen: {share:.2f} of {seconds:.2f} seconds of processor time are unexplained, {said}"


def _no_error(recordings: Sequence[WorkerRecording], _: str) -> tuple[bool, str]:
    return False, f"it ran without an error, channel {_channel(recordings[-1])[:3].tolist()}"


_JUDGES = {"harmless": _harmless, "counted": _counted, "cut": _cut, "seen": _seen}


def _is_printable(text: str) -> bool:
    return len(text) < 20_000 and all(letter.isprintable() or letter == "\n" for letter in text)


def counts(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return how many attacks met which fate, by wall, as JSON values."""
    walls: dict[str, dict[str, int]] = {}
    for each in verdicts:
        kind = (
            each.expected.partition(":")[0]
            if each.wall != "fence"
            else ("passes" if each.expected == "passes" else "rejected")
        )
        row = walls.setdefault(each.wall, {"tried": 0, "held": 0, "known open": 0})
        row["tried"] += 1
        row["held"] += each.held
        row["known open"] += each.known_open and not each.held
        if each.held:
            row[kind] = row.get(kind, 0) + 1
    broken = [asdict(each) for each in verdicts if not each.held and not each.known_open]
    return {"walls": walls, "broken": broken, "open": [asdict(each) for each in verdicts if each.known_open]}
