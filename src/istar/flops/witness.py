"""The second witness: processor time beside the bill, by kind of operation.

A meter can be wrong of an operation, and it does not see Python. Processor time, which the operating system counts,
sees both. What a recording took is held against what its operations explain, at rates that were calibrated on the same
machine and target before any method's code was seen:

- **inside operations**: the time that was measured there, but at most `MOST_TIMES` what the bill of their kind takes;
- **between operations**: what honest code takes there for each call, but, where a question is policed
  (`istar.flops.policing`), at most `MOST_BETWEEN` times what the FLOPs that were really computed take in short
  forwards, so that whoever fills the time between operations with work of Python's own pays for it in FLOPs;
- **beside the method**: what a method that does nothing takes on the same question, measured in the same jail.

The rest is unexplained, and a recording of which more than `Witness.allowed` is so is void. More calls, slow shapes and
free operations explain nothing but what they take themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from istar.flops.policing import FLOOR_SECONDS, VOID_SHARE, is_policed
from istar.flops.timed import KindUse

MOST_TIMES = 4.0
"""How many times the time that its bill explains an operation may take. It is calibrated on slow shapes."""

CALL_TIMES = 3.0
"""How many times the time between two operations of a forward the time between two of a method's may be, on average:
with gradients it is twice as long, and on a busy machine longer still."""

MOST_BETWEEN = 8.0
"""How many times the time of the FLOPs that were computed the time between operations may be where a question is
policed: that of single tokens, which are as many operations as whole texts, is 6 times as long on SmolLM2 on a busy
machine. On questions so small that they are in no reward the time between operations is all there is."""

BETWEEN = "between operations"
THREADS = "in other threads"


@dataclass(frozen=True)
class KindRate:
    """What operations of one kind take at most where nothing is wrong, by the operation.

    Attributes:
        flop_seconds: a FLOP of a large one.
        call_seconds: a small one.
    """

    flop_seconds: float
    call_seconds: float


@dataclass(frozen=True)
class Rates:
    """What honest work costs on a machine and a target; see `istar.sandbox.calibration`.

    Attributes:
        forward_flops_per_second: of short forwards, with all that is between their operations.
        product_flops_per_second: of large products of matrices.
        between_seconds: between two operations of a short forward.
        kinds: by kind of operation.
    """

    forward_flops_per_second: float
    product_flops_per_second: float
    between_seconds: float
    kinds: Mapping[str, KindRate]

    def to_json(self) -> dict[str, Any]:
        """Return the rates as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rates:
        """Return the rates that `to_json` described."""
        return cls(**{**data, "kinds": {kind: KindRate(**rate) for kind, rate in data["kinds"].items()}})


@dataclass(frozen=True)
class Clocked:
    """What a worker says of its time.

    Attributes:
        kinds: what was billed and the time inside operations, by kind.
        main_seconds: processor time of the thread that ran the method.
    """

    kinds: Mapping[str, KindUse]
    main_seconds: float

    @property
    def inside(self) -> dict[str, float]:
        """Seconds of that thread's processor time inside operations, by kind."""
        return {kind: use.nanoseconds / 1e9 for kind, use in self.kinds.items()}


@dataclass(frozen=True)
class Witness:
    """What the processor's time says of a recording.

    Attributes:
        cpu_seconds: processor time of the worker, by the operating system's count.
        unexplained: seconds of it that nothing explains, by where they were spent: a kind of operation, `BETWEEN` or
            `THREADS`.
        allowed: how many of them may be.
        kinds: what was billed, and the time that was measured inside operations, by kind.
    """

    cpu_seconds: float = 0.0
    unexplained: Mapping[str, float] = field(default_factory=dict)
    allowed: float = 0.0
    kinds: Mapping[str, KindUse] = field(default_factory=dict)

    @property
    def unexplained_seconds(self) -> float:
        """All that nothing explains."""
        return sum(self.unexplained.values())

    @property
    def void(self) -> bool:
        """Whether more is unexplained than may be."""
        return self.unexplained_seconds > self.allowed

    @property
    def suspected(self) -> tuple[str, ...]:
        """Where more than half of what may be unexplained is, and the recording is not void: worth a look."""
        return tuple(place for place, seconds in self.unexplained.items() if 2 * seconds > self.allowed)

    @property
    def words(self) -> str:
        """Where the unexplained time was spent, most of it first, and what to do about it."""
        spent = sorted(self.unexplained.items(), key=lambda each: -each[1])
        places = ", ".join(f"{seconds:.1f} {_place(place)}" for place, seconds in spent if seconds >= 0.05)
        return f"{places}; {self._advice(spent[0][0])}" if places else ""

    def _advice(self, place: str) -> str:
        if place == THREADS:
            return "let torch alone start threads"
        if place == BETWEEN:
            return (
                f"its {sum(use.calls for use in self.kinds.values())} operations explain no more between them: do the "
                "arithmetic in torch, not in Python, and in few large operations instead of many small ones"
            )
        use = self.kinds[place]
        return (
            f"its {use.calls} {_name(place)} were billed {use.flops} FLOPs and took {use.nanoseconds / 1e9:.1f} "
            f"seconds, more than {MOST_TIMES:g} times what such a bill takes here: use others, or larger ones"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the witness as JSON values."""
        return {
            "cpu_seconds": self.cpu_seconds,
            "unexplained": dict(self.unexplained),
            "allowed": self.allowed,
            "kinds": {kind: list(use) for kind, use in self.kinds.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Witness:
        """Return the witness that `to_json` described."""
        return cls(**{**data, "kinds": {kind: KindUse(*use) for kind, use in data["kinds"].items()}})


def _name(kind: str) -> str:
    return {"free": "operations that are free", "moving": "operations that move numbers"}.get(
        kind, f"{kind} operations"
    )


def _place(place: str) -> str:
    return place if place in (BETWEEN, THREADS) else f"inside {_name(place)}"


def judged(
    clocked: Clocked, rates: Rates, *, cpu_seconds: float, empty_seconds: float, brute_flops: int | None, threads: int
) -> Witness:
    """Return what the processor's time says of a recording.

    Args:
        clocked: what the worker says of its time.
        rates: what honest work costs there.
        cpu_seconds: processor time of the worker, by the operating system's count.
        empty_seconds: that of a method that does nothing, on the same question.
        brute_flops: FLOPs of answering the question by brute force; None for a question of which they are not known,
            which is policed and has no share.
        threads: how many threads torch may use.
    """
    inside = clocked.inside
    most = {
        kind: MOST_TIMES * (use.flops * rate.flop_seconds + use.calls * rate.call_seconds)
        for kind, use in clocked.kinds.items()
        for rate in (rates.kinds[kind],)
    }
    flops = sum(use.flops for use in clocked.kinds.values())
    calls = sum(use.calls for use in clocked.kinds.values())
    between = CALL_TIMES * calls * rates.between_seconds
    if brute_flops is None or is_policed(brute_flops):
        between = min(between, MOST_BETWEEN * flops / rates.forward_flops_per_second)
    beyond = {kind: inside[kind] - most[kind] for kind in inside}
    beyond[BETWEEN] = clocked.main_seconds - sum(inside.values()) - between - empty_seconds
    # other threads work inside operations, and wait for the next one between them
    beyond[THREADS] = (
        cpu_seconds
        - clocked.main_seconds
        - (threads - 1) * (between + sum(min(inside[kind], most[kind]) for kind in inside))
    )
    return Witness(
        cpu_seconds,
        {place: seconds for place, seconds in beyond.items() if seconds > 0},
        VOID_SHARE * (brute_flops or 0) / rates.product_flops_per_second + empty_seconds + FLOOR_SECONDS,
        clocked.kinds,
    )


def together(parts: Sequence[Witness]) -> Witness:
    """Return what the processor's time says of several recordings put together, each of which was judged by itself."""
    kinds: dict[str, KindUse] = {}
    for part in parts:
        for kind, use in part.kinds.items():
            kinds[kind] = KindUse(*(a + b for a, b in zip(kinds.get(kind, (0, 0, 0)), use, strict=True)))
    unexplained: dict[str, float] = {}
    for part in parts:
        for place, seconds in part.unexplained.items():
            unexplained[place] = unexplained.get(place, 0.0) + seconds
    return Witness(sum(part.cpu_seconds for part in parts), unexplained, sum(part.allowed for part in parts), kinds)
