"""What an agent's calls do: everything that it can bring about, on one question."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.errors import IstarError
from istar.executors.language_model import calculator
from istar.executors.language_model.calculator import CalculatorError
from istar.executors.language_model.tools import (
    Arguments,
    AskStatistician,
    Buy,
    Compute,
    Describe,
    GiveAnswer,
    Numbers,
    Predict,
    ToolError,
    parsed_call,
)
from istar.flops import BudgetExceededError, Meter

if TYPE_CHECKING:
    from istar.chat import ToolCall
    from istar.executors.language_model.adviser import Adviser
    from istar.executors.language_model.till import Till
    from istar.executors.statistician.answers import Answer
    from istar.questions import Run

MOST_SHOWN = 64
"""Numbers of an array that a result shows."""
LONGEST_TEXT = 400
"""Characters of a row's text that are shown."""
LARGEST = 1e12
"""No output of a question is as large; beyond, losses could overflow."""
MOST_NAMES, MOST_KEPT = 64, 2**22
"""Results of the calculator that may be kept by name, and numbers in all of them."""
DOUBLE = 2
"""Operations in float64 count twice."""


@dataclass(frozen=True)
class Reputation:
    """How a method's channels went with values on other questions of the task.

    Attributes:
        questions: on how many it was heard.
        correlations: of each channel with the values, mean over these.
    """

    questions: int
    correlations: tuple[float, ...]


class Desk:
    """Answers the calls of an agent.

    Args:
        till: pays.
        adviser: the statistician.
        reputation: of the method; None in the black-box arm, and of a stranger.
        summary: of the method's interpretation, in its own words; empty if there is none.

    Attributes:
        refused: how many calls were refused.
    """

    def __init__(self, till: Till, adviser: Adviser, reputation: Reputation | None, summary: str = "") -> None:
        """See the class docstring."""
        self._till, self._adviser, self._reputation, self._summary = till, adviser, reputation, summary
        self._market = till.market
        self._blind = till.answer
        self._advice: Answer | None = None
        self._kept: dict[str, Tensor] = {}
        self._columns = _column_names([column.name for column in self._market.structure.columns])
        self.refused = 0

    def call(self, call: ToolCall) -> tuple[dict[str, Any], bool]:
        """Do what a call asks, and return what the agent is told and whether its answer was final."""
        final = False
        try:
            if self._till.over:
                raise ToolError("the budget is spent; nothing is done any more")
            asked = parsed_call(call, self._market.channel_count > 0)
            result = self._done(asked)
            final = isinstance(asked, GiveAnswer) and asked.final
        except IstarError as error:
            self.refused += 1
            result = {"error": str(error)}
        return {**result, "spent": self._market.spent, "left": self._till.left}, final

    def _done(self, asked: Arguments) -> dict[str, Any]:
        if isinstance(asked, Describe):
            return self._describe(asked)
        if isinstance(asked, Buy):
            return self._buy(self._rows(asked.rows))
        if isinstance(asked, Predict):
            return self._offer() if asked.rows is None else self._predict(self._rows(asked.rows))
        if isinstance(asked, AskStatistician):
            advice = self._adviser.answer()
            self._advice = advice
            return {"answer": shown(advice.centre), "standard_deviations": shown(advice.spread)}
        if isinstance(asked, Compute):
            return self._compute(asked)
        assert isinstance(asked, GiveAnswer)
        self._answer(asked)
        stated = {} if asked.standard_deviations is None else {"standard_deviations": shown(self._till.spread)}
        return {"answer": shown(self._till.answer), **stated}

    # What each tool does

    def _describe(self, asked: Describe) -> dict[str, Any]:
        market = self._market
        rows = market.structure.rows
        functional = market.functional
        return {
            "functional": {"about": (functional.__doc__ or "").partition("\n")[0], **_short(functional.to_json())},
            "outputs": len(self._blind),
            "answer_that_stands": shown(self._till.answer),
            "rows": rows,
            "sealed_rows": int(market.sealed.sum()),
            "bought": int(market.bought.sum()),
            "budget": int(market.checkpoints[-1]),
            "next_checkpoint": market.next_checkpoint,
            "price_of_a_row": {"least": _least(market.bill.marginal(), market.on_sale), "all_others": self._rest()},
            "structure": [
                {"array": name, "name": column.name, "role": column.role, "levels": len(set(column.values))}
                for name, column in zip(self._columns, market.structure.columns, strict=True)
            ],
            "arrays": sorted(self._names()),
            "functions": "answer_of(column) gives the answer of a whole column of values; see also `compute`",
            "shown_rows": [self._row(row) for row in range(asked.first, min(rows, asked.first + asked.rows))],
        }

    def _row(self, row: int) -> dict[str, Any]:
        market = self._market
        run: Run = market.view.runs[row]
        text = market.text(row)
        about = {"row": row, "text": text[:LONGEST_TEXT], "readout": _short(run.readout.to_json())}
        if len(text) > LONGEST_TEXT:
            about["characters"] = len(text)
        if run.intervention is not None:
            about["intervention"] = _short(run.intervention.to_json())
        structure = {column.name: column.values[row] for column in market.structure.columns}
        value = {"value": _number(market.known_values[row])} if market.bought[row] else {}
        return {**about, "structure": structure, "price": int(market.bill.price([row])), **value}

    def _rest(self) -> int:
        return int(self._market.bill.price(np.flatnonzero(self._market.on_sale)))

    def _buy(self, rows: Int[np.ndarray, " rows"]) -> dict[str, Any]:
        market, till = self._market, self._till
        sealed = rows[market.sealed[rows]]
        if len(sealed):
            raise ToolError(f"row {sealed[0]} is sealed: nobody may buy it; nothing was bought")
        price = int(market.bill.price(rows))
        if price > till.left:
            raise ToolError(
                f"these {len(rows)} rows cost {price} FLOPs, and {till.left} are left; nothing was bought: buy fewer"
            )
        return {"price": price, "values": shown(till.buy(rows))}

    def _offer(self) -> dict[str, Any]:
        market = self._market
        offer = market.channel_offer()
        said: dict[str, Any] = {
            "channels": market.channel_count,
            "batches": [len(rows) for rows in market.batch_rows],
            "batches_bought": market.channel_batches,
        }
        if offer is not None:
            said["next_batch"] = {"price": offer.flops, "rows": shown(offer.rows.astype(np.float64))}
        if self._reputation is not None:
            correlations = shown(np.array(self._reputation.correlations))
            said["on_other_questions"] = {"heard": self._reputation.questions, "correlations": correlations}
        if self._summary:
            said["summary_in_its_own_words"] = self._summary
        return said

    def _predict(self, rows: Int[np.ndarray, " rows"]) -> dict[str, Any]:
        market, till = self._market, self._till
        told_of = np.zeros(market.structure.rows, dtype=bool)
        for batch in market.batch_rows:
            told_of[batch] = True
        if not told_of[rows].all():
            raise ToolError(f"the method says nothing of row {rows[~told_of[rows]][0]}; nothing was bought")
        before = market.channel_flops
        while market.channels is None or not np.isfinite(market.channels[rows]).all():
            offer = market.channel_offer()
            assert offer is not None
            if offer.flops > till.left:
                raise ToolError(
                    f"the next batch costs {offer.flops} FLOPs, and {till.left} are left; "
                    f"{market.channel_flops - before} were spent on batches before it, which are in `channels`"
                )
            till.buy_channels(offer)
        return {"price": market.channel_flops - before, "channels": shown(market.channels[rows])}

    def _compute(self, asked: Compute) -> dict[str, Any]:
        name = asked.name
        if name and (not name.isidentifier() or keyword.iskeyword(name) or name in {*_RESERVED, *self._columns}):
            raise ToolError(f"no result can be called {name!r}; take a word of letters that is not in use")
        found = self._evaluated(asked.expression)
        if name:
            kept = {**self._kept, name: found}
            if len(kept) > MOST_NAMES or sum(each.numel() for each in kept.values()) > MOST_KEPT:
                raise ToolError(f"no more than {MOST_NAMES} results of {MOST_KEPT} numbers in all are kept by name")
            self._kept = kept
        return {"shape": list(found.shape), "result": shown(found.double().numpy())}

    def _answer(self, asked: GiveAnswer) -> None:
        values = self._numbers(asked.values)
        if values.shape != self._blind.shape:
            raise ToolError(
                f"the answer has the shape {list(values.shape)}, and {list(self._blind.shape)} is asked for; the "
                "answer before it stands"
            )
        if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > LARGEST:
            raise ToolError(
                f"an answer holds finite numbers up to {LARGEST:g}, and this one holds others; the answer before it "
                "stands"
            )
        self._till.give(values, None if asked.standard_deviations is None else self._deviations(asked))

    def _deviations(self, asked: GiveAnswer) -> Float[np.ndarray, " outputs"]:
        """Return the standard deviations that are stated with an answer."""
        assert asked.standard_deviations is not None
        found = self._numbers(asked.standard_deviations)
        if found.shape != self._blind.shape:
            raise ToolError(
                f"standard_deviations has the shape {list(found.shape)}, and {list(self._blind.shape)} is asked for; "
                "give one for each output, or leave it out; the answer before it stands"
            )
        if not ((found >= 0) & (found <= LARGEST)).all():
            raise ToolError(
                f"standard deviations are numbers from 0 to {LARGEST:g}, and one of these is not; the answer before it "
                "stands"
            )
        return found

    # What calls are given

    def _rows(self, given: Numbers) -> Int[np.ndarray, " rows"]:
        numbers = self._numbers(given).reshape(-1)
        count = self._market.structure.rows
        good = (numbers >= 0) & (numbers < count) & (numbers == np.floor(numbers))
        if not good.all():
            raise ToolError(f"there is no row {numbers[~good][0]:g}; rows run from 0 to {count - 1}")
        if len(numbers) == 0:
            raise ToolError("no row is named")
        rows = numbers.astype(np.int64)
        return rows[np.sort(np.unique(rows, return_index=True)[1])]

    def _numbers(self, given: Numbers) -> Float[np.ndarray, "*shape"]:
        if isinstance(given, str):
            return np.asarray(self._evaluated(given).double().numpy())
        return np.array(given, dtype=np.float64)

    def _evaluated(self, expression: str) -> Tensor:
        """Return what an expression gives, once it is paid for."""
        meter = Meter(budget=self._till.left)
        try:
            return calculator.compute(expression, self._names(), {"answer_of": self._answer_of}, meter)
        except BudgetExceededError:
            raise ToolError(f"this takes more than the {self._till.left} FLOPs that are left") from None
        finally:
            self._till.work(meter.flops)

    def _answer_of(self, column: Tensor, meter: Meter) -> Tensor:
        """Return the answer of a whole column of values."""
        market = self._market
        if column.shape != (market.structure.rows,):
            raise CalculatorError(f"answer_of takes one value for each of the {market.structure.rows} rows")
        values = column.numpy()
        if not np.isfinite(values).all() or np.abs(values).max() > LARGEST:
            raise CalculatorError(
                f"answer_of takes finite values up to {LARGEST:g}; fill in what is not bought, as in "
                "where(isnan(values), nanmean(values), values)"
            )
        weights = market.functional.weights(market.structure)
        meter.charge({"answer_of": DOUBLE * (8 * values.size if weights is None else 2 * weights.size)}, 0)
        with np.errstate(all="ignore"):
            found = np.asarray(market.functional.answer(values, market.structure), dtype=np.float64)
        return torch.tensor(found)

    def _names(self) -> dict[str, Tensor]:
        """Return all arrays that an expression may name."""
        return {name: _tensor(array) for name, array in self._given().items()} | self._kept

    def _given(self) -> Mapping[str, np.ndarray]:
        market = self._market
        given = {
            "rows": np.arange(market.structure.rows),
            "values": market.known_values,
            "bought": market.bought,
            "sealed": market.sealed,
            "prices": market.bill.marginal(),
            "blind": self._blind,
            "standing": self._till.answer,
        }
        if market.channels is not None:
            given["channels"] = market.channels
        if self._advice is not None:
            given |= {"statistician": self._advice.centre, "statistician_deviations": self._advice.spread}
        columns = market.structure.columns
        return given | {name: column.array for name, column in zip(self._columns, columns, strict=True)}


def shown(array: np.ndarray) -> Any:
    """Return an array as JSON values of six digits, null for NaN and infinity; only the first numbers of a long one."""
    if array.size <= MOST_SHOWN:
        return _rounded(array)
    return {"first": _rounded(array.reshape(-1)[:MOST_SHOWN]), "numbers_in_all": int(array.size)}


def _rounded(array: np.ndarray) -> Any:
    if array.ndim == 0:
        return _number(float(array))
    return [_rounded(each) for each in array]


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    found = float(f"{value:.6g}")
    return int(found) if found.is_integer() and abs(found) < 10**6 else found


def _tensor(array: np.ndarray) -> Tensor:
    return torch.tensor(array if array.dtype == np.bool_ else array.astype(np.float64))


def _least(prices: Int[np.ndarray, " rows"], on_sale: np.ndarray) -> int | None:
    return int(prices[on_sale].min()) if on_sale.any() else None


def _short(values: Any) -> Any:
    """Return JSON values with long lists and texts cut."""
    if isinstance(values, dict):
        return {key: _short(value) for key, value in values.items()}
    if isinstance(values, str):
        return values[:LONGEST_TEXT]
    if isinstance(values, list | tuple):
        return [_short(each) for each in values[:16]]
    return values


_RESERVED = {"rows", "values", "bought", "sealed", "prices", "blind", "standing", "channels"}
_RESERVED |= {"statistician", "statistician_deviations"}


def _column_names(names: Sequence[str]) -> list[str]:
    """Return the name of each structure column as an array: a word that is no other array's."""
    found: list[str] = []
    for name in names:
        word = re.sub(r"\W", "_", name)
        if not word.isidentifier() or keyword.iskeyword(word) or word in _RESERVED:
            word = f"column_{word}"
        while word in found:
            word += "_"
        found.append(word)
    return found
