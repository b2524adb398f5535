"""The GGUF file is unpacked when it is converted, also where transformers would leave its blocks packed."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter, quants
from transformers import AutoModelForCausalLM
from transformers.core_model_loading import WeightRenaming
from transformers.integrations.gguf.gguf_conversion_mapping import DENSE_DECODER_RENAMINGS, GGUF_ARCHS

from istar.targets import load_target
from istar.targets.embedded import MANIFEST, _convert, recorded_weights_hash
from istar.targets.hashing import weights_hash
from istar.targets.tiny import byte_tokenizer

WIDTH, FEED_FORWARD, TOKENS = 64, 96, 259
SHAPES = {
    "token_embd": (TOKENS, WIDTH),
    "blk.0.ffn_down": (WIDTH, FEED_FORWARD),
    "blk.0.ffn_gate": (FEED_FORWARD, WIDTH),
    "blk.0.ffn_up": (FEED_FORWARD, WIDTH),
    "blk.0.attn_q": (WIDTH, WIDTH),
    "blk.0.attn_k": (WIDTH, WIDTH),
    "blk.0.attn_v": (WIDTH, WIDTH),
    "blk.0.attn_output": (WIDTH, WIDTH),
}
PACKED = GGMLQuantizationType.Q8_0


@pytest.fixture
def blocks() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(3)
    shapes = SHAPES.items()
    return {name: quants.quantize(generator.normal(size=shape).astype(np.float32), PACKED) for name, shape in shapes}


@pytest.fixture
def gguf(tmp_path, blocks) -> Path:
    path = tmp_path / "small.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(TOKENS)
    known = byte_tokenizer().get_vocab()
    words = [*sorted(known, key=known.get), "th"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([3, 3] + [1] * (TOKENS - 2))
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    for name, packed in blocks.items():
        writer.add_tensor(f"{name}.weight", packed, raw_dtype=PACKED)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


class Kernel:
    """Stands for a kernel that reads blocks of every type."""

    def supports(self, _kind: int) -> bool:
        return True


@pytest.fixture
def kernel(monkeypatch):
    """A transformers that has a kernel here and keeps Llama's blocks, as it does those of newer architectures."""
    norms = {r"^output_norm\.": "model.norm.", r"\.attn_norm\.": ".input_layernorm.",
             r"\.ffn_norm\.": ".post_attention_layernorm."}  # fmt: skip
    names = [*DENSE_DECODER_RENAMINGS, *(WeightRenaming(there, here) for there, here in norms.items())]
    monkeypatch.setitem(GGUF_ARCHS, "llama", lambda _config: copy.deepcopy(names))
    monkeypatch.setattr("transformers.quantizers.quantizer_gguf.get_gguf_kernel", Kernel)


def test_transformers_would_leave_blocks_packed(gguf, kernel):
    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    assert loaded.model.layers[0].mlp.down_proj.weight.dtype == torch.uint8


@pytest.mark.parametrize("with_kernel", [False, True])
def test_what_is_converted_are_plain_weights(gguf, blocks, tmp_path, with_kernel, request):
    if with_kernel:
        request.getfixturevalue("kernel")
    folder = tmp_path / "converted"
    _convert(gguf, folder)
    target = load_target(str(folder))
    assert recorded_weights_hash(folder) == weights_hash(target.module)
    block = target.module.model.layers[0]
    for name, weight in (
        ("token_embd", target.anatomy.embedding.weight),
        ("blk.0.ffn_down", block.mlp.down_proj.weight),
        ("blk.0.attn_v", block.self_attn.v_proj.weight),
    ):
        np.testing.assert_array_equal(weight.numpy(), quants.dequantize(blocks[name], PACKED))
    assert "quantization_config" not in (folder / "config.json").read_text()
    assert (folder / MANIFEST).exists()
    assert not list(tmp_path.glob(".converted*"))
