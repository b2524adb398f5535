"""The rule that turns evidence into odds over the five scenarios, and what would change them.

Odds are the document's priors times one likelihood ratio an aspect. What a measure is worth is counted, on planted
methods that are each scenario by construction (`benchmarks/planted_scenarios.py`): how often its value lies in each of
a few bins. With n planted methods of a scenario that have the measure, c of them in one of k bins, the bin has under
the scenario the probability

    DOUBT / k + (1 - DOUBT) (c + 1/k) / (n + 1)

the part `DOUBT` for what is unlike all that was planted. Evidence counts by how its bootstrap draws lie in the bins, so
that a wide interval says little. Measures of one aspect say much the same, so that their geometric mean counts; aspects
count as independent. What is missing has the ratio 1.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from istar.scenarios.errors import ScenarioError
from istar.scenarios.evidence import Evidence

SCENARIOS = {
    1: "full decompilation",
    2: "a decomposition that recovers much",
    3: "a bag of task-specific heads",
    4: "a functional optimiser",
    5: "something else",
}
PRIORS = (5.0, 35.0, 25.0, 15.0, 20.0)
"""The document's credences, in percent."""
DOUBT = 0.3
"""The probability that a measure is unlike those of all planted methods."""


@dataclass(frozen=True)
class Measure:
    """One kind of evidence.

    Attributes:
        about: what it is.
        edges: between its bins, ascending.
    """

    about: str
    edges: tuple[float, ...]

    @property
    def bins(self) -> tuple[tuple[float, float], ...]:
        """The lower and upper end of every bin."""
        ends = (-np.inf, *self.edges, np.inf)
        return tuple(pairwise(ends))

    def weights(self, evidence: Evidence) -> Float[np.ndarray, " bins"]:
        """Return how evidence that was measured lies in the bins."""
        assert evidence.value is not None
        found = np.zeros(len(self.edges) + 1)
        for draw in evidence.draws or (evidence.value,):
            found[bisect_right(self.edges, draw)] += 1
        shares: Float[np.ndarray, " bins"] = found / found.sum()
        return shares


MEASURES = {
    "explained": Measure(
        "share of the FLOP orders of magnitude between no method and the truth", (0.05, 0.3, 0.6, 0.9)
    ),
    "student": Measure("share of its gain that a functional student of equal cost gets", (0.2, 0.5, 0.8)),
    "transfer": Measure("gain on families it was not chosen on, over that on the others", (0.1, 0.4, 0.8)),
    "evenness": Measure("effective share of the families that gain", (0.25, 0.5, 0.75)),
    "length": Measure("log10 of the questions of each task that pay for source and I(M)", (2.0, 3.0, 4.0)),
    "sharing": Measure("how alike tasks use the components of I(M)", (0.2, 0.6, 0.9)),
    "triggers": Measure("how surely it points at what was built into organisms", (0.6, 0.8, 0.95)),
}
ASPECTS = {
    "left unexplained": ("explained",),
    "functional student": ("student",),
    "task-specific": ("transfer", "evenness"),
    "length and level of analysis": ("length", "sharing"),
    "ontology": ("triggers",),
}
"""The document's five kinds of evidence, and what is measured of each."""


@dataclass(frozen=True)
class Likelihoods:
    """What evidence is worth: of planted methods of each scenario, how many had a measure in each bin.

    Attributes:
        counts: by measure and scenario.
    """

    counts: Mapping[str, Mapping[int, tuple[float, ...]]]

    def __post_init__(self) -> None:
        """Check that there is a count for every bin.

        Raises:
            ScenarioError: there is not.
        """
        for name, measure in MEASURES.items():
            mine = self.counts.get(name, {})
            if set(mine) != set(SCENARIOS) or any(len(row) != len(measure.bins) for row in mine.values()):
                raise ScenarioError(
                    f"the table of likelihoods has no count of {name!r} for each of {len(SCENARIOS)} scenarios and "
                    f"{len(measure.bins)} bins; make it anew with `python benchmarks/planted_scenarios.py`"
                )
            if any(not 0 <= each < np.inf for row in mine.values() for each in row):
                raise ScenarioError(f"the table of likelihoods has counts of {name!r} that are none")

    def of(self, name: str) -> Float[np.ndarray, "scenarios bins"]:
        """Return the probability of every bin of a measure under every scenario."""
        counts = np.array([self.counts[name][scenario] for scenario in SCENARIOS])
        bins = counts.shape[1]
        counted = (counts + 1 / bins) / (counts.sum(1, keepdims=True) + 1)
        found: Float[np.ndarray, "scenarios bins"] = DOUBT / bins + (1 - DOUBT) * counted
        return found

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            name: {str(scenario): list(row) for scenario, row in mine.items()} for name, mine in self.counts.items()
        }


def learn(cases: Sequence[tuple[int, Mapping[str, Evidence]]]) -> Likelihoods:
    """Count planted methods.

    Args:
        cases: the scenario of each, and its evidence by measure.
    """
    counts = {name: {scenario: np.zeros(len(each.bins)) for scenario in SCENARIOS} for name, each in MEASURES.items()}
    for scenario, evidence in cases:
        for name, each in evidence.items():
            if each.value is not None:
                counts[name][scenario] += MEASURES[name].weights(each)
    return Likelihoods(
        {
            name: {scenario: tuple(np.round(row, 4).tolist()) for scenario, row in mine.items()}
            for name, mine in counts.items()
        }
    )


@cache
def likelihoods() -> Likelihoods:
    """Return the table that is shipped.

    Raises:
        ScenarioError: it cannot be read.
    """
    try:
        stored = json.loads((files("istar.scenarios") / "likelihoods.json").read_text(encoding="utf-8"))
        return from_json(stored["counts"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScenarioError(f"the table of likelihoods cannot be read: {error}; install istar anew") from error


def from_json(counts: Mapping[str, Any]) -> Likelihoods:
    """Return what `to_json` described."""
    return Likelihoods(
        {name: {int(key): tuple(map(float, row)) for key, row in mine.items()} for name, mine in counts.items()}
    )


@dataclass(frozen=True)
class Change:
    """A value of one measure, all else equal, with which another scenario is the most probable.

    Attributes:
        name: the measure.
        low, high: the bin that the value would have to lie in.
        by: by how much the value would have to change; None where it was not measured.
        scenario: the most probable scenario then.
        probability: its probability.
    """

    name: str
    low: float
    high: float
    by: float | None
    scenario: int
    probability: float


@dataclass(frozen=True)
class Verdict:
    """Odds over the scenarios.

    Attributes:
        priors: by scenario, adding up to 1.
        odds: the same given the evidence.
        ratios: by aspect and scenario, the probability of the evidence under the scenario over that under the priors.
        measures: the same by measure; of those that were measured.
        changes: what would change the most probable scenario, the nearest first.
    """

    priors: Mapping[int, float]
    odds: Mapping[int, float]
    ratios: Mapping[str, Mapping[int, float]]
    measures: Mapping[str, Mapping[int, float]]
    changes: tuple[Change, ...]

    @property
    def scenario(self) -> int:
        """The most probable one."""
        return max(self.odds, key=lambda each: self.odds[each])


def check_priors(priors: Sequence[float]) -> Float[np.ndarray, " scenarios"]:
    """Return priors so that they add up to 1.

    Raises:
        ScenarioError: they are no weights of five scenarios.
    """
    given = np.array(priors, dtype=np.float64)
    if len(given) != len(SCENARIOS) or not np.isfinite(given).all() or (given < 0).any() or given.sum() <= 0:
        shown = ",".join(f"{each:g}" for each in priors)
        raise ScenarioError(
            f"{shown!r} are no priors; give {len(SCENARIOS)} numbers from 0 on, one for each scenario in their order, "
            f"such as --priors {','.join(f'{each:g}' for each in PRIORS)}"
        )
    shares: Float[np.ndarray, " scenarios"] = given / given.sum()
    return shares


def numbers(text: str) -> tuple[float, ...]:
    """Return the numbers in a text, separated by commas.

    Raises:
        ScenarioError: one is none.
    """
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError:
        raise ScenarioError(
            f"{text!r} are no priors; give {len(SCENARIOS)} numbers, one for each scenario in their order, such as "
            f"--priors {','.join(f'{each:g}' for each in PRIORS)}"
        ) from None


def judge(
    evidence: Mapping[str, Evidence], priors: Sequence[float] = PRIORS, table: Likelihoods | None = None
) -> Verdict:
    """Return the odds over the scenarios.

    Args:
        evidence: by measure; one that is not there counts as missing.
        priors: weights of the scenarios, in their order.
        table: what evidence is worth; the one that is shipped if None.

    Raises:
        ScenarioError: the priors are none.
    """
    weights, known = check_priors(priors), table or likelihoods()
    said = {
        name: known.of(name) @ MEASURES[name].weights(each) for name, each in evidence.items() if each.value is not None
    }
    odds = _odds(weights, said)

    def relative(row: Float[np.ndarray, " scenarios"]) -> dict[int, float]:
        return _by_scenario(row / (weights @ row))

    return Verdict(
        _by_scenario(weights),
        _by_scenario(odds),
        {aspect: relative(_combined(names, said)) for aspect, names in ASPECTS.items()},
        {name: relative(row) for name, row in said.items()},
        _changes(evidence, weights, said, known, int(odds.argmax())),
    )


def _combined(
    names: Sequence[str], said: Mapping[str, Float[np.ndarray, " scenarios"]]
) -> Float[np.ndarray, " scenarios"]:
    """Return the geometric mean of what the measures of an aspect say; ones where there are none."""
    found = [np.log(said[name]) for name in names if name in said]
    return np.exp(np.mean(found, axis=0)) if found else np.ones(len(SCENARIOS))


def _odds(
    weights: Float[np.ndarray, " scenarios"], said: Mapping[str, Float[np.ndarray, " scenarios"]]
) -> Float[np.ndarray, " scenarios"]:
    odds = weights * np.prod([_combined(names, said) for names in ASPECTS.values()], axis=0)
    shares: Float[np.ndarray, " scenarios"] = odds / odds.sum()
    return shares


def _changes(
    evidence: Mapping[str, Evidence],
    weights: Float[np.ndarray, " scenarios"],
    said: Mapping[str, Float[np.ndarray, " scenarios"]],
    known: Likelihoods,
    top: int,
) -> tuple[Change, ...]:
    found = []
    for name, measure in MEASURES.items():
        value = evidence[name].value if name in evidence else None
        for place, (low, high) in enumerate(measure.bins):
            if value is not None and bisect_right(measure.edges, value) == place:
                continue
            odds = _odds(weights, {**said, name: known.of(name)[:, place]})
            if (best := int(odds.argmax())) != top:
                by = None if value is None else (low - value if value < low else high - value)
                found.append(Change(name, low, high, by, list(SCENARIOS)[best], float(odds[best])))
    return tuple(sorted(found, key=lambda each: (each.by is None, abs(each.by or 0.0), -each.probability)))


def _by_scenario(values: Float[np.ndarray, " scenarios"]) -> dict[int, float]:
    return dict(zip(SCENARIOS, values.tolist(), strict=True))
