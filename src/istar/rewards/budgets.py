"""Curves of different questions side by side: at the same shares of brute force, never by place.

Checkpoints of one question are not those of another: they begin at its cheapest row
(`istar.executors.budget_checkpoints`), and curves of other versions have others. A mean over questions is taken at
shares of brute force that all of its curves reach: half octaves, from the latest of their first checkpoints on. Between
two checkpoints a curve is interpolated linearly in the logarithm of FLOPs, as where its crossings are sought.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from istar.rewards.curves import Curve


def shares_of(curve: Curve) -> Float[np.ndarray, " checkpoints"]:
    """Return a curve's budgets as shares of brute force."""
    return np.array(curve.checkpoints) / curve.brute_flops


def common_shares(starts: Iterable[float]) -> Float[np.ndarray, " shares"]:
    """Return the shares of brute force at which curves can be averaged, ascending, the last one being 1.

    Args:
        starts: each curve's first budget as a share of brute force.
    """
    halves = int(np.floor(-2 * np.log2(max(starts)) + 1e-9))
    shares: Float[np.ndarray, " shares"] = 2.0 ** (np.arange(-halves, 1) / 2)
    return shares


def at_shares(
    shares: Float[np.ndarray, " shares"],
    own: Float[np.ndarray, " checkpoints"],
    series: Sequence[float] | Float[np.ndarray, " checkpoints"],
) -> Float[np.ndarray, " shares"]:
    """Return a curve's series at shares of brute force.

    Args:
        shares: the shares, none under the curve's first.
        own: the curve's own budgets as shares of brute force, ascending.
        series: its values there.
    """
    return np.asarray(np.interp(np.log(shares), np.log(own), np.asarray(series, dtype=np.float64)))
