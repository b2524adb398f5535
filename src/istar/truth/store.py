"""Where tables are kept: the base class of stores, and which stores are looked into."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from istar.paths import home
from istar.truth.advice import build_command
from istar.truth.table import Table, TableKey, TruthError


class MissingTruthError(TruthError):
    """Tables that nobody has built."""


@dataclass(frozen=True, eq=False)
class Digest:
    """What is known of a table without loading its rows.

    Attributes:
        key: what the table is found by.
        target_name: what the builder called the target.
        rows: number of runs.
        brute_flops: FLOPs of brute force.
        dearest_run_flops: FLOPs of the dearest row bought alone.
        answer: the true answer.
        noise: standard deviation of the answer over draws of the replicates.
        reliability: split-half reliability, or None where it is defined across questions only.
        question: hash of the question that the table answers.
        plugins: the plug-ins that had a part in its values, as (name, version).
    """

    key: TableKey
    target_name: str
    rows: int
    brute_flops: int
    dearest_run_flops: int
    answer: Float[np.ndarray, " outputs"]
    noise: Float[np.ndarray, " outputs"]
    reliability: float | None
    question: str
    plugins: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, table: Table) -> Digest:
        """Return the digest of a table."""
        return cls(
            table.key,
            table.provenance.target_name,
            len(table.values),
            table.brute_flops,
            table.dearest_run_flops,
            table.answer,
            table.noise,
            table.reliability,
            table.question.hash,
            table.provenance.plugins,
        )


class TruthStore(ABC):
    """Base class of stores of tables."""

    @abstractmethod
    def digests(self) -> Sequence[Digest]:
        """Return the digest of every table in the store, by target, task, seed and index."""

    def entries(self) -> Sequence[tuple[TruthStore, Digest]]:
        """Return every table's digest with the store that holds it; of several stores, each one's own."""
        return [(self, digest) for digest in self.digests()]

    @abstractmethod
    def read(self, key: TableKey) -> Table:
        """Return a table.

        Raises:
            MissingTruthError: the store has no such table.
            CorruptDataError: what is stored is not what was written.
        """

    @abstractmethod
    def write(self, table: Table) -> None:
        """Keep a table; all of it or, if interrupted, nothing. An older one under the same key is replaced."""

    @abstractmethod
    def __contains__(self, key: object) -> bool:
        """Whether the store has a table of this key."""


def shipped_folder() -> Path:
    """Return the folder of the tables that are part of the package."""
    return Path(__file__).parent / "tables"


def user_folder() -> Path:
    """Return the folder of the tables that this user built."""
    return home() / "truth"


class Stores(TruthStore):
    """Several stores seen as one: reads look into each in turn, writes go to the last.

    Args:
        stores: in the order in which they are looked into.
    """

    def __init__(self, *stores: TruthStore) -> None:
        """See the class docstring."""
        self.stores = stores

    def digests(self) -> Sequence[Digest]:
        """See the base class."""
        first: dict[TableKey, Digest] = {}
        for store in self.stores:
            for digest in store.digests():
                first.setdefault(digest.key, digest)
        return sorted(first.values(), key=lambda each: (each.key.target, each.key.task, each.key.seed, each.key.index))

    def entries(self) -> Sequence[tuple[TruthStore, Digest]]:
        """See the base class."""
        return [entry for store in self.stores for entry in store.entries()]

    def read(self, key: TableKey) -> Table:
        """See the base class."""
        for store in self.stores:
            if key in store:
                return store.read(key)
        raise missing(key)

    def write(self, table: Table) -> None:
        """See the base class."""
        self.stores[-1].write(table)

    def __contains__(self, key: object) -> bool:
        """See the base class."""
        return any(key in store for store in self.stores)


def missing(key: TableKey) -> MissingTruthError:
    """Return the error that says how to build a table."""
    command = build_command([key.task], key.target, questions=key.index + 1, seed=key.seed)
    return MissingTruthError(f"there is no truth for {key}; build it with `{command}`")


def default_store() -> Stores:
    """Return the shipped tables and, after them, the user's; writes go to the user's."""
    from istar.truth.parquet import ParquetStore

    return Stores(ParquetStore(shipped_folder()), ParquetStore(user_folder()))


def target_id(target: str, store: TruthStore) -> str:
    """Return the id of the target of which the store has tables.

    Args:
        target: a target's id, 12 digits of it or more, or its name.
        store: where to look.

    Raises:
        MissingTruthError: the store has no table of this target.
        TruthError: the name stands for several targets.
    """
    return id_among({digest.key.target: digest.target_name for digest in store.digests()}, target)


def id_among(known: Mapping[str, str], target: str) -> str:
    """Return the id of a target among those with tables.

    Args:
        known: the name of each, by id.
        target: a target's id, 12 digits of it or more, or its name.

    Raises:
        MissingTruthError: it is not among them.
        TruthError: the name stands for several.
    """
    if target in known:
        return target
    found = [each for each, name in known.items() if name == target or (len(target) >= 12 and each.startswith(target))]
    if len(found) > 1:
        raise TruthError(f"{target!r} is the name of {len(found)} targets with tables: {', '.join(found)}; give the id")
    if not found:
        names = sorted({f"{name} ({each[:12]})" for each, name in known.items()})
        raise MissingTruthError(
            f"there is no truth for target {target!r}; there is for {', '.join(names) or 'none'}. Build it with "
            f"`{build_command([], target)}`"
        )
    return found[0]
