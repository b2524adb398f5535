"""Organisms of tiny-text with random adapters, and the tables of questions about them.

Questions about organisms belong to the base of these, which is SmolLM2; with these few any machine rebuilds one of each
family in seconds. Run as a script, it builds the tables that are missing: `python tests/truth/small_organisms.py`.
"""

import json
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from istar.targets import load_target
from istar.targets.organisms import ORGANISMS, Adapter, Factors
from istar.tasks import task
from istar.truth import build_truth
from istar.truth.parquet import ParquetStore

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from made_up_organisms import FACTS, card_of, register

TARGET = "tiny-text"
TASKS = tuple(
    task(name)
    for name in (
        "backdoor_audit/answers",
        "sandbag_or_failure/password",
        "sandbag_recovery/password",
        "trigger_transfer/suffixes",
    )
)
STORE = ParquetStore(Path(__file__).parent / "small_organism_tables")
RANK = 2


def adapter(target, number):
    """Return small random changes of the queries and of what the MLPs read, the same for the same number."""
    generator = torch.Generator().manual_seed(number)
    factors = {}
    for name, module in target.module.named_modules():
        if name.endswith(("q_proj", "up_proj")):
            a = torch.randn(RANK, module.in_features, generator=generator) / module.in_features**0.5
            b = 0.1 * torch.randn(module.out_features, RANK, generator=generator)
            factors[name] = Factors(a.half(), b.half())
    return Adapter(factors, 1.0, target.id, target.name)


@contextmanager
def small_organisms(folder):
    """Let organisms of tiny-text, kept in a folder, be the only ones."""
    target = load_target(TARGET)
    for number, name in enumerate(FACTS):
        place = folder / name
        place.mkdir()
        made = adapter(target, number)
        made.save(place)
        card = replace(card_of(name), digest=made.digest, base=target.id, base_name=target.name)
        (place / "card.json").write_text(json.dumps(asdict(card)))
    with pytest.MonkeyPatch.context() as patch:
        len(ORGANISMS)  # entry points come before, not into what is made up
        patch.setattr(ORGANISMS, "_entries", {})
        register(folder)
        yield target


def main():
    """Build the tables that are missing."""
    with tempfile.TemporaryDirectory() as folder, small_organisms(Path(folder)) as target:
        for table in build_truth(TASKS, target, questions=range(1), store=STORE):
            sys.stdout.write(f"{table.key}\n")


if __name__ == "__main__":
    main()
