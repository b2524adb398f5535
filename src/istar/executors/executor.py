"""Executors: what answers a question under a FLOP budget, with or without a method's channels.

An executor is the document's M2. Beforehand it learns what it likes from the task's other questions (`History`). Then
it sees a `Market`: the question's rows, structure and prices and, for a price, values and channels. It leaves a
`Trace`: the answer it would have given at every budget checkpoint.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from istar.errors import IstarError
from istar.executors.measures import Measure, plain_measures
from istar.fingerprint import fingerprint
from istar.registry import Registry
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.executors.history import Heard, History
    from istar.executors.market import Market

EXECUTORS: Registry[type[Executor]] = Registry("executor")


CLAIMED, Z = 0.95, 1.96
"""What intervals of so many standard deviations claim to hold."""
EXACT = 1e-9
"""An answer that is this near to the truth is right, however sure the executor was."""


class ExecutorError(IstarError):
    """A purchase that is not allowed, or a trace that contradicts itself."""


@dataclass(frozen=True)
class Trace:
    """What an executor answered and spent, at growing FLOP budgets.

    Attributes:
        checkpoints: FLOP budgets, ascending; the last one is brute force.
        flops_spent: what was spent within each budget: rows, channels and the executor's own. Only at
            brute force itself may it exceed the budget, by the arithmetic, since buying all rows needs none.
        answers: the answer at each budget.
        spread: for each output, the posterior standard deviation of the answer; NaN where the executor gives none.
        rows_bought: rows bought by then.
        channel_batches: batches of channels bought by then.
        executor_flops: the executor's own by then, arithmetic or what a model that it asks takes; contained in
            `flops_spent`.
        stop: FLOPs spent when the executor's own stopping rule stopped.
        stop_answer: the answer given there.
        stop_spread: its spread.
        measures: numbers of the executor's own that its curve keeps, by name: each a number, or a series of them.
    """

    checkpoints: Int[np.ndarray, " checkpoints"]
    flops_spent: Int[np.ndarray, " checkpoints"]
    answers: Float[np.ndarray, "checkpoints outputs"]
    spread: Float[np.ndarray, "checkpoints outputs"]
    rows_bought: Int[np.ndarray, " checkpoints"]
    channel_batches: Int[np.ndarray, " checkpoints"]
    executor_flops: Int[np.ndarray, " checkpoints"]
    stop: int
    stop_answer: Float[np.ndarray, " outputs"]
    stop_spread: Float[np.ndarray, " outputs"]
    measures: Mapping[str, Measure] = field(default_factory=dict)

    def coverage(self, truth: Float[np.ndarray, " outputs"]) -> Float[np.ndarray, " checkpoints"]:
        """Return the share of outputs whose 95% interval holds the truth, at each budget; NaN where none is stated.

        Args:
            truth: the true answer.
        """
        return _held(self.answers, self.spread, truth)

    def stop_coverage(self, truth: Float[np.ndarray, " outputs"]) -> float:
        """Return the same of the answer given where the executor stopped."""
        return float(_held(self.stop_answer, self.stop_spread, truth))

    def half_widths(self) -> Float[np.ndarray, " checkpoints"]:
        """Return half the width of the 95% interval, mean over outputs, at each budget; NaN where none is stated."""
        stated = ~np.isnan(self.spread)
        total = np.where(stated, Z * self.spread, 0.0).sum(1)
        return np.where(stated.any(1), total / np.maximum(stated.sum(1), 1), np.nan)

    def __post_init__(self) -> None:
        """Check that the series fit together."""
        count = len(self.checkpoints)
        series = [self.flops_spent, self.answers, self.spread, self.rows_bought]
        series += [self.channel_batches, self.executor_flops]
        if count == 0 or any(len(each) != count for each in series):
            raise ExecutorError("a trace needs one entry a checkpoint in every series, and at least one checkpoint")
        if not np.isfinite(self.answers).all() or not np.isfinite(self.stop_answer).all():
            raise ExecutorError("a trace holds an answer that is not finite")
        for spread, answers in ((self.spread, self.answers), (self.stop_spread, self.stop_answer)):
            if spread.shape != answers.shape or np.isinf(spread).any() or (spread < 0).any():
                raise ExecutorError(
                    "a trace needs a spread for each output of each answer: a finite number from 0 on, or NaN where "
                    "the executor states none"
                )
        try:
            plain_measures(self.measures)
        except ValueError as error:
            raise ExecutorError(f"a trace cannot be kept: {error}") from None
        beyond = self.flops_spent - self.checkpoints
        beyond[-1] -= self.executor_flops[-1]
        if (beyond > 0).any():
            worst = int(np.argmax(beyond))
            raise ExecutorError(f"at checkpoint {worst} the executor spent {int(beyond[worst])} FLOPs above its budget")


def _held(
    answers: Float[np.ndarray, "*answers outputs"],
    spread: Float[np.ndarray, "*answers outputs"],
    truth: Float[np.ndarray, " outputs"],
) -> Float[np.ndarray, "*answers"]:
    """Return the share of each answer's stated intervals that hold the truth; NaN where none is stated."""
    stated = ~np.isnan(spread)
    error = np.abs(answers - truth)
    held = (stated & ((error <= Z * spread) | (error <= EXACT))).sum(-1)
    return np.where(stated.any(-1), held / np.maximum(stated.sum(-1), 1), np.nan)


class Executor(ABC):
    """Base class; a subclass is registered in `EXECUTORS` under its name.

    Its options are the arguments of its constructor, JSON values each (`make_executor`). A new one is made for each
    use, so it need not be safe to share between threads.

    Attributes:
        code: names of istar's packages and modules that decide its answers; a user's own file need not be named.
        libraries: names of the installed packages that do.
        options: the options it was made with.
        deterministic: whether the same seed gives the same trace to the last bit. One that asks a language model says
            False: its first answer under a key is kept on disk as soon as it is given, and is the one that counts.
    """

    code: ClassVar[tuple[str, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ("numpy",)
    options: Mapping[str, Any] = MappingProxyType({})
    deterministic: ClassVar[bool] = True

    def identity(self) -> str:
        """Return what decides the executor's answers besides the market and what it learned, as a hash.

        That is its class, its options, the code and the libraries that it names, and the files of all plug-ins, a
        user's own executor among them. Curves on disk are found by it. Override it, and add to it, where something
        else decides answers: the weights or the version of a model that is asked, a file of prompts.
        """
        kind = type(self)
        options = json.dumps(dict(self.options), sort_keys=True)
        parts = (f"{kind.__module__}.{kind.__qualname__}", options, fingerprint(self.code, self.libraries))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def check_ready(self) -> None:  # noqa: B027 - most need nothing
        """Check what it needs besides markets: called before anything is loaded.

        Raises:
            IstarError: something is missing; the message says what, and what to do.
        """

    def learn(self, history: History) -> Any:
        """Return what the executor knows before a question is touched; handed to `answer` as it is.

        It is asked once a question in the black-box arm, and once a question and method in the white-box arm.

        Args:
            history: the task's other questions and, in the white-box arm, what the method said of some of them.
        """
        return None

    def appraise(self, heard: Heard, state: Any) -> Any:
        """Return what a method was worth on a question whose whole table is known; `History.appraisals` holds it.

        It is asked once for each question and method, and what it returns serves all other questions of the task: it
        must not carry over what the state knows of them.

        Args:
            heard: the question with its values, and what the method said.
            state: what `learn` returned for that question in the black-box arm.
        """
        return None

    @abstractmethod
    def answer(self, market: Market, state: Any, seed: Seed) -> Trace:
        """Spend, and answer at every checkpoint.

        Args:
            market: everything the executor may see of the question; used up by the call.
            state: what `learn` returned.
            seed: decides every random choice; the same seed gives the same trace to the last bit, unless the executor
                says that it is not `deterministic`.
        """

    def ignores_channels(self, market: Market, state: Any) -> bool:
        """Return whether `answer` would for certain buy no channel on a fresh market, whatever the rows turn out to be.

        Its trace is then that of the black-box arm, to the last bit, and need not be made again. Only measures may
        differ: what is measured on this market (`Market.measure`), such as the reason, goes with the curves. False
        promises nothing. Without an override, nothing is said of methods that have a channel.
        """
        return market.channel_count == 0


def make_executor(name: str, options: Mapping[str, Any] | None = None) -> Executor:
    """Return a new executor with its options.

    Args:
        name: its name in `EXECUTORS`.
        options: arguments of its constructor, JSON values.

    Raises:
        UnknownNameError: there is no executor of this name.
        ExecutorError: it has no such option, or refuses its value; the message names the options that it has.
    """
    kind, given = EXECUTORS.get(name), dict(options or {})
    parameters = inspect.signature(kind).parameters
    there = f"its options are {', '.join(parameters)}" if parameters else "it has no options"
    try:
        executor = kind(**given)
    except (TypeError, ValueError) as error:
        raise ExecutorError(f"the executor {name!r} does not take these options: {error}; {there}") from error
    executor.options = MappingProxyType(given)
    return executor
