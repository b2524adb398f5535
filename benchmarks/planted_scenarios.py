"""Methods that are each scenario by construction: what evidence they leave, and how often the rule names them rightly.

    python benchmarks/planted_scenarios.py [--seeds 8] [--workers 2] [--output FILE] [--table FILE]

Channels are made from stored tables of SmolLM2-135M (`planted_channels.py`), so that nothing is run. Of six training
families half are seen by whoever makes the methods, drawn anew for every seed, and so are all quantities below:

- `decompilation` (scenario 1): foretells rows of every task at a correlation of 0.995 to 1 and a tenth of the others'
  price, in two mechanisms that share some of its components, and points at what was built into organisms by 6 to 12
  deviations;
- `decomposition` (2): foretells rows of every task at 0.8 to 0.97 by one set of components of which a task uses some,
  and points at what was built by 1.5 to 6 deviations;
- `heads` (3): for every seen task a head of its own, at 0.85 to 0.98, and nothing of other tasks or of organisms;
- `student` (4): one network that foretells rows at 0.6 to 0.9 everywhere, as well as a student of equal cost but for
  a tenth, and knows nothing of organisms;
- `noise` (5): channels of chance;
- `memorised` (5): the values of a share of the questions asked, up to a half, and nothing of others.

Beside each but `student` stands a student at 0.3 to 0.7. Methods hold 10^2 to 10^5.5 numbers (`NUMBERS`) of 8 binary
digits. Correlations of channels with rows, students' share, lengths and organisms go through the same measures as those
of a real method; which components a task uses is stated, not ablated.

The rule's table is counted on all of them. To see what it is worth, every seed is judged by the table of the others.
A case at the end is none of these: the language of `tiny-exact`, written down rule by rule, explaining a target that is
this language (`exact_language.py`); it is judged by the table as it is. Results are written after every seed, and a run
that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import exact_language
from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings
from istar.arms.task_questions import TaskQuestions, with_references
from istar.executors import make_executor
from istar.methods import Interpretation
from istar.methods.length import interpretation_bits, rounded, text_bits
from istar.methods.library import library_methods
from istar.methods.recording import ChannelBatch, Recording
from istar.rewards import Curve, MethodFacts
from istar.scenarios import evidence
from istar.scenarios.ceiling import LEARNED_FROM, truth_cost
from istar.scenarios.components import Uses, sharing
from istar.scenarios.evidence import Evidence, mean_of
from istar.scenarios.ontology import pointed_at
from istar.scenarios.rule import Likelihoods, judge, learn
from istar.seeds import Seed
from istar.tasks import structure_of
from istar.truth import Table, load_tables
from planted_channels import Known, Planted, channels_of, planted_recording, rows_at

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "uses" / "scenario" / "planted.json"
TABLE = ROOT / "src" / "istar" / "scenarios" / "likelihoods.json"
TARGET = "smollm2-135m"
TASKS = (
    "active_learning/replies",
    "context_attribution/facts-subsets",
    "format_sensitivity/lexicon",
    "label_free_accuracy/remarks",
    "shot_order/words",
    "shot_shapley/antonyms",
)
QUESTIONS = 3
SCENARIO = {"decompilation": 1, "decomposition": 2, "heads": 3, "student": 4, "noise": 5, "memorised": 5}
NUMBERS = {
    "decompilation": (3.0, 4.5),
    "decomposition": (3.3, 4.7),
    "heads": (2.0, 3.3),
    "student": (4.5, 5.5),
    "noise": (2.0, 4.7),
    "memorised": (3.0, 4.5),
}
"""Decimal logarithms of the least and the most numbers that a method holds; of `heads` each head, of `memorised` each
question that it knows."""
POINTS = {"decompilation": (6.0, 12.0), "decomposition": (1.5, 6.0)}
"""Deviations by which what was built into an organism stands out; 0 in the others."""
CHEAPER = {"decompilation": 10.0}
"""How many times less than 10^-2.5 to 10^-1.5 of brute force channels cost; there, for the method and the student."""
ORGANISMS, CANDIDATES, CONTEXTS = 6, 64, 6
QUANTILES = 41
"""Of the draws of evidence, that are kept."""

Curves = list[Curve]
Fidelity = Callable[[Table], float]


class Bench:
    """The tasks, and the executor's answers without a method."""

    def __init__(self) -> None:
        """Load the tables and answer them."""
        self.every: list[TaskQuestions] = []
        for name in TASKS:
            tables = tuple(load_tables(name, TARGET))
            self.every.append(with_references(name, tables[:QUESTIONS], tables[QUESTIONS:]))
        self.replays = Replays(ArmSettings(executor_seeds=1), self.every)
        self.black = [curve for each in self.every for table in each.tables for curve in self._without(table)]
        self.truth = {
            each.task: truth_cost(self.replays, each.tables[0], each.tables[1 : 1 + LEARNED_FROM])
            for each in self.every
        }

    def _without(self, table: Table) -> Sequence[Curve]:
        return self.replays.baseline(table).curves

    def curves(self, name: str, fidelity: Fidelity, price: float, facts: MethodFacts | None = None) -> Curves:
        """Return the curves with channels at a correlation with the rows of each question."""
        found = []
        for task in self.every:
            said = {}
            for table in task.tables:
                level = fidelity(table)
                kind = Planted(f"{name}-{level:.4f}", level, rows_at(level) if level else _chance)
                said[table.question.hash] = planted_recording(table, channels_of(kind, table), price)
            for table in task.tables:
                learn = partial(self._learned, table, task.tables, said)
                key = (name, *(f"{fidelity(each):.6f}" for each in task.tables), f"{price:.6g}")
                white = self.replays.white_box(table, said[table.question.hash], key, learn)
                found += [replace(curve, method=facts) for curve in white]
        return found

    def _learned(self, table: Table, tables: Sequence[Table], said: Mapping[str, Recording]) -> Any:
        """Return what the executor knows of a method from what it said of a task's other questions."""
        others = [each for each in tables if each is not table]
        heard = {each.question.hash: said[each.question.hash] for each in others}
        worth = {each.question.hash: self.replays.appraisal(each, heard[each.question.hash]) for each in others}
        return make_executor("statistician").learn(self.replays.history(table, heard, worth))


def _chance(known: Known) -> np.ndarray:
    return known.noise()


def effects_of(kind: str, seen: Sequence[bool], generator: np.random.Generator) -> np.ndarray:
    """Return what each component of a planted method does to what it says of each task: [tasks, components]."""
    tasks, components = len(seen), 12
    sizes = generator.uniform(0.05, 1.0, (tasks, components))
    if kind == "decompilation":
        mechanism = generator.permutation(tasks) % 2
        member = generator.choice(3, components, p=(0.35, 0.35, 0.3))
        used = (member[None, :] == mechanism[:, None]) | (member[None, :] == 2)
        return np.where(used, generator.uniform(0.3, 1.0, sizes.shape), 0.0)
    if kind == "decomposition":
        return np.where(generator.random(sizes.shape) < generator.uniform(0.5, 0.9), sizes, 0.0)
    if kind in ("heads", "memorised"):
        own = np.arange(components)[None, :] * tasks // components == np.arange(tasks)[:, None]
        return np.where(own & np.array(seen)[:, None], sizes, 0.0)
    profile = generator.uniform(0.3, 1.0, components)
    return np.clip(profile * generator.uniform(0.7, 1.3, sizes.shape), 0.0, 1.0)


def triggers_of(kind: str, generator: np.random.Generator) -> Evidence:
    """Return how surely a planted method points at what was built into organisms."""
    low, high = POINTS.get(kind, (0.0, 0.0))
    shares = []
    cells = [(candidate, context) for candidate in range(CANDIDATES) for context in range(CONTEXTS)]
    structure = structure_of([("candidate", "arm"), ("context", "nuisance")], cells)
    strength = generator.uniform(low, high)
    for _ in range(ORGANISMS):
        built = int(generator.integers(CANDIDATES))
        of_candidate = generator.standard_normal(CANDIDATES)
        of_candidate[built] += strength * generator.uniform(0.5, 1.5) * generator.choice((-1, 1))
        channels = np.repeat(of_candidate, CONTEXTS)[:, None].astype(np.float32)
        batch = ChannelBatch(np.arange(len(cells)), channels, 1)
        share = pointed_at(Recording("", "", "", "", (batch,), 0), structure, built)
        assert share is not None
        shares.append(share)
    return mean_of("triggers", shares, {"organisms": ORGANISMS})


def planted(bench: Bench, kind: str, seed: Seed, strength: float, price: float) -> dict[str, Any]:
    """Return the evidence of one planted method by measure.

    Args:
        bench: the tasks.
        kind: which method.
        seed: decides the rest.
        strength: correlation of the student beside it with rows.
        price: of either's channels, as a share of brute force.
    """
    price /= CHEAPER.get(kind, 1.0)
    generator = seed.split(kind).generator()
    families = sorted(each.task for each in bench.every)
    chosen = seed.split("seen").generator().permutation(len(families))[: len(families) // 2]
    seen = {families[place] for place in chosen}
    level = {
        "decompilation": generator.uniform(0.995, 1.0),
        "decomposition": generator.uniform(0.8, 0.97),
        "heads": generator.uniform(0.85, 0.98),
        "student": generator.uniform(0.6, 0.9),
    }.get(kind, 0.0)
    asked = [table.question.hash for each in bench.every if each.task in seen for table in each.tables]
    known = {each for each in asked if generator.random() < generator.uniform(0.0, 0.5)} if kind == "memorised" else ()

    def fidelity(table: Table) -> float:
        if kind == "memorised":
            return 1.0 if table.question.hash in known else 0.0
        return level if kind != "heads" or table.question.task in seen else 0.0

    count = int(10 ** generator.uniform(*NUMBERS[kind]) * {"heads": len(seen), "memorised": len(known)}.get(kind, 1))
    drawn = torch.randn(count, generator=torch.Generator().manual_seed(count))
    bits = interpretation_bits(rounded(Interpretation({"w": drawn}), 8)) if count else 0
    facts = MethodFacts("0" * 64, 0, 0, 1, 1, 1, text_bits(library_methods()["logit_lens"].read_text()), bits)
    white = bench.curves(" ".join((kind, *seed.path)), fidelity, price, facts)
    gains = evidence.gains_of(bench.black, white)
    beside = level * generator.uniform(0.9, 1.0) if kind == "student" else strength
    name = " ".join(("equal", *seed.path)) if kind == "student" else f"student {seed.path[-1]}"
    student = evidence.gains_of(bench.black, bench.curves(name, lambda _: beside, price))
    tasks = [each.task for each in bench.every]
    effects = effects_of(kind, [task in seen for task in tasks], generator)
    found = [
        evidence.explained(bench.black, white, bench.truth),
        evidence.student_share(gains, {"student": student}, {"student": 1.0}),
        evidence.transfer(gains, [task.partition("/")[0] for task in seen]),
        evidence.evenness(gains),
        evidence.length(bench.black, white),
        sharing(Uses(tuple(map(str, range(effects.shape[1]))), tuple(tasks), effects)),
        triggers_of(kind, generator),
    ]
    return {each.name: kept(each) for each in found}


def kept(each: Evidence) -> dict[str, Any]:
    """Return evidence as JSON values, its draws as quantiles."""
    if each.value is None:
        return {"missing": each.missing}
    draws = np.quantile(np.array(each.draws), np.linspace(0, 1, QUANTILES), method="inverted_cdf")
    return {"value": _written(each.value), "draws": [_written(draw) for draw in draws.tolist()]}


def read(data: Mapping[str, Mapping[str, Any]]) -> dict[str, Evidence]:
    """Return the evidence that `kept` wrote, by measure."""

    def number(each: float | None) -> float:
        return np.inf if each is None else each

    return {
        name: Evidence(name, None, (), each["missing"])
        if "missing" in each
        else Evidence(name, number(each["value"]), tuple(map(number, each["draws"])))
        for name, each in data.items()
    }


def _written(value: float) -> float | None:
    return None if not np.isfinite(value) else float(f"{value:.4g}")


def judged(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return how every planted method is judged by the table of the other seeds.

    Args:
        cases: by seed and kind, evidence as `kept` wrote it.
    """
    every = {seed: {kind: read(each) for kind, each in kinds.items()} for seed, kinds in cases.items()}
    found: dict[str, dict[str, list[float]]] = {kind: {} for kind in SCENARIO}
    for seed, kinds in every.items():
        table = counted({other: each for other, each in every.items() if other != seed})
        for kind, each in kinds.items():
            verdict = judge(each, table=table)
            found[kind][seed] = [verdict.odds[scenario] for scenario in verdict.odds]
    result = {}
    for kind, scenario in SCENARIO.items():
        odds = np.array(list(found[kind].values()))
        named = odds.argmax(1) + 1
        result[kind] = {
            "scenario": scenario,
            "named": [int((named == each).sum()) for each in range(1, 6)],
            "right": float((named == scenario).mean()),
            "probability_of_its_own": float(odds[:, scenario - 1].mean()),
        }
    return result


def counted(every: Mapping[str, Mapping[str, Mapping[str, Evidence]]]) -> Likelihoods:
    """Return the table counted on planted methods, by seed and kind."""
    return learn([(SCENARIO[kind], each) for kinds in every.values() for kind, each in kinds.items()])


@cache
def bench() -> Bench:
    """Return the tasks, loaded once a process."""
    return Bench()


def planted_seed(number: str) -> dict[str, Any]:
    """Return the evidence of all planted methods of a seed, by kind and measure."""
    seed = Seed.root(0).split("planted scenarios", number)
    generator = seed.generator()
    price, strength = float(10 ** generator.uniform(-2.5, -1.5)), float(generator.uniform(0.3, 0.7))
    with threadpool_limits(1, user_api="blas"):
        return {kind: planted(bench(), kind, seed, strength, price) for kind in SCENARIO}


def main() -> None:
    """Plant the methods, count the table and write what it is worth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--table", type=Path, default=TABLE)
    arguments = parser.parse_args()
    cases: dict[str, dict[str, Any]] = (
        json.loads(arguments.output.read_text())["cases"] if arguments.output.exists() else {}
    )
    wanted = [str(number) for number in range(arguments.seeds)]
    missing = [number for number in wanted if number not in cases]
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        for number, found in zip(missing, pool.map(planted_seed, missing), strict=True):
            cases[number] = found
            write(arguments.output, cases, {})
            print(number, {kind: {name: each.get("value") for name, each in of.items()} for kind, of in found.items()})
    table = counted({seed: {kind: read(each) for kind, each in kinds.items()} for seed, kinds in cases.items()})
    arguments.table.write_text(
        json.dumps(
            {"made_by": "benchmarks/planted_scenarios.py", "seeds": len(cases), "counts": table.to_json()}, indent=1
        )
        + "\n"
    )
    exact = {name: kept(each) for name, each in exact_language.evidence_of().items()}
    verdict = judge(read(exact), table=table)
    others = {
        "evidence": exact,
        "scenario": verdict.scenario,
        "odds": {str(key): each for key, each in verdict.odds.items()},
    }
    write(arguments.output, cases, {"left_out": judged(cases), "exact_language": others})
    print(json.dumps({"left_out": judged(cases), "exact_language": others["odds"]}, indent=1))


def write(path: Path, cases: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """Write what there is, the evidence of a seed in a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {"target": TARGET, "tasks": list(TASKS), "questions": QUESTIONS}
    head = json.dumps({"settings": settings, **results}, indent=1).removesuffix("\n}")
    rows = ",\n".join(f"  {json.dumps(seed)}: {json.dumps(kinds)}" for seed, kinds in cases.items())
    path.write_text(f'{head},\n "cases": {{\n{rows}\n }}\n}}\n')


if __name__ == "__main__":
    main()
