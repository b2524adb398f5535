"""Every constant of the statistician, explained once.

All were chosen on training families, or are numerical tolerances; none on validation or test families. What is learned
from tables is not here: priors are pooled from the task's other questions (`table_model.priors`), and which variant
answers which kind of functional is in `portfolio.json`.
"""

from __future__ import annotations

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
FIRST_STAGE = 1 / 256
"""The first stage of a purchase plan leads up to this share of brute force; smaller budgets buy the beginning of it. A
stage for each of these would take up to a fifth of 1/256 of brute force in arithmetic, and buy worse."""
KEPT_PLANS = 64
"""Purchase plans that are kept in memory; both arms and all methods follow the same plan."""

# Beliefs about a table (`istar.truth.effects` has the model, and how it is fitted to a complete one).

PARTS = 64
"""A distribution of residuals that is known by its quantiles is taken for so many values, equally likely."""
MOST_SHAPE_ROWS = 10_000
"""At most so many bought rows are the other questions' distributions worth, however alike they are."""
NEGLIGIBLE = 0.01
"""Directions of the common part are left out whose variance is under this share of that of a mean over all replicates
of the own part."""

# Fidelity: what a method's channels are worth (`fidelity.prior` has the model).

CLIP = 8.0
"""Channels are cut off this many standard deviations from their mean."""
MOST_Z = 6.0
"""Fisher's z of the best fidelity that is considered: a correlation of 1 - 1.2e-5."""
HYPOTHESES = 64
"""Draws of the prior of fidelity."""
USELESS = 0.5
"""Probability that the channels of a method never heard are noise."""
SURPRISE = 0.03
"""Probability that a method is on this question as if it had never been heard."""
TOGETHER = 0.8
"""Correlation of the levels' quantiles of fidelity."""
DIFFERENCE = (0.08, 0.15)
"""How far Fisher's z is taken to differ between questions: a standard deviation of so much, and so much of its mean,"""
DIFFERENCE_QUESTIONS = 3.0
"""and how many questions that belief is worth."""
LOOSENESS = 0.3
"""How far the scale of a signal is taken to differ between questions, as a standard deviation about 1,"""
LOOSENESS_QUESTIONS = 0.5
"""and how many questions that belief is worth."""
LEAST_ROWS = 6
"""So many rows known both ways must teach the slopes of a method never heard before it is heard."""
SIZE_ERROR = 0.5
"""How far the logarithm of a variance component lies from the other questions', as a standard deviation."""
STRANGE_LOOSENESS = 0.5
"""How far the scale of the signal of a method never heard before may lie from 1, as a standard deviation."""
MOST_ROWS = 128
"""At most this many rows known both ways are weighed,"""
EVIDENCE_GROWTH = 1.4
"""and again when there are this many times as many."""
VERIFIED_ROWS = 16
"""So many rows are bought among those that have channels, first of all, to judge them."""
EXPERIMENT = 0.01
"""Until rows have judged a method never heard before, at most this share of brute force is spent on its channels."""
LEAST_CONTRASTS = 3
"""Contrasts of which a linear answer consists are a level of their own if they are at least so many."""
LEAST_RHO = 0.1
"""Signals of a level are left out whose expected correlation is under this."""
LEAST_EXPLAINED = 0.05
"""The slopes that rows of this question teach are taken to explain at least this share."""
LEAST_LEFT = 1e-5
"""Channels are taken to leave at least this share of a variance."""
MARGIN = 0.015
"""By how much the mean share of the loss must be expected to fall for channels to be bought."""
SENSITIVITY_DRAWS = 64
"""Draws from which it is estimated what each level has of the answer's variance."""

# Numerical tolerances.

COLLINEAR = 1e-6
"""A channel is left out of which others, or the prior mean, leave less than this share."""

JITTER = 1e-8
"""Added to the diagonal of a covariance before it is factorised, as a share of a row's mean prior variance."""
TINY = 1e-9
"""A variance or a weight counts as at least this share of the largest one."""
CLOSE = 1e-9
"""Covariances that differ by at most this share are the same."""
