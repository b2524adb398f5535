"""Why channels were bought or not, in numbers: `Market.measure` keeps them with the curve.

Pairs are of the first decision and of a later one. For beliefs that is the last; for prices it is the decision since
the last purchase at which most would have been paid, since at brute force nothing is worth anything. The correlation
with the answer is E sqrt(1 - L_h) of all batches. All batches still to be bought break even where, together and in
their proportions, they cost as much as they may to be worth buying (`acquisition`), found by bisection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from istar.executors.measures import Measure, Reason
from istar.executors.statistician.fidelity.acquisition import ChannelDesk, Decision, worth
from istar.executors.statistician.fidelity.posterior import Fidelity

LEAST_SHARE, PRECISION = 2.0**-13, 0.2
"""The break-even price is looked for from this share of brute force to all of it, to so many octaves."""
LITTLE = 0.1
"""Channels not bought even for nothing are called worthless where all of them would take away less of the loss."""
LOOKED_AT = 8
"""At so many decisions at most."""
DIGITS = 3
"""Significant digits that are kept."""


def explain(desk: ChannelDesk) -> dict[str, Measure]:
    """Return why channels were bought or not, once all is answered, or of a fresh market on which none would be.

    The method must have some. Nothing is charged and nothing is changed. Prices are shares of brute force.

    Returns:
        Measures by name:
        `channels.reason`: one of `Reason`,
        `channels.known`: on how many other questions of the task the method was heard,
        `channels.both`: how many rows known both ways what was last believed rests on,
        `channels.rho.LEVEL`, `channels.rho.answer`: expected correlations, a pair,
        `channels.price`: up to the end of each batch: paid, or as it was expected,
        `channels.break_even`: what all batches still to come might have cost, a pair,
        `channels.next`, `channels.gain`: by how much one more batch, and the best number of them, was expected to bring
        down the mean share of the loss over the budgets still to come, price paid; a pair each.
    """
    market, model = desk.inquiry.market, desk.model
    found: dict[str, Measure] = {"channels.known": sum(len(each.prices) > 0 for each in desk.prior.appraisals)}
    if not desk.open or model is None:
        return {"channels.reason": int(Reason.SILENT), **found}
    first = desk.first or desk.decision()
    nearest, even = _nearest(desk, desk.decisions or [first])
    brute, beliefs = market.brute_flops, (desk.listener.before, desk.fidelity)
    scores = [desk.futures(each, each.costs) for each in (first, nearest)]
    to_come = market.channel_flops + nearest.costs[1:] if len(desk.paid) == nearest.batches else np.zeros(0)
    found |= {
        "channels.both": desk.both,
        **{
            f"channels.rho.{level}": _rounded(each.rho[place] for each in beliefs)
            for place, level in enumerate(model.names)
        },
        "channels.rho.answer": _rounded(_with_answer(desk, each) for each in beliefs),
        "channels.price": _rounded(np.append(desk.paid, to_come) / brute),
        "channels.break_even": _rounded((_break_even(desk, first), even)),
        "channels.next": _rounded(each[0] - each[1] for each in scores),
        "channels.gain": _rounded(each[0] - each.min() for each in scores),
    }
    return {"channels.reason": int(_reason(desk, even)), **found}


def _reason(desk: ChannelDesk, even: float) -> Reason:
    """Return the reason, given the highest break-even price."""
    if desk.paid:
        return Reason.USED if desk.believed else Reason.GIVEN_UP
    if desk.saved_up:
        return Reason.UNPAID
    if even > 0:
        return Reason.TOO_DEAR
    left = desk.left_by_channels(len(desk.inquiry.market.batch_rows), desk.fidelity)
    return Reason.WORTHLESS if desk.fidelity.weights @ (1 - left) < LITTLE else Reason.NEEDLESS


def _with_answer(desk: ChannelDesk, fidelity: Fidelity) -> float:
    """Return the expected correlation of all batches with the answer."""
    left = desk.left_by_channels(len(desk.inquiry.market.batch_rows), fidelity)
    return float(fidelity.weights @ np.sqrt(np.clip(1 - left, 0.0, 1.0)))


def _nearest(desk: ChannelDesk, decisions: Sequence[Decision]) -> tuple[Decision, float]:
    """Return the decision that would have paid most, and how much; of many decisions some are looked at."""
    nearest, even = decisions[0], _break_even(desk, decisions[0])
    for place in np.unique(np.linspace(0, len(decisions) - 1, LOOKED_AT).astype(np.int64))[1:]:
        if (higher := _break_even(desk, decisions[place], even)) > even:
            nearest, even = decisions[place], higher
    return nearest, even


def _break_even(desk: ChannelDesk, at: Decision, least: float = 0.0) -> float:
    """Return the most that all batches still to come may cost, as a share of brute force; 0 if free is too dear.

    Args:
        desk: the desk.
        at: the decision.
        least: what is not more than this need not be known.
    """
    costs = at.costs if at.costs[-1] > 0 else np.arange(len(at.costs), dtype=np.float64)
    whole = costs * (desk.inquiry.market.brute_flops / costs[-1])

    def buys(share: float) -> bool:
        return worth(desk.futures(at, share * whole))

    step = 2**PRECISION
    if not buys(least * step):
        return 0.0
    low, high = max(least, LEAST_SHARE), 1.0
    while high > low * step:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if buys(middle) else (low, middle)
    return low


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in values)
