"""A tiny language model that writes one of some tool calls whenever it is its turn, and learns which.

It is a Qwen 3 whose one block adds nothing, so that the next token depends on the last alone. Embeddings are the unit
vectors, so the head's weights are logits: after a line break, those of the calls are equal and far above the rest;
after anything else, the end of the turn is.

    python tiny_bigram.py FOLDER TEXT CALL ...
"""

import sys
from importlib.resources import files

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as Decoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

VOCABULARY = 1024
CERTAIN = 40.0


def token(call):
    """Return the token that a call is."""
    return f"<tool_call>\n{call}\n</tool_call>"


def bigram_model(calls, text):
    """Return a model that writes one of some calls, each the JSON of a tool call, and its tokenizer.

    Args:
        calls: the calls; each is one token.
        text: what its prompts are made of.
    """
    written = [token(call) for call in calls]
    inner = Tokenizer(BPE())
    inner.pre_tokenizer, inner.decoder = ByteLevel(add_prefix_space=False), Decoder()
    ends = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = BpeTrainer(vocab_size=VOCABULARY, special_tokens=ends, initial_alphabet=ByteLevel.alphabet())
    inner.train_from_iterator([text], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.add_tokens(written)
    tokenizer.chat_template = (files("trl") / "chat_templates" / "qwen3.jinja").read_text()
    size = len(tokenizer)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=size,
            hidden_size=size,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            num_key_value_heads=1,
            head_dim=8,
            max_position_embeddings=2**15,
            tie_word_embeddings=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    (after,) = tokenizer.encode("\n", add_special_tokens=False)
    with torch.no_grad():
        block = model.model.layers[0]
        block.self_attn.o_proj.weight.zero_()
        block.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        scale = size**0.5  # what the norm makes of a unit vector
        model.lm_head.weight.zero_()
        model.lm_head.weight[tokenizer.eos_token_id] = CERTAIN / scale
        model.lm_head.weight[:, after] = 0.0
        model.lm_head.weight[tokenizer.convert_tokens_to_ids(written), after] = CERTAIN / scale
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name == "lm_head.weight")
    return model, tokenizer


def chances(model, tokenizer, calls):
    """Return how probable each call is when it is the model's turn."""
    (after,) = tokenizer.encode("\n", add_special_tokens=False)
    with torch.no_grad():
        logits = model.lm_head(model.model.norm(model.model.embed_tokens.weight[after])).float()
    return torch.softmax(logits, 0)[tokenizer.convert_tokens_to_ids([token(call) for call in calls])].tolist()


if __name__ == "__main__":
    for part in bigram_model(sys.argv[3:], sys.argv[2]):
        part.save_pretrained(sys.argv[1])
