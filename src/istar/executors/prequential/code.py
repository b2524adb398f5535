"""The code of one value: how many bits it takes under a predictive distribution, at a stated precision."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln, stdtr

PRECISION = 2.0**-8
"""Values are written down to the nearest multiple of this, in the readout's unit: nats, of most readouts.

Halving it costs one bit a row in both arms alike, as long as neither foretells rows to within it.
"""
ESCAPE = 2.0**-10
"""The probability of writing a value down as the number that it is, whatever was expected."""
VERBATIM_BITS = 64
"""What that takes on top. So no row costs more than 74 bits, however wrong and sure the executor was."""
FAR = 1e100
"""No further off than so many scales is told from so many; the escape is the cheaper way there."""
NARROW = 1e-3
"""Bins of less than so many scales have the density times their width for probability; a difference would cancel."""


def row_bits(
    values: Float[np.ndarray, " rows"],
    centres: Float[np.ndarray, " rows"],
    scales: Float[np.ndarray, " rows"],
    freedom: Float[np.ndarray, " rows"],
) -> Float[np.ndarray, " rows"]:
    """Return the bits of each value under a Student-t distribution: -log2 of the probability of its bin.

    Args:
        values: what there is to write down, in the readout's unit.
        centres: where each was expected.
        scales: how far off that was expected to be; above 0.
        freedom: degrees of freedom; the distribution is as good as normal where there are many.
    """
    rounded = np.round(values / PRECISION) * PRECISION
    width = PRECISION / scales
    middle = -np.minimum(
        np.abs(rounded - centres) / scales, FAR
    )  # in the lower tail, where small probabilities keep their digits
    low, high = middle - width / 2, middle + width / 2
    by_difference = stdtr(freedom, high) - stdtr(freedom, low)
    probability = np.where(width < NARROW, np.exp(_log_density(middle, freedom)) * width, by_difference)
    mixed = (1 - ESCAPE) * np.clip(probability, 0.0, 1.0) + ESCAPE * 2.0**-VERBATIM_BITS
    return np.asarray(-np.log2(mixed))


def _log_density(at: Float[np.ndarray, " rows"], freedom: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """Return the logarithm of the density of Student's t."""
    constant = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - 0.5 * np.log(np.pi * freedom)
    return np.asarray(constant - (freedom + 1) / 2 * np.log1p(at**2 / freedom))
