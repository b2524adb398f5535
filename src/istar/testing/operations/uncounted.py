"""What no case counts, and why: what does nothing that could be counted, and what methods and meters refuse.

The second list may only shrink: whatever is added to torch is refused until it has a price and a case.
"""

from __future__ import annotations


def _names(home: str, text: str) -> frozenset[str]:
    return frozenset(f"{home}.{name}" for name in text.split())


NO_ARITHMETIC: frozenset[str] = (
    # types, modes, numbers and questions
    _names(
        "torch",
        "Tensor Generator Size device dtype float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool long "
        "float double int finfo iinfo inf nan pi e no_grad enable_grad inference_mode set_grad_enabled "
        "is_grad_enabled manual_seed numel is_tensor is_floating_point result_type autograd nn linalg func optim "
        "special fft",
    )
    | _names("torch.nn", "Module ModuleList ModuleDict Parameter ParameterList ParameterDict Identity functional init")
    | _names("torch.func", "functional_call")
    | _names(
        "Tensor",
        "shape size dim ndim ndimension nelement numel stride dtype device layout itemsize element_size nbytes "
        "is_complex is_contiguous is_signed is_leaf is_inference is_sparse is_coalesced is_same_size is_cpu is_cuda "
        "is_floating_point requires_grad requires_grad_ grad retain_grad retains_grad register_hook name cpu",
    )
    # memory without arithmetic: what is made or wrapped
    | _names("torch", "tensor as_tensor zeros zeros_like ones ones_like full full_like empty empty_like eye")
    | _names("torch.nn.init", "eye_")
    | _names("Tensor", "new_zeros new_ones new_full new_empty")
    # one number
    | _names("Tensor", "item is_nonzero")
    # views
    | _names(
        "torch",
        "split chunk unbind permute transpose movedim swapaxes squeeze unsqueeze broadcast_to broadcast_tensors "
        "atleast_1d atleast_2d narrow select diagonal meshgrid",
    )
    | _names(
        "Tensor",
        "view view_as expand_as unflatten T mT H mH t adjoint real imag conj detach detach_ broadcast_to "
        "chunk diagonal moveaxis movedim narrow permute positive select split split_with_sizes squeeze squeeze_ "
        "swapaxes swapaxes_ swapdims tensor_split transpose transpose_ unbind unsqueeze unsqueeze_",
    )
)
"""What methods may name that computes nothing: the meter counts the calls alone."""

_SERIES = "a series or recurrence of unstated length for each element"
_VALUES = "how much it computes depends on values"
_FUSED = "one kernel for several products; the same in parts has a price"
_WINDOWS = "windows that overlap; the same as gathers and products has a price"
_STORED = "works on a factorisation as it is stored, whose operands do not tell the size of the work"
_LAYOUT = "a layout of memory whose size does not tell the work"
_UNUSED = "no method needs it"

UNCOUNTED: dict[str, str] = {
    **dict.fromkeys(_names("torch.linalg", "matrix_exp") | _names("torch.nn.functional", "ctc_loss"), _VALUES),
    **dict.fromkeys(
        _names(
            "torch.special",
            "airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 "
            "modified_bessel_k1 scaled_modified_bessel_k0 scaled_modified_bessel_k1 spherical_bessel_j0 i0 i0e i1 i1e "
            "gammaln digamma zeta gammainc gammaincc chebyshev_polynomial_t chebyshev_polynomial_u "
            "hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p polygamma "
            "multigammaln",
        ),
        _SERIES,
    ),
    **dict.fromkeys(
        _names("torch.nn", "LSTM TransformerEncoderLayer Bilinear") | _names("torch.nn.functional", "bilinear"), _FUSED
    ),
    **dict.fromkeys(
        _names(
            "torch.nn.functional",
            "fold unfold grid_sample affine_grid adaptive_avg_pool1d adaptive_max_pool1d max_unpool1d "
            "local_response_norm",
        )
        | _names("torch", "conv_tbc"),
        _WINDOWS,
    ),
    **dict.fromkeys(_names("torch.linalg", "ldl_factor") | _names("torch", "geqrf ormqr cholesky_inverse"), _STORED),
    **dict.fromkeys(
        _names("torch", "hspmm sspaddmm quantize_per_tensor")
        | _names("torch.sparse", "mm softmax sampled_addmm")
        | _names("torch.nested", "nested_tensor")
        | _names("Tensor", "to_sparse to_sparse_csr to_mkldnn"),
        _LAYOUT,
    ),
    **dict.fromkeys(
        _names(
            "torch",
            "gcd lcm histogram poisson binomial renorm hypot sinc lgamma frexp ldexp nextafter hamming_window",
        )
        | _names("torch.nn.functional", "pixel_shuffle rrelu multi_margin_loss multilabel_margin_loss interpolate"),
        _UNUSED,
    ),
}
"""What neither the fence nor a strict meter lets through, with the reason."""

UNCOUNTED_AT_MOST = 76
"""How many there may be: what is new is counted, or stays unknown to the rulebook and the fence."""

OTHER_DEVICES: frozenset[str] = frozenset(
    f"_scaled_dot_product_{kind}_attention{direction}"
    for kind in ("flash", "efficient", "cudnn")
    for direction in ("", "_backward")
) | {"_fused_rms_norm_backward"}
"""Prices of what runs on other devices than processors; a test on such a device holds them."""

COMPOSITIONS: frozenset[str] = frozenset(
    "conj_physical linalg_eigvals avg_pool1d silu_backward mish_backward _fused_rms_norm".split()
)
"""Prices of what a meter takes apart before it prices the parts; a rulebook can be asked for them alone."""
