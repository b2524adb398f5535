"""Rulebook v2 as data: every operation that may be met, what is counted of it, and the price of each.

Names are aten's, as in `istar.flops.price_table`; the bases are those of `istar.flops.work`, which count what was
computed, and of `istar.flops.products`. What stands here can be reached by a method or by the models it runs on, and
has a count of its own to be compared with (`istar.testing.operations`); all else is refused while a method is recorded.

A number per element that is composed of several steps is spelt out beside it: exp, log, pow (square roots are powers),
trigonometric and random numbers 16, every other arithmetic step 1, moving an element by an index 4. Views and
allocations are free.

This table never changes once it has been used: a change is a new version beside it.
"""

from __future__ import annotations

V2: tuple[tuple[str, int, str], ...] = (
    (
        "free",
        0,
        "_unsafe_view empty empty_like empty_strided empty_permuted new_empty new_empty_strided new_full new_ones "
        "new_zeros zeros zeros_like ones ones_like full full_like scalar_tensor _efficientzerotensor eye "
        "t transpose squeeze unsqueeze as_strided detach lift lift_fresh_copy resize _resize_output is_pinned "
        "is_same_size is_set_to _has_same_storage_numel _assert_async _assert_scalar _assert_tensor_metadata "
        "_functional_assert_async _functional_assert_scalar sym_constrain_range _linalg_check_errors "
        "_fused_sdp_choice sym_size sym_stride sym_numel sym_storage_offset sym_is_contiguous size stride numel dim "
        "storage_offset is_contiguous dense_dim unsafe_split unsafe_split_with_sizes is_coalesced _lazy_clone "
        "_new_zeros_with_same_feature_meta",
    ),
    ("once", 1, "_local_scalar_dense"),
    ("scaled_sum", 1, "add sub rsub"),
    (
        "pointwise",
        1,
        "mul div neg reciprocal floor ceil round trunc frac sign relu clamp clamp_min clamp_max maximum "
        "minimum remainder fmod floor_divide hardtanh nan_to_num complex conj_physical _conj_physical "
        "threshold_backward hardtanh_backward",
    ),
    ("modulus", 1, "abs sgn"),
    ("pointwise", 2, "leaky_relu leaky_relu_backward native_dropout_backward mse_loss_backward"),
    ("pointwise", 3, "addcmul addcdiv lerp tanh_backward sigmoid_backward linalg_cross"),
    ("pointwise", 4, "smooth_l1_loss_backward huber_loss_backward"),
    (
        "pointwise",
        16,
        "exp exp2 expm1 log log2 log10 log1p pow sqrt rsqrt sin cos tan asin acos atan atan2 sinh cosh tanh erf "
        "erfc erfinv special_log_ndtr special_ndtri",
    ),
    # A power or exponential and a product.
    ("pointwise", 17, "elu elu_backward xlogy special_entr"),
    # exp, add, divide; and the products that silu adds.
    (
        "pointwise",
        18,
        "sigmoid logit softplus_backward log_sigmoid_backward logit_backward binary_cross_entropy_backward",
    ),
    ("pointwise", 19, "silu"),
    # erf, add, two products; its gradient has erf, exp and six steps.
    ("pointwise", 20, "gelu"),
    ("pointwise", 22, "silu_backward"),
    ("pointwise", 34, "softplus logaddexp log_sigmoid_forward"),
    ("pointwise", 38, "gelu_backward"),
    ("pointwise", 52, "mish"),
    # exp, log, tanh, and their products with the gradient.
    ("pointwise", 56, "mish_backward"),
    (
        "bitwise",
        1,
        "bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift __lshift__ "
        "__rshift__ __ilshift__ __irshift__",
    ),
    (
        "moved",
        1,
        "fill zero eq ne lt le gt ge logical_and logical_or logical_xor logical_not isnan isinf isposinf isneginf "
        "where masked_fill clone copy _to_copy repeat flip roll tril triu diag_embed block_diag "
        "select_scatter slice_scatter diagonal_scatter constant_pad_nd reflection_pad1d replication_pad1d "
        "select_backward slice_backward diagonal_backward arange linspace tril_indices triu_indices lu_unpack "
        "alias_copy as_strided_copy as_strided_scatter detach_copy diagonal_copy expand_copy permute_copy "
        "select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy "
        "unfold_copy unsqueeze_copy view_copy",
    ),
    ("joined", 1, "cat stack _stack"),
    ("moved", 2, "fft_fftfreq fft_rfftfreq"),
    ("moved", 4, "repeat_interleave"),
    (
        "moved",
        16,
        "logspace rand randn randint randperm rand_like randn_like randint_like uniform bernoulli random "
        "exponential normal",
    ),
    (
        "reduced",
        1,
        "sum nansum mean prod cumsum cumprod unfold_backward avg_pool2d_backward reflection_pad1d_backward "
        "replication_pad1d_backward",
    ),
    ("traced", 1, "trace"),
    ("reduced", 3, "var std var_mean std_mean mse_loss"),
    # A difference, its modulus and three steps.
    ("reduced", 5, "smooth_l1_loss huber_loss allclose"),
    ("reduced", 36, "binary_cross_entropy binary_cross_entropy_with_logits"),
    # max, subtract, exp, sum, and divide or subtract.
    ("reduced", 20, "_softmax _safe_softmax _log_softmax _masked_softmax glu"),
    ("reduced", 19, "logsumexp _log_softmax_backward_data glu_backward _masked_softmax_backward"),
    ("reduced", 4, "_softmax_backward_data"),
    # One logaddexp per element.
    ("reduced", 34, "logcumsumexp _logcumsumexp"),
    # Mean 1, variance 3, normalise 2, scale and shift 2.
    (
        "reduced",
        8,
        "native_layer_norm native_group_norm native_batch_norm _native_batch_norm_legit "
        "_native_batch_norm_legit_functional _native_batch_norm_legit_no_training _fused_rms_norm",
    ),
    (
        "reduced",
        14,
        "native_layer_norm_backward native_group_norm_backward native_batch_norm_backward _fused_rms_norm_backward",
    ),
    ("reduced", 16, "multinomial"),
    # A random number, a comparison and a product.
    ("reduced", 18, "native_dropout"),
    (
        "searched",
        1,
        "amax amin max min aminmax _aminmax argmax argmin all any count_nonzero cummax cummin _cummax_helper "
        "_cummin_helper equal _is_all_true _is_any_true max_pool2d_with_indices_backward",
    ),
    (
        "searched",
        4,
        "kthvalue median nanmedian nonzero masked_select masked_scatter masked_scatter_backward histc bincount",
    ),
    ("ordered", 4, "sort topk mode _unique _unique2 unique_dim unique_consecutive"),
    ("matched", 1, "isin"),
    ("halved", 1, "searchsorted bucketize"),
    ("targeted", 4, "nll_loss_forward nll_loss_backward nll_loss2d_forward nll_loss2d_backward"),
    ("picked", 4, "gather take index_select embedding index _unsafe_index"),
    (
        "placed",
        4,
        "scatter scatter_add scatter_reduce index_add index_copy index_fill index_put _index_put_impl "
        "_unsafe_index_put put",
    ),
    ("embedded_backward", 4, "embedding_dense_backward"),
    # Gather, weigh and sum.
    ("bagged", 6, "_embedding_bag _embedding_bag_forward_only"),
    # Adam: two moments 5, bias corrections and step 8, a root 16, weight decay 2 (AdamW, Loshchilov and Hutter, 2019).
    ("listed", 31, "_fused_adam _fused_adamw"),
    ("listed", 22, "_fused_adagrad"),
    ("listed", 6, "_fused_sgd"),
    ("product", 0, "mm bmm _int_mm _grouped_mm"),
    ("product", 1, "addmm baddbmm addbmm _addmm_activation"),
    ("product_with_vector", 0, "mv dot vdot"),
    ("product_with_vector", 1, "addmv"),
    ("product_of_vectors", 1, "addr"),
    (
        "fused_attention",
        0,
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention",
    ),
    (
        "fused_attention_backward",
        0,
        "_scaled_dot_product_flash_attention_for_cpu_backward _scaled_dot_product_flash_attention_backward "
        "_scaled_dot_product_efficient_attention_backward _scaled_dot_product_cudnn_attention_backward",
    ),
    ("multi_head_attention", 0, "_native_multi_head_attention"),
    ("convolved", 0, "convolution _convolution"),
    ("convolved_backward", 0, "convolution_backward"),
    ("distances", 0, "_cdist_forward _cdist_backward _euclidean_dist"),
    ("norms", 0, "norm linalg_vector_norm dist"),
    ("pooled", 1, "avg_pool1d avg_pool2d max_pool2d_with_indices"),
    ("transformed", 0, "_fft_r2c _fft_c2c _fft_c2r"),
    ("solved", 0, "cholesky_solve _cholesky_solve_helper triangular_solve linalg_solve_triangular linalg_lu_solve"),
    (
        "factored",
        0,
        "cholesky linalg_cholesky_ex _linalg_solve_ex linalg_lu linalg_lu_factor_ex _linalg_det _linalg_slogdet "
        "linalg_inv_ex linalg_qr linalg_householder_product linalg_lstsq _linalg_eigh linalg_eig linalg_eigvals "
        "_linalg_eigvals _linalg_svd linalg_pinv",
    ),
)
