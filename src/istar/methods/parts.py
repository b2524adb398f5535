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
    bodies = [sequence[head : len(sequence) - tail] for sequence in sequences]
    labels = _labels(bodies, present, length)
    ends = [_ends(body, label) for body, label in zip(bodies, labels, strict=True)]
    trailing = [_common_trailing(switch, bodies, labels, ends) for switch in range(len(present))]
    tokens: list[Tokens | None] = [None] * len(present)
    before: list[set[int]] = [set() for _ in present]
    for body, row_ends in zip(bodies, ends, strict=True):
        start = 0
        seen: list[int] = []
        for switch, end in row_ends:
            stop = end + trailing[switch]
            if switch in seen or tokens[switch] not in (None, body[start:stop]):
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


def _labels(bodies: Sequence[Tokens], present: list[list[bool]], length: int) -> list[list[int]]:
    """Return for each token the switch in whose part it lies, -1 where its surroundings do not tell."""
    occurs: dict[Tokens, int] = {}
    for row, body in enumerate(bodies):
        for at in range(len(body) - length + 1):
            gram = body[at : at + length]
            occurs[gram] = occurs.get(gram, 0) | 1 << row
    owner = {sum(1 << row for row, on in enumerate(rows) if on): switch for switch, rows in enumerate(present)}
    labels = []
    for body in bodies:
        label = [-1] * len(body)
        for at in range(len(body) - length + 1):
            switch = owner.get(occurs[body[at : at + length]], -1)
            if switch >= 0:
                label[at : at + length] = [switch] * length
        labels.append(label)
    return labels


def _ends(body: Tokens, label: list[int]) -> list[tuple[int, int]]:
    """Return the switches met in a body, in order, each with one past its last labelled token."""
    ends: list[tuple[int, int]] = []
    for at in range(len(body)):
        if label[at] >= 0:
            if ends and ends[-1][0] == label[at]:
                ends.pop()
            ends.append((label[at], at + 1))
    return ends


def _common_trailing(
    switch: int, bodies: Sequence[Tokens], labels: list[list[int]], ends: list[list[tuple[int, int]]]
) -> int:
    """Return how many unlabelled tokens follow the labelled ones of a part alike in every row that has it."""
    following = []
    for body, label, row_ends in zip(bodies, labels, ends, strict=True):
        for found, end in row_ends:
            if found == switch:
                stop = next((at for at in range(end, len(body)) if label[at] >= 0), len(body))
                following.append(body[end:stop])
    return _common_length(following, from_end=False) if following else 0


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
