#!/bin/bash
# The scores of the library on training and validation families (`scores-*.json` beside this file), and their table in
# docs/methods.md. What was computed is kept, so that this may be called again after a kill, or twice at a time with
# other methods. About five hours of one core for all 33.
#
#   bash results/library/score.sh [METHOD...]
set -eu
cd "$(dirname "$0")/../.."
ISTAR=${ISTAR:-.venv/bin/istar}
PYTHON=${PYTHON:-.venv/bin/python}
TO=${TO:-results/library}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

# The share of brute force after which a method is asked no further. Gradients that serve all rows may cost most, for
# they are taken once; a method that runs a part of the model on every row has to be cheap, or it saves nothing.
declare -A cap
for method in attention_gates ekfac_influence gradient_influence integrated_gradients projected_influence; do
  cap[$method]=0.25
done
for method in activation_difference attention_knockout attribution_patching behavioural_student \
  direct_logit_attribution gradient_activation ngram noise stitched_cache; do
  cap[$method]=0.1
done
for method in answer_logits confidence_probe context_student covariance_lens early_exit_head \
  gaussian_logit_difference layer_skipping linear_probe logit_lens low_rank_forward mahalanobis pruned_forward \
  quadratic_logit_decomposition reduced_vocabulary short_context sparse_autoencoder spectral_signatures transcoder \
  tuned_lens; do
  cap[$method]=0.02
done

for method in ${*:-${!cap[@]}}; do
  share=${cap[$method]:?"$method is no method of the library"}
  for split in train validation; do
    "$ISTAR" score "$method" --split "$split" --questions 4 --executor-seeds 2 --flops "$share" --threads 1 \
      --out "$TO/scores-$method-$split.json"
  done
done
"$PYTHON" docs/write_tables.py library "$TO" docs/methods.md
