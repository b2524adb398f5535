"""Synthetic tables for the executors' tests: real structures and prices, values from a model with known parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from istar.flops.costs import CostModel
from istar.flops.prices import PriceSheet, price_sheet
from istar.methods.recording import ChannelBatch, Recording
from istar.questions import (
    BestArmMean,
    Column,
    DatamodelEffects,
    Functional,
    Question,
    RemovalEffects,
    Run,
    ShapleyValues,
    SpanLogprob,
    Structure,
    UpperTail,
    build_trie,
    nested_batches,
)
from istar.seeds import Seed

COSTS = CostModel(per_token=200_000_000, per_pair=50_000, per_read=50_000_000)


@dataclass(frozen=True)
class SyntheticTable:
    """The attributes of a truth table that executors use."""

    question: Question
    values: np.ndarray
    prices: PriceSheet
    target: str = "synthetic"

    @property
    def brute_flops(self) -> int:
        return self.prices.total


def _table(
    task: str,
    index: int,
    tokens: Sequence[tuple[int, ...]],
    columns: dict[str, tuple[str, np.ndarray]],
    functional: Functional,
    values: np.ndarray,
) -> SyntheticTable:
    runs = tuple(Run((0, *each, 1), SpanLogprob(len(each) + 1)) for each in tokens)
    structure = Structure(
        tuple(Column(name, role, tuple(map(float, array))) for name, (role, array) in columns.items())
    )
    question = Question(task, index, runs, structure, functional)
    return SyntheticTable(question, values, price_sheet(build_trie(runs), runs, COSTS))


def shapley_table(
    index: int, players: int = 6, queries: int = 12, noise: float = 0.5, task: str = "game/synthetic"
) -> SyntheticTable:
    """A game with additive and pairwise effects, queries that differ in level and in effects, and noise."""
    generator = np.random.default_rng([index, players, queries, 7])
    coalition, query = np.divmod(np.arange(2**players * queries), queries)
    member = (coalition[:, None] >> np.arange(players)) & 1
    effects = 0.4 + 0.6 * generator.standard_normal(players)
    pairs = 0.2 * generator.standard_normal((players, players))
    own = 0.3 * generator.standard_normal((queries, players))
    values = member @ effects + np.einsum("ri,ij,rj->r", member, pairs, member) + (own[query] * member).sum(1)
    values += 1.5 * generator.standard_normal(queries)[query] + noise * generator.standard_normal(len(values)) - 3.0
    tokens = [
        tuple(1000 + 10 * i + t for i in range(players) if bits[i] for t in range(6))
        + tuple(5000 + 10 * q + t for t in range(6))
        for bits, q in zip(member, query, strict=True)
    ]
    columns = {f"shot_{i}": ("switch", member[:, i]) for i in range(players)} | {"query": ("nuisance", query)}
    return _table(task, index, tokens, columns, ShapleyValues(), values)


def removal_table(
    index: int, contexts: int = 4, parts: int = 8, probes: int = 4, task: str = "removal/synthetic"
) -> SyntheticTable:
    """Contexts with parts removed in turn; a few parts matter much."""
    generator = np.random.default_rng([index, contexts, parts, 8])
    grid = np.stack(
        np.meshgrid(np.arange(contexts), np.arange(parts + 1), np.arange(probes), indexing="ij"), -1
    ).reshape(-1, 3)
    unit, removed, probe = grid.T
    effect = np.where(generator.random((contexts, parts + 1)) < 0.2, -2.0, -0.1) * generator.random(
        (contexts, parts + 1)
    )
    effect[:, 0] = 0.0
    values = effect[unit, removed] * (1 + 0.3 * generator.standard_normal((contexts, probes))[unit, probe])
    values += generator.standard_normal((contexts, probes))[unit, probe] + 0.1 * generator.standard_normal(len(values))
    tokens = [
        tuple(100 * u + p + 1 for p in range(parts) if p != r - 1 for _ in range(4))
        + tuple(9000 + 10 * q + t for t in range(3))
        for u, r, q in grid
    ]
    columns = {"context": ("arm", unit), "removed": ("arm", removed), "probe": ("nuisance", probe)}
    return _table(task, index, tokens, columns, RemovalEffects("context", "removed"), values)


def subset_table(
    index: int, parts: int = 8, subsets: int = 48, probes: int = 3, task: str = "subsets/synthetic"
) -> SyntheticTable:
    """Random subsets of parts with sparse effects, for the linear datamodel."""
    generator = np.random.default_rng([index, parts, subsets, 9])
    chosen = generator.permutation(2**parts)[:subsets]
    subset, probe = np.divmod(np.arange(subsets * probes), probes)
    member = (chosen[subset][:, None] >> np.arange(parts)) & 1
    effects = np.where(generator.random(parts) < 0.4, 2.0, 0.2) * generator.standard_normal(parts)
    values = member @ effects + generator.standard_normal(probes)[probe] + 0.3 * generator.standard_normal(len(subset))
    tokens = [
        tuple(1000 + 10 * i + t for i in range(parts) if bits[i] for t in range(5))
        + tuple(5000 + 10 * q + t for t in range(3))
        for bits, q in zip(member, probe, strict=True)
    ]
    columns = {"subset": ("arm", subset)} | {f"part_{i}": ("switch", member[:, i]) for i in range(parts)}
    columns |= {"probe": ("nuisance", probe)}
    return _table(task, index, tokens, columns, DatamodelEffects("subset", subsets // 4), values)


def arms_table(index: int, arms: int = 24, examples: int = 16, task: str = "arms/synthetic") -> SyntheticTable:
    """Prompts of two traits on examples that differ in difficulty."""
    generator = np.random.default_rng([index, arms, examples, 10])
    arm, example = np.divmod(np.arange(arms * examples), examples)
    first, second = arm % 4, arm // 4
    mean = generator.standard_normal(4)[first] * 0.7 + generator.standard_normal(arms)[second] * 0.5
    mean = mean + 0.4 * generator.standard_normal(arms)[arm]
    values = mean + 1.5 * generator.standard_normal(examples)[example] + 0.7 * generator.standard_normal(len(arm))
    tokens = [
        tuple(100 + 20 * a + t for t in range(12)) + tuple(5000 + 20 * e + t for t in range(15))
        for a, e in zip(arm, example, strict=True)
    ]
    columns = {
        "prompt": ("arm", arm),
        "style": ("trait", first),
        "layout": ("trait", second),
        "example": ("nuisance", example),
    }
    return _table(task, index, tokens, columns, BestArmMean("prompt", "example"), values)


def stream_table(index: int, rows: int = 400, task: str = "stream/synthetic") -> SyntheticTable:
    """A stream of sequences with a skewed loss that a covariate half explains."""
    generator = np.random.default_rng([index, rows, 11])
    covariate = generator.standard_normal(rows)
    values = 3.0 + 0.3 * generator.standard_normal() + 0.4 * covariate + 0.5 * generator.gamma(2.0, 0.5, rows)
    tokens = [tuple(generator.integers(10, 5000, 12 + index % 3).tolist()) for _ in range(rows)]
    columns = {"sequence": ("arm", np.arange(rows)), "rarity": ("covariate", covariate)}
    return _table(task, index, tokens, columns, UpperTail(0.95), values)


MAKERS = {
    "shapley": shapley_table,
    "removal": removal_table,
    "subsets": subset_table,
    "arms": arms_table,
    "stream": stream_table,
}


def recording(
    table: SyntheticTable, channels: np.ndarray, price: float, prepare: float = 0.0, seed: int = 0
) -> Recording:
    """A recording of given channels at a price, a share of brute force for all rows and for `prepare`."""
    batches, spent = [], prepare * table.brute_flops
    for rows in nested_batches(table.question.structure, Seed.root(seed)):
        spent += price * table.brute_flops * len(rows) / len(table.values)
        batches.append(ChannelBatch(rows, channels[rows].astype(np.float32), int(spent)))
    return Recording(
        "method", table.question.hash, table.target, "v1", tuple(batches), int(prepare * table.brute_flops)
    )
