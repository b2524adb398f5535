"""Which rows of a question are one run with a few tokens replaced by others.

Searches over words put one token after another in the same place of the same text. What such rows have in common is a
base run: it need not be a row itself, and a question may have several, one for each query that is asked, say. Only the
tokens that come before everything that is scored may be replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from istar.questions import QuestionView, Run

Tokens = tuple[int, ...]

STRETCH = 4
"""The most tokens from the first to the last one that is replaced."""


@dataclass(frozen=True)
class Substitution:
    """What a run has in place of its base's tokens.

    Attributes:
        base: index into `Substitutions.bases`.
        position: where the replaced stretch begins.
        tokens: what stands there instead; nothing if the run is its base.
    """

    base: int
    position: int
    tokens: Tokens


@dataclass(frozen=True)
class Substitutions:
    """The rows of a question as base runs with one short stretch of tokens replaced.

    Attributes:
        bases: runs of the plain target, with the readouts of their rows.
    """

    bases: tuple[Run, ...]
    _found: Mapping[Run, Substitution] = field(repr=False)

    def of(self, run: Run) -> Substitution:
        """Return what a run of the question replaces in its base."""
        return self._found[run]


def substitutions(question: QuestionView) -> Substitutions | None:
    """Return the base runs and what each row replaces, or None where rows are not of that form.

    They are not where a run has an intervention, where a row differs from every base by more than one stretch of
    `STRETCH` tokens, and where the bases are more than half as many as the distinct rows.
    """
    if any(run.intervention is not None for run in question.runs):
        return None
    groups: dict[object, list[Run]] = {}
    for run in dict.fromkeys(question.runs):
        first = run.paths[0].reads[0]
        groups.setdefault((first, run.tokens[first + 1 :], run.readout), []).append(run)
    distinct = sum(map(len, groups.values()))
    bases: list[Run] = []
    found: dict[Run, Substitution] = {}
    for runs in groups.values():
        tokens = np.array([run.tokens for run in runs])
        for rows in _clusters(tokens, distinct // 2 - len(bases)):
            base = _modes(tokens[rows])[0]
            for row in rows:
                first, last = _stretch(tokens[row], base)
                found[runs[row]] = Substitution(len(bases), first, runs[row].tokens[first:last])
            bases.append(Run(tuple(base.tolist()), runs[0].readout))
    return Substitutions(tuple(bases), found) if len(found) == distinct else None


def _clusters(tokens: Int[np.ndarray, "rows length"], limit: int) -> Iterator[Int[np.ndarray, " members"]]:
    """Yield the rows that share a base, which has the commonest token everywhere; nothing if they are over a limit.

    Rows of several bases are told apart at the position with the fewest different tokens for each row that lacks the
    commonest one: those are the queries, say, rather than the substitutes. Rows that are near their base but replace
    more than one token are told apart too if few tokens, none of them in most rows, stand at that position.
    """
    found: list[Int[np.ndarray, " members"]] = []
    pending = [np.arange(len(tokens))]
    while pending:
        if len(found) + len(pending) > limit:
            return
        rows = pending.pop()
        here = tokens[rows]
        base, counts, different = _modes(here)
        widest = max(last - first for first, last in (_stretch(row, base) for row in here))
        varies = np.flatnonzero(different > 1)
        if widest > 1:
            column = varies[(different[varies] / (len(rows) - counts[varies])).argmin()]
            told = 3 * counts[column] <= 2 * len(rows) and different[column] ** 2 <= len(rows)
        if widest <= 1 or (widest <= STRETCH and not told):
            found.append(rows)
        else:
            pending.extend(rows[here[:, column] == token] for token in np.unique(here[:, column]))
    yield from found


def _modes(
    rows: Int[np.ndarray, "rows length"],
) -> tuple[Int[np.ndarray, " length"], Int[np.ndarray, " length"], Int[np.ndarray, " length"]]:
    """Return the commonest token at each position, how many rows have it, and how many different ones there are."""
    base, counts = rows[0].copy(), np.full(rows.shape[1], len(rows))
    different = np.ones_like(counts)
    for position in np.flatnonzero((rows != base).any(0)):
        tokens, often = np.unique(rows[:, position], return_counts=True)
        base[position], counts[position], different[position] = tokens[often.argmax()], often.max(), len(tokens)
    return base, counts, different


def _stretch(row: Sequence[int] | Int[np.ndarray, " length"], base: Int[np.ndarray, " length"]) -> tuple[int, int]:
    """Return where the replaced stretch begins and ends; nowhere if nothing is replaced."""
    changed = np.flatnonzero(row != base)
    return (int(changed[0]), int(changed[-1]) + 1) if len(changed) else (0, 0)
