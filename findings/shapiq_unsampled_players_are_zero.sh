#!/usr/bin/env bash
# shapiq 1.4.1: three estimators of Shapley values state 0 for every player that their budget did not reach.
#
# On an additive game every marginal contribution is the player's exact value, so whatever was sampled is exact. Below
# some n + 1 (permutation, stratified) or 2n + 1 (Owen) evaluations some players were not sampled at all, and their value is stated as
# 0.0 like an estimate: no NaN, no warning, `estimated` is True either way. Stratified and Owen sampling take players in order, so
# a ranking made of a small budget is a ranking by index. Whoever averages these values into a curve of error against budget
# measures the zeros. (KernelSHAP on the same budgets spreads what it knows over all players.)
#
# Seen, n = 8 with values 1 to 8: at a budget of 8 permutation sampling evaluates 2 coalitions and states eight zeros;
# stratified sampling states 1 2 3 4 5 6 0 0; Owen sampling 1 2 3 0 0 0 0 0. All are exact at a budget of 17.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 shapiq==1.4.1
cat > "$folder/finding.py" <<'PYTHON'
import warnings
from importlib.metadata import version

import numpy as np
from shapiq.approximator import OwenSamplingSV, PermutationSamplingSV, StratifiedSamplingSV

PLAYERS = 8
WORTH = np.arange(1.0, PLAYERS + 1)
SAMPLERS = {
    "permutation": lambda: PermutationSamplingSV(n=PLAYERS, random_state=0),
    "stratified": lambda: StratifiedSamplingSV(n=PLAYERS, random_state=0),
    "owen": lambda: OwenSamplingSV(n=PLAYERS, n_anchor_points=2, random_state=0),
}


def additive_game(coalitions):
    return np.atleast_2d(coalitions) @ WORTH


print(f"shapiq {version('shapiq')}")
stated = {}
for name, make in SAMPLERS.items():
    for budget in (8, 17):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            found = make().approximate(budget=budget, game=additive_game)
        values = found.get_n_order_values(1)
        stated[name, budget] = values
        print(f"{name:12} budget {budget:2}, evaluated {found.estimation_budget:2}: {np.round(values, 2).tolist()}")
assert not stated["permutation", 8].any(), "permutation sampling knows something at 8 evaluations now"
assert np.array_equal(stated["stratified", 8] != 0, np.arange(PLAYERS) < 6), "stratified sampling has other zeros now"
assert np.array_equal(stated["owen", 8] != 0, np.arange(PLAYERS) < 3), "Owen sampling has other zeros now"
for name in SAMPLERS:
    assert np.allclose(stated[name, 17], WORTH), f"{name} sampling is not exact on an additive game at 17 evaluations"
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
