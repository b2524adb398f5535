"""The witness of processor time, tried: honest methods that it must not flag, and Python that it must not miss.

    python tests/attacks/processor_time.py [--busy 4]

Every method of the library, the README's example and the unusual honest ones answer a question of a small target, and
those that leave most time unexplained a question of SmolLM2; methods that hide arithmetic in Python answer the same.
All of it on the machine as it is, and again beside processes that do nothing but count. Prints counts as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from istar.arms.settings import ArmSettings, Caps
from istar.arms.task_questions import task_questions
from istar.flops.policing import is_policed
from istar.flops.witness import Rates, Witness
from istar.methods.contract import MethodError
from istar.questions import nested_batches
from istar.sandbox import Jail, Limits, TargetSpec, Worker, WorkerLostError, choose_tier
from istar.seeds import Seed
from istar.targets import Corpus, build_corpus, load_target

ROOT = Path(__file__).parent.parent.parent
HONEST = (
    *sorted((ROOT / "src/istar/methods/library").glob("[!_]*.py")),
    ROOT / "examples/my_method.py",
    *sorted((ROOT / "tests/attacks/honest").glob("*.py")),
)
SMALL = "shot_shapley/symbols"
LARGE = {
    "active_learning/kinds": ("examples/my_method.py",),
    "shot_order/words": (
        *("tests/attacks/honest/key_value_cache.py", "tests/attacks/honest/token_by_token.py"),
        *("tests/attacks/honest/recurrence.py", "tests/attacks/honest/gradients_by_hand.py"),
        *("src/istar/methods/library/attribution_patching.py", "src/istar/methods/library/pruned_forward.py"),
    ),
}

COUNTING = "import os; parent = os.getppid(); any(os.getppid() != parent for _ in iter(int, 1))"
"""Counts until whoever started it is gone."""

HIDER = '''
"""Hides arithmetic in Python."""
import torch
from istar.methods import Interpretation

NUMBERS = [0.5] * 10_000
PRODUCTS = {{0.5: 0.25}}

def hidden(units, between):
    total = 0.0
    for _ in range(units):
        {work}
        between()
    return total

def interpret(target, corpus):
    return Interpretation()

def prepare(question, target, interpretation):
    one = torch.ones(1)
    {prepare}

def predict(question, runs, target, interpretation, prepared):
    {predict}
    return torch.zeros(len(runs), 1)
'''
LOOP = "for number in range(1_000): total += number * 0.5"
LOOKED_UP = "total += sum(map(PRODUCTS.get, NUMBERS))"
NOTHING = "pass"
HIDERS = {
    "a loop": (LOOP, "hidden({units}, lambda: None)", NOTHING),
    "looked-up products": (LOOKED_UP, "hidden({units}, lambda: None)", NOTHING),
    "sums of a generator": ("total += sum(x * 0.5 for x in NUMBERS[:1000])", "hidden({units}, lambda: None)", NOTHING),
    "whole numbers": (
        "total += sum([number * 7919 % 65537 for number in range(1_000)])",
        "hidden({units}, lambda: None)",
        NOTHING,
    ),
    "a bit between views": (
        "for number in range(20): total += number * 0.5",
        "hidden({units}, lambda: one.view(1, 1))",
        NOTHING,
    ),
    "a bit between additions": (
        "for number in range(20): total += number * 0.5",
        "hidden({units}, lambda: one + one)",
        NOTHING,
    ),
    "in a lens": (
        LOOP,
        NOTHING,
        "streams = target.run(runs[:1], upto=0); "
        "target.read(runs[:1], streams, lens=lambda stream: (hidden({units} // 10, lambda: None), stream)[1])",
    ),
    "in each batch": (LOOP, NOTHING, "hidden({units} // 10, lambda: None)"),
}
ONLY_WHERE_POLICED = ("a bit between views", "a bit between additions")
"""On questions that are in no reward all calls explain the time between them."""
BEYOND = 1.5
"""How many times what may be unexplained is hidden."""


@contextmanager
def busy_beside(processes: int) -> Iterator[None]:
    """Keep so many other processes counting meanwhile."""
    others = [subprocess.Popen([sys.executable, "-c", COUNTING]) for _ in range(processes)]
    try:
        yield
    finally:
        for each in others:
            each.kill()
            each.wait()


class Asked:
    """A question of a task, and a jail on its target.

    Args:
        task: the task; its first question is asked.
    """

    def __init__(self, task: str) -> None:
        """See the class docstring."""
        from istar.tasks import task as find_task

        self.target = load_target(find_task(task).home, "float32")
        self.table = task_questions(task, self.target).tables[0]
        question = self.table.question
        self.batches = nested_batches(question.structure, Seed.root(0).split(question.hash))
        self.corpus: Corpus = build_corpus(self.target, 8, 64, Seed.root(0))

    @contextmanager
    def jail(self) -> Iterator[Jail]:
        """Lend a jail that was calibrated just now."""
        limits = Limits(threads=ArmSettings().threads, interpret_seconds=6000.0, record_seconds=6000.0)
        with Jail(TargetSpec.of(self.target), choose_tier(), limits) as jail:
            yield jail

    def witness(self, jail: Jail, source: str, name: str, *, once_more: bool = True) -> Witness:
        """Return what the witness says of a method as a session does: what is void, or lost, is recorded once more."""
        worker = Worker(source, jail.target, name=name, jail=jail)
        try:
            found = self._recorded(worker)
        except WorkerLostError:
            found = self._recorded(worker)
        return self.witness(jail, source, name, once_more=False) if found.void and once_more else found

    def _recorded(self, worker: Worker) -> Witness:
        content = worker.interpret(self.corpus).content
        question = self.table.question
        return worker.record(
            question.view,
            question.hash,
            self.batches,
            content,
            max_flops=int(Caps().flops_fraction * self.table.brute_flops),
            brute_flops=self.table.brute_flops,
        ).witness


def honest(asked: Asked, jail: Jail, files: tuple[Path, ...]) -> dict[str, Any]:
    """Return how many honest methods were tried, which were flagged, and how much of what is allowed the worst left."""
    flagged, suspected, left = [], [], {}
    for file in files:
        try:
            found = asked.witness(jail, file.read_text(encoding="utf-8"), file.stem)
        except MethodError as error:
            flagged.append({"method": file.stem, "reason": str(error)})
            continue
        left[file.stem] = round(found.unexplained_seconds / found.allowed, 3)
        if found.void:
            flagged.append({"method": file.stem, "reason": found.words})
        elif found.suspected:
            suspected.append({"method": file.stem, "reason": found.words})
    worst = sorted(left, key=lambda name: -left[name])[:5]
    return {
        **{"tried": len(files), "flagged": flagged, "suspected": suspected},
        "most of what is allowed": {name: left[name] for name in worst},
    }


def hiding(asked: Asked, jail: Jail) -> dict[str, Any]:
    """Return how many methods that hide arithmetic were tried, and which of them were missed."""
    missed, caught = [], {}
    policed = is_policed(asked.table.brute_flops)
    hiders = {name: each for name, each in HIDERS.items() if policed or name not in ONLY_WHERE_POLICED}
    for name, (work, prepare, predict) in hiders.items():

        def source(units: int, parts: tuple[str, str, str] = (work, prepare, predict)) -> str:
            work, prepare, predict = parts
            return HIDER.format(work=work, prepare=prepare.format(units=units), predict=predict.format(units=units))

        units, found = 1000, Witness()
        while True:
            began = asked.witness(jail, source(units), name, once_more=False)
            hidden = began.cpu_seconds - 2 * jail.empty_seconds[asked.table.question.hash]
            if hidden > BEYOND * began.allowed:
                found = asked.witness(jail, source(units), name)
                break
            units = int(units * min(10.0, max(1.5, 1.2 * BEYOND * began.allowed / max(hidden, 0.01))))
        caught[name] = {"seconds": round(found.cpu_seconds, 2), "unexplained": round(found.unexplained_seconds, 2)}
        if not found.void:
            missed.append({"hiding": name, "said": found.to_json()})
    return {"tried": len(hiders), "missed": missed, "seconds": caught}


def rates_in_words(rates: Rates) -> dict[str, Any]:
    """Return what was calibrated, in FLOPs and microseconds."""
    return {
        "forward_flops_per_second": f"{rates.forward_flops_per_second:.2e}",
        "product_flops_per_second": f"{rates.product_flops_per_second:.2e}",
        "microseconds_between": round(1e6 * rates.between_seconds, 1),
        "kinds": {
            kind: {name: float(f"{value:.3g}") for name, value in asdict(rate).items()}
            for kind, rate in rates.kinds.items()
        },
    }


def main() -> None:
    """Try both, as the machine is and beside busy processes, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busy", type=int, default=4, help="processes beside")
    parser.add_argument("--only-small", action="store_true", help="leave SmolLM2 out")
    arguments = parser.parse_args()
    started = time.perf_counter()
    counts: dict[str, Any] = {}
    tasks = {SMALL: HONEST} | {
        task: tuple(ROOT / file for file in files) for task, files in LARGE.items() if not arguments.only_small
    }
    for task, files in tasks.items():
        asked = Asked(task)
        for state, processes in (("as it is", 0), (f"beside {arguments.busy} busy processes", arguments.busy)):
            with busy_beside(processes), asked.jail() as jail:
                here = counts.setdefault(state, {})[task] = {"honest": honest(asked, jail, files)}
                if task in (SMALL, "shot_order/words"):
                    here["hiding"] = hiding(asked, jail)
                here["empty_seconds"] = round(max(jail.empty_seconds.values()), 3)
                here["rates"] = rates_in_words(jail.known_rates())
            sys.stderr.write(f"{task}, {state}: {json.dumps(here)}\n")
    every = [here for tasks in counts.values() for here in tasks.values()]
    found = {
        "honest": {
            "tried": sum(each["honest"]["tried"] for each in every),
            "flagged": [one for each in every for one in each["honest"]["flagged"]],
        },
        "hiding": {
            "tried": sum(each["hiding"]["tried"] for each in every if "hiding" in each),
            "missed": [one for each in every if "hiding" in each for one in each["hiding"]["missed"]],
        },
        "by machine and task": counts,
        "seconds": round(time.perf_counter() - started),
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
