"""What a method says of rows of one's own: it runs in the jail, on runs alone, and never where values are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from istar.arms.sandboxed import SandboxArms
from istar.arms.settings import ArmSettings
from istar.flops import PriceSheet, price_sheet
from istar.questions import Composed, Organism, QuestionView, Run, build_trie
from istar.seeds import Seed
from istar.targets import Corpus, Target, build_corpus, setup_flops
from istar.uses.errors import SilentError, UseError

if TYPE_CHECKING:
    from istar.methods.side_by_side import MethodFile
    from istar.sandbox import InterpretOutcome

ROWS_AT_ONCE = 2048
CORPUS_SEQUENCES, CORPUS_LENGTH = 64, 128


@dataclass(frozen=True)
class Said:
    """What a method said of rows.

    Attributes:
        channels: a row of numbers for each run.
        flops: what that took, metered in the jail.
        interpret_flops: what interpreting the target took, once and before any question.
    """

    channels: Float[np.ndarray, "rows channels"]
    flops: int
    interpret_flops: int


@contextmanager
def opened(target: Target, *, seed: int, threads: int, unsafe: bool) -> Iterator[SandboxArms]:
    """Start one jail on a target; it ends with the context."""
    settings = ArmSettings(environment_seed=seed, threads=threads, unsafe=unsafe)
    with SandboxArms(settings, target, generic_text(target, seed), ()) as arms:
        yield arms


def generic_text(target: Target, seed: int, longest: int | None = None) -> Corpus:
    """Return the text that methods learn from, the same as in a search of this seed.

    Args:
        target: the target.
        seed: the seed.
        longest: how many tokens a sequence has at most, if fewer than in a search.
    """
    length = CORPUS_LENGTH if longest is None else min(CORPUS_LENGTH, longest)
    return build_corpus(target, CORPUS_SEQUENCES, length, Seed.root(seed))


def prices_of_runs(target: Target, runs: Sequence[Run]) -> PriceSheet:
    """Return what runs cost on a target. An organism is what a run is about, and costs nothing to set up."""
    changes = {run.intervention.key: run.intervention for run in runs if run.intervention is not None}
    priced: dict[tuple[str, ...], int] = {}
    setups: dict[str, int] = {}
    for key, change in changes.items():
        parts = change.parts if isinstance(change, Composed) else (change,)
        parts = tuple(part for part in parts if not isinstance(part, Organism))
        kind = tuple(part.cost_key for part in parts)
        if kind not in priced:
            whole = Composed(parts) if len(parts) > 1 else next(iter(parts), None)
            priced[kind] = 0 if whole is None else setup_flops(target, whole)
        setups[key] = priced[kind]
    return price_sheet(build_trie(runs), runs, target.costs, setups)


def interpreted(arms: SandboxArms, file: MethodFile, name: str) -> InterpretOutcome:
    """Return I(M): what a method learned of the jail's target from generic text, from the store or made now.

    Raises:
        MethodError: the method failed.
    """
    with arms.session(file.source, name, file.parts) as session:
        return session.interpretation()


def listen(
    arms: SandboxArms,
    file: MethodFile,
    name: str,
    view: QuestionView,
    most_flops: int,
    interpretation: InterpretOutcome | None = None,
) -> Said:
    """Return what a method says of rows.

    Rows that begin alike are given to it together, at most `ROWS_AT_ONCE` of them, so that it may compute what they
    share once.

    Args:
        arms: the jail.
        file: the method.
        name: for messages.
        view: the rows with their structure; all that the method learns of the use that is made of it.
        most_flops: what it may spend, as much as the values themselves would take.
        interpretation: what it goes by; its own of the jail's target if None.

    Raises:
        MethodError: the method failed.
        SilentError: it has nothing to say of these rows.
        UseError: it costs as much as their values, or says what is no number.
    """
    if interpretation is None:
        interpretation = interpreted(arms, file, name)
    order = np.array(sorted(range(len(view.runs)), key=lambda row: view.runs[row].tokens), dtype=np.int64)
    batches: list[Int[np.ndarray, " batch"]] = [
        order[start : start + ROWS_AT_ONCE] for start in range(0, len(order), ROWS_AT_ONCE)
    ]
    with arms.worker(file.source, name) as worker:
        found = worker.record(
            *(view, _digest(view), batches, interpretation.content),
            max_flops=most_flops,
            seed=arms.config.environment_seed,
            brute_flops=most_flops,
        )
    if found.witness.void:
        raise UseError(
            f"{name!r} took {found.witness.unexplained_seconds:.1f} seconds of processor time that its metered "
            f"operations do not explain ({found.witness.words}); `istar check` shows what it computes"
        )
    rows = sum(len(batch.rows) for batch in found.batches)
    if rows < len(order):
        raise UseError(
            f"{name!r} spent {found.total_flops:.3g} FLOPs on {rows} of {len(order)} rows, and the values of all of "
            f"them take {most_flops:.3g}: it saves nothing here; use a cheaper method"
        )
    if found.channels == 0:
        raise SilentError(f"{name!r} has nothing to say of these rows (no channel); use another method")
    channels = np.empty((len(order), found.channels))
    for batch in found.batches:
        channels[batch.rows] = batch.channels
    if not np.isfinite(channels).all():
        raise UseError(f"{name!r} said numbers that are not finite of these rows; use another method")
    return Said(channels, found.total_flops, interpretation.reading.flops)


def _digest(view: QuestionView) -> str:
    """Return what names these rows, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(view.to_json(), sort_keys=True).encode()).hexdigest()
