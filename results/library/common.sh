# What score.sh and test.sh share; read from the project's root.
ISTAR=${ISTAR:-.venv/bin/istar}
PYTHON=${PYTHON:-.venv/bin/python}
TO=${TO:-results/library}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

# The methods of the library, and the share of brute force after which each is asked no further. Gradients that serve all
# rows may cost most, for they are taken once; a method that runs a part of the model on every row has to be cheap, or it
# saves nothing.
declare -A cap
for method in attention_gates component_patching ekfac_influence gradient_influence integrated_gradients projected_influence; do
  cap[$method]=0.25
done
for method in activation_difference attention_knockout attribution_patching behavioural_student component_effects \
  direct_logit_attribution gradient_activation ngram noise stitched_cache; do
  cap[$method]=0.1
done
for method in answer_logits confidence_probe context_student covariance_lens early_exit_head \
  gaussian_logit_difference layer_skipping linear_probe logit_lens low_rank_forward mahalanobis pruned_forward \
  quadratic_logit_decomposition reduced_vocabulary short_context sparse_autoencoder spectral_signatures transcoder \
  tuned_lens; do
  cap[$method]=0.02
done
