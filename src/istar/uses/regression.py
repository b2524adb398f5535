"""Ridge regression, its penalty chosen by leaving one row out: what numbers say of a value known on few rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

PENALTIES = 10.0 ** np.arange(-4, 7)


@dataclass(frozen=True)
class Ridge:
    """A linear prediction.

    Attributes:
        offset: the mean value.
        centre: mean of each feature.
        slopes: change of the value with each feature, in its unit.
        explained: share of the variance of values that it explains on rows left out; below 0 if it misleads.
    """

    offset: float
    centre: Float[np.ndarray, " features"]
    slopes: Float[np.ndarray, " features"]
    explained: float

    def predict(self, features: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, " rows"]:
        """Return the predicted values."""
        predicted: Float[np.ndarray, " rows"] = self.offset + (features - self.centre) @ self.slopes
        return predicted


def fit_ridge(features: Float[np.ndarray, "rows features"], values: Float[np.ndarray, " rows"]) -> Ridge:
    """Return the ridge regression of values on standardised features whose squared error on rows left out is least.

    The penalty is one of `PENALTIES`; the error of each row, predicted from all others, follows from the singular value
    decomposition (Golub, Heath and Wahba, 1979).
    """
    offset, centre, scale = float(values.mean()), features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-9 * np.maximum(np.abs(centre), 1.0), scale, np.inf)  # what never varies says nothing
    left, singular, right = np.linalg.svd((features - centre) / scale, full_matrices=False)
    target = left.T @ (values - offset)
    best: tuple[float, np.ndarray] = (np.inf, np.zeros_like(singular))
    for penalty in PENALTIES:
        shrunk = singular**2 / (singular**2 + penalty)
        leverage = 1 / len(values) + (left**2 * shrunk).sum(axis=1)
        error = float(np.mean(((values - offset - left @ (shrunk * target)) / (1 - np.minimum(leverage, 0.999))) ** 2))
        if error < best[0]:
            best = error, singular / (singular**2 + penalty)
    blind = float(np.var(values)) * (len(values) / max(1, len(values) - 1)) ** 2  # of the mean of all others
    slopes = (right.T @ (best[1] * target)) / scale
    return Ridge(offset, centre, slopes, 1 - best[0] / blind if blind > 0 else 0.0)
