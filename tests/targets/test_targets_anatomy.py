import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from istar.targets import ARCHITECTURES, PartNames, UnknownArchitectureError, dissect
from istar.targets.anatomy import part_names
from istar.targets.tiny import tiny_llama

TOKENS = torch.arange(2, 26).reshape(2, 12)


def test_streams_are_the_models_own_hidden_states(target):
    states = target.module(TOKENS, output_hidden_states=True).hidden_states
    for layer in range(target.layers):
        torch.testing.assert_close(target.forward(TOKENS, upto=layer), states[layer])
    last = target.anatomy.final_norm(target.forward(TOKENS))
    torch.testing.assert_close(last, states[-1])


def test_unembedding_gives_the_models_own_log_probabilities(target):
    expected = torch.log_softmax(target.module(TOKENS).logits, -1)
    torch.testing.assert_close(target.unembed(target.forward(TOKENS)), expected)


def test_each_block_adds_its_attention_and_its_mlp_to_the_stream(target):
    outputs: dict[str, torch.Tensor] = {}

    def keep(name):
        return lambda _module, _inputs, output: outputs.update(
            {name: output[0] if isinstance(output, tuple) else output}
        )

    for layer in range(target.layers):
        handles = [
            target.anatomy.attentions[layer].register_forward_hook(keep("attention")),
            target.anatomy.mlps[layer].register_forward_hook(keep("mlp")),
        ]
        after = target.forward(TOKENS, upto=layer + 1)
        for handle in handles:
            handle.remove()
        before = target.forward(TOKENS, upto=layer)
        torch.testing.assert_close(after, before + outputs["attention"] + outputs["mlp"])


def test_the_embedding_is_what_turns_tokens_into_vectors(target):
    assert target.anatomy.embedding(TOKENS).shape == (2, 12, target.width)
    assert target.vocabulary == target.module.config.vocab_size
    assert target.anatomy.base(TOKENS).last_hidden_state.shape == (2, 12, target.width)


def test_no_block_after_upto_is_computed(target):
    called = []
    handles = [
        block.register_forward_hook(lambda *_, number=number: called.append(number))
        for number, block in enumerate(target.anatomy.blocks)
    ]
    target.forward(TOKENS, upto=2)
    for handle in handles:
        handle.remove()
    assert called == [0, 1]


def test_forward_is_differentiable(target):
    direction = torch.zeros(1, 1, target.width, requires_grad=True)
    handle = target.anatomy.blocks[1].register_forward_pre_hook(
        lambda _module, inputs: (inputs[0] + direction, *inputs[1:])
    )
    target.unembed(target.forward(TOKENS))[0, -1, 5].backward()
    handle.remove()
    assert direction.grad is not None
    assert direction.grad.abs().sum() > 0


def test_an_unknown_architecture_is_named_with_what_to_do():
    with pytest.raises(UnknownArchitectureError, match=r"architecture 'bert' is unknown; known are .*gpt2.*PartNames"):
        dissect(BertModel(BertConfig(num_hidden_layers=1, hidden_size=12, intermediate_size=12)))


def test_a_model_without_an_unembedding_is_refused():
    with pytest.raises(UnknownArchitectureError, match="has no unembedding; load it as a causal language model"):
        dissect(tiny_llama().model)


def test_a_missing_part_is_named(monkeypatch):
    wrong = PartNames("model", "model.nowhere", "model.layers", "model.norm", "self_attn", "mlp")
    monkeypatch.setitem(ARCHITECTURES._entries, "llama", wrong)
    with pytest.raises(
        UnknownArchitectureError,
        match=r"of type 'llama' should have a part 'model\.nowhere'.*correct the part names",
    ):
        dissect(tiny_llama())


def test_a_module_that_is_no_hugging_face_model_is_refused():
    with pytest.raises(UnknownArchitectureError, match="'Linear' is unknown"):
        dissect(nn.Linear(2, 2))


def test_output_maps_are_the_last_thing_in_their_parts(target):
    """What the attention or the MLP returns is what its output map returns, and heads enter side by side."""
    for parts, maps in (
        (target.anatomy.attentions, target.anatomy.heads_outs),
        (target.anatomy.mlps, target.anatomy.mlp_outs),
    ):
        assert len(parts) == len(maps) == target.layers
        for part, last in zip(parts, maps, strict=True):
            seen = []
            with (
                part.register_forward_hook(lambda *call, seen=seen: seen.append(call[-1])),
                last.register_forward_hook(lambda *call, seen=seen: seen.append(call[-1])),
            ):
                target.forward(TOKENS)
            mapped, returned = seen
            assert torch.equal(mapped, returned[0] if isinstance(returned, tuple) else returned)
            assert last in list(part.modules())


def test_output_maps_that_are_not_named_are_none(monkeypatch):
    monkeypatch.setitem(
        ARCHITECTURES._entries,
        "llama",
        PartNames("model", "model.embed_tokens", "model.layers", "model.norm", "self_attn", "mlp"),
    )
    anatomy = dissect(tiny_llama())
    assert anatomy.heads_outs == anatomy.mlp_outs == ()
    assert len(anatomy.mlps) == 4


def test_known_architectures():
    assert part_names("qwen2").blocks == "model.layers"
    assert part_names("gpt2").blocks == "transformer.h"
