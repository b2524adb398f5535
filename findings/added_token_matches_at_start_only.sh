#!/usr/bin/env bash
# tokenizers 0.23.3: under the normaliser of Llama-2-like tokenizers an added token is found at the start of a text alone.
#
# `add_tokens(["<sep>"])` makes a token that is looked for in the normalised text, and its own content is normalised too.
# With the normaliser of Llama 2 (`Prepend("▁")`, then spaces become "▁") what is looked for is "▁<sep>". That stands in
# "<sep>soft", whose beginning gets the prefix, and nowhere in "hard<sep>soft", which falls into letters without a word.
# So a marker that was added for a fine-tune or an experiment, and was checked on its own, is never seen between two
# words, and its embedding is never trained there. Decoding shows the prefix as well: a lone "<sep>" reads " <sep>". With
# `AddedToken(..., normalized=False)`, or without that normaliser, it is found everywhere.
#
# Seen: normalised, "<sep>soft" holds the token and "hard<sep>soft" does not; not normalised, both do.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
cat > "$folder/finding.py" <<'PYTHON'
import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

PIECES = ["<unk>", "<s>", "▁", *"abcdefghijklmnopqrstuvwxyz<>"]


def tokenizer_with(prefix, normalized):
    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    if prefix:
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    made.add_special_tokens(["<s>"])
    made.add_tokens([AddedToken("<sep>", normalized=normalized)])
    return made


print(f"tokenizers {tokenizers.__version__}")
found = {}
for prefix in (True, False):
    for normalized in (True, False):
        made = tokenizer_with(prefix, normalized)
        marker = made.token_to_id("<sep>")
        for text in ("<sep>soft", "hard<sep>soft"):
            encoded = made.encode(text)
            found[prefix, normalized, text] = marker in encoded.ids
            print(f"prefix {prefix!s:5} normalized {normalized!s:5} {text!r:16} {encoded.tokens}")
        print(f"    decoded between two <s>: {made.decode([1, marker, 1], skip_special_tokens=False)!r}")
default = AddedToken("<sep>").normalized
print("normalized unless stated:", default)
missed = {case for case, there in found.items() if not there}
assert default, "added tokens are not normalised by default any more"
assert missed == {(True, True, "hard<sep>soft")}, missed
assert tokenizer_with(True, True).decode([1, marker, 1], skip_special_tokens=False) == "<s> <sep><s>"
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
