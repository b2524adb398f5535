"""What a folder holds beside or instead of a whole plain model is refused by name, and never half read."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForSequenceClassification

from istar.targets import TargetError, TargetMemoryError, load_target, loading
from istar.targets.checkpoint import weight_bytes, weight_files
from istar.targets.hashing import weights_hash
from istar.targets.tiny import byte_tokenizer, tiny_llama

INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path) -> Path:
    tiny_llama().save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def sharded(tmp_path) -> Path:
    tiny_llama().save_pretrained(tmp_path / "shards", max_shard_size="200KB")
    byte_tokenizer().save_pretrained(tmp_path / "shards")
    return tmp_path / "shards"


def rewrite(folder: Path, change) -> None:
    """Change the tensors of a folder's one file."""
    tensors = load_file(folder / "model.safetensors")
    save_file(change(tensors), folder / "model.safetensors", metadata={"format": "pt"})


def configure(folder: Path, **fields) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


class TestTensors:
    def test_a_checkpoint_without_its_unembedding(self, folder):
        rewrite(folder, lambda tensors: {name: each for name, each in tensors.items() if name != "lm_head.weight"})
        with pytest.raises(TargetError, match=r"lack lm_head\.weight of a LlamaForCausalLM, which would be random"):
            load_target(str(folder))

    def test_a_tied_checkpoint_holds_its_unembedding_in_the_embedding(self, folder):
        rewrite(folder, lambda tensors: {name: each for name, each in tensors.items() if name != "lm_head.weight"})
        configure(folder, tie_word_embeddings=True)
        target = load_target(str(folder))
        assert target.anatomy.unembedding.weight is target.anatomy.embedding.weight

    def test_a_tied_checkpoint_may_hold_either(self, folder):
        def unembedding_alone(tensors):
            return {name: each for name, each in tensors.items() if name != "model.embed_tokens.weight"}

        rewrite(folder, unembedding_alone)
        configure(folder, tie_word_embeddings=True)
        target = load_target(str(folder))
        assert torch.equal(target.anatomy.embedding.weight, tiny_llama().lm_head.weight)

    def test_a_layer_less(self, folder):
        configure(folder, num_hidden_layers=5)
        with pytest.raises(
            TargetError, match=r"lack model\.layers\.4\.input_layernorm\.weight, .* and 3 more of a Llama"
        ):
            load_target(str(folder))

    def test_a_layer_more_is_said(self, folder, caplog):
        configure(folder, num_hidden_layers=3)
        assert load_target(str(folder)).layers == 3
        assert "holds tensors that a LlamaForCausalLM does not use: model.layers.3." in caplog.text

    def test_names_with_a_prefix(self, folder):
        rewrite(folder, lambda tensors: {f"module.{name}": each for name, each in tensors.items()})
        with pytest.raises(TargetError, match=r"lack lm_head\.weight, .* Its files hold module\.lm_head\.weight, "):
            load_target(str(folder))

    def test_a_sequence_classifier(self, folder):
        LlamaForSequenceClassification(tiny_llama().config).save_pretrained(folder)
        with pytest.raises(TargetError, match=r"lack lm_head\.weight .* Its files hold score\.weight instead"):
            load_target(str(folder))

    def test_other_shapes(self, folder):
        configure(folder, intermediate_size=161)
        expected = (
            r"other shapes than config\.json says: model\.layers\.0\.mlp\.down_proj\.weight \(64x160 where 64x161 is"
        )
        with pytest.raises(TargetError, match=expected):
            load_target(str(folder))

    def test_a_whole_checkpoint_says_nothing(self, folder, caplog):
        load_target(str(folder))
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]

    def test_constants_of_older_checkpoints_are_not_worth_a_word(self, tmp_path, folder, caplog):
        rewrite(folder, lambda tensors: tensors | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)})
        load_target(str(folder))
        sizes = {"vocab_size": 258, "n_embd": 32, "n_layer": 1, "n_head": 4, "n_positions": 16}
        gpt2 = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=1))
        gpt2.save_pretrained(tmp_path / "gpt2")
        byte_tokenizer().save_pretrained(tmp_path / "gpt2")
        rewrite(tmp_path / "gpt2", lambda tensors: tensors | {"transformer.h.0.attn.masked_bias": torch.ones(1)})
        load_target(str(tmp_path / "gpt2"))
        assert not caplog.records


class TestFiles:
    def test_needed_memory_is_what_the_weights_take(self, folder, sharded):
        expected = sum(weight.numel() for weight in tiny_llama().parameters())
        for place in (folder, sharded):
            assert weight_bytes(weight_files(place), torch.float32) == 4 * expected
            assert weight_bytes(weight_files(place), torch.bfloat16) == 2 * expected

    def test_what_the_index_does_not_name_takes_no_memory(self, sharded, monkeypatch):
        needed = weight_bytes(weight_files(sharded), torch.float32)
        save_file({"everything": torch.zeros(10**6)}, sharded / "consolidated.safetensors")
        assert len(list(sharded.glob("*.safetensors"))) == len(weight_files(sharded)) + 1 > 2
        monkeypatch.setattr(loading, "available_memory", lambda device: needed)
        assert weights_hash(load_target(str(sharded)).module) == weights_hash(tiny_llama())
        monkeypatch.setattr(loading, "available_memory", lambda device: needed - 1)
        with pytest.raises(TargetMemoryError):
            load_target(str(sharded))

    def test_one_file_goes_before_an_index_as_transformers_has_it(self, folder):
        (folder / INDEX).write_text("no index")
        assert weight_files(folder) == [folder / "model.safetensors"]
        load_target(str(folder))

    def test_a_file_that_the_configuration_names(self, folder):
        (folder / "model.safetensors").rename(folder / "mine.safetensors")
        with pytest.raises(TargetError, match=r"holds no model\.safetensors and no"):
            load_target(str(folder))
        configure(folder, transformers_weights="mine.safetensors")
        assert load_target(str(folder)).layers == 4

    @pytest.mark.parametrize(
        "content", ["{", "[]", "{}", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"a": 1}}', "\udcff"]
    )
    def test_a_damaged_index(self, sharded, content):
        (sharded / INDEX).write_bytes(content.encode(errors="surrogateescape"))
        with pytest.raises(TargetError, match=rf"the index \S+{INDEX} is damaged \(\w+: .*\); save or download"):
            load_target(str(sharded))

    def test_a_shard_that_is_not_there(self, sharded):
        first = weight_files(sharded)[0]
        first.unlink()
        with pytest.raises(TargetError, match=f"names files that are not there: {first.name}; download"):
            load_target(str(sharded))


class TestAdapters:
    @pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"])
    def test_beside_a_model(self, folder, name):
        (folder / name).write_text("{}")
        with pytest.raises(TargetError, match=rf"holds a PEFT adapter \({name}\), .*merge_and_unload\(\)"):
            load_target(str(folder))

    def test_alone(self, tmp_path):
        (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/base"}))
        with pytest.raises(TargetError, match=r"holds a PEFT adapter .*save_pretrained\(FOLDER\)"):
            load_target(str(tmp_path))


class TestQuantisation:
    def test_an_unknown_method_is_named(self, folder):
        configure(folder, quantization_config={"quant_method": "squeeze", "bits": 4})
        with pytest.raises(TargetError, match=r"is quantised by 'squeeze' .* does not know .*It knows .*gptq"):
            load_target(str(folder))

    def test_no_method_is_an_unknown_one(self, folder):
        configure(folder, quantization_config={"bits": 4})
        with pytest.raises(TargetError, match="is quantised by 'None'"):
            load_target(str(folder))

    @pytest.mark.parametrize(
        ("stated", "name"),
        [({"quant_method": "gptq", "bits": 4}, "gptq"), ({"load_in_8bit": True}, "bitsandbytes")],
        ids=["gptq", "LLM.int8"],
    )
    def test_weights_that_stay_packed_are_refused(self, folder, stated, name):
        configure(folder, quantization_config=stated)
        with pytest.raises(TargetError, match=rf"quantised by '{name}' and would stay packed: .*model\.dequantize\(\)"):
            load_target(str(folder))

    def test_nothing_is_read_before(self, folder):
        configure(folder, quantization_config={"quant_method": "squeeze"})
        for file in folder.glob("*.safetensors"):
            file.write_bytes(b"damaged")
        with pytest.raises(TargetError, match="quantised by 'squeeze'"):
            load_target(str(folder))


class TestTokenizers:
    def test_missing_files_are_named(self, folder):
        (folder / "tokenizer.json").unlink()
        with pytest.raises(TargetError, match=r"holds no tokenizer: neither tokenizer\.json nor tokenizer\.model"):
            load_target(str(folder))

    def test_the_reason_is_repeated_whole(self, folder):
        (folder / "tokenizer.json").unlink()
        (folder / "vocab.json").write_text("{}")
        with pytest.raises(
            TargetError, match=r"the tokenizer of \S+ cannot be loaded: .*\S\. Check its files \(tok"
        ) as found:
            load_target(str(folder))
        assert "from one of: ." not in str(found.value)

    def test_a_damaged_file(self, folder):
        (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text()[:500])
        with pytest.raises(TargetError, match=r"the tokenizer of \S+ cannot be loaded: Unterminated string"):
            load_target(str(folder))
