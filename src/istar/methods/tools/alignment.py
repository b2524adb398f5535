"""Which rows of a question are one context with parts left out.

Many tables hold a context with parts removed: examples of a prompt, sentences of a document. A method that wants to
share one pass over the whole context among such rows has to know which of its tokens each row keeps. `align` finds
that from the tokens and the structure alone, and verifies it: an alignment reproduces every row token by token, or
there is none.

Two cases are recognised. Where the structure has switch columns, the part that belongs to each switch is found from
which short token sequences occur in exactly the rows where it is on; no row needs to hold the whole context. Else a
row must be the longest row of its kind with one stretch of tokens removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from istar.methods.tools.parts import Parts, find_parts
from istar.questions import Path, QuestionView, Run

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Placement:
    """Where one path sits: what it keeps of its context, and what follows the context.

    Attributes:
        context: index into `Alignment.contexts`.
        kept: positions of the context's tokens that the path holds, ascending.
        query: the path's tokens after the context.
        reads: positions in `query` whose next-token distribution is read.
    """

    context: int
    kept: tuple[int, ...]
    query: Tokens
    reads: tuple[int, ...]


@dataclass(frozen=True)
class Alignment:
    """The rows of a question as contexts with parts left out.

    Attributes:
        contexts: whole contexts, the beginning-of-sequence token first.
    """

    contexts: tuple[Tokens, ...]
    _placements: Mapping[Path, Placement] = field(repr=False)

    def of(self, run: Run) -> tuple[Placement, ...]:
        """Return the placement of each path of a run of the question."""
        return tuple(self._placements[path] for path in run.paths)


def align(question: QuestionView) -> Alignment | None:
    """Return how the rows share contexts, or None where they do not.

    There is no alignment where a run has an intervention, where some row fits no context, and where the contexts are
    more than half as many as the paths, so that sharing them would save nothing.
    """
    if any(run.intervention is not None for run in question.runs):
        return None
    paths = [run.paths for run in question.runs]
    parts = find_parts(question, [row[0].tokens for row in paths])
    found = _align_removals(paths) if parts is None else _align_switches(question, paths, parts)
    if found is None or 2 * len(found.contexts) > len({path for row in paths for path in row}):
        return None
    return found


def _align_switches(question: QuestionView, paths: Sequence[tuple[Path, ...]], parts: Parts) -> Alignment | None:
    context, spans = parts.context()
    switches = [column.values for column in question.structure.of("switch")]
    placements: dict[Path, Placement] = {}
    kept_by_subset: dict[tuple[float, ...], tuple[int, ...]] = {}
    for row, row_paths in enumerate(paths):
        present = tuple(values[row] for values in switches)
        if present not in kept_by_subset:
            head = range(len(parts.head))
            on = [range(*spans[switch]) for switch in parts.order if present[switch]]
            kept_by_subset[present] = tuple(position for span in (head, *on) for position in span)
        kept = kept_by_subset[present]
        prefix = tuple(context[position] for position in kept)
        for path in row_paths:
            if path.tokens[: len(prefix)] != prefix or path.reads[0] < len(prefix):
                return None
            reads = tuple(read - len(prefix) for read in path.reads)
            placements[path] = Placement(0, kept, path.tokens[len(prefix) :], reads)
    return Alignment((context,), placements)


def _align_removals(paths: Sequence[tuple[Path, ...]]) -> Alignment | None:
    """Align rows that lack one stretch of a longer row with the same ending."""
    groups: dict[Tokens, list[tuple[Path, list[Path]]]] = {}
    distinct = sorted({path for row in paths for path in row}, key=lambda path: (-len(path.tokens), path.tokens))
    for path in distinct:
        bucket = groups.setdefault(path.tokens[max(0, path.reads[0] - 2) :], [])
        for whole, members in bucket:
            if _gap(path.tokens, whole.tokens) is not None:
                members.append(path)
                break
        else:
            bucket.append((path, []))
            if 2 * sum(map(len, groups.values())) > len(distinct):
                return None
    contexts: dict[Tokens, int] = {}
    placements: dict[Path, Placement] = {}
    for bucket in groups.values():
        for whole, members in bucket:
            length = min((_common_suffix(path.tokens, whole.tokens) for path in members), default=0)
            length = max(length, len(whole.tokens) - whole.reads[0])
            context = whole.tokens[: len(whole.tokens) - length]
            number = contexts.setdefault(context, len(contexts))
            for path in (whole, *members):
                before = len(path.tokens) - length
                gap = _gap(path.tokens, whole.tokens)
                if gap is None or before < 0 or path.reads[0] < before:
                    return None
                removed = len(whole.tokens) - len(path.tokens)
                kept = tuple(at if at < gap else at + removed for at in range(before))
                reads = tuple(read - before for read in path.reads)
                placements[path] = Placement(number, kept, path.tokens[before:], reads)
    return Alignment(tuple(contexts), placements)


def _gap(short: Tokens, whole: Tokens) -> int | None:
    """Return where a stretch has to be removed from `whole` to leave `short`, as late as possible; None if nowhere."""
    prefix = _common_prefix(short, whole)
    return prefix if short[prefix:] == whole[len(whole) - (len(short) - prefix) :] else None


def _common_prefix(one: Tokens, other: Tokens) -> int:
    length = min(len(one), len(other))
    return next((at for at in range(length) if one[at] != other[at]), length)


def _common_suffix(one: Tokens, other: Tokens) -> int:
    return _common_prefix(one[::-1], other[::-1])
