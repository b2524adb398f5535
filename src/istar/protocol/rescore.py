"""Rewards under another formula or rulebook, from what a run stored: nothing is run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from istar.flops import RULEBOOKS, Repricing, RepricingError, Rulebook
from istar.ledger import BASELINE
from istar.ledger.reader import LedgerReader
from istar.rewards.curves import Curve
from istar.rewards.formulas import Reward
from istar.rewards.repriced import BatchPrices, repriced


@dataclass(frozen=True)
class Rescored:
    """A method's training reward under another formula or rulebook.

    Attributes:
        iteration: the round that proposed it.
        name: the method's name.
        method: hash of its source.
        before: the reward the researcher was told.
        reward: the reward under what was asked for.
        standard_error: of it; None with a single question.
        parts: what the reward is made of, by name, where the formula says so.
    """

    iteration: int
    name: str
    method: str
    before: float | None
    reward: float
    standard_error: float | None
    parts: Mapping[str, float | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


class RepricedRun:
    """The training curves of a run under another rulebook.

    Args:
        ledger: an open ledger.
        run: the run's name.
        rulebook: the other rulebook.

    Attributes:
        factors: by part of a row's price (`tokens`, `pairs`, `reads`, `interventions`), the smallest and the largest
            factor by which it changes among the run's questions; every row of a question is taken to change as all of
            them together.

    Raises:
        RepricingError: what was stored does not tell the new prices; the message says why.
    """

    def __init__(self, ledger: LedgerReader, run: str, rulebook: Rulebook) -> None:
        """See the class docstring."""
        known = RULEBOOKS.get(ledger.run(run).config.rulebook)
        if known is None:
            raise RepricingError(
                f"run {run!r} was counted under rulebook {ledger.run(run).config.rulebook}, which this version lacks"
            )
        self.repricing = Repricing(known, rulebook)
        self.factors: dict[str, tuple[float, float]] = {}
        self._brute: dict[str, int] = {}
        for question in ledger.questions(run):
            parts = {part: self.repricing.flops(by_op) for part, by_op in question.rows_by_op.items()}
            if parts:
                self._brute[question.question_hash] = sum(parts.values())
                self._note(question.rows_by_op, parts)
        self._batches = {
            (record.method, record.question_hash): BatchPrices(
                [batch.flops for batch in record.spending.batches if batch.by_op],
                [self.repricing.flops(batch.by_op) for batch in record.spending.batches if batch.by_op],
            )
            for record in ledger.evaluations(run, stage="train")
        }

    def _note(self, old: Mapping[str, Mapping[str, int]], new: Mapping[str, int]) -> None:
        for part, by_op in old.items():
            if by_op:
                factor = new[part] / sum(by_op.values())
                low, high = self.factors.get(part, (factor, factor))
                self.factors[part] = (min(low, factor), max(high, factor))

    def curve(self, method: str, curve: Curve) -> Curve:
        """Return a curve of a method, or of the black-box arm, under the other rulebook.

        Raises:
            RepricingError: the ledger does not hold what rows cost by operation.
            RepricedError: it does not hold what the method's channels cost by operation.
        """
        if curve.question_hash not in self._brute:
            raise RepricingError(
                f"what the rows of question {curve.question_hash[:12]} of {curve.task} cost by operation was not kept; "
                "go on with the search, `istar search --run RUN --resume`, to have it written"
            )
        batches = BatchPrices() if method == BASELINE else self._batches[method, curve.question_hash]
        return repriced(curve, self._brute[curve.question_hash], batches)


def rescore(ledger: LedgerReader, run: str, formula: Reward, prices: RepricedRun | None = None) -> tuple[Rescored, ...]:
    """Return the training rewards of a run's methods under a formula, the best first.

    Methods that the cascade stopped before the training stage have no training curves and are left out.

    Args:
        ledger: an open ledger.
        run: the run's name.
        formula: the formula.
        prices: its curves under another rulebook; as they are stored if None.

    Raises:
        CurveError: the run's curves do not hold what the formula needs; the message says what.
    """
    names = {proposal.iteration: proposal.name for proposal in ledger.proposals(run)}
    baseline = ledger.curves(run, stage="baseline", method=BASELINE)
    rescored = []
    for outcome in ledger.rounds(run):
        black, white = ledger.paired_curves(run, "train", outcome.method, baseline)
        if outcome.status != "ok" or not white:
            continue
        if prices is not None:
            black = tuple(prices.curve(BASELINE, curve) for curve in black)
            white = tuple(prices.curve(outcome.method, curve) for curve in white)
        score = formula.score(black, white)
        rescored.append(
            Rescored(
                outcome.iteration,
                names[outcome.iteration],
                outcome.method,
                outcome.reward,
                score.reward,
                score.standard_error,
                formula.parts(black, white),
            )
        )
    return tuple(sorted(rescored, key=lambda each: -each.reward))
