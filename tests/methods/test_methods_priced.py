"""Whatever of torch a method may name is priced: each name is called under a strict meter, forward and backward."""

import importlib

import pytest
import torch

from istar.flops.meter import Meter
from istar.methods import language
from istar.methods.attributes import OWNERS, attribute_refusal, is_asked

TENSOR = next(owner for owner in OWNERS if owner.name == "torch.Tensor")

ARGUMENTS = {
    "torch": {
        "x, y": """
            add sub mul div pow atan2 maximum minimum fmod remainder logaddexp matmul mm isclose allclose equal eq ne lt
            le gt ge logical_and logical_or logical_xor kron dist inner cosine_similarity pairwise_distance cdist
            expand_as view_as reshape_as type_as is_same_size subtract multiply divide true_divide floor_divide greater
            greater_equal less less_equal not_equal arctan2 float_power broadcast_tensors result_type copy_
        """,
        "x, 0": """
            unbind unsqueeze softmax log_softmax logsumexp cumsum cumprod logcumsumexp cummax cummin fill
            fill_diagonal_ diag_embed
        """,
        "x, 2": "split chunk tensor_split topk kthvalue matrix_power clamp clip clamp_min clamp_max",
        "x, 2, dim=0": "repeat_interleave",
        "x, 0, 1": "swapaxes swapdims transpose movedim moveaxis select",
        "x, (0,)": "flip",
        "x, (0, 1)": "permute",
        "x, 1": "roll",
        "x, 0, 1, 1": "unfold",
        "x, 0, 1, 2": "narrow",
        "x, 0, (3, 1)": "unflatten",
        "x, (3, 3)": "new_zeros new_ones new_empty expand view reshape broadcast_to tile repeat",
        "x, (3, 3), 1.0": "new_full",
        "x, [[1.0]]": "new_tensor",
        "x, [1, 2]": "split_with_sizes",
        "x, y, y": "addcmul addcdiv addmm",
        "x, y, 0.5": "lerp",
        "v, x, v": "addmv",
        "b, x, y": "where",
        "t, t": "bmm tensordot",
        "t, t, t": "baddbmm",
        "'ij,jk->ik', x, y": "einsum",
        "[x, y]": "cat concat stack hstack vstack",
        "x, y ": "block_diag",
        "x, 0, i": "index_select",
        "x, 0, i, y": "index_add index_copy",
        "x, 0, i, 2.0": "index_fill",
        "x, (i,), y": "index_put",
        "x, 0, n": "gather",
        "x, n, 0": "take_along_dim",
        "x, n": "take",
        "x, 0, n, y": "scatter scatter_add",
        "x, 0, n, y, 'sum'": "scatter_reduce",
        "x, b": "masked_select",
        "x, b, 0.0": "masked_fill",
        "v, w": "dot outer cartesian_prod meshgrid cross searchsorted bucketize",
        "x, v": "mv",
        "s": "det logdet slogdet inverse pinverse",
        "i": "bitwise_not bincount combinations",
        "i, i": "bitwise_and bitwise_or bitwise_xor",
        "b": "any all",
        "2, 3": "zeros ones empty rand randn",
        "3": "eye arange randperm",
        "0, 1, 4": "linspace logspace",
        "0, 9, (2,)": "randint",
        "(2, 3), 1.0": "full",
        "x, 1.0": "full_like",
        "x, 9": "randint_like",
        "3, 3": "tril_indices triu_indices",
        "[1.0]": "tensor as_tensor",
        "p": "bernoulli",
        "p, 2": "multinomial",
        "x, 0.5": "quantile normal",
        "x, torch.float64": "to",
        "c": "imag",
        "x.sum()": "backward is_nonzero item",
        "x * 1, abs": "register_hook",
        "x * 1": "retain_grad",
        "x.detach()": "requires_grad_",
        "()": "is_grad_enabled no_grad enable_grad inference_mode Generator",
        "True": "set_grad_enabled",
        "1": "manual_seed",
        "torch.float32": "finfo",
        "torch.int32": "iinfo",
        "'cpu'": "device",
        "[1]": "Size",
    },
    "torch.nn.functional": {
        "x, 0": "softmax log_softmax softmin",
        "x, y": """
            linear mse_loss l1_loss smooth_l1_loss huber_loss kl_div cosine_similarity pairwise_distance
            binary_cross_entropy_with_logits
        """,
        "i, x": "embedding",
        "i, 3": "one_hot",
        "x, i": "cross_entropy nll_loss",
        "p, p.detach()": "binary_cross_entropy",
        "x, (3,)": "layer_norm rms_norm",
        "x, v.detach(), w.detach()": "batch_norm",
        "x, 3": "group_norm",
        "t, t, t": "scaled_dot_product_attention",
        "t, t": "conv1d",
        "t, 2": "avg_pool1d max_pool1d",
        "x, (1, 1)": "pad",
    },
    "torch.linalg": {
        "s": "cholesky cond det eig eigh eigvalsh inv lu matrix_rank pinv slogdet",
        "x, y": "lstsq solve",
        "x.triu() + s.diag().diag(), y, upper=True": "solve_triangular",
        "[x, y, x]": "multi_dot",
    },
    "torch.fft": {"x + 0j": "fft ifft irfft"},
    "torch.special": {
        "p": "entr expit logit log_ndtr ndtr ndtri erf erfinv",
        "x, 0": "softmax log_softmax logsumexp",
        "p, p": "xlogy",
    },
    "torch.autograd": {"x.sum(), x": "grad"},
    "torch.func": {
        "torch.sum": "grad grad_and_value jacrev jacfwd hessian vmap",
        "torch.sum, x": "vjp linearize",
        "torch.sum, (x,), (y,)": "jvp",
        "torch.nn.Linear(3, 3), {}, (x,)": "functional_call",
    },
}
"""What each name is called with, if not with one matrix. Methods of tensors are called as torch's function is."""

METHODS = {"where": "x, b, y", "device": "x"}
"""Where a method is called otherwise than the function."""

NOT_DIFFERENTIABLE = {"unique", "unique_consecutive", "floor_divide", "floor_divide_"}
"""Torch has no gradient for them."""


def given(module, name):
    found = [text for text, names in ARGUMENTS.get(module, {}).items() if name in names.split()]
    return found[0] if found else "x"


def values():
    torch.manual_seed(0)
    x = (torch.rand(3, 3) + 0.5).requires_grad_()
    y = (torch.rand(3, 3) + 0.5).requires_grad_()
    return {
        "torch": torch,
        "x": x,
        "y": y,
        "p": torch.full((3, 3), 0.4, requires_grad=True),
        "v": x[0],
        "w": y[0],
        "s": x @ x.T + torch.eye(3),
        "t": torch.rand(3, 3, 3, requires_grad=True),
        "c": torch.complex(x, y),
        "i": torch.tensor([0, 2, 1]),
        "n": torch.zeros(3, 3, dtype=torch.long),
        "b": x > 1,
    }


def arguments(text):
    place = values()
    listed, named = eval(f"(lambda *a, **k: (a, k))({'' if text == '()' else text})", place)
    return list(listed), named


def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [each for inner in value for each in tensors(inner)] if isinstance(value, (list, tuple)) else []


def back(result):
    differentiable = [each for each in tensors(result) if each.requires_grad and each.grad_fn is not None]
    if differentiable:
        sum(each.to_dense().abs().sum() for each in differentiable).backward()


FUNCTIONS = [
    (module, name)
    for module in (
        "torch",
        "torch.autograd",
        "torch.fft",
        "torch.func",
        "torch.linalg",
        "torch.nn.functional",
        "torch.special",
    )
    for name in sorted(language.MODULES[module])
    if callable(getattr(importlib.import_module(module), name)) and name not in ("Tensor", "dtype")
]


@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=[".".join(each) for each in FUNCTIONS])
def test_every_function_of_torch_that_may_be_named_is_priced(module, name):
    listed, named = arguments(given(module, name))
    function = getattr(importlib.import_module(module), name)
    with Meter(strict=True):
        result = function(*listed, **named)
        if module == "torch.func" and callable(result):
            result = result(values()["x"])
        if name not in NOT_DIFFERENTIABLE:
            back(result)


@pytest.mark.parametrize("name", sorted(TENSOR.names))
def test_every_attribute_of_a_tensor_is_priced_or_refused_with_advice(name):
    refusal = attribute_refusal(name)
    if name not in TENSOR.allowed:
        assert is_asked(name) if refusal is None else all(refusal)
        return
    assert refusal is None
    function = name.removesuffix("_")
    listed, named = arguments(METHODS.get(name) or given("torch", function if hasattr(torch, function) else name))
    whole = listed[0].clone() if name.endswith("_") and name != "requires_grad_" else listed[0]
    with Meter(strict=True):
        found = getattr(whole, name)
        if callable(found):
            found = found(*listed[1:], **named)
        if name not in NOT_DIFFERENTIABLE:
            back(found)


LAYERS = {
    "Module": None,
    "ModuleList": None,
    "ModuleDict": None,
    "Parameter": None,
    "ParameterList": None,
    "ParameterDict": None,
    "Linear": lambda layers, v: layers.Linear(3, 2)(v["x"]),
    "Embedding": lambda layers, v: layers.Embedding(3, 2)(v["i"]),
    "LayerNorm": lambda layers, v: layers.LayerNorm(3)(v["x"]),
    "RMSNorm": lambda layers, v: layers.RMSNorm(3)(v["x"]),
    "MultiheadAttention": lambda layers, v: layers.MultiheadAttention(3, 1)(v["x"], v["x"], v["y"]),
    "CrossEntropyLoss": lambda layers, v: layers.CrossEntropyLoss()(v["x"], v["i"]),
    **{
        name: lambda layers, v, name=name: getattr(layers, name)()(v["x"], v["p"].detach())
        for name in ("KLDivLoss", "MSELoss", "BCEWithLogitsLoss")
    },
    **{
        name: lambda layers, v, name=name: getattr(layers, name)(*(() if "Soft" not in name else (0,)))(v["x"])
        for name in ("Identity", "Dropout", "ReLU", "GELU", "SiLU", "Tanh", "Sigmoid", "Softmax", "LogSoftmax")
    },
    "Sequential": lambda layers, v: layers.Sequential(layers.Linear(3, 3), layers.Tanh())(v["x"]),
}


def test_every_layer_that_may_be_named_is_priced():
    assert set(LAYERS) == {name for name in language.MODULES["torch.nn"] if name[0].isupper()}
    for run in filter(None, LAYERS.values()):
        with Meter(strict=True):
            back(run(torch.nn, values()))


@pytest.mark.parametrize("name", sorted(language.MODULES["torch.nn.init"]))
def test_every_initialisation_is_priced(name):
    bounds = {"constant_": (1.0,)}.get(name, ())
    with Meter(strict=True):
        getattr(torch.nn.init, name)(torch.empty(3, 3), *bounds)


@pytest.mark.parametrize("name", sorted(language.MODULES["torch.optim"]))
def test_every_optimiser_is_priced(name):
    layer = torch.nn.Linear(3, 1)
    with Meter(strict=True):
        optimiser = getattr(torch.optim, name)(layer.parameters(), lr=0.1)

        def loss():
            optimiser.zero_grad()
            value = layer(torch.ones(2, 3)).square().mean()
            value.backward()
            return value

        before = float(loss())
        for _ in range(2):
            optimiser.step(loss)
        assert float(loss()) < before
