"""The page on plug-ins: its file has one of everything, and works through every command, in the jail, on both tiers."""

import json
import re
from pathlib import Path

import pytest
import torch

from istar.cli.app import SUCCESS, run
from istar.protocol.run_folder import RunFolder
from istar.questions import INTERVENTIONS, READOUTS
from istar.sandbox.jail import tiers
from istar.seeds import Seed
from istar.targets.tiny import byte_tokenizer, randomise
from istar.tasks import FAMILIES
from istar.testing.families import ByteTokenizer, FamilyConformance
from istar.testing.functionals import FunctionalConformance
from istar.testing.interventions import InterventionConformance
from istar.testing.readouts import ReadoutConformance
from plugged import plugged

DOC = Path(__file__).parents[1] / "docs" / "plugins.md"
TASKS = ("dampening/animals", "dampening_held_out/weather")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    (folder / "dampening.py").write_text(code)
    (folder / "truth.txt").write_text("what no jail may show")
    with plugged(folder / "dampening.py"):
        yield folder


@pytest.fixture(scope="module")
def target(plugin):
    """Save a small model of the architecture that the plug-in brings."""
    from transformers import Starcoder2Config, Starcoder2ForCausalLM

    config = Starcoder2Config(
        vocab_size=258,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=None,
        tie_word_embeddings=False,
    )
    folder = plugin / "model"
    with torch.random.fork_rng(devices=[]):
        randomise(Starcoder2ForCausalLM(config), 5).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("ISTAR_HOME", str(folder))
        yield folder


# `tests/sandbox/test_sandbox_plugins.py` shows on every tier that plug-ins reach the jail
@pytest.fixture(params=["bubblewrap", pytest.param("landlock", marks=pytest.mark.trust)])
def tier(request, monkeypatch):
    find = {"bubblewrap": tiers.working_bubblewrap, "landlock": tiers.working_landlock}[request.param]
    if find()[0] is None:
        pytest.skip(find()[1])
    if request.param == "landlock":
        monkeypatch.setattr(tiers, "working_bubblewrap", lambda: (None, "not in this test"))
    return request.param


@pytest.mark.slow
def test_tables_are_built_and_verified_and_audited(plugin, target, home, capsys):
    families = ("dampening", "dampening_held_out")
    assert run(["truth", "build", *families, "--target", target, "--questions", "3"]) == SUCCESS
    assert run(["truth", "verify", *families, "--target", target]) == SUCCESS
    audit = ["tasks", "audit", *families, "--target", target, "--no-corpus", "--executor-seeds", "1"]
    capsys.readouterr()
    assert run(audit) == SUCCESS
    assert "dampening/animals" in capsys.readouterr().out


METHOD = '''"""Read the stream before the last block."""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return target.read(runs, target.run(runs, upto=target.layers - 1)).unsqueeze(-1)
'''


@pytest.mark.slow
def test_a_method_is_checked_scored_and_searched_for_on_it(plugin, target, home, tier, tmp_path, capsys):
    build = ["truth", "build", "dampening", "dampening_held_out", "--target", target, "--questions", "3"]
    assert run(build) == SUCCESS
    method = tmp_path / "before_the_last.py"
    method.write_text(f"# for {tier}\n{METHOD}")  # what another tier recorded is no answer here
    assert run(["check", str(method), "--task", "dampening"]) == SUCCESS
    assert "dampening/animals" in capsys.readouterr().out
    scored = ["--target", target, "--questions", "2", "--executor-seeds", "1", "--threads", "1", "--json"]
    assert run(["score", str(method), "--task", "dampening", *scored]) == SUCCESS
    printed = json.loads(capsys.readouterr().out)
    assert "dampening/animals" in json.dumps(printed)
    stage = {"questions": 2, "tasks": [TASKS[0]]}
    settings = {
        "target": target,
        "methods": 2,
        "threads": 1,
        "executor_seeds": 1,
        "corpus_sequences": 4,
        "corpus_length": 24,
        "environment_seed": 1 if tier == "landlock" else 0,
        "researcher_options": {"words": ["logit_lens", "answer_logits"]},
        "screen": {**stage, "questions": 1},
        "screen_floor": -5.0,
        "validate_above": -5.0,
        "train": stage,
        "validation": {**stage, "tasks": [TASKS[1]]},
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    search = ["search", "--config", str(tmp_path / "settings.json"), "--runs", str(tmp_path / "runs")]
    assert run([*search, "--run", "mine", "--json"]) == SUCCESS
    folder = RunFolder(tmp_path / "runs" / "mine")
    with folder.ledger(read_only=True) as ledger:
        lines = [json.loads(line) for line in ledger.export("mine")]
    rounds = [line for line in lines if line["table"] == "rounds"]
    evaluations = [line for line in lines if line["table"] == "evaluations"]
    assert [each["status"] for each in rounds] == ["ok", "ok"]
    assert {each["task"] for each in lines if each["table"] == "questions"} == set(TASKS)
    assert {each["status"] for each in evaluations} == {"ok"}
    assert "plug-in dampening.py" in json.dumps(lines[0]["versions"])


@pytest.mark.usefixtures("plugin")
class TestItsReadout(ReadoutConformance):
    def make(self):
        return READOUTS.get("log_rank")(smooth=True)


@pytest.mark.usefixtures("plugin")
class TestItsIntervention(InterventionConformance):
    def make(self):
        return INTERVENTIONS.get("scale_mlp")(0.5, -2.0)


@pytest.mark.usefixtures("plugin")
class TestItsFunctional(FunctionalConformance):
    def question(self):
        return FAMILIES.get("dampening").question("animals", ByteTokenizer(), Seed.root(0), 0)


@pytest.mark.usefixtures("plugin")
class TestItsFamily(FamilyConformance):
    def make(self):
        return FAMILIES.get("dampening")
