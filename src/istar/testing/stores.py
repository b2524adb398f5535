"""Conformance suite for truth stores: subclass it, give it a store, and pytest checks the contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from istar.flops import CostModel, price_sheet
from istar.questions import Column, Question, Run, ShapleyValues, SpanLogprob, SpanMargin, Structure, build_trie
from istar.seeds import Seed
from istar.truth import MissingTruthError, Provenance, Table, TableKey, TruthStore, stored_tables


def make_table(index: int = 0, target: str = "ab" * 32, seed: int = 0) -> Table:
    """Return a small table with made-up values: two switches, eight replicates."""
    generator = Seed.root(seed).split("table", index).generator()
    runs, rows = [], []
    for coalition in range(4):
        for replicate in range(8):
            tokens = (
                0,
                *(10 + player for player in range(2) if coalition >> player & 1),
                20 + replicate,
                30,
                31 + index,
            )
            foil = SpanMargin(len(tokens) - 1, (40,)) if replicate % 2 else SpanLogprob(len(tokens) - 2)
            runs.append(Run(tokens, foil))
            rows.append((coalition & 1, coalition >> 1, replicate))
    names = (("a", "switch"), ("b", "switch"), ("replicate", "nuisance"))
    columns = tuple(
        Column(name, role, tuple(float(row[place]) for row in rows))  # type: ignore[arg-type]
        for place, (name, role) in enumerate(names)
    )
    question = Question("made_up/numbers", index, tuple(runs), Structure(columns), ShapleyValues())
    prices = price_sheet(build_trie(runs), runs, CostModel(per_token=1000, per_pair=10, per_read=100))
    provenance = Provenance(target, "made-up", "float32", "v1", seed, (("torch", "2.13"),))
    return Table(question, generator.normal(size=len(runs)), prices, provenance)


def same_table(first: Table, second: Table) -> bool:
    """Whether two tables hold the same."""
    prices = zip(first.prices.to_arrays().items(), second.prices.to_arrays().items(), strict=True)
    return (
        first.question == second.question
        and np.array_equal(first.values, second.values)
        and first.provenance == second.provenance
        and all(name == other and np.array_equal(array, twin) for (name, array), (other, twin) in prices)
    )


class StoreConformance(ABC):
    """What every truth store must do, wherever it keeps tables."""

    @abstractmethod
    def make(self, folder: Path) -> TruthStore:
        """Return a store that keeps its tables under a folder; two calls see the same tables."""

    def test_gives_back_what_was_written(self, tmp_path: Path) -> None:
        """Values, question, prices and provenance survive to the last bit, also for another instance."""
        table = make_table()
        self.make(tmp_path).write(table)
        assert same_table(self.make(tmp_path).read(table.key), table)

    def test_knows_what_it_has(self, tmp_path: Path) -> None:
        """Membership and digests agree with what was written."""
        store = self.make(tmp_path)
        assert list(store.digests()) == []
        written = [make_table(index) for index in (2, 0, 1)]
        for table in written:
            assert table.key not in store
            store.write(table)
            assert table.key in store
        digests = store.digests()
        assert [digest.key.index for digest in digests] == [0, 1, 2]
        first = make_table(0)
        assert digests[0].brute_flops == first.brute_flops
        assert digests[0].dearest_run_flops == first.dearest_run_flops
        assert digests[0].rows == len(first.values)
        assert digests[0].question == first.question.hash
        assert [(entry.question, store) for _, entry in store.entries()] == [(each.question, store) for each in digests]
        assert np.array_equal(digests[0].answer, first.answer)

    def test_tells_keys_apart(self, tmp_path: Path) -> None:
        """Target, task, index and seed each make another table."""
        store = self.make(tmp_path)
        table = make_table()
        store.write(table)
        for other in (
            replace(table.key, index=1),
            replace(table.key, seed=1),
            replace(table.key, target="cd" * 32),
            replace(table.key, task="made_up/letters"),
        ):
            assert other not in store
            with pytest.raises(MissingTruthError, match="istar truth build"):
                store.read(other)

    def test_replaces(self, tmp_path: Path) -> None:
        """A second table under the same key takes the place of the first."""
        store = self.make(tmp_path)
        table = make_table()
        store.write(table)
        newer = replace(table, values=table.values + 1)
        store.write(newer)
        assert same_table(store.read(TableKey(table.target, "made_up/numbers", 0, 0)), newer)
        assert len(store.digests()) == 1

    def test_missing_tables_name_the_command(self, tmp_path: Path) -> None:
        """A table that is missing comes with the command that builds it."""
        store = self.make(tmp_path)
        for index in range(2):
            store.write(make_table(index))
        assert [table.question.index for table in stored_tables("made_up/numbers", "made-up", store=store)] == [0, 1]
        assert len(stored_tables("made_up/numbers", "ab" * 32, questions=1, store=store)) == 1
        wanted = "istar truth build made_up/numbers --target made-up --questions 3"
        with pytest.raises(MissingTruthError, match=wanted):
            stored_tables("made_up/numbers", "made-up", questions=3, store=store)
        with pytest.raises(MissingTruthError, match="no truth for target 'other'; there is for made-up"):
            stored_tables("made_up/numbers", "other", store=store)
