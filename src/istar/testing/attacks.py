"""Running whole batteries: attacks of any folder on every tier, and honest methods that must not be flagged.

A user who writes attacks of their own, or unusual methods, can hold this machine to them:

    python -m istar.testing.attacks tests/attacks/methods tests/attacks/honest

prints the counts as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from istar.methods.check_questions import sample_questions
from istar.methods.contract import MethodError
from istar.methods.fence import check_source
from istar.questions import nested_batches
from istar.sandbox.bait import Bait
from istar.sandbox.battery import LIMITS, SHIPPED, BatteryJail, Range, Verdict, check_fence, counts, read_attacks
from istar.sandbox.client import Worker
from istar.sandbox.jail.tiers import Tier, working_bubblewrap, working_landlock
from istar.sandbox.wire.requests import TargetSpec
from istar.seeds import Seed
from istar.targets.corpus import Corpus
from istar.targets.loading import load_target
from istar.targets.quiet import quiet_transformers

QUESTION = "one part removed at a time"
CORPUS = Corpus(
    ("a b c", "the lamp is green"),
    (
        (0, *b"a b c"),
        (0, *b"the lamp is green"),
    ),
)
"""Enough for `interpret` to learn from; what it learns is not judged."""


@dataclass(frozen=True)
class Flag:
    """An honest method that was flagged.

    Attributes:
        method: its name.
        wall: `fence`, or the tier it ran under.
        reason: what was said of it.
    """

    method: str
    wall: str
    reason: str


def jailing_tiers() -> tuple[Tier, ...]:
    """Return the tiers that work on this machine and are jails."""
    return tuple(tier for tier, _ in (working_bubblewrap(), working_landlock()) if tier is not None)


@contextmanager
def attack_range(tier: Tier, bait: Bait) -> Iterator[Range]:
    """Lend a jail on a tiny target whose files lie in the bait's folder.

    Args:
        tier: how it is isolated.
        bait: what attacks are after.
    """
    folder = bait.folder / "target"
    if not folder.exists():
        tiny = load_target("tiny-random")
        with quiet_transformers():
            tiny.module.save_pretrained(folder)  # type: ignore[operator]
            tiny.tokenizer.save_pretrained(folder)
        bait.settle()
    target = load_target(str(folder))
    with BatteryJail(TargetSpec.of(target), tier, LIMITS) as jail:
        yield Range(jail, sample_questions(target)[QUESTION], CORPUS, bait)


def run_battery(folder: Path, tiers: Sequence[Tier] | None = None) -> tuple[Verdict, ...]:
    """Return what becomes of every attack in a folder, and of those of `istar doctor`, at the fence and on each tier.

    Args:
        folder: holds attacks; see `istar.sandbox.battery`.
        tiers: the tiers; all that work here by default.
    """
    attacks = (*read_attacks(folder), *read_attacks(SHIPPED))
    verdicts = [check_fence(attack) for attack in attacks]
    with Bait() as bait:
        for tier in jailing_tiers() if tiers is None else tiers:
            with attack_range(tier, bait) as shooting:
                verdicts += [shooting.run(attack) for attack in attacks if attack.fate is not None]
    return tuple(verdicts)


def flag_of(method: Path, shooting: Range) -> Flag | None:
    """Return why a method is flagged on a tier, or None if it is not.

    Args:
        method: the method's file.
        shooting: where it is run, without bait.
    """
    source, tier = method.read_text(encoding="utf-8"), shooting.jail.tier.name
    faults = check_source(source)
    if faults:
        return Flag(method.stem, "fence", "; ".join(map(str, faults)))
    batches = nested_batches(shooting.view.structure, Seed.root(0))
    try:
        worker = Worker(source, shooting.jail.target, name=method.stem, jail=shooting.jail, limits=LIMITS)
        content = worker.interpret(shooting.corpus).content
        recording = worker.record(shooting.view, "h" * 64, batches, content)
    except MethodError as error:
        return Flag(method.stem, tier, str(error))
    if recording.witness.void:
        return Flag(method.stem, tier, f"seconds that are not explained: {recording.witness.words}")
    return None


def run_honest(folder: Path, tiers: Sequence[Tier] | None = None) -> tuple[int, tuple[Flag, ...]]:
    """Return how many honest methods were tried, over all tiers, and which of them were flagged."""
    methods = sorted(folder.glob("*.py"))
    chosen = jailing_tiers() if tiers is None else tiers
    flags: list[Flag] = []
    with Bait() as bait:
        for tier in chosen:
            with attack_range(tier, bait) as shooting:
                flags += [flag for flag in (flag_of(method, shooting) for method in methods) if flag is not None]
    return len(methods) * len(chosen), tuple(flags)


def battery_counts(attacks: Path, honest: Path) -> dict[str, Any]:
    """Return the counts of both folders on this machine as JSON values."""
    started = time.perf_counter()
    found = counts(run_battery(attacks))
    tried, flags = run_honest(honest)
    found["honest"] = {"tried": tried, "flagged": [vars(flag) for flag in flags]}
    found["seconds"] = time.perf_counter() - started
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(battery_counts(Path(sys.argv[1]), Path(sys.argv[2])), indent=2) + "\n")
