"""Attributes of values are closed unless listed, and what is listed is what honest methods need."""

import importlib
from pathlib import Path

import pytest
import torch

from istar.methods import MethodError, check_source, language, load_method
from istar.methods import attribute_lists as lists
from istar.methods.attributes import OWNERS, attribute_refusal, name_of, refusal_on
from istar.methods.library import library_methods
from istar.targets.anatomy import ARCHITECTURES

FRAME = """import torch
from torch import nn
from dataclasses import dataclass
from istar.methods import Interpretation
{top}
def interpret(target, corpus):
    return Interpretation()

def predict(question, runs, target, interpretation, prepared):
    {body}
"""
ROOT = Path(__file__).parents[2]


def method(body, top=""):
    return FRAME.format(body=body, top=top)


def faults(body, top=""):
    return [str(fault) for fault in check_source(method(body, top))]


def run(body, top="", question=None, target=None, interpretation=None):
    return load_method(method(body, top)).predict(question, [], target, interpretation, None)


HONEST = {
    path.stem: path
    for path in (
        *library_methods().values(),
        ROOT / "examples" / "my_method.py",
        *sorted((ROOT / "tests" / "attacks" / "honest").glob("*.py")),
    )
}


@pytest.mark.parametrize("name", HONEST)
def test_nothing_that_an_honest_method_names_is_refused(name):
    assert check_source(HONEST[name].read_text()) == ()


ADVISED = {
    "x.lu_solve(x, x)": "torch.linalg.solve",
    "x.cholesky_solve(x)": "torch.linalg.solve",
    "torch.Tensor.lu_solve(x, x, x)": "torch.linalg.solve",
    "list(map(torch.Tensor.triangular_solve, [x], [x]))": "torch.linalg.solve",
    "getattr(x, 'lu_solve')": "torch.linalg.solve",
    "x.masked_scatter(x, x)": "use torch.where",
    "x.matrix_exp()": "torch.linalg.eigh",
    "x.as_strided((1,), (0,))": "use unfold, expand or reshape",
    "x.put_(x, x)": "use index_put",
    "x.stft(4)": "use torch.fft",
    "x.digamma()": "attributes of torch.Tensor that methods may use",
    "nn.Linear(1, 1).share_memory()": "files",
    "torch.optim.SGD([x]).load_state_dict({})": "put a hook around the forward pass",
    "torch.Generator().seed": None,
    "target.module.save_pretrained('x')": "keep what you learn in the Interpretation",
    "target.module.set_decoder(x)": "PreTrainedModel",
    "target.module.config.to_json_string()": "PreTrainedConfig",
    "target.costs": "numpy arrays",
    "'a'.ljust(9)": "use an f-string",
    "'a'.translate({})": "use an f-string",
    "(3).bit_count()": "use torch",
    "(0.5).as_integer_ratio()": "use torch",
    "interpretation.to_bytes()": "where the meter cannot count",
    "ValueError().with_traceback(None)": "BaseException",
}


@pytest.mark.parametrize(("expression", "advice"), ADVISED.items(), ids=ADVISED)
def test_an_attribute_that_is_not_listed_is_refused_with_advice(expression, advice):
    found = faults(f"x = torch.ones(1); y = {expression}")
    assert (found == []) == (advice is None)
    assert advice is None or any(advice in fault for fault in found)


ASKED = {
    "torch.ones(1).seed": None,
    "torch.Generator().seed()": "use manual_seed",
    "'a'.encode()": "use target.encode",
    "torch.zeros(1).type()": r"use to\(dtype\)",
    "str.encode('a')": "use target.encode",
    "torch.Tensor.type(torch.zeros(1))": r"use to\(dtype\)",
    "super(torch.Tensor, torch.zeros(1)).type()": r"use to\(dtype\)",
    "getattr(super(torch.Tensor, torch.zeros(1)), 'type')()": r"use to\(dtype\)",
    "list(map(torch.Tensor.type, [torch.zeros(1)]))": r"use to\(dtype\)",
    "getattr('a', 'encode')": "use target.encode",
    "hasattr(torch.zeros(1), 'type')": r"use to\(dtype\)",
    "interpretation.data": "use detach",
}


@pytest.mark.parametrize(("expression", "advice"), ASKED.items(), ids=ASKED)
def test_a_name_that_types_disagree_on_is_asked_when_it_runs(expression, advice):
    body = f"return {expression}"
    assert faults(body) == []
    if advice is not None:
        with pytest.raises(MethodError, match=f"is closed to methods: .*{advice}"):
            run(body, interpretation=torch.zeros(1))


def test_what_a_type_allows_is_not_refused_because_another_does_not():
    assert run("return torch.device('cpu').type") == "cpu"
    assert run("return torch.zeros(1).device.type") == "cpu"
    assert run("return interpretation.data", interpretation=load_method(method("pass")).interpret(None, None)) is None
    assert run("d = {}; d.update(a=1); return d") == {"a": 1}


OWN = """
@dataclass
class Found:
    mode: int
    inverse: int = 2

    def stft(self):
        return self.mode

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lu = nn.Linear(1, 1)

    def compile(self):
        return 3
"""


def test_names_of_own_classes_are_their_own():
    found = run("found = Found(1); return [found.mode, found.inverse, found.stft(), getattr(found, 'mode')]", OWN)
    assert found == [1, 2, 1, 1]
    assert run("return Net().lu.out_features", OWN) == 1
    for expression in (
        "torch.zeros(1).mode",
        "getattr(torch.zeros(1), 'mode')",
        "Net().compile()",
        "nn.Module.compile",
    ):
        with pytest.raises(MethodError, match="is closed to methods"):
            run(f"return {expression}", OWN)


def public(value):
    return {name for name in dir(value) if not name.startswith("_")}


def fields(kind):
    return {name for name in getattr(kind, "__dataclass_fields__", {}) if not name.startswith("_")}


EXAMPLES = {
    "transformers.configuration_utils.PreTrainedConfig": ["transformers.configuration_utils.PreTrainedConfig"],
    "transformers.generation.configuration_utils.GenerationConfig": ["transformers.GenerationConfig"],
    "transformers.cache_utils.Cache": ["transformers.DynamicCache"],
    "transformers.cache_utils.CacheLayerMixin": [
        f"transformers.cache_utils.{name}" for name in ("DynamicLayer", "DynamicSlidingWindowLayer", "StaticLayer")
    ],
}
"""Types that stand for a type whose own class does not show all names."""


def named(path):
    module, _, kind = path.rpartition(".")
    return getattr(importlib.import_module(module), kind)


@pytest.mark.parametrize("name", sorted(lists.FROZEN))
def test_what_is_written_down_of_a_type_is_all_that_it_has(name):
    kind = named(name)
    assert name_of(kind) == name
    owner = next(each for each in OWNERS if each.name == name)
    has = public(kind) | fields(kind)
    if name.startswith("istar"):
        has = has.union(*(public(each) | fields(each) for each in kind.__subclasses__() if "istar." in each.__module__))
    for example in map(named, EXAMPLES.get(name, ())):
        has |= public(example if name.endswith("LayerMixin") else example())
    inherited = public(torch.nn.Module) if issubclass(kind, torch.nn.Module) else set()
    assert has - owner.names - inherited == set()


@pytest.mark.parametrize("module", ["istar.methods", "istar.questions", "istar.targets"])
def test_every_class_of_istar_that_may_be_named_is_closed(module):
    for name in language.MODULES[module]:
        found = getattr(importlib.import_module(module), name)
        if isinstance(found, type):
            assert {name_of(each) for each in found.__mro__} & set(lists.FROZEN), f"{name} has no list"


SMALL = {
    "num_hidden_layers": 1,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "vocab_size": 8,
}


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3"])
def test_parts_and_settings_of_every_architecture_may_be_named(architecture):
    from transformers import AutoConfig, AutoModelForCausalLM

    assert architecture in ARCHITECTURES
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **SMALL))
    assert {"config", "weight", "vocab_size"} <= attribute_names(model)
    refused = {name for name in attribute_names(model) if attribute_refusal(name) is not None}
    assert refused == set()


def attribute_names(model):
    parts = {part for name, _ in [*model.named_modules(), *model.named_parameters()] for part in name.split(".")}
    held = {name for module in model.modules() for name in vars(module)}
    return {name for name in parts | held | set(model.config.to_dict()) if name and not name.startswith("_")}


def test_a_type_that_nobody_lists_is_open():
    class Other:
        lu_solve = 1

    assert refusal_on(Other, "lu_solve") is None
    assert refusal_on(torch.nn.Parameter, "lu_solve") is not None
