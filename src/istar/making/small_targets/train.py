"""Training a small target anew: `python -m istar.making.small_targets.train tiny-exact|tiny-text`.

The weights that come with the package stay as they are unless `--out` names their folder. One thread gives the same
weights each time on one machine; another machine gives others of like quality.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
from cyclopts import App, Parameter
from rich.console import Console

from istar.making.small_targets.exact_recipe import exact_recipe
from istar.making.small_targets.tiny_text import text_recipe
from istar.making.small_targets.training import Progress
from istar.making.small_targets.writing import make

RECIPES = {"tiny-exact": exact_recipe, "tiny-text": text_recipe}
REPORT_EVERY = 100

app = App(name="python -m istar.making.small_targets.train", help_format="plaintext")


@app.default
def train(
    name: Annotated[Literal["tiny-exact", "tiny-text"], Parameter(help="Which target.")],
    *,
    out: Annotated[Path | None, Parameter(help="Folder to write; trained/NAME if not given.")] = None,
    seed: Annotated[int, Parameter(help="Decides first weights and order of text.")] = 0,
    steps: Annotated[int | None, Parameter(help="Steps, if not as many as the committed weights had.")] = None,
) -> None:
    """Train a small target on one thread, write its folder and print its card as JSON."""
    torch.set_num_threads(1)
    recipe = RECIPES[name]()
    plan = recipe.plan if steps is None else replace(recipe.plan, steps=steps)
    card = make(replace(recipe, plan=plan), out or Path("trained") / name, seed, reporter(plan.steps))
    Console().print_json(json.dumps(asdict(card)))


def reporter(steps: int) -> Progress:
    """Return what writes a line on the error stream now and then: the mean loss since, and the minutes left."""
    console = Console(stderr=True, highlight=False)
    start, losses = time.perf_counter(), list[float]()

    def report(step: int, loss: float) -> None:
        losses.append(loss)
        if step % REPORT_EVERY == 0 or step == steps:
            left = (time.perf_counter() - start) / step * (steps - step) / 60
            mean = sum(losses) / len(losses)
            console.print(f"step {step} of {steps}: {mean:.3f} nats a token; about {left:.1f} minutes left")
            losses.clear()

    return report


if __name__ == "__main__":
    app()
