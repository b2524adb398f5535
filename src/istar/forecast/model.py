"""The document's timeline: a horizon that doubles, and the year in which it is as long as research takes.

A model released at the start completes half of the tasks that take a person h hours. The horizon doubles every D days.
What is to be automated takes a person H hours, of which the longest serial part is the share s, and a share p of the
attempts must succeed. Success falls with the logarithm of a task's length along a logistic curve, so the horizon at p
is that at a half divided by r ** (logit p / logit 0.8), where r is how many times shorter it is at 0.8. The day is then

    D * max(0, log2(s H / h) + log2(r) * logit p / logit 0.8)

days after the start. H, D, h and s are drawn independently. Each has its own stream of uniform numbers, so that two
forecasts with the same seed differ by their inputs alone.
"""

from __future__ import annotations

import itertools
import math
from calendar import isleap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from jaxtyping import Float

from istar.forecast.inputs import ForecastError, Inputs, Range
from istar.seeds import Seed

CONFIDENCE = 0.66
"""The probability of the document's interval."""
MOST_DRAWS = 10**7
YEAR = 365.2425
"""Days of a mean year of the Gregorian calendar, where there is no calendar any more."""
BINS = 200
"""Groups of draws, alike in one input, whose means tell how much of the variance it explains."""
DRAWN = ("needed_hours", "doubling_days", "start_hours", "serial_share")
"""The inputs that may be uncertain."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    "needed_hours": ("needed_hours",),
    "doubling_days": ("doubling_days",),
    "start": ("start_date", "start_hours"),
    "success_rate": ("success_rate", "ratio_50_to_80"),
    "serial_share": ("serial_share",),
}
"""Inputs that mean something only together, when two forecasts are compared."""

Draws = Float[np.ndarray, " draws"]


@dataclass(frozen=True)
class Input:
    """What an uncertain input does to a forecast.

    Attributes:
        name: its name.
        variance: the share of the variance of the year that it explains alone (Sobol's first-order index).
        low: its lower end.
        high: its upper end.
        year_at_low: the median year where it is known to be at the lower end.
        year_at_high: the median year where it is known to be at the upper end.
    """

    name: str
    variance: float
    low: float
    high: float
    year_at_low: float
    year_at_high: float


@dataclass(frozen=True)
class Forecast:
    """A distribution over years.

    Attributes:
        inputs: what it was made of.
        draws: how many times the inputs were drawn.
        seed: the root of the draws.
        median: the median year, with its fraction.
        low: the lower end of the interval.
        high: the upper end of the interval.
        confidence: the probability between both.
        reached: the share of draws in which the horizon at the start was long enough already.
        sensitivities: what each uncertain input does, the one that explains most first.
        edges: years that bound the bins of the histogram, from the first to the last percentile.
        shares: the share of all draws in each bin; without those of `reached`.
    """

    inputs: Inputs
    draws: int
    seed: int
    median: float
    low: float
    high: float
    confidence: float
    reached: float
    sensitivities: tuple[Input, ...]
    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            **asdict(self),
            "inputs": self.inputs.model_dump(mode="json"),
            "dates": {name: day_of(getattr(self, name)) for name in ("low", "median", "high")},
        }


@dataclass(frozen=True)
class Move:
    """How far a group of inputs moves the median between two forecasts.

    Attributes:
        name: the group's name.
        years: its Shapley value: the mean, over all orders in which the groups are changed, of what changing it does.
    """

    name: str
    years: float


def forecast(inputs: Inputs, draws: int = 10**6, seed: int = 0, confidence: float = CONFIDENCE) -> Forecast:
    """Return the distribution of the year.

    Args:
        inputs: the inputs.
        draws: how many times they are drawn.
        seed: the root of the draws.
        confidence: the probability of the interval.

    Raises:
        ForecastError: there are no draws, or too many to hold.
    """
    quantities = _Quantities(draws, seed)
    days = quantities.days(inputs)
    tail = (1 - confidence) / 2
    first, low, median, high, last = np.quantile(days, [0.01, tail, 0.5, 1 - tail, 0.99])
    shares, edges = np.histogram(days[days > 0], bins=80, range=(float(first), max(float(last), float(first) + 1.0)))
    uncertain = [name for name in DRAWN if not getattr(inputs, name).known]
    variance = float(days.var())

    def year(of: float) -> float:
        return year_after(inputs.start_date, of)

    def year_at(name: str, value: float) -> float:
        fixed = inputs.model_copy(update={name: Range(low=value, high=value)})
        return year(float(np.median(quantities.days(fixed))))

    sensitivities = [
        Input(
            name,
            _explained(days, quantities.uniform(name)) / variance if variance else 0.0,
            (low_end := getattr(inputs, name).low),
            (high_end := getattr(inputs, name).high),
            year_at(name, low_end),
            year_at(name, high_end),
        )
        for name in uncertain
    ]
    return Forecast(
        inputs=inputs,
        draws=draws,
        seed=seed,
        median=year(float(median)),
        low=year(float(low)),
        high=year(float(high)),
        confidence=confidence,
        reached=float((days == 0).mean()),
        sensitivities=tuple(sorted(sensitivities, key=lambda each: -each.variance)),
        edges=tuple(year(each) for each in edges.tolist()),
        shares=tuple((shares / len(days)).tolist()),
    )


def moves(before: Inputs, after: Inputs, draws: int = 10**6, seed: int = 0) -> tuple[Move, ...]:
    """Return how far each group of inputs moves the median from one forecast to another, the farthest first.

    They add up to the difference of the medians. What does not differ is left out.

    Args:
        before: the inputs of the one.
        after: the inputs of the other.
        draws: how many times they are drawn.
        seed: the root of the draws.

    Raises:
        ForecastError: there are no draws, or too many to hold.
    """
    quantities = _Quantities(draws, seed)
    changed = [name for name, fields in GROUPS.items() if any(getattr(before, f) != getattr(after, f) for f in fields)]

    def median(taken: tuple[str, ...]) -> float:
        fields = {field: getattr(after, field) for group in taken for field in GROUPS[group]}
        inputs = before.model_copy(update=fields)
        return year_after(inputs.start_date, float(np.median(quantities.days(inputs))))

    subsets = (subset for size in range(len(changed) + 1) for subset in itertools.combinations(changed, size))
    medians = {frozenset(subset): median(subset) for subset in subsets}
    return tuple(
        sorted((Move(name, _shapley(name, changed, medians)) for name in changed), key=lambda each: -abs(each.years))
    )


def _shapley(name: str, names: Sequence[str], values: Mapping[frozenset[str], float]) -> float:
    others = [each for each in names if each != name]
    return math.fsum(
        (values[frozenset((*subset, name))] - values[frozenset(subset)]) / (len(names) * math.comb(len(others), size))
        for size in range(len(names))
        for subset in itertools.combinations(others, size)
    )


class _Quantities:
    """Draws of the inputs, each made once."""

    def __init__(self, draws: int, seed: int) -> None:
        if not 0 < draws <= MOST_DRAWS:
            raise ForecastError(f"{draws} draws make no forecast; give from 1 to {MOST_DRAWS:,}, such as 100000")
        self.draws = draws
        self.seed = Seed.root(seed).split("forecast")
        self._uniform: dict[str, Draws] = {}
        self._values: dict[tuple[str, Range], Draws] = {}

    def uniform(self, name: str) -> Draws:
        """Return the uniform numbers of an input, all within (0, 1)."""
        return _once(
            self._uniform,
            name,
            # the middles of 2**52 steps: a lognormal has no quantile at 0 or at 1
            lambda: (self.seed.split(name).generator().integers(2**52, size=self.draws) + 0.5) * 2.0**-52,
        )

    def days(self, inputs: Inputs) -> Draws:
        """Return the days from the start."""
        doublings = (
            self._of("needed_hours", inputs) + self._of("serial_share", inputs) - self._of("start_hours", inputs)
        )
        reliability = math.log2(inputs.ratio_50_to_80) * _logit(inputs.success_rate) / _logit(0.8)
        return np.asarray(self._of("doubling_days", inputs) * np.maximum(doublings + reliability, 0.0))

    def _of(self, name: str, inputs: Inputs) -> Draws:
        """Return the draws of an input; of hours and shares the logarithm to base 2."""
        range_: Range = getattr(inputs, name)
        scale: Callable[[Draws], Draws] = np.asarray if name == "doubling_days" else np.log2
        if range_.known:
            return scale(np.array([range_.low]))
        return _once(self._values, (name, range_), lambda: scale(range_.at(self.uniform(name))))


def _once(known: dict[Any, Draws], key: Any, make: Callable[[], Draws]) -> Draws:
    if key not in known:
        known[key] = make()
    return known[key]


def _explained(days: Draws, uniform: Draws) -> float:
    """Return the variance of the mean of `days` given an input, by groups of draws alike in it.

    Of the variance of the groups' means as much is due to chance as draws within a group differ by, over their number.
    """
    bins = min(BINS, max(1, len(days) // 50))
    place = np.minimum((uniform * bins).astype(np.intp), bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    mean = np.bincount(place, days, minlength=bins)[filled] / count[filled]
    between = float(np.average((mean - days.mean()) ** 2, weights=count[filled]))
    by_chance = float(days.var()) * (int(filled.sum()) - 1) / len(days)
    return max(0.0, between - by_chance)


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def year_after(day: date, days: float) -> float:
    """Return the year, with its fraction, some days after a day."""
    moment = day.toordinal() + days
    if moment >= date.max.toordinal():
        return date.max.year + (moment - date(date.max.year, 1, 1).toordinal()) / YEAR
    found = date.fromordinal(int(moment))
    begin = date(found.year, 1, 1).toordinal()
    return found.year + (moment - begin) / _days_of(found.year)


def day_of(year: float) -> str | None:
    """Return the day of a year with its fraction, None after the last that a calendar has."""
    if year >= date.max.year:
        return None
    whole = int(year)
    # a rounding error less than midnight is midnight
    return (date(whole, 1, 1) + timedelta(int((year - whole) * _days_of(whole) + 1e-6))).isoformat()


def _days_of(year: int) -> int:
    return 366 if isleap(year) else 365
