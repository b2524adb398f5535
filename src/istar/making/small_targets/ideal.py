"""What a reader who knows `tiny-exact`'s language exactly would expect: the reference the trained model is held to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from istar.targets.small.tiny_exact import (
    DIGITS,
    EXAMPLES,
    FEWEST_LINES,
    KINDS,
    LETTERS,
    LIE,
    LONGEST_WALK,
    MOST_LINES,
    NOISE,
    SHORTEST_WALK,
    WALK,
    Kind,
    header,
    shifted_rule,
    walk_probabilities,
)

Shot = tuple[str, str]
"""A key and the answer that was shown for it."""


def shots_of(text: str) -> tuple[str, tuple[Shot, ...]]:
    """Return the header's digit of a list of examples, empty if it has none, and its complete lines."""
    lines = text.splitlines()
    begin = lines[0] if lines and lines[0] in DIGITS else ""
    return begin, tuple((each[0], each[2]) for each in lines[bool(begin) :] if len(each) == 3)


def answer_probabilities(shots: Sequence[Shot], key: str, begin: str = "") -> Mapping[str, float]:
    """Return the probability of each letter as the next answer: Bayes' rule over all rules of the language.

    Args:
        shots: the examples shown.
        key: the key that is asked about.
        begin: the header's digit, empty where there is no header.
    """
    found = dict.fromkeys(LETTERS, 0.0)
    for weight, answers in _hypotheses(shots, key, begin):
        for letter, share in answers.items():
            found[letter] += weight * share
    total = sum(found.values())
    return {letter: share / total for letter, share in found.items()}


def document_log_probability(document: str) -> float:
    """Return the natural logarithm of a whole document's probability, its end included."""
    if document.startswith(WALK):
        lengths = LONGEST_WALK - SHORTEST_WALK + 1
        steps = (walk_probabilities(document[:place])[document[place]] for place in range(1, len(document)))
        return math.log((1 - EXAMPLES) / lengths) + sum(math.log(step) for step in steps)
    begin, shots = shots_of(document)
    likelihood = sum(weight for weight, _ in _hypotheses(shots, LETTERS[0], begin))
    lengths = MOST_LINES - FEWEST_LINES + 1
    # A header is there or not with probability 1/2 each.
    return math.log(EXAMPLES * 0.5 / lengths * likelihood) - len(shots) * math.log(len(LETTERS))


def _shown(answer: str, right: str) -> float:
    """Return the probability that a line shows an answer where another, or the same, is right."""
    return NOISE / len(LETTERS) + (1 - NOISE) * (answer == right)


def _prior(kind: Kind, begin: str) -> float:
    """Return the probability of a kind of rules together with the header's digit, given whether there is a header."""
    if not begin:
        return KINDS[kind]
    return KINDS[kind] * (1 - LIE if header(kind)[0] == begin else LIE / (len(KINDS) - 1))


def _hypotheses(shots: Sequence[Shot], key: str, begin: str) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield how probable rule, header and shown answers are, and what each rule expects of a key.

    The `own` rules are summed in closed form: under them the keys' answers are independent.
    """
    for shift in range(len(LETTERS)):
        rule = shifted_rule(shift)
        weight = _prior(rule.kind, begin) / (1 if rule.kind == "habit" else len(LETTERS) - 1)
        for asked, answer in shots:
            weight *= _shown(answer, rule(asked))
        yield weight, {letter: _shown(letter, rule(key)) for letter in LETTERS}
    weight, posterior = _prior("own", begin), dict.fromkeys(LETTERS, 1 / len(LETTERS))
    for asked in LETTERS:
        likelihood = dict.fromkeys(LETTERS, 1 / len(LETTERS))
        for other, answer in shots:
            if other == asked:
                likelihood = {right: share * _shown(answer, right) for right, share in likelihood.items()}
        total = sum(likelihood.values())
        weight *= total
        if asked == key:
            posterior = {right: share / total for right, share in likelihood.items()}
    yield (
        weight,
        {letter: sum(share * _shown(letter, right) for right, share in posterior.items()) for letter in LETTERS},
    )
