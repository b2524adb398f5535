#!/usr/bin/env bash
# transformers 5.23.0: an attention module that is called once more with its own arguments attends to every token twice.
#
# Patching and ablation compare what an attention puts out with what a changed copy of it puts out on the same input, and
# call the copy in a forward hook with the arguments that the hook was given. Among them is the cache, which a plain
# forward makes by default (`use_cache=True`), and which the first call has filled. The copy appends its keys and values
# to those of the original and attends to both. A copy that was not changed gives the original's output all the same,
# since a softmax over every key twice is the same average: the usual check of such code, that a patch with nothing
# changed changes nothing, passes. A copy with other weights gives another output than the model has with these weights,
# without an error or a warning. And the cache that the model returns has twice as many tokens in that layer.
#
# Seen: copy unchanged, largest difference 0; copy with rounded weights, 11.4 (of outputs up to 14.0) from the model with
# these weights by default and 0 with `use_cache=False`; the cache's layers have 24 and 12 tokens after a text of 12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.23.0
cat > "$folder/finding.py" <<'PYTHON'
import copy
import warnings

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

warnings.simplefilter("error")
torch.manual_seed(0)
SIZES = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
MODEL = LlamaForCausalLM(LlamaConfig(num_attention_heads=4, initializer_range=0.4, **SIZES)).eval()
TOKENS = torch.arange(3, 15)[None]
PLACE = "model.layers.0.self_attn"


def put_out(model, **options):
    """Return what the first attention puts out."""
    seen = []
    handle = model.get_submodule(PLACE).register_forward_hook(lambda _, __, output: seen.append(output[0]))
    with torch.no_grad():
        model(TOKENS, **options)
    handle.remove()
    return seen[0]


def patched(changed, **options):
    """Return what a copy of the first attention puts out when it is called with the original's arguments."""
    seen = []

    def call(_, arguments, keywords, __):
        seen.append(changed(*arguments, **keywords)[0])

    handle = MODEL.get_submodule(PLACE).register_forward_hook(call, with_kwargs=True)
    with torch.no_grad():
        output = MODEL(TOKENS, **options)
    handle.remove()
    return seen[0], output.past_key_values


def far(one, other):
    return float((one - other).abs().max())


other = copy.deepcopy(MODEL)
for weight in other.get_submodule(PLACE).parameters():
    weight.data = torch.round(weight.data * 2) / 2
same = copy.deepcopy(MODEL.get_submodule(PLACE))
changed = copy.deepcopy(other.get_submodule(PLACE))

unchanged, _ = patched(same)
by_default, cache = patched(changed)
without, _ = patched(changed, use_cache=False)
truth = put_out(other)
lengths = [layer.keys.shape[-2] for layer in cache.layers]
print(f"transformers {transformers.__version__}")
print(f"a copy with the same weights, from the original: {far(unchanged, put_out(MODEL)):.1e}")
print(f"a changed copy, from the model with its weights: {far(by_default, truth):.1f} of {float(truth.abs().max()):.1f}")
print(f"the same with use_cache=False:                   {far(without, truth):.1e}")
print(f"tokens in the cache of each layer:               {lengths}")
assert far(unchanged, put_out(MODEL)) < 1e-5, "the check with nothing changed fails now"
assert far(by_default, truth) > 1e-3, "the copy does not attend twice any more"
assert far(without, truth) < 1e-5
assert lengths == [24, 12], "the cache does not grow any more"
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
