"""Which tokens each switch of a question puts into a row.

A part is the stretch of tokens that is in a row if and only if its switch is on. Families state switches, not tokens,
so parts are recovered: a short token sequence that occurs in exactly the rows where one switch is on lies inside that
switch's part. What is found is verified by putting rows together again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from istar.questions import QuestionView

Tokens = tuple[int, ...]

GRAM = 3
"""Length of the token sequences whose occurrence identifies a part, shortened where parts are shorter."""


@dataclass(frozen=True)
class Parts:
    """What rows are made of: the head, then the parts whose switches are on, in order, then whatever follows.

    Attributes:
        head: tokens before the first part in every row.
        tokens: the tokens of each switch's part, in the order of the switch columns.
        order: the switches, by the order in which their parts stand in rows.
    """

    head: Tokens
    tokens: tuple[Tokens, ...]
    order: tuple[int, ...]

    def context(self) -> tuple[Tokens, tuple[tuple[int, int], ...]]:
        """Return the head with all parts, and where each switch's part begins and ends in it."""
        context = self.head
        spans = [(0, 0)] * len(self.tokens)
        for switch in self.order:
            spans[switch] = (len(context), len(context) + len(self.tokens[switch]))
            context += self.tokens[switch]
        return context, tuple(spans)


def find_parts(question: QuestionView, sequences: Sequence[Tokens]) -> Parts | None:
    """Return the parts of a question's rows, or None where its switches do not put stretches of tokens in or out.

    Args:
        question: the rows and their structure.
        sequences: for each row, the tokens of its first path.
    """
    switches = question.structure.of("switch")
    if not switches:
        return None
    rows = _one_replicate(question)
    sequences = [sequences[row] for row in rows]
    present = [[column.values[row] == 1 for row in rows] for column in switches]
    if any(not any(row_has) for row_has in present):
        return None
    for length in range(GRAM, 0, -1):
        parts = _find(sequences, present, length)
        if parts is not None and _explains(parts, sequences, present):
            return parts
    return None


def _one_replicate(question: QuestionView) -> list[int]:
    """Return the rows that share all nuisance levels with the first row."""
    nuisances = [column.values for column in question.structure.of("nuisance")]
    return [row for row in range(len(question.runs)) if all(values[row] == values[0] for values in nuisances)]


def _find(sequences: Sequence[Tokens], present: list[list[bool]], length: int) -> Parts | None:
    head = _common_length(sequences, from_end=False)
    tail = min(_common_length(sequences, from_end=True), min(map(len, sequences)) - head)
    bodies = [sequence[head:] for sequence in sequences]
    ends = _last_grams([body[: len(body) - tail] for body in bodies], present, length)
    trailing = _trailing(len(present), bodies, ends, tail)
    tokens: list[Tokens | None] = [None] * len(present)
    before: list[set[int]] = [set() for _ in present]
    for body, row_ends in zip(bodies, ends, strict=True):
        start = 0
        seen: list[int] = []
        for switch, end in row_ends:
            stop = end + trailing[switch]
            if tokens[switch] not in (None, body[start:stop]):
                return None
            tokens[switch] = body[start:stop]
            before[switch].update(seen)
            seen.append(switch)
            start = stop
    if any(part is None or not part for part in tokens):
        return None
    order = _topological(before)
    return None if order is None else Parts(sequences[0][:head], tuple(part or () for part in tokens), order)


def _common_length(sequences: Sequence[Tokens], from_end: bool) -> int:
    shortest = min(map(len, sequences))
    for length in range(shortest):
        at = -1 - length if from_end else length
        if len({sequence[at] for sequence in sequences}) > 1:
            return length
    return shortest


def _last_grams(bodies: Sequence[Tokens], present: list[list[bool]], length: int) -> list[list[tuple[int, int]]]:
    """Return for each row the switches whose parts are found in it, in order, and one past what is surely theirs."""
    occurs: dict[Tokens, int] = {}
    for row, body in enumerate(bodies):
        for at in range(len(body) - length + 1):
            gram = body[at : at + length]
            occurs[gram] = occurs.get(gram, 0) | 1 << row
    owner = {sum(1 << row for row, on in enumerate(rows) if on): switch for switch, rows in enumerate(present)}
    found = []
    for body in bodies:
        ends: dict[int, int] = {}
        for at in range(len(body) - length + 1):
            switch = owner.get(occurs[body[at : at + length]])
            if switch is not None:
                ends[switch] = at + length
        found.append(sorted(ends.items(), key=lambda item: item[1]))
    return found


def _trailing(switches: int, bodies: Sequence[Tokens], ends: list[list[tuple[int, int]]], tail: int) -> list[int]:
    """Return for each part how many tokens follow what is surely its own alike in every row that has it.

    A part that only ever stands last is followed by the rows' common tail; it takes as much of the tail as the others.
    """
    following: list[list[Tokens]] = [[] for _ in range(switches)]
    to_tail: list[int | None] = [None] * switches
    always_last = [True] * switches
    for body, row_ends in zip(bodies, ends, strict=True):
        for place, (switch, end) in enumerate(row_ends):
            following[switch].append(body[end:])
            if place == len(row_ends) - 1:
                to_tail[switch] = len(body) - tail - end
            else:
                always_last[switch] = False
    common = [_common_length(each, from_end=False) if each else 0 for each in following]
    taken = max(
        (
            length - distance
            for length, distance, last in zip(common, to_tail, always_last, strict=True)
            if distance is not None and not last
        ),
        default=0,
    )
    return [
        max(0, distance + taken) if last and distance is not None else length
        for length, distance, last in zip(common, to_tail, always_last, strict=True)
    ]


def _topological(before: list[set[int]]) -> tuple[int, ...] | None:
    """Return an order in which every switch comes after those seen before it; the lowest free one first."""
    order: list[int] = []
    while len(order) < len(before):
        free = [switch for switch in range(len(before)) if switch not in order and before[switch] <= set(order)]
        if not free:
            return None
        order.append(free[0])
    return tuple(order)


def _explains(parts: Parts, sequences: Sequence[Tokens], present: list[list[bool]]) -> bool:
    """Whether head and present parts are how every row begins."""
    for row, sequence in enumerate(sequences):
        built = parts.head
        for switch in parts.order:
            if present[switch][row]:
                built += parts.tokens[switch]
        if sequence[: len(built)] != built:
            return False
    return True
