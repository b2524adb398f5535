"""How reward formulas and rulebooks rank the same methods: whether what was found depends on how it was scored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scipy.stats import kendalltau

from istar.flops import RULEBOOKS, RepricingError, Rulebook
from istar.ledger import BASELINE
from istar.ledger.reader import LedgerReader
from istar.protocol.rescore import RepricedRun
from istar.rewards import REWARDS, Curve, Reward
from istar.rewards.repriced import RepricedError


@dataclass(frozen=True)
class Ranking:
    """How a reward formula, or a rulebook, ranks all methods that the runs trained.

    Attributes:
        name: of the formula, with the rulebook if it is another than the first run's.
        formula: in words and symbols.
        methods: how many were ranked.
        agreement: Kendall's tau with the ranking by the first run's formula; None where one ranks all alike.
        best: the method it puts first.
    """

    name: str
    formula: str
    methods: int
    agreement: float | None
    best: str


@dataclass(frozen=True)
class Trained:
    """A method that was asked all training questions of its run.

    Attributes:
        method: hash of its source.
        name: what to call it.
        ledger: where its run is written down.
        run: the run.
        black: the black-box arm's curves on the training questions.
        white: the white-box arm's.
    """

    method: str
    name: str
    ledger: LedgerReader
    run: str
    black: Sequence[Curve]
    white: Sequence[Curve]

    def reward(self, formula: Reward) -> float:
        """Return the training reward."""
        return formula.reward(self.black, self.white)

    def lacks(self, formula: Reward) -> bool:
        """Return whether the curves do not hold what a formula needs."""
        return bool(formula.lacking(self.black, self.white))

    def repriced(self, formula: Reward, prices: RepricedRun) -> float:
        """Return the training reward under the rulebook of `prices`."""
        black = [prices.curve(BASELINE, curve) for curve in self.black]
        return formula.reward(black, [prices.curve(self.method, curve) for curve in self.white])


def rank_by_formulas(methods: Collection[Trained], mine: str) -> tuple[Ranking, ...]:
    """Return how every reward formula ranks methods.

    Args:
        methods: what is ranked.
        mine: the formula to compare with.
    """
    known = [name for name in REWARDS if not any(each.lacks(REWARDS.get(name)) for each in methods)]
    rewards = {name: [each.reward(REWARDS.get(name)) for each in methods] for name in known}
    names = [each.name for each in methods]
    return tuple(
        _ranking(name, REWARDS.get(name).formula, values, rewards[mine], names) for name, values in rewards.items()
    )


def rank_by_rulebooks(methods: Collection[Trained], mine: str, rulebook: str) -> tuple[Ranking, ...]:
    """Return how a reward formula ranks methods at the prices of every other rulebook.

    Args:
        methods: what is ranked.
        mine: the formula.
        rulebook: the rulebook they were counted under, to compare with.
    """
    formula = REWARDS.get(mine)
    rewards, names = [each.reward(formula) for each in methods], [each.name for each in methods]
    others = [book for version, book in RULEBOOKS.items() if version != rulebook]
    return tuple(_ranking(book.version, *_under(book, formula, methods), rewards, names) for book in others)


def _under(rulebook: Rulebook, formula: Reward, methods: Collection[Trained]) -> tuple[str, list[float]]:
    """Return the formula under a rulebook, in words, and the rewards; none if they are not known."""
    try:
        runs = dict.fromkeys((each.ledger, each.run) for each in methods)  # in order: the first that fails is named
        prices = {run: RepricedRun(*run, rulebook) for run in runs}
        rewards = [each.repriced(formula, prices[each.ledger, each.run]) for each in methods]
    except (RepricingError, RepricedError) as error:
        return f"not known: {error}", []
    return f"{formula.formula}, at the prices of {rulebook.version}", rewards


def _ranking(name: str, words: str, values: Sequence[float], mine: Sequence[float], methods: Sequence[str]) -> Ranking:
    alike = len(set(values)) < 2 or len(set(mine)) < 2
    best = max(range(len(values)), key=values.__getitem__, default=None)
    return Ranking(
        name=name,
        formula=words,
        methods=len(values),
        agreement=None if alike else float(kendalltau(mine, values).statistic),
        best="" if best is None else methods[best],
    )
