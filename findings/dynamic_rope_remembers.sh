#!/usr/bin/env bash
# transformers 5.23.0: with `dynamic` (NTK) RoPE a model's answer depends on what it was asked before.
#
# The rotary frequencies are those of the longest sequence seen so far. They go back to the original ones only when a
# call is shorter than `max_position_embeddings`; a call of exactly that length, or of any length between it and the
# longest one seen, is answered with the frequencies of the longest. So the same tokens, given to the same model in
# evaluation mode, have two sets of logits, one before and one after another prompt was run.
#
# Seen: after a prompt of 60 tokens (16 original positions), prompts of 10 and 15 tokens are as in a fresh model, those
# of 16, 17 and 24 tokens differ by 3.0, 0.6 and 1.2 nats at the last token, however often they are run again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.23.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

LONG, LENGTHS = 60, (10, 15, 16, 17, 24)


def fresh_model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=97, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=16, rope_parameters={"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0},
    )
    model = LlamaForCausalLM(config).eval()
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.data.mul_(8)  # so that attention, and with it position, matters in a random model
    return model


@torch.no_grad()
def last_log_probs(model, tokens):
    return model(tokens[None]).logits[0, -1].log_softmax(-1)


tokens = torch.randint(0, 97, (LONG,), generator=torch.Generator().manual_seed(1))
used = fresh_model()
change = {}
for length in LENGTHS:
    last_log_probs(used, tokens)
    after = last_log_probs(used, tokens[:length])
    assert torch.equal(after, last_log_probs(used, tokens[:length])), "a second call gives something else again"
    change[length] = (after - last_log_probs(fresh_model(), tokens[:length])).abs().max().item()
print(f"transformers {transformers.__version__}, torch {torch.__version__}")
for length, nats in change.items():
    print(f"prompt of {length} tokens after one of {LONG}: log-probabilities moved by up to {nats:.3f} nats")
assert change[10] == change[15] == 0, "short prompts changed as well"
assert min(change[16], change[17], change[24]) > 0.1, "prompts in between are answered as by a fresh model now"
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
