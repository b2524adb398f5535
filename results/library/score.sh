#!/bin/bash
# The scores of the library on training and validation families (`scores-*.json` beside this file), and their table in
# docs/methods.md. What was computed is kept, so that this may be called again after a kill, or twice at a time with
# other methods. About ten hours of one core for all 33.
#
#   bash results/library/score.sh [METHOD...]
set -eu
cd "$(dirname "$0")/../.."
ISTAR=${ISTAR:-.venv/bin/istar}
PYTHON=${PYTHON:-.venv/bin/python}
TO=${TO:-results/library}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

# The share of brute force after which a method is asked no further. One that runs a part of the model on every row has
# to be cheap or it saves nothing; gradients that serve all rows may cost more, for they are taken once.
gradients="attention_gates ekfac_influence gradient_influence integrated_gradients projected_influence"
shared="activation_difference attention_knockout attribution_patching behavioural_student direct_logit_attribution
  gradient_activation ngram noise stitched_cache"
every_row="answer_logits confidence_probe context_student covariance_lens early_exit_head gaussian_logit_difference
  layer_skipping linear_probe logit_lens low_rank_forward mahalanobis pruned_forward quadratic_logit_decomposition
  reduced_vocabulary short_context sparse_autoencoder spectral_signatures transcoder tuned_lens"

cap() {
  case " $(echo $gradients) " in *" $1 "*) echo 0.25; return ;; esac
  case " $(echo $shared) " in *" $1 "*) echo 0.1; return ;; esac
  case " $(echo $every_row) " in *" $1 "*) echo 0.02; return ;; esac
  echo "no method of the library: $1" >&2
  return 1
}

for method in ${*:-$gradients $shared $every_row}; do
  share=$(cap "$method")
  for split in train validation; do
    "$ISTAR" score "$method" --split "$split" --questions 4 --executor-seeds 2 --flops "$share" --threads 1 \
      --out "$TO/scores-$method-$split.json"
  done
done
"$PYTHON" docs/write_tables.py library "$TO" docs/methods.md
