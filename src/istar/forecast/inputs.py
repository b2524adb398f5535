"""What a forecast is made of: distributions of its inputs, named sets of them, and files that state them."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from scipy.special import ndtri

from istar.errors import IstarError
from istar.files import read_text

Positive = Annotated[float, Field(gt=0, le=1e9)]
"""Hours, days or a share; more is a slip of the hand."""


class ForecastError(IstarError):
    """Inputs that no forecast can be made of."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Range(_Frozen):
    """A positive quantity that is not known exactly; `low` equal to `high` is one that is.

    With `lognormal`, `low` and `high` are quantiles with `mass` between them and as much below as above. A `median`
    that is not their geometric mean makes the two halves of the logarithm's normal distribution of different width.
    With `uniform` and `loguniform` they are the least and the greatest value.
    """

    low: Positive
    """The lower end."""
    high: Positive
    """The upper end."""
    median: Positive | None = None
    """The median, of a `lognormal` alone; the geometric mean of the ends if it is not stated."""
    mass: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """The probability between the ends, of a `lognormal` alone."""
    shape: Literal["lognormal", "uniform", "loguniform"] = "lognormal"
    """The family of the distribution."""

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError(f"the lower end, {self.low:g}, lies above the upper one, {self.high:g}; swap them")
        if self.shape != "lognormal" and {"median", "mass"} & self.model_fields_set:
            raise ValueError(f"a {self.shape} range has hard ends; state `median` and `mass` of a lognormal one alone")
        if self.median is not None and not self.low <= self.median <= self.high:
            raise ValueError(f"the median, {self.median:g}, must lie between {self.low:g} and {self.high:g}")
        return self

    @property
    def known(self) -> bool:
        """Whether the quantity is known exactly."""
        return self.low == self.high

    def at(self, probability: Float[np.ndarray, " draws"]) -> Float[np.ndarray, " draws"]:
        """Return the quantiles at some probabilities between 0 and 1."""
        if self.shape == "uniform":
            return self.low + (self.high - self.low) * probability
        low, high = math.log(self.low), math.log(self.high)
        if self.shape == "loguniform":
            return np.asarray(np.exp(low + (high - low) * probability))
        middle = (low + high) / 2 if self.median is None else math.log(self.median)
        score = ndtri(probability)
        end = float(ndtri((1 + self.mass) / 2))
        width = np.where(score < 0, middle - low, high - middle) if self.median is not None else (high - low) / 2
        return np.asarray(np.exp(middle + width / end * score))

    def __str__(self) -> str:
        """Return it as flags and tables show it."""
        return f"{self.low:g}" if self.known else f"{self.low:g}..{self.high:g}"


class Inputs(_Frozen):
    """The inputs of the document's timeline.

    A range is stated as a number, as a pair of ends, as the text `LOW..HIGH`, or with all of its fields.
    """

    needed_hours: Range = Range(low=40, high=1000)
    """Hours that a person needs for what is to be automated: developing a new paradigm."""
    doubling_days: Range = Range(low=100, high=250)
    """Days in which the length of tasks that models complete doubles."""
    start_date: date = date(2025, 2, 24)
    """When a model with the horizon `start_hours` was there; by default that of Claude 3.7 Sonnet."""
    start_hours: Range = Range(low=1, high=1)
    """Hours that people need for the tasks which half of that model's attempts complete."""
    success_rate: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """The share of attempts that must succeed; horizons are measured at 0.5."""
    ratio_50_to_80: Annotated[float, Field(gt=1, le=1e6)] = 7.6
    """How many times longer the horizon at a success rate of 0.5 is than at 0.8; other rates follow the logistic curve
    over the logarithm of time that horizons are read from."""
    serial_share: Range = Range(low=1, high=1)
    """The share of `needed_hours` that the longest serial part takes, if the rest can be done in parallel; 1 if all of
    it is serial."""

    @field_validator("needed_hours", "doubling_days", "start_hours", "serial_share", mode="before")
    @classmethod
    def _range(cls, stated: Any, info: Any) -> Any:
        return _stated_range(stated, shape="uniform" if info.field_name == "serial_share" else "lognormal")

    @model_validator(mode="after")
    def _possible(self) -> Inputs:
        share = self.serial_share
        if share.high > 1:
            raise ValueError(f"serial_share {share} is a share of the hours needed; give at most 1")
        if share.shape == "lognormal" and not share.known:
            raise ValueError("serial_share cannot be lognormal, which has no greatest value; make it uniform")
        return self


def _stated_range(stated: Any, shape: str) -> Any:
    """Return the fields of a range that was stated in one of its short forms; anything else as it is."""
    if isinstance(stated, str):
        ends = stated.split("..")
        try:
            numbers = [float(each) for each in ends]
        except ValueError:
            numbers = []
        if len(numbers) not in (1, 2):
            raise ValueError(f"{stated!r} is no range; give a number such as 160, or LOW..HIGH such as 40..1000")
        return _stated_range(numbers[0] if len(numbers) == 1 else numbers, shape)
    if isinstance(stated, int | float) and not isinstance(stated, bool):
        return {"low": stated, "high": stated}
    if isinstance(stated, list | tuple):
        if len(stated) != 2:
            raise ValueError(f"a range has two ends, not {len(stated)}")
        return {"low": stated[0], "high": stated[1], "shape": shape}
    return stated


@dataclass(frozen=True)
class Preset:
    """A named set of inputs.

    Attributes:
        inputs: the inputs.
        sources: where each figure is from, and what is to be known of it.
    """

    inputs: Inputs
    sources: tuple[str, ...]


PRESETS: Mapping[str, Preset] = {
    "document": Preset(
        Inputs(),
        (
            "40 to 1,000 hours and 100 to 250 days: the document. It shows its distributions in a figure; here they "
            "are lognormal with 80% between the ends, which gives its 2027 to 2030 at 66%.",
            "1 hour at 50%, Claude 3.7 Sonnet of 24 February 2025: the best model in METR's study of March 2025, when "
            "the document was published.",
            "The ratio of horizons at 50% and at 80%: 320 and 42 minutes for Claude Opus 4.5 "
            "(https://metr.org/blog/2026-1-29-time-horizon-1-1/, https://www.lesswrong.com/posts/sBEzomgnYJmYHki9T/). "
            "It plays no part at a success rate of 0.5.",
        ),
    ),
    "metr-2026": Preset(
        Inputs(
            doubling_days=Range(low=105, high=157, median=128.7, mass=0.95),
            start_date=date(2026, 4, 7),
            start_hours=Range(low=8.5, high=55, median=16, mass=0.95),
        ),
        (
            "Doubling in 128.7 days (95% interval 105 to 157): models from 2023 to February 2026 under METR's Time "
            "Horizon 1.1 (https://buttondown.com/anatol/archive/are-ai-time-horizons-still-doubling/; 131 days in "
            "https://metr.org/blog/2026-1-29-time-horizon-1-1/). From 2024 on METR finds 89 days, since 2019 196.",
            "At least 16 hours at 50% (95% interval 8.5 to 55): an early Claude Mythos Preview, which METR evaluated "
            "in March 2026 (https://digg.com/ai/9x3pz8ed) and Anthropic described on 7 April 2026.",
            "Saturation: METR's tasks hardly go beyond what this model completes. METR calls what it measures above 16 "
            "hours unreliable with them (https://thedailyscout.com/s/0RZI8eTn6MQ), so the start may be later than it "
            "seems or earlier, and all longer horizons are extrapolated.",
            "40 to 1,000 hours as in the document.",
        ),
    ),
}
"""Named sets of inputs; the first is the default."""


def forecast_inputs(settings: Mapping[str, Any], where: str, preset: str = "document") -> Inputs:
    """Return the inputs of a preset with some of them stated otherwise.

    Args:
        settings: inputs by name, in any form that `Inputs` takes.
        where: where they were stated, for messages.
        preset: the preset's name.

    Raises:
        ForecastError: there is no such preset or input, or one is out of range; the message names each.
    """
    if preset not in PRESETS:
        raise ForecastError(f"{where}: there is no preset {preset!r}; there are: {', '.join(PRESETS)}")
    base = PRESETS[preset].inputs
    try:
        found = Inputs.model_validate({name: getattr(base, name) for name in Inputs.model_fields} | dict(settings))
    except ValidationError as error:
        raise ForecastError(f"{where}: {'; '.join(map(_fault, error.errors()))}") from error
    if "start_date" in settings and found.start_date > date.today():
        raise ForecastError(
            f"{where}: start_date {found.start_date} lies in the future; state when a model of the start's horizon was "
            "there"
        )
    return found


def _fault(fault: Mapping[str, Any]) -> str:
    place, said = ".".join(map(str, fault["loc"])), str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        known = Inputs.model_fields if len(fault["loc"]) == 1 else Range.model_fields
        close = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
        hint = f"; did you mean {close[0]}? There are" if close else "; there are"
        said = f"no such input{hint} {', '.join(known)}"
    return f"{place}: {said}" if place else said


def read_inputs(path: Path) -> dict[str, Any]:
    """Return what a TOML file states: inputs by name, and perhaps the preset that they change.

    Raises:
        ForecastError: it is no TOML.
        StorageError: it cannot be read.
    """
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ForecastError(
            f"{path} is not TOML: {error}; a line is NAME = VALUE, such as needed_hours = [40, 1000]"
        ) from error
