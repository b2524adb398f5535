#!/usr/bin/env bash
# transformers 5.23.0: one folder and one call give two models, depending on whether peft is installed.
#
# Saving a PEFT model into the folder of its base model leaves `adapter_config.json` and `adapter_model.safetensors`
# beside `model.safetensors`. `AutoModelForCausalLM.from_pretrained(folder)` then applies the adapter where peft can be
# imported, and ignores it without a word where it cannot. Both are a `LlamaForCausalLM` of the same configuration, so
# what is measured of a model depends on a package that nothing in the script names.
#
# Seen: with peft 0.21.2 the logits are the adapter's, without it those of the plain model, and no warning in either case.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 transformers==5.23.0 accelerate==1.15.0 peft==0.21.2
cat > "$folder/finding.py" <<'PYTHON'
import json
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

TOKENS = torch.arange(3, 13)[None]


def first_logits(model):
    with torch.no_grad():
        return [round(value, 4) for value in model.eval()(TOKENS).logits[0, -1, :3].tolist()]


def make(folder):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    sizes = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    model = LlamaForCausalLM(LlamaConfig(num_attention_heads=4, **sizes))
    model.save_pretrained(folder)
    plain = first_logits(model)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False))
    with_adapter = first_logits(adapted)
    adapted.save_pretrained(folder)
    return plain, with_adapter


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(folder)
    return type(model).__name__, first_logits(model)


if sys.argv[1] == "make":
    print(json.dumps(make(sys.argv[2])))
elif sys.argv[1] == "load":
    print(json.dumps(load(sys.argv[2])))
else:
    plain, adapter, (kind, there), (other, absent) = (json.loads(each) for each in sys.argv[2:])
    print(f"transformers {transformers.__version__}")
    print("the plain model:        ", plain)
    print("with its adapter:       ", adapter)
    print(f"loaded with peft:        {there} ({kind})")
    print(f"loaded without peft:     {absent} ({other})")
    assert plain != adapter
    assert kind == other, "the class tells now whether there is an adapter"
    assert there == adapter, "the adapter is not applied any more"
    assert absent == plain, "the adapter is not ignored any more"
PYTHON
python=$folder/venv/bin/python
made=$("$python" "$folder/finding.py" make "$folder/model" 2> "$folder/errors")
with_peft=$("$python" "$folder/finding.py" load "$folder/model" 2>> "$folder/errors")
"$folder/venv/bin/pip" uninstall --quiet --yes peft
without=$("$python" "$folder/finding.py" load "$folder/model" 2>> "$folder/errors")
if grep -i "adapter\|peft" "$folder/errors"; then echo "there is a word about the adapter now"; exit 1; fi
"$python" "$folder/finding.py" compare \
    "$(echo "$made" | "$python" -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[0]))')" \
    "$(echo "$made" | "$python" -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[1]))')" \
    "$with_peft" "$without"
