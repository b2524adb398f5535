"""Every constant of the statistician, explained once.

All were chosen on training families, or are numerical tolerances; none on validation or test families. What is learned
from tables is not here: priors are pooled from the task's other questions (`table_model.priors`), and which variant
answers which kind of functional is in `portfolio.json`.
"""

from __future__ import annotations

import numpy as np

# Thinking: the statistician's own arithmetic is charged, so it does not think all the time.

THRIFT = 0.1
"""The statistician thinks only while a thought costs at most this share of the budget."""
DRAWS = 128
"""Draws from the posterior, where the answer is not linear in the values."""
STRIDE = 0.2
"""Between two thoughts about which arms still contend, at most this share of what was spent before is spent,"""
STRIDE_ROWS = 8
"""or what so many rows cost, or as many as there are arms over that number."""

# Designs: which rows are bought.

CANDIDATES = 240
"""At most about this many cells are weighed against one another at once."""
RENEWED = 0.6
"""Share of the candidates after whose choice new ones are drawn."""
RATE = 1.0
"""Skill per brute force at which going on is not worth it: 1% of brute force must buy 1% of skill."""
DEFAULT_DECAY = 0.7
"""Power of spending with which the posterior variance is taken to fall until two budgets have shown another."""
KEPT_PLANS = 64
"""Purchase plans that are kept in memory; both arms and all methods follow the same plan."""

# Beliefs about a table (`istar.truth.effects` has the model, and how it is fitted to a complete one).

PRIOR_ROWS = 200
"""How many bought rows the other questions' quantile function is worth, where residuals are not Gaussian."""
NEGLIGIBLE = 0.01
"""Directions of the common part are left out whose variance is under this share of that of a mean over all replicates
of the own part."""

# Channels of any method: the regression that brings them to the scale of the values.

CLIP = 8.0
"""Channels are cut off this many standard deviations from their mean."""
RIDGE = 8.0
"""How many rows' worth of doubt there is about the slope of each channel."""
USELESS = 0.5
"""Prior probability that a method's channels are noise."""

# Where the functional is linear: the correlation rho of the channels' answer with the truth.

CORRELATIONS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.87, 0.92, 0.96, 0.98, 0.99, 0.999, 1 - 1e-5])
"""Rival hypotheses about rho; the first says that the channels are noise."""
KINSHIP = 0.5
"""Power likelihood: how much of another question's evidence about rho carries over to this one."""
BLUR = 0.3
"""How far rho may lie from what row by row evidence suggests, as a standard deviation on Fisher's scale."""

# A method never heard before, where the functional is linear.

UNSEEN_SHARE = 0.008
"""At most this share of brute force is spent on its channels before rows have shown their worth."""
EAGERNESS = 0.4
"""They are bought unseen once they cost at most this share of the budget."""
UNSEEN_ROWS = 32
"""So many rows must have channels before the method is judged."""
VERIFIED_SHARE = 0.01
"""Once they have, this share of all rows is bought among them, so that they are known both ways,"""
VERIFIED_ROWS = (8, 20)
"""but at least and at most so many."""
MOST_ROWS = 128
"""At most this many rows known both ways are used as evidence."""
NOISE_STEPS = (1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0)
HYPOTHESES = np.array([(smooth, rough) for smooth in NOISE_STEPS for rough in NOISE_STEPS])
"""Smooth and rough part of the noise's variance, in units of the signal's variance within replicates."""
AVERAGED = 0.1
"""Share of the rough noise that is taken to stay in an answer over many cells."""
DOUBT = 0.05
"""The channels are used only if they are noise with at most this probability,"""
STRANGE = 0.25
"""and only if they leave at most this share of the variance unexplained: too little is known to use poorer ones."""

# A method known from the task's other questions.

DOUBTFUL = 0.5
"""How likely its channels may at most be noise for them to be bought."""
MARGIN = 0.02
"""The share by which the mean remaining variance must be expected to fall for channels to be bought."""
IGNORED = 0.05
"""Channels that explain less than this share of the variance are left out of the answer."""
STRIDES = np.array([0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0])
"""How far from the blind answer towards the channels' answers are tried in hindsight."""

# Where the functional is not linear: channels as an external drift, at the levels of arms and cells.

LEAST_LEFT = 1e-3
"""Channels are taken to leave at least this share of a variance."""
NATS = 4.0
"""So many nats must arms or cells of other questions be foretold better by channels: few are soon foretold by luck."""
LOOSENESS = 0.5
"""How far the worth of a prediction is taken to differ between questions, as a standard deviation about 1,"""
LOOSENESS_QUESTIONS = 2.0
"""and how many questions that belief is worth."""
REHEARSED_SHARES = (0.0, 0.015, 0.06)
"""Shares of the rows that are bought in a preposterior simulation on another question."""
REHEARSED_PURCHASES = 2
"""How many purchases of each size are tried."""
REHEARSED_ROWS = 4
"""The fewest rows of a purchase."""
TRIED = 3
"""After every so many nested batches, the last among them, it is simulated what channels leave of the loss."""

# Numerical tolerances.

JITTER = 1e-8
"""Added to the diagonal of a covariance before it is factorised, as a share of a row's mean prior variance."""
TINY = 1e-9
"""A variance or a weight counts as at least this share of the largest one."""
CLOSE = 1e-9
"""Covariances that differ by at most this share are the same."""
