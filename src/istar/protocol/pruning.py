"""Paired pruning: a method that is clearly worse than the best so far on the same questions is asked no further.

Questions differ far more than methods do, so two methods are compared question by question, with Wilcoxon's signed-rank
test, as Optuna's pruner of that name does. Methods also differ in what they are good at: one that says nothing about
the first tasks may be the best on the others. So none is stopped before it was asked about half of the tasks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FEWEST_QUESTIONS = 8
"""Fewer pairs are not compared."""


def clearly_worse(rewards: Mapping[str, float], rival: Mapping[str, float], level: float) -> bool:
    """Return whether rewards are lower than a rival's on the same questions.

    Args:
        rewards: by question; the rival was asked all of them.
        rival: its rewards by question.
        level: of the one-sided test; 0 never finds anything worse.
    """
    differences = np.array([reward - rival[question] for question, reward in rewards.items()])
    if level == 0 or len(differences) < FEWEST_QUESTIONS or not differences.any() or differences.mean() >= 0:
        return False
    from scipy.stats import wilcoxon  # slow to import

    return bool(wilcoxon(differences, alternative="less", zero_method="zsplit").pvalue < level)


def extrapolate(by_task: Mapping[str, float], rival: Mapping[str, float]) -> float:
    """Return what a method's average over all tasks would be if it fell as far behind the rival on those not asked.

    Args:
        by_task: rewards of the tasks that were asked.
        rival: the rival's rewards of all tasks.
    """
    behind = np.mean([reward - rival[task] for task, reward in by_task.items()])
    return float(np.mean(list(rival.values())) + behind)
