"""Rulebook v1 as data: every known operation by name, what is counted, and the price of each.

Names are aten's, without the trailing underscore of in-place variants and without `_foreach_`. A number per element
composed of several steps is spelt out beside it: exp, log, pow (square roots are powers), trigonometric and random
numbers 16, every other arithmetic step 1, moving an element by an index 4. Views and allocations are free.

This table never changes once it has been used: a change is a new version beside it.
"""

from __future__ import annotations

V1: tuple[tuple[str, int, str], ...] = (
    (
        "free",
        0,
        "_unsafe_view empty empty_like empty_strided empty_permuted new_empty new_empty_strided new_full new_ones "
        "new_zeros zeros zeros_like ones ones_like full full_like scalar_tensor _efficientzerotensor eye set resize "
        "resize_as _resize_output t transpose squeeze unsqueeze as_strided detach record_stream _pin_memory lift "
        "lift_fresh_copy is_pinned is_same_size is_set_to _has_same_storage_numel _assert_async _assert_scalar "
        "_assert_tensor_metadata _functional_assert_async _functional_assert_scalar sym_constrain_range "
        "_linalg_check_errors _fused_sdp_choice sym_size sym_stride sym_numel sym_storage_offset sym_is_contiguous "
        "size stride numel dim storage_offset is_contiguous dense_dim unsafe_split unsafe_split_with_sizes "
        "_nested_tensor_size _lazy_clone is_coalesced",
    ),
    ("one", 1, "_local_scalar_dense equal _is_all_true _is_any_true"),
    ("per_sum", 1, "add sub rsub"),
    (
        "per_output",
        1,
        "abs mul div neg reciprocal floor ceil round trunc frac sign sgn relu clamp clamp_min clamp_max "
        "maximum minimum fmax fmin eq ne lt le gt ge logical_and logical_or logical_xor logical_not bitwise_and "
        "bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift __lshift__ __rshift__ __ilshift__ "
        "__irshift__ isnan isinf isposinf isneginf where masked_fill clone copy _to_copy remainder fmod floor_divide "
        "allclose copysign heaviside hardtanh threshold nan_to_num signbit complex conj_physical _conj_physical "
        "deg2rad rad2deg threshold_backward hardtanh_backward nextafter _copy_from frexp fill zero _masked_scale",
    ),
    (
        "per_output",
        2,
        "leaky_relu leaky_relu_backward hardshrink softshrink hardshrink_backward softshrink_backward _prelu_kernel "
        "native_dropout_backward mse_loss_backward hardsigmoid_backward _add_relu",
    ),
    (
        "per_output",
        3,
        "addcmul addcdiv lerp hardsigmoid tanh_backward sigmoid_backward mse_loss _prelu_kernel_backward",
    ),
    ("per_output", 4, "hardswish hardswish_backward smooth_l1_loss_backward huber_loss_backward"),
    ("per_output", 5, "smooth_l1_loss huber_loss"),
    (
        "per_output",
        16,
        "exp exp2 expm1 log log2 log10 log1p pow sqrt rsqrt sin cos tan asin acos atan atan2 sinh cosh tanh asinh "
        "acosh atanh erf erfc erfinv lgamma digamma polygamma mvlgamma igamma igammac i0 hypot angle sinc gcd lcm "
        "ldexp special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0 special_bessel_y1 special_erfcx "
        "special_i0e special_i1 special_i1e special_log_ndtr special_modified_bessel_i0 special_modified_bessel_i1 "
        "special_modified_bessel_k0 special_modified_bessel_k1 special_ndtri special_scaled_modified_bessel_k0 "
        "special_scaled_modified_bessel_k1 special_spherical_bessel_j0 special_zeta special_chebyshev_polynomial_t "
        "special_chebyshev_polynomial_u special_chebyshev_polynomial_v special_chebyshev_polynomial_w "
        "special_hermite_polynomial_h special_hermite_polynomial_he special_laguerre_polynomial_l "
        "special_legendre_polynomial_p",
    ),
    # A power or exponential and a product.
    ("per_output", 17, "elu celu elu_backward xlogy special_xlog1py special_entr"),
    # exp, add, divide; and the products that silu adds.
    (
        "per_output",
        18,
        "sigmoid logit softplus_backward log_sigmoid_backward logit_backward binary_cross_entropy_backward",
    ),
    ("per_output", 19, "silu _masked_softmax_backward"),
    # erf, add, two products; its gradient has erf, exp and six steps.
    ("per_output", 20, "gelu"),
    ("per_output", 22, "silu_backward"),
    ("per_output", 34, "softplus logaddexp logaddexp2 log_sigmoid_forward"),
    ("per_output", 36, "binary_cross_entropy binary_cross_entropy_with_logits soft_margin_loss polar"),
    ("per_output", 38, "gelu_backward soft_margin_loss_backward"),
    ("per_output", 52, "mish"),
    (
        "per_input",
        1,
        "sum nansum mean amax amin max min aminmax _aminmax argmax argmin all any prod count_nonzero cumsum cumprod "
        "cummax cummin _cummax_helper _cummin_helper trace flip roll rot90 tril triu diag_embed pixel_shuffle "
        "pixel_unshuffle channel_shuffle select_scatter slice_scatter diagonal_scatter as_strided_scatter block_diag "
        "alias_copy as_strided_copy detach_copy diagonal_copy permute_copy select_copy slice_copy split_copy "
        "split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy view_copy "
        "_reshape_alias_copy _reshape_copy narrow_copy view_as_real_copy view_as_complex_copy _neg_view_copy "
        "_conj_copy adaptive_avg_pool1d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d "
        "adaptive_max_pool3d lu_unpack dequantize max_pool2d_with_indices_backward max_pool3d_with_indices_backward "
        "avg_pool2d_backward avg_pool3d_backward _adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward "
        "_to_dense linalg_cross _transform_bias_rescale_qkv glu_jvp",
    ),
    ("per_input", 3, "var std var_mean std_mean dist renorm"),
    # max, subtract, exp, sum, and divide or subtract.
    ("per_input", 20, "_softmax softmax _safe_softmax _log_softmax log_softmax _masked_softmax glu"),
    ("per_input", 19, "logsumexp _log_softmax_backward_data glu_backward"),
    ("per_input", 4, "_softmax_backward_data"),
    # One logaddexp per element.
    ("per_input", 34, "logcumsumexp _logcumsumexp"),
    # Mean 1, variance 3, normalise 2, scale and shift 2.
    (
        "per_input",
        8,
        "native_layer_norm native_group_norm native_batch_norm _native_batch_norm_legit "
        "_native_batch_norm_legit_functional _native_batch_norm_legit_no_training _batch_norm_with_update "
        "_batch_norm_no_update",
    ),
    (
        "per_input",
        14,
        "native_layer_norm_backward native_group_norm_backward native_batch_norm_backward batch_norm_backward "
        "_fused_rms_norm_backward",
    ),
    (
        "per_input",
        4,
        "sort topk kthvalue median nanmedian mode _unique _unique2 unique_dim unique_consecutive "
        "unique_dim_consecutive nonzero nonzero_static masked_select histc bincount masked_scatter put",
    ),
    (
        "per_input",
        16,
        "rand_like randn_like randint_like uniform bernoulli random exponential geometric cauchy log_normal "
        "multinomial poisson binomial _standard_gamma _sample_dirichlet normal_functional",
    ),
    # A random number, a comparison and a product.
    ("per_input", 18, "native_dropout _fused_dropout rrelu_with_noise"),
    # Adam: two moments 5, bias corrections and step 8, a root 16, weight decay 2 (AdamW, Loshchilov and Hutter, 2019).
    ("per_input", 31, "_fused_adam _fused_adamw"),
    ("per_input", 22, "_fused_adagrad"),
    ("per_input", 6, "_fused_sgd"),
    ("per_second", 4, "nll_loss_forward nll_loss_backward nll_loss2d_forward nll_loss2d_backward"),
    ("per_all_inputs", 1, "cat stack _stack _chunk_cat"),
    ("per_all_inputs", 4, "isin"),
    ("per_size", 16, "rand randn randint randperm normal"),
    (
        "per_size",
        1,
        "select_backward slice_backward diagonal_backward unfold_backward expand_copy",
    ),
    ("per_grid", 1, "tril_indices triu_indices"),
    ("per_step", 1, "arange range linspace"),
    ("per_step", 16, "logspace hann_window hamming_window blackman_window"),
    ("per_index", 4, "gather scatter scatter_add scatter_reduce take"),
    ("per_slices", 4, "index_select index_add index_copy index_fill index_reduce"),
    ("per_row", 4, "embedding embedding_dense_backward"),
    # Gather and sum.
    ("per_row", 5, "_embedding_bag _embedding_bag_forward_only"),
    ("per_indexed", 4, "index index_put _index_put_impl _unsafe_index _unsafe_index_put _unsafe_masked_index"),
    ("per_repeat", 1, "repeat"),
    ("per_repeat_count", 4, "repeat_interleave"),
    (
        "per_padded",
        1,
        "constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d "
        "replication_pad3d",
    ),
    ("per_search", 1, "searchsorted bucketize"),
    ("matrix_product", 0, "mm bmm _int_mm _grouped_mm"),
    ("matrix_product", 1, "addmm baddbmm addbmm _addmm_activation"),
    ("matrix_vector", 0, "mv dot vdot"),
    ("matrix_vector", 1, "addmv"),
    ("outer_product", 0, "addr"),
    (
        "fused_attention",
        0,
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
        "_scaled_dot_product_fused_attention_overrideable",
    ),
    (
        "fused_attention_backward",
        0,
        "_scaled_dot_product_flash_attention_for_cpu_backward _scaled_dot_product_flash_attention_backward "
        "_scaled_dot_product_efficient_attention_backward _scaled_dot_product_cudnn_attention_backward "
        "_scaled_dot_product_fused_attention_overrideable_backward",
    ),
    ("convolution", 0, "convolution _convolution"),
    ("convolution_backward", 0, "convolution_backward"),
    (
        "torch_formula",
        0,
        "_scaled_mm _flash_attention_forward _efficient_attention_forward _flash_attention_backward "
        "_efficient_attention_backward",
    ),
    ("transformer_attention", 0, "_native_multi_head_attention"),
    ("transformer_layer", 0, "_transformer_encoder_layer_fwd"),
    ("recurrent_layer", 0, "mkldnn_rnn_layer"),
    ("pairwise_distances", 0, "_cdist_forward _cdist_backward _euclidean_dist"),
    ("vector_norm", 0, "norm linalg_vector_norm native_norm"),
    ("pooling", 1, "avg_pool1d avg_pool2d avg_pool3d max_pool2d_with_indices max_pool3d_with_indices"),
    ("fourier", 0, "_fft_r2c _fft_c2c _fft_c2r"),
    (
        "factorisation",
        0,
        "cholesky linalg_cholesky_ex cholesky_solve _cholesky_solve_helper triangular_solve linalg_solve_triangular "
        "_linalg_solve_ex linalg_lu linalg_lu_factor_ex linalg_lu_solve linalg_ldl_factor_ex linalg_ldl_solve "
        "_linalg_det _linalg_slogdet linalg_inv_ex cholesky_inverse geqrf linalg_qr linalg_householder_product ormqr "
        "linalg_lstsq _linalg_eigh linalg_eig linalg_eigvals _linalg_eigvals _linalg_svd linalg_pinv "
        "linalg_matrix_exp",
    ),
)
