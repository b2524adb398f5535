#!/usr/bin/env bash
# transformers 5.23.0: with `longrope` RoPE, decoding with a cache across the original length gives other tokens.
#
# Which of the two sets of frequencies is used depends on the longest position of the call. While a sequence is decoded
# token by token, the keys in the cache were rotated with the short factors, and from the original length on queries and
# new keys are rotated with the long ones; a forward without a cache rotates all of them with the long ones. From there
# on log-probabilities with a cache are not those of the model on the same tokens, and greedy `generate` with its default
# cache writes other text than with `use_cache=False`.
#
# Seen, with 16 original positions: the two agree to 2e-6 nats on 16 tokens, and differ by 2.4 to 5.6 nats from the 17th on;
# greedy generation from 14 tokens agrees for the 3 tokens that follow 14, 15 and 16 and then goes another way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.23.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

ORIGINAL, PROMPT, NEW = 16, 14, 8
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=97, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=64,
    rope_parameters={
        "rope_type": "longrope", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": ORIGINAL,
        "short_factor": [1.0] * 8, "long_factor": [4.0] * 8,
    },
)
model = LlamaForCausalLM(config).eval()
for weight in model.parameters():
    if weight.ndim > 1:
        weight.data.mul_(8)  # so that attention, and with it position, matters in a random model
tokens = torch.randint(0, 97, (20,), generator=torch.Generator().manual_seed(1))

difference = {}
with torch.no_grad():
    cache = model(tokens[None, : ORIGINAL - 1], use_cache=True).past_key_values
    for place in range(ORIGINAL - 1, len(tokens)):
        cached = model(tokens[None, place : place + 1], past_key_values=cache, use_cache=True).logits[0, -1]
        whole = model(tokens[None, : place + 1]).logits[0, -1]
        difference[place + 1] = (cached.log_softmax(-1) - whole.log_softmax(-1)).abs().max().item()
    asked = {"max_new_tokens": NEW, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    with_cache = model.generate(tokens[None, :PROMPT], **asked)[0, PROMPT:].tolist()
    without = model.generate(tokens[None, :PROMPT], use_cache=False, **asked)[0, PROMPT:].tolist()
print(f"transformers {transformers.__version__}, torch {torch.__version__}")
for length, nats in difference.items():
    print(f"{length} tokens: with and without a cache the last log-probabilities differ by up to {nats:.2g} nats")
print("greedy with a cache:   ", with_cache)
print("greedy without a cache:", without)
assert difference.pop(ORIGINAL) < 1e-4, "they differ before the original length is passed"
assert min(difference.values()) > 0.5, "decoding with a cache is right beyond the original length now"
assert with_cache[:3] == without[:3], "the texts part before the original length is passed"
assert with_cache != without, "generation with and without a cache agrees now"
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
