"""Curves of recorded methods of every kind, as they are, and how they are compared with those that are kept.

    python tests/executors/recorded_curves.py write

writes the kept ones anew, after a change of what the executor believes. Beside the recordings of methods of the
library, in `recorded/METHOD/`, some are made up here from a table's own values: perfect, useless and odd ones. Whoever
gives executors another interface adapts `replayed` and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from istar.arms.replays import Replays
from istar.arms.task_questions import TaskQuestions, with_references
from istar.executors import Market, Trace
from istar.methods.recording import ChannelBatch, Recording
from istar.protocol.config import SearchConfig
from istar.questions import nested_batches
from istar.questions.batches import grid_groups
from istar.seeds import Seed
from istar.storage import Store
from istar.truth import Table, shipped_folder, stored_tables
from istar.truth.parquet import ParquetStore

FOLDER = Path(__file__).parent / "recorded"
QUESTIONS = 3
"""Of so many questions of a task the methods are recorded; the first is asked, the others are what was heard before."""

Entry = dict[str, Any]
"""A replay's numbers by name, each a number, a text, or a list of numbers."""


def replayed(task: TaskQuestions, said: Mapping[str, Recording], *, experienced: bool, folder: Path) -> Entry:
    """Return the numbers of a replay of a task's first question by the default executor.

    Nothing else in this file, nor in the test, speaks to an executor.

    Args:
        task: the task.
        said: what a method said, by question hash; nothing in the black-box arm.
        experienced: whether the executor knows what the method was worth on the other questions.
        folder: where curves may be kept meanwhile.
    """
    traces: list[Trace] = []

    class Watched(Market):
        """A market whose trace is looked at."""

        def trace(self) -> Trace:
            traces.append(super().trace())
            return traces[-1]

    arms = Replays(SearchConfig(executor_seeds=1), [task])
    arms.market, arms.store = Watched, Store(folder)
    table, *others = task.first(QUESTIONS)
    asked = table.question.hash
    if not experienced:
        curve = arms.replay_seed(table, said.get(asked), 0, arms.state(table))
    else:
        heard = {other.question.hash: said[other.question.hash] for other in others}
        appraisals = {other.question.hash: arms.appraisal(other, heard[other.question.hash]) for other in others}
        known = arms.executor().learn(arms.history(table, heard, appraisals))
        arms.baseline(table)
        traces.clear()
        (curve,) = arms.white_box(table, said[asked], (said[asked].method_hash,), lambda: known)
    entry: Entry = {f"curve.{name}": value for name, value in asdict(curve).items()}
    for name in ("measures", "method", "stop_answer", "stop_half_width"):  # the last two stand below, not rounded
        del entry[f"curve.{name}"]
    entry["listened"] = bool(traces)
    for trace in traces:
        entry |= {f"trace.{name}": getattr(trace, name).tolist() for name in ("checkpoints", "flops_spent")}
        for name in ("answers", "spread", "stop_answer", "stop_spread"):
            entry |= summed_up(f"trace.{name}", getattr(trace, name))
    return entry


def summed_up(name: str, array: np.ndarray) -> Entry:
    """Return a hash of an array's numbers, and their mean and root mean square, by checkpoint if it has several."""
    rows = np.where(np.isnan(array), np.nan, array + 0.0).reshape(-1, array.shape[-1])
    return {
        f"{name}.sha256": hashlib.sha256(np.ascontiguousarray(rows, dtype="<f8").tobytes()).hexdigest(),
        f"{name}.mean": [math.fsum(row) / len(row) for row in rows],
        f"{name}.root_mean_square": [math.sqrt(math.fsum(row * row) / len(row)) for row in rows],
    }


# What was said: recorded, or made up.


def recorded(method: str, table: Table) -> Recording:
    """Return what a method of the library said of a question, from the file in which it is kept."""
    path = FOLDER / method / f"{table.question.task.replace('/', '--')}.npz"
    with np.load(path) as kept:
        own = {name: kept[f"{table.question.index}.{name}"] for name in ("rows", "channels", "flops", "ends")}
    batches = tuple(
        ChannelBatch(rows.astype(np.int64), channels, int(flops))
        for rows, channels, flops in zip(
            np.split(own["rows"], own["ends"][:-1]),
            np.split(own["channels"], own["ends"][:-1]),
            own["flops"],
            strict=True,
        )
    )
    return _recording(method, table, batches)


def keep_recording(method: str, recordings: Mapping[int, Recording], task: str) -> None:
    """Write a method's recordings of a task's questions, by their index, to the file in which `recorded` finds them."""
    arrays = {}
    for index, recording in recordings.items():
        batches = recording.batches
        arrays[f"{index}.rows"] = np.concatenate([batch.rows for batch in batches]).astype(np.int16)
        arrays[f"{index}.channels"] = np.concatenate([batch.channels for batch in batches])
        arrays[f"{index}.flops"] = np.array([batch.flops for batch in batches])
        arrays[f"{index}.ends"] = np.cumsum([len(batch.rows) for batch in batches])
    path = FOLDER / method / f"{task.replace('/', '--')}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def _recording(method: str, table: Table, batches: tuple[ChannelBatch, ...]) -> Recording:
    spent = batches[-1].flops if batches else 0
    return Recording(method, table.question.hash, table.target, "", batches, 0, total_flops=spent)


def _made_up(
    method: str, table: Table, channels: np.ndarray, *, price: float, most_batches: int | None = None
) -> Recording:
    """Return a recording of channels that cost a share of brute force, batch by batch."""
    question, done, batches = table.question, 0, []
    for rows in nested_batches(question.structure, Seed.root(0).split(question.hash))[:most_batches]:
        done += len(rows)
        flops = int(price * table.brute_flops) * done // len(question.runs)
        batches.append(ChannelBatch(rows, channels[rows].astype(np.float32), flops))
    return _recording(method, table, tuple(batches))


def _noise(table: Table, *names: str) -> np.ndarray:
    """Return standard normal columns, always the same for a question."""
    seeds = [Seed.root(0).split("recorded", table.question.hash, name) for name in names]
    return np.stack([seed.generator().standard_normal(len(table.values)) for seed in seeds], axis=1)


def perfect(table: Table) -> Recording:
    """Say the values, cheaply, but for a hundredth of their standard deviation."""
    values = table.values[:, None] + 0.01 * table.values.std() * _noise(table, "perfect")
    return _made_up("perfect", table, values, price=0.02)


def half_deaf(table: Table) -> Recording:
    """Say the values with as much noise, turned round and out of scale, beside a channel of nothing but noise."""
    values = (table.values - table.values.mean()) / table.values.std()
    noise = _noise(table, "half deaf", "deaf")
    return _made_up("half_deaf", table, np.stack([5 - 40 * (values + noise[:, 0]), noise[:, 1]], 1), price=0.05)


def by_arm(table: Table) -> Recording:
    """Say the mean of each arm and nothing of its rows, and stop after half of the batches."""
    arm, _ = grid_groups(table.question.structure)
    means = np.bincount(arm, weights=table.values) / np.bincount(arm)
    noise = 0.2 * table.values.std() * _noise(table, "by arm")
    return _made_up("by_arm", table, means[arm][:, None] + noise, price=0.05, most_batches=5)


def useless(table: Table) -> Recording:
    """Say three channels of noise, dearly."""
    return _made_up("useless", table, _noise(table, "one", "two", "three"), price=0.4)


def constant(table: Table) -> Recording:
    """Say the same of every row."""
    return _made_up("constant", table, np.ones((len(table.values), 1)), price=0.01)


def silent(table: Table) -> Recording:
    """Say nothing: no channel, at a price."""
    return _made_up("silent", table, np.zeros((len(table.values), 0)), price=0.01)


def dear(table: Table) -> Recording:
    """Say the values as they are, at nearly what they cost."""
    return _made_up("dear", table, table.values[:, None], price=0.9)


MADE_UP: dict[str, Callable[[Table], Recording]] = {
    each.__name__: each for each in (perfect, half_deaf, by_arm, useless, constant, silent, dear)
}

SMOLLM2, TINY = "smollm2-135m", "tiny-exact"
Cases = dict[tuple[str, str], tuple[str, ...]]

PLANNED: Cases = {
    # linear in the values: effects of what is switched on, removed or kept, means and orders of arms
    (TINY, "shot_shapley/symbols"): ("logit_lens", "gaussian_logit_difference", "side_by_side", "noise", "dear"),
    (SMOLLM2, "context_attribution/facts-subsets"): ("attention_knockout", "attention_gates", "silent"),
    (SMOLLM2, "context_attribution/facts-loo"): ("by_arm", "half_deaf"),
    (SMOLLM2, "memorisation/lists"): ("logit_lens", "short_context", "side_by_side", "constant"),
    (SMOLLM2, "position_bias/kinds"): ("half_deaf",),
    (SMOLLM2, "finetune_side_effects/skills"): ("gradient_influence", "perfect"),
    # the same with rows that nobody may buy
    (SMOLLM2, "bad_context/rude"): ("half_deaf", "useless"),
    (SMOLLM2, "sandbag_or_failure/password"): ("perfect",),
}
UNPLANNED: Cases = {
    # not linear, rows in streams or by arms: tails, probabilities, spreads, calibration, crossings
    (TINY, "loss_quantile/symbols"): ("mahalanobis", "logit_lens", "perfect"),
    (TINY, "rare_output/symbols"): ("ngram", "reduced_vocabulary", "useless"),
    (TINY, "adversarial_floor/symbols"): ("covariance_lens", "noise"),
    (SMOLLM2, "label_free_accuracy/cities"): ("ngram", "confidence_probe", "attention_knockout", "half_deaf"),
    (SMOLLM2, "format_sensitivity/lexicon"): ("answer_logits", "perfect", "constant"),
    (SMOLLM2, "shot_order/words"): ("layer_skipping", "dear"),
    (SMOLLM2, "early_exit/tracking"): ("ngram", "mahalanobis", "by_arm"),
    # made linear at what is believed, and a contest of arms
    (SMOLLM2, "prompt_ceiling/words"): ("context_student", "perfect"),
    (SMOLLM2, "needle_depth/scripture"): ("ngram", "half_deaf", "perfect"),
}
CASES = PLANNED | UNPLANNED
"""The methods by target and task; what is bought is planned ahead for linear answers, and for others it is not."""


def said_by(method: str, table: Table) -> Recording:
    """Return what a method says of a question."""
    return MADE_UP[method](table) if method in MADE_UP else recorded(method, table)


@cache
def task_questions(target: str, name: str) -> TaskQuestions:
    """Return a task's shipped questions."""
    return with_references(name, tuple(stored_tables(name, target, store=ParquetStore(shipped_folder()))))


def entries(target: str, name: str) -> Iterator[tuple[str, Entry]]:
    """Yield the numbers of every replay of a task, by a name for people."""
    task = task_questions(target, name)
    tables = task.first(QUESTIONS)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1, user_api="blas"):
        yield "no method", replayed(task, {}, experienced=False, folder=Path(folder))
        for place, method in enumerate(CASES[target, name]):
            said = {table.question.hash: said_by(method, table) for table in tables}
            if place == 0 or (target, name) in PLANNED:  # elsewhere nobody listens to a method that is not known
                yield f"{method}, unknown", replayed(task, said, experienced=False, folder=Path(folder))
            yield f"{method}, known", replayed(task, said, experienced=True, folder=Path(folder))


# What is kept, and what it depends on.


def surroundings() -> dict[str, Any]:
    """Return what the last bits of the numbers depend on besides istar's code."""
    import scipy.linalg  # noqa: F401  # brings a BLAS of its own, which is listed once it is loaded
    from numpy._core import _multiarray_umath

    libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
    return {
        "machine": platform.machine(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "libc": " ".join(platform.libc_ver()),
        "packages": {name: version(name) for name in ("numpy", "scipy")},
        "blas": sorted(f"{each['internal_api']} {each['version']} {each.get('architecture')}" for each in libraries),
        "numpy": [name for name in _multiarray_umath.__cpu_dispatch__ if _multiarray_umath.__cpu_features__[name]],
    }


KERNELS = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OMP_NUM_THREADS": "1",
}
"""Instructions that every x86 processor of the last ten years has: with these the last bits are the same on all."""


def in_new_process(kind: str, tasks: Iterable[str] = ()) -> dict[str, Any]:
    """Return `surroundings`, and under `tasks` the numbers of tasks of a kind, as a process with `KERNELS` has them.

    Args:
        kind: `planned` or `unplanned`.
        tasks: names of tasks of that kind; all of them if there is none.
    """
    program = [sys.executable, "-W", "ignore", str(Path(__file__)), kind, *tasks]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, **KERNELS, "ISTAR_HOME": home}
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"no curves of {kind} answers:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def path_of(name: str) -> Path:
    """Return the file that keeps a task's numbers."""
    return FOLDER / "curves" / f"{name.replace('/', '--')}.json"


def written(found: Mapping[str, Entry]) -> str:
    """Return entries as JSON with a line for each name, so that a difference shows what differs."""
    parts = []
    for name, entry in found.items():
        lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items())
        parts.append(f" {json.dumps(name)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


KINDS = {"planned": PLANNED, "unplanned": UNPLANNED}


def main() -> None:
    """Print the numbers of a kind of answers, or write all of them anew."""
    if sys.argv[1] in KINDS:
        wanted = sys.argv[2:] or [name for _, name in KINDS[sys.argv[1]]]
        tasks = {name: dict(entries(target, name)) for target, name in KINDS[sys.argv[1]] if name in wanted}
        sys.stdout.write(json.dumps({"surroundings": surroundings(), "tasks": tasks}))
        return
    (FOLDER / "curves").mkdir(exist_ok=True)
    for kind in KINDS:
        made = in_new_process(kind)
        for name, found in made["tasks"].items():
            path_of(name).write_text(written(found))
        (FOLDER / "surroundings.json").write_text(json.dumps(made["surroundings"], indent=1) + "\n")


if __name__ == "__main__":
    main()
