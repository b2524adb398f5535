#!/usr/bin/env bash
# torch 2.13.0: an interrupt that arrives while `import torch` imports numpy is lost, and the import succeeds.
#
# If nobody imported numpy before, `import torch` does. A Ctrl-C at that moment is swallowed without a word: the import
# succeeds, and the script goes on and computes what it was asked to stop. With numpy imported first, the interrupt ends
# the import as usual.
#
# Seen: torch first, the interrupt is lost and torch works; numpy first, KeyboardInterrupt.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$folder/finding.py" <<'PYTHON'
import os
import signal
import sys


class Interrupter:
    """Presses Ctrl-C, once, when the import of numpy begins."""

    pressed = False

    def find_spec(self, name, path=None, target=None):
        if name == "numpy" and not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)


interrupter = Interrupter()
sys.meta_path.insert(0, interrupter)
try:
    if sys.argv[1] == "numpy":
        import numpy
    import torch
except KeyboardInterrupt:
    print("KeyboardInterrupt")
else:
    print("lost" if interrupter.pressed else "not pressed", torch.__version__.partition("+")[0])
PYTHON
torch_first=$("$folder/venv/bin/python" -W ignore "$folder/finding.py" torch 2>/dev/null)
numpy_first=$("$folder/venv/bin/python" -W ignore "$folder/finding.py" numpy 2>/dev/null)
echo "torch first: $torch_first"
echo "numpy first: $numpy_first"
[ "$torch_first" = "lost 2.13.0" ]
[ "$numpy_first" = "KeyboardInterrupt" ]
