"""A user's plug-ins in the jail: they get there on every tier, alone, and without what no method may know."""

import ast
import importlib
import pkgutil
import re
import sys
from dataclasses import asdict
from pathlib import Path
from textwrap import dedent

import pytest
import torch

import istar
from istar.methods import Interpretation
from istar.modules import Source
from istar.questions import INTERVENTIONS, READOUTS, Column, QuestionView, Run, Structure, nested_batches
from istar.sandbox import Jail, Limits, SandboxError, TargetSpec, Worker
from istar.sandbox.jail.mounts import PACKAGES_IN_JAIL
from istar.sandbox.jail.tiers import PlainTier, working_bubblewrap, working_landlock
from istar.sandbox.wire.frames import Frame, FrameCaps
from istar.sandbox.wire.replies import raise_failure
from istar.sandbox.wire.shipping import Shipment, registries, shipment, without_hidden_methods
from istar.sandbox.wire.stand_ins import is_absent, stand_ins
from istar.seeds import Seed
from istar.targets.loading import load_target
from istar.targets.organisms import ORGANISMS, OrganismSpec
from plugged import plugged

TIERS = {"bubblewrap": working_bubblewrap, "landlock": working_landlock, "plain": lambda: (PlainTier(), "")}

WHOLE = '''
"""Everything in one file: a family beside what a jail needs."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch

from beside.numbers import FACTOR
from istar.questions import INTERVENTIONS, READOUTS, Intervention, Path, Question, Readout
from istar.targets import APPLIERS
from istar.tasks import FAMILIES, Family, Split, TaskError, structure_of

SECRET_RECIPE = 1


class LateError(TaskError):
    """An error of the family's."""


@dataclass(frozen=True)
class Recipes(Family):
    name: ClassVar[str] = "recipes"
    split: ClassVar[Split] = "use"
    data_sets: ClassVar[tuple[str, ...]] = ("one",)
    rows: int = 3

    def __post_init__(self):
        if self.rows < 1:
            raise LateError("no rows")

    def build(self, data_set, encode, generator, index):
        from answers import ANSWERS

        return how_the_questions_are_drawn(ANSWERS)


FAMILIES.add(Recipes.name, Recipes())


@READOUTS.register("last_logprob")
@dataclass(frozen=True)
class LastLogprob(Readout):
    """Log-probability of the last token, in nats, times a factor."""

    kind: ClassVar[str] = "last_logprob"

    def paths(self, tokens):
        return (Path(tokens[:-1], (len(tokens) - 2,)),)

    def value(self, tokens, log_probs):
        return float(log_probs[0][0, tokens[-1]]) * FACTOR


@INTERVENTIONS.register("scale_stream")
@dataclass(frozen=True)
class ScaleStream(Intervention):
    """The stream after the embedding is scaled."""

    kind: ClassVar[str] = "scale_stream"
    factor: float


@APPLIERS.register("scale_stream")
@contextmanager
def _scale(target, intervention):
    from beside.late import identity

    handle = target.anatomy.embedding.register_forward_hook(
        lambda _module, _arguments, output: identity(output * intervention.factor)
    )
    try:
        yield
    finally:
        handle.remove()
'''

METHOD = """
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return target.read(runs, target.run(runs)).unsqueeze(-1)
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    write(
        folder,
        whole_plugin=WHOLE,
        beside__numbers="FACTOR = 2.0",
        beside__late="def identity(value):\n    return value",
        beside__unused="SECRET = 1",
        answers="ANSWERS = 'what nobody may see'",
    )
    (folder / "truth.parquet").write_text("the answers")
    (folder / "adapter.safetensors").write_bytes(b"an adapter")
    (folder / "card.json").write_text("the trigger")
    return folder


@pytest.fixture(scope="module")
def target():
    torch.set_num_threads(1)
    return load_target("tiny-random")


class OpenJail(Jail):
    """A jail whose worker also evaluates any Python that it is sent, where it would run a method."""

    @staticmethod
    def program(control):
        return f"""
from istar.sandbox import worker
from istar.sandbox.wire.frames import Frame

def evaluate(target, request):
    scope = dict(target=target)
    exec("import gc, os, sys\\n" + request.fields["code"], scope)
    return Frame("done", {{"result": scope["result"]}}, {{}})

worker.main({control}, dict(worker.HANDLERS, evaluate=evaluate))
"""

    def evaluate(self, code):
        """Return what a program leaves in `result`."""
        answer = self.ask(
            lambda allowance: Frame("evaluate", {"code": dedent(code), "allowance": asdict(allowance)}),
            FrameCaps(header_bytes=2**16, array_bytes=0, arrays=0),
            30.0,
            "a program",
        )
        if answer.frame.kind == "failed":
            raise_failure(answer.frame, "a program")
        return answer.frame.fields["result"]


def question(target):
    readout, intervention = READOUTS.get("last_logprob")(), INTERVENTIONS.get("scale_stream")
    runs = [
        Run((target.bos, *target.encode(text)), readout, change)
        for text in ("one lamp", "two boats")
        for change in (None, intervention(0.5), intervention(2.0))
    ]
    columns = Column("change", "arm", (0.0, 1.0, 2.0) * 2), Column("text", "nuisance", (0.0,) * 3 + (1.0,) * 3)
    return QuestionView(tuple(runs), Structure(columns))


@pytest.fixture(scope="module", params=TIERS)
def jail(request, folder, target):
    tier, reason = TIERS[request.param]()
    if tier is None:
        pytest.skip(reason)
    with plugged(folder / "whole_plugin.py"), pytest.MonkeyPatch.context() as patch:
        spec = OrganismSpec("of_a_user", "lexical_backdoor", folder)
        patch.setitem(ORGANISMS._entries, spec.name, spec)
        with OpenJail(TargetSpec.of(target), tier, Limits(memory_bytes=2**32)) as jail:
            yield jail


def test_readouts_and_interventions_of_a_users_file_work_in_the_jail(jail, target):
    view = question(target)
    batches = nested_batches(view.structure, Seed.root(0))
    expected = target.values(view.runs)
    assert len(set(expected.tolist())) == len(view.runs)
    worker = Worker(METHOD, jail.target, jail=jail)
    recording = worker.record(view, "q" * 64, batches, Interpretation().to_bytes(), max_flops=10**12)
    found = torch.zeros(len(view.runs), dtype=torch.float64)
    for batch, rows in zip(recording.batches, batches, strict=True):
        found[torch.as_tensor(rows)] = torch.as_tensor(batch.channels[:, 0]).double()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_family_beside_them_is_of_no_use_there(jail):
    """What a method would find that got past the fence: no recipe, no truth, no package that the jail hides."""
    found = jail.evaluate(
        """
        module = sys.modules["whole_plugin"]
        result = {
            "text": module.__loader__.get_source("whole_plugin"),
            "names": [name for each in gc.get_objects() if type(each).__name__ == "function"
                      for name in each.__code__.co_names if name == "how_the_questions_are_drawn"],
            "modules": [name for name in sys.modules if name.startswith("istar.tasks")],
            "rows": module.Recipes(rows=5).rows,
            "base": repr(module.Family),
        }
        try:
            module.Recipes().build("one", None, None, 0)
        except NotImplementedError as error:
            result["built"] = str(error)
        """
    )
    assert "how_the_questions_are_drawn" in WHOLE
    assert "how_the_questions_are_drawn" not in found["text"]
    assert len(found["text"].split("\n")) == len(WHOLE.split("\n"))
    assert (found["names"], found["modules"], found["rows"]) == ([], [], 5)
    assert found["built"] == "this is not in the jail"
    assert "which is not in the jail" in found["base"]


def test_only_what_a_plugin_imports_goes_with_it(jail, folder):
    found = jail.evaluate(
        f"""
        result = {{}}
        for name in ("beside.numbers", "beside.late", "beside.unused", "answers", "istar.truth.store"):
            try:
                __import__(name)
                result[name] = "there"
            except (ImportError, OSError) as error:
                result[name] = type(error).__name__
        for name in ("whole_plugin.py", "answers.py", "truth.parquet"):
            try:
                open(os.path.join({str(folder)!r}, name)).read()
                result[name] = "there"
            except OSError as error:
                result[name] = type(error).__name__
        """
    )
    absent = {"answers"}
    if jail.tier.name != "plain":  # the disk is in sight there
        absent |= {"beside.unused", "istar.truth.store", "whole_plugin.py", "answers.py", "truth.parquet"}
    assert {name for name in absent if found[name] == "there"} == set()
    assert (found["beside.numbers"], found["beside.late"]) == ("there", "there")


def test_a_jail_starts_with_the_text_that_was_imported(jail, folder, target):
    """A file that is edited while a search runs changes nothing of the search, whose jails may be started anew."""
    if jail.tier.name != "plain":
        pytest.skip("this is decided outside")
    file = folder / "beside" / "numbers.py"
    text = file.read_text()
    file.write_text("FACTOR = 3.0")
    try:
        with OpenJail(TargetSpec.of(target), PlainTier(), Limits(memory_bytes=2**32)) as another:
            assert another.evaluate("from beside.numbers import FACTOR\nresult = FACTOR") == 2.0
    finally:
        file.write_text(text)


@pytest.fixture(params=["bubblewrap", "landlock"])
def real_tier(request):
    tier, reason = TIERS[request.param]()
    return tier or pytest.skip(reason)


READS_A_FILE = """
from pathlib import Path
from dataclasses import dataclass
from istar.questions import READOUTS, Entropy


def factor():
    return float(Path(__file__).with_name("factor.txt").read_text())


FACTOR = factor()


@READOUTS.register("entropy_by_factor")
class EntropyByFactor(Entropy):
    kind = "entropy_by_factor"
"""


def test_a_plugin_that_fails_in_the_jail_alone_says_so(tmp_path, target, real_tier):
    write(tmp_path, reads_a_file=READS_A_FILE)
    (tmp_path / "factor.txt").write_text("2.0")
    with (
        plugged(tmp_path / "reads_a_file.py"),
        Jail(TargetSpec.of(target), real_tier) as jail,
        pytest.raises(SandboxError) as caught,
    ):
        jail.wait_ready()
    message = str(caught.value)
    assert f"{tmp_path}/reads_a_file.py, line 8: " in message
    assert "factor.txt" in message
    assert "Outside the jail it was imported without an error" in message
    assert "Traceback" not in message


def test_a_plugin_of_families_alone_stays_outside(tmp_path):
    family = WHOLE[: WHOLE.index("@READOUTS")].replace('"recipes"', '"other_recipes"')
    write(tmp_path, of_families_alone=family, beside__numbers="FACTOR = 2.0")
    before = shipment()
    with plugged(tmp_path / "of_families_alone.py"):
        assert shipment() == before


def test_of_a_users_organism_the_adapter_alone_is_shown(jail, folder):
    assert folder / "adapter.safetensors" in shipment().files
    found = jail.evaluate(
        """
        from istar.targets.organisms import ORGANISMS
        spec = ORGANISMS.get("of_a_user")
        result = [(spec.folder / "adapter.safetensors").read_text(), spec.kind]
        try:
            result.append((spec.folder / "card.json").read_text())
        except OSError as error:
            result.append(type(error).__name__)
        """
    )
    assert found[:2] == ["an adapter", "user"]
    assert jail.tier.name == "plain" or found[2] in ("FileNotFoundError", "PermissionError")


def test_every_registry_that_the_jail_has_is_thought_of():
    """A new one either goes into the jail or is known not to be asked there."""
    found = set()
    for package in PACKAGES_IN_JAIL:
        for module in pkgutil.walk_packages([str(Path(istar.__file__).parent / package)], f"istar.{package}."):
            text = Path(str(importlib.util.find_spec(module.name).origin)).read_text()
            found |= set(re.findall(r'= Registry\(\s*"([a-z ]+)"[,)]', text))
    not_asked = {"functional", "target"}  # a view has none, and a worker is told the target's folder
    assert found == {*registries(), "organism", *not_asked}


class TestStandIns:
    @pytest.mark.parametrize(
        ("name", "absent"),
        [
            ("istar", False),
            ("istar.questions.runs", False),
            ("istar.registry", False),
            ("istar.tasks", True),
            ("istar.truth.store", True),
            ("istarling.tasks", False),
            ("torch", False),
        ],
    )
    def test_they_stand_for_what_the_jail_hides(self, name, absent):
        assert is_absent(name) is absent

    def test_a_file_runs_with_them_and_nothing_comes_of_it(self):
        real = sys.modules.get("istar.tasks")
        code = """
            import istar.tasks
            from istar.tasks.family import FAMILIES, Family, Split, TaskError, structure_of
            from istar.executors import EXECUTORS, Executor
            from typing import ClassVar

            class Mine(Family):
                name: ClassVar[str] = "mine"
                size: int | Split | None = 4
                kinds = tuple[Split, ...]

            @EXECUTORS.register("mine")
            class Buyer(Executor):
                pass

            @structure_of
            def decorated():
                return 3

            if "mine" not in FAMILIES:
                FAMILIES.add(Mine.name, Mine(size=3))

            try:
                raise TaskError("really")
            except TaskError as error:
                said = str(error)
        """
        scope = {"__name__": "a_plugin"}
        with stand_ins():
            exec(dedent(code), scope)
        assert scope["Mine"]().size == 4
        assert scope["Buyer"].__name__ == "Buyer"
        assert scope["decorated"]() == 3
        assert scope["said"] == "really"
        assert sys.modules.get("istar.tasks") is real
        assert getattr(istar, "tasks", None) is real

    def test_what_a_plugin_would_compute_with_one_is_an_error(self):
        with stand_ins():
            from istar.tasks import LEAST
        for use in (lambda: LEAST + 1, lambda: float(LEAST), lambda: list(LEAST)):
            with pytest.raises(TypeError):
                use()


HIDDEN = '''
from istar.tasks import Family


def decorator(function):
    return function


class Base(Family):
    """Text."""

    size = 3

    def one(self): return [
        "recipe",
    ]

    @decorator
    def two(self):
        @decorator
        def inner():
            return "recipe"

        return """
        recipe
        """

    if size > 2:
        async def three(self, a=(1,
                                 2)):
            "recipe"
            ""; return "recipe"

    def __post_init__(self):
        self.recipe = "recipe"


class Derived(Base):
    é = 1
    def four(self, ü="ß"): return "recipe"


class Other:
    def kept(self):
        return "kept"
'''


def definitions(text):
    return {
        each.name: each.lineno for each in ast.walk(ast.parse(text)) if hasattr(each, "name") and hasattr(each, "body")
    }


def test_methods_are_left_out_line_for_line(tmp_path, monkeypatch):
    write(tmp_path, hidden_methods=HIDDEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("hidden_methods")
    try:
        text = without_hidden_methods(module.__loader__.get_source("hidden_methods"), "hidden_methods")
    finally:
        del sys.modules["hidden_methods"]
    assert "recipe" not in text
    assert len(text.split("\n")) == len(HIDDEN.split("\n"))
    assert definitions(text) == {name: line for name, line in definitions(HIDDEN).items() if name != "inner"}
    scope = {"__name__": "hidden_methods"}
    with stand_ins():
        exec(text, scope)
    assert scope["Other"]().kept() == "kept"
    assert scope["Derived"]().size == 3
    for call in (scope["Derived"]().four, scope["Base"]().one, scope["Base"]().two):
        with pytest.raises(NotImplementedError, match="not in the jail"):
            call()


def test_a_shipment_survives_the_way(tmp_path):
    sent = Shipment({"a": Source(tmp_path, "é", True)}, ("a",), (("a", "readout", "x"),), {"o": tmp_path})
    assert Shipment.from_bytes(sent.to_bytes()) == sent


def test_forgetting_a_stand_in_leaves_what_has_its_last_name():
    """`istar.arms.task_questions` is hidden, `istar.questions` is not."""
    with stand_ins():
        importlib.import_module("istar.arms.task_questions")
    assert istar.questions is sys.modules["istar.questions"]
