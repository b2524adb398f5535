"""An untrained I*: what a method learns of a target whose weights are freshly drawn, and no more.

Its interpretation then takes the place of the true one, while the method still runs on the true target. What remains of
a detector is then owed to the method's code and to the target's activations, not to what it learned of the target.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from istar.arms.sandboxed import SandboxArms
from istar.seeds import Seed
from istar.targets import Target, load_target
from istar.targets.quiet import quiet_transformers
from istar.uses.reading import interpreted

if TYPE_CHECKING:
    from istar.methods.side_by_side import MethodFile
    from istar.sandbox import InterpretOutcome


@contextmanager
def freshly_drawn(target: Target, seed: int) -> Iterator[Target]:
    """Yield a target of the same architecture and tokenizer whose weights are drawn as before training.

    Its files are gone when the context ends.
    """
    from transformers import AutoModelForCausalLM

    with tempfile.TemporaryDirectory(prefix="istar-fresh-") as name:
        folder = Path(name)
        with torch.random.fork_rng(devices=[]), quiet_transformers():
            torch.manual_seed(Seed.root(seed).split("fresh weights").value % 2**63)
            module = AutoModelForCausalLM.from_config(target.module.config, dtype=target.dtype)
            module.save_pretrained(folder)
            target.tokenizer.save_pretrained(folder)
        for each in (folder, *folder.iterdir()):
            each.chmod(0o755 if each.is_dir() else 0o644)  # methods run under another user
        dtype = str(target.dtype).removeprefix("torch.")
        yield load_target(str(folder), dtype, name=f"{target.name} with fresh weights")


def untrained(arms: SandboxArms, file: MethodFile, name: str, seed: int) -> InterpretOutcome:
    """Return what a method learns from the same text of a target with freshly drawn weights.

    Raises:
        MethodError: the method failed.
    """
    with (
        freshly_drawn(arms.target, seed) as fresh,
        SandboxArms(arms.config, fresh, arms.corpus, ()) as others,
    ):
        return interpreted(others, file, name)
