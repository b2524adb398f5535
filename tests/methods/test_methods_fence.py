"""Every fault is found, named with its line, and explained; what is harmless passes."""

import pickle

import pytest
import torch

from istar.methods import FenceError, MethodError, check_source, language, load_method
from istar.methods.fence import CONSTANTS_LIMIT, NAMES_LIMIT, SOURCE_BYTES_LIMIT
from istar.methods.guards import GUARDS

FRAME = """import torch
from torch import nn
import torch.nn.functional as F
from jaxtyping import Float
from istar.methods import Interpretation

{top}

def interpret(target, corpus):
    return Interpretation()

def predict(question, runs, target, interpretation, prepared):
    {body}
    return torch.zeros(len(runs), 1)
"""


def method(body="pass", top=""):
    return FRAME.format(body=body, top=top)


def faults(body="pass", top=""):
    return [str(fault) for fault in check_source(method(body, top))]


def test_the_frame_itself_passes():
    assert check_source(method()) == ()


HARMLESS = {
    "hook in a with statement": (
        "with target.module.register_forward_hook(lambda module, arguments, output: None): target.run(runs)"
    ),
    "functional": "F.softmax(torch.zeros(2), dim=-1)",
    "nested module path": "nn.functional.gelu(torch.zeros(2))",
    "comprehension": "x = {run.tokens[-1]: len(run.tokens) for run in runs if run.intervention is None}",
    "f-string": "x = f'{len(runs)} runs'",
    "literal getattr": "x = getattr(runs[0].readout, 'start', 0)",
    "raise": "raise ValueError('no')",
    "finally": "\n    try:\n        x = 1\n    finally:\n        x = 2",
    "walrus and lambda": "x = [y for run in runs if (y := len(run.tokens)) > 1] or (lambda: 0)()",
    "configuration": "x = target.module.config.num_attention_heads",
    "gradient": "x = torch.autograd.grad(torch.ones(1, requires_grad=True).sum(), [])",
    "local import": "from math import sqrt; x = sqrt(2)",
    "data of the interpretation": "x = interpretation.data['x']",
    "item assignment": "x = torch.zeros(3); x[0] = 1; x += 1",
}


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS.keys())
def test_harmless_code_passes(body):
    assert faults(body) == []


def test_harmless_classes_pass():
    top = """
class Probe(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.map = nn.Linear(width, 1)

    def forward(self, stream: Float[torch.Tensor, "runs width"]) -> Float[torch.Tensor, "runs 1"]:
        return self.map(stream)
"""
    assert faults(top=top) == []


REFUSED = {
    # imports
    "os": ("import os", "import of 'os'"),
    "numpy": ("import numpy as np", "import of 'numpy'"),
    "from sys": ("from sys import modules", "import of 'sys'"),
    "relative": ("from . import secrets", "import of '.'"),
    "star": ("from torch import *", "it hides what is used"),
    "truth": ("from istar.truth import load_tables", "import of 'istar.truth'"),
    "meter": ("from istar.flops.meter import Meter", "import of 'istar.flops.meter'"),
    "istar as module": ("import istar.targets", "only some names are open"),
    "load_target": ("from istar.targets import load_target", "`istar.targets.load_target`"),
    "load_method": ("from istar.methods import load_method", "`istar.methods.load_method`"),
    "torch submodule": ("import torch.utils.cpp_extension", "import of 'torch.utils.cpp_extension'"),
    "from torch": ("from torch import compile", "`torch.compile`"),
    "typing eval": ("from typing import get_type_hints", "`typing.get_type_hints`"),
    "statistics module's own imports": ("from statistics import sys", "`statistics.sys`"),
    # torch back doors
    "torch.lu_solve": ("torch.lu_solve(1, 2, 3)", "use torch.linalg.solve"),
    "math.dist": ("import math; math.dist([0], [1])", "use torch.dist"),
    "math.hypot": ("from math import hypot", "use torch.linalg.vector_norm"),
    "bilinear": ("F.bilinear(1, 2, 3)", "use torch.einsum"),
    "torch.load": ("torch.load('x')", "`torch.load`"),
    "torch.save": ("torch.save(1, 'x')", "`torch.save`"),
    "torch.compile": ("torch.compile(len)", "`torch.compile`"),
    "torch.jit": ("torch.jit.script(len)", "`torch.jit`"),
    "torch.ops": ("torch.ops.aten.mm", "`torch.ops`"),
    "torch.library": ("torch.library.define('a', 'b')", "`torch.library`"),
    "torch.utils": ("torch.utils.data", "`torch.utils`"),
    "torch.multiprocessing": ("torch.multiprocessing.spawn(len)", "`torch.multiprocessing`"),
    "torch._C": ("torch._C._set_grad_enabled(True)", "`torch._C`"),
    "torch.overrides": ("torch.overrides.redispatch", "`torch.overrides`"),
    "torch.from_numpy": ("torch.from_numpy(1)", "`torch.from_numpy`"),
    "torch.from_file": ("torch.from_file('x')", "`torch.from_file`"),
    "autograd function": ("torch.autograd.Function", "`torch.autograd.Function`"),
    "functional's own imports": ("F.importlib.import_module('os')", "`torch.nn.functional.importlib`"),
    "nn submodule": ("nn.modules.module.register_module_forward_hook(len)", "`torch.nn.modules`"),
    "module as a value": ("x = torch", "the module `torch` as a value"),
    "submodule as a value": ("x = nn.functional", "the module `torch.nn.functional` as a value"),
    "module as an argument": ("len(nn)", "the module `nn` as a value"),
    "module rebound": ("torch = 3", "`torch` is bound again"),
    "module patched": ("torch.zeros = len", "assignment to `torch.zeros`"),
    # attributes
    "dunder": ("x = ().__class__", "the attribute `__class__`"),
    "private": ("x = target._cache", "the attribute `_cache`"),
    "globals of a function": ("x = interpret.__globals__", "the attribute `__globals__`"),
    "generator frame": ("x = (i for i in runs).gi_frame", "walks the interpreter's own frames"),
    "traceback frame": ("x = runs.tb_frame", "walks the interpreter's own frames"),
    "numpy of a tensor": ("x = torch.zeros(1).numpy()", "where the meter cannot count"),
    "data of a tensor": ("x = torch.zeros(1).data", "use detach()"),
    "storage": ("x = torch.zeros(1).untyped_storage()", "where the meter cannot count"),
    "pointer": ("x = torch.zeros(1).data_ptr()", "where the meter cannot count"),
    "per-element function": ("x = torch.zeros(1).apply_(len)", "where the meter cannot count"),
    "tokenizer saves": ("target.tokenizer.save_pretrained('x')", "reads or writes files"),
    "tokenizer": ("target.tokenizer", "numpy arrays"),
    "array of a column": ("question.structure.columns[0].array", "numpy arrays"),
    "path to the weights": ("target.path.read_text()", "the attribute `path`"),
    "layout the meter cannot price": ("torch.zeros(2, 2).to_mkldnn()", "the attribute `to_mkldnn`"),
    "compiled call of the target": ("target.module.get_compiled_call(None)", "the attribute `get_compiled_call`"),
    "target changed": ("target.name = 'x'", "assignment to `target.name`"),
    "function attribute as a store": ("predict.memory = 1", "assignment to `predict.memory`"),
    "augmented assignment to an attribute": ("target.layers += 1", "assignment to `target.layers`"),
    "loop over an attribute": ("\n    for target.name in runs: pass", "assignment to `target.name`"),
    "buffer": ("target.module.register_buffer('x', None)", "changes the target"),
    "weights": ("target.module.load_state_dict({})", "changes the target"),
    "format": ("x = '{0.__class__}'.format(1)", "use an f-string"),
    "getattr computed": ("x = getattr(target, 'na' + 'me')", "attribute names must be readable"),
    "getattr dunder": ("x = getattr(target, '__dict__')", "the attribute `__dict__`"),
    "getattr as a value": ("x = list(map(getattr, runs, runs))", "`getattr` as a value"),
    "getattr on a module": ("x = getattr(torch, 'zeros')", "`getattr` on a module"),
    # built-ins
    "open": ("open('x')", "`open`"),
    "exec": ("exec('1')", "only code that was checked may run"),
    "eval": ("eval('1')", "only code that was checked may run"),
    "compile": ("compile('1', 'a', 'eval')", "only code that was checked may run"),
    "globals": ("globals()", "pass what you need as arguments"),
    "vars": ("vars(target)", "name the attributes you need"),
    "setattr": ("setattr(target, 'name', 1)", "use hooks"),
    "type": ("type('X', (), {})", "use isinstance"),
    "print": ("print(1)", "`istar check` reports"),
    "exit": ("exit()", "return from the function"),
    "__import__": ("__import__('os')", "the name `__import__`"),
    "__builtins__": ("x = __builtins__", "the name `__builtins__`"),
    "unlisted built-in": ("x = help", "not among the built-in names"),
    "undefined": ("x = nowhere", "nothing in the file defines it"),
    # syntax
    "except": ("\n    try: x = 1\n    except ValueError: pass", "swallow the meter's signal"),
    "bare except": ("\n    try: x = 1\n    except: pass", "swallow the meter's signal"),
    "return in finally": ("\n    try: x = 1\n    finally: return x", "return syntax inside finally"),
    "global": ("global CACHE", "global syntax"),
    "async": ("\n    async def f(): pass", "asyncfunctiondef syntax"),
    "match": ("\n    match target:\n        case object(name=x): pass", "match syntax"),
    "exit method": ("\n    class A:\n        def __exit__(self, *a): return True", "the special method `__exit__`"),
    "del method": ("\n    class A:\n        def __del__(self): pass", "the special method `__del__`"),
    "equality method": ("\n    class A:\n        def __eq__(self, other): return True", "the special method `__eq__`"),
    "dispatch method": ("\n    class A:\n        def __torch_function__(self): pass", "`__torch_function__`"),
    "metaclass": ("\n    class A(metaclass=object): pass", "metaclasses change what code means"),
    "exit stack callback": ("from contextlib import ExitStack; ExitStack().push(len)", "swallow the meter's signal"),
    "shape as code": ("x: Float[torch.Tensor, '{exit()}']", "shapes with expressions are evaluated as code"),
    "shape as arithmetic": ("x: Float[torch.Tensor, 'exit()+1']", "shapes with expressions are evaluated as code"),
    "shape type alone": ("x = Float", "`Float` without a shape"),
}


@pytest.mark.parametrize(("body", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_each_fault_is_named_with_its_line(body, expected):
    found = check_source(method(body))
    matching = [fault for fault in found if expected in str(fault)]
    assert matching, [str(fault) for fault in found]
    first = method().splitlines().index("    pass") + 1
    assert all(first <= fault.line <= first + body.count("\n") for fault in matching)
    assert all(fault.why and fault.instead for fault in found)


TOP_LEVEL = {
    "loop": ("for i in range(3): pass", "a for loop at the top level"),
    "call": ("len('abc')", "a bare expression at the top level"),
    "branch": ("if True: x = 1", "an if statement at the top level"),
}


@pytest.mark.parametrize(("top", "expected"), TOP_LEVEL.values(), ids=TOP_LEVEL.keys())
def test_the_top_level_only_defines(top, expected):
    assert any(expected in fault for fault in faults(top=top))


def test_all_faults_are_reported_at_once_in_order():
    found = check_source(method("import os; print(open('x'))"))
    assert len(found) == 3
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\n", "there is no function `interpret`"),
        ("x = 1\n", "add `def predict(question, runs, target, interpretation, prepared)`"),
        ("def interpret(target):\n    return 1\n", "write `def interpret(target, corpus)`"),
        ("def interpret(target, corpus, *rest):\n    return 1\n", "`interpret(target, corpus, *rest)`"),
        ("def interpret(target, corpus=None):\n    return 1\n", "write `def interpret(target, corpus)`"),
        ("def prepare(question):\n    return 1\n", "write `def prepare(question, target, interpretation)`"),
        ("from functools import cache\n@cache\ndef interpret(target, corpus):\n    return 1\n", "is decorated"),
    ],
)
def test_signatures_are_checked(source, expected):
    assert any(expected in str(fault) for fault in check_source(source))


def test_unparsable_sources_are_faults():
    assert "syntax error" in str(check_source("def f(:\n")[0])
    assert check_source("x = '\0'\n")
    assert "cannot be parsed" in str(check_source("(" * 5000 + ")" * 5000)[0]) or check_source("(" * 5000)
    assert f"the limit is {SOURCE_BYTES_LIMIT}" in str(check_source("#" * (SOURCE_BYTES_LIMIT + 1))[0])


LONG = f"0x{'f' * 5_000}"
"""More digits than Python writes out."""


@pytest.mark.parametrize(
    "top", [f"def prepare(question, target, x={LONG}):\n    pass\n", f"import math\nmath.pi[{LONG}] = 1"]
)
@pytest.mark.parametrize("body", [f"x = {LONG}", f"target[{LONG}].x = 1", f"math.e[{LONG}] = 1", f"math[{LONG}].e = 1"])
def test_a_number_that_python_does_not_write_out_is_a_fault_like_any(top, body):
    found = faults(body, top)
    assert any("of 20000 bits" in fault for fault in found)
    assert len(found) > 1


TABLES = {
    "text": f"x = '{'a' * (CONSTANTS_LIMIT + 1)}'",
    "texts": f"x = [{', '.join(['1234567'] * 600)}]",
    "numbers": f"x = {{{', '.join(f'{number}: 0.{number}' for number in range(800))}}}",
    "arguments": f"x = max({', '.join(['0.125'] * 900)})",
    "names": f"z = o = 1; x = [{', '.join('zo' * 2100)}]",
    "wide letters": f"x = '{chr(0x4E00) * (CONSTANTS_LIMIT // 3 + 1)}'",
    "a number": f"x = 0x{'a' * CONSTANTS_LIMIT}a",
    "an f-string": f"x = f'{{runs}}{'a' * CONSTANTS_LIMIT}'",
}


@pytest.mark.parametrize("body", ["x = dict({}=1)", "x = lambda {}: 1", "{} = 1", "x = runs.{}"])
def test_a_table_is_not_written_down_as_names(body):
    said = f"the limit is {NAMES_LIMIT}; use shorter or fewer names"
    assert any(said in fault for fault in faults(body.format("a" * NAMES_LIMIT)))
    assert not any(said in fault for fault in faults(body.format("a" * (NAMES_LIMIT // 2))))


@pytest.mark.parametrize("body", TABLES.values(), ids=TABLES)
def test_a_table_is_not_written_down(body):
    assert any(f"the limit is {CONSTANTS_LIMIT}; a method is code; learn" in fault for fault in faults(body))


def test_what_a_method_cannot_read_is_no_table():
    assert faults("x = [1, 2, 3]", f"def helper():\n    '{'a' * CONSTANTS_LIMIT}'\n") == []


def test_the_error_lists_every_fault_and_survives_pickling():
    with pytest.raises(FenceError, match=r"(?s)method 'mine' has 2 faults:.*line \d+: `open`.*`print`") as caught:
        load_method(method("print(open('x'))"), name="mine")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.faults == caught.value.faults
    assert str(again) == str(caught.value)


# -- what the static fence lets through is stopped when it runs --------------------------------------------------------


def run(body):
    loaded = load_method(method(body))
    return loaded.predict(None, [], None, None, None)


def test_loaded_code_has_no_other_builtins():
    loaded = load_method(method())
    available = loaded.predict.__globals__["__builtins__"]
    assert set(available) <= language.BUILTINS | {"__build_class__", "__import__", "__name__", *GUARDS}
    assert "open" not in available
    assert "eval" not in available


@pytest.mark.parametrize("name", ["os", "sys", "builtins", "torch.utils", "numpy"])
def test_the_import_guard_refuses_at_run_time(name):
    guard = load_method(method()).predict.__globals__["__builtins__"]["__import__"]
    with pytest.raises(MethodError, match=f"import of '{name}' is closed"):
        guard(name)
    with pytest.raises(MethodError, match="`from torch import load` is closed"):
        guard("torch", None, None, ("load",))
    with pytest.raises(MethodError, match="closed"):
        guard("os", None, None, [])


def test_attribute_names_are_checked_again_at_run_time():
    available = load_method(method()).predict.__globals__["__builtins__"]
    for name in ("getattr", "hasattr"):
        with pytest.raises(MethodError, match="'__class__' is closed"):
            available[name](3, "__class__")
        with pytest.raises(MethodError, match="'gi_frame' is closed"):
            available[name](3, "gi_frame")
        with pytest.raises(MethodError, match="on the module 'pickle' is closed"):
            available[name](pickle, "loads")

    class Text(str):
        def startswith(self, *arguments):
            return False

    with pytest.raises(MethodError, match="is closed"):
        available["getattr"](3, Text("__class__"))
    assert available["getattr"](3, "real") == 3


def test_dataclasses_and_modules_work_when_loaded():
    top = """
from dataclasses import dataclass, field

@dataclass(frozen=True)
class Found:
    values: list = field(default_factory=list)

class Probe(nn.Module):
    def __init__(self):
        super().__init__()
        self.map = nn.Linear(2, 3)
"""
    loaded = load_method(method("assert Found().values == [] and Probe().map.out_features == 3", top))
    assert loaded.predict(None, [], None, None, None).shape == (0, 1)


def test_dataclasses_with_postponed_annotations_work():
    source = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
    assert load_method(source + method("assert A(3).x == 3")).predict(None, [], None, None, None).shape == (0, 1)


FOREIGN = """
class Patch:
    def spread(self):
        {statement}
"""


@pytest.mark.parametrize("statement", ["self.detach = len", "self.detach: int = 1", "self.x += 1", "del self.detach"])
def test_an_attribute_of_something_foreign_cannot_be_set_as_self(statement):
    top = FOREIGN.format(statement=statement)
    before = torch.Tensor.detach
    loaded = load_method(method("Patch.spread(torch.Tensor)", top))
    with pytest.raises(MethodError, match=r"an attribute of a \w+ is assigned to"):
        loaded.predict(None, [], None, None, None)
    assert torch.Tensor.detach is before


def test_attributes_of_own_objects_can_be_set():
    top = """
class Count:
    def __init__(self):
        self.seen = 0

    def add(self):
        self.seen += 1
        return self

class Probe(nn.Module):
    def __init__(self):
        super().__init__()
        self.map, self.bias = nn.Linear(2, 3), None
"""
    loaded = load_method(method("assert Count().add().seen == 1 and Probe().map.out_features == 3", top))
    assert loaded.predict(None, [], None, None, None).shape == (0, 1)


def test_a_fault_holds_no_text_that_could_confuse_a_terminal():
    (fault,) = check_source(method("getattr(target, '_\\x1b]0;title\\x07')"))
    assert "\x1b" not in str(fault)
    assert "title" in str(fault)
    (long,) = check_source(method(f"getattr(target, '_{'x' * 3_000}')"))
    assert len(str(long)) < 400
