"""Reliability against closed forms, and what becomes of tasks that lack it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from istar.flops import CostModel, price_sheet
from istar.flops.policing import unseen_flops
from istar.questions import (
    BestArmMean,
    Column,
    Question,
    RemovalEffects,
    Run,
    SpanLogprob,
    Structure,
    UpperTail,
    build_trie,
)
from istar.tasks import task
from istar.truth import ParquetStore, Provenance, Table, split_half_reliability, task_summaries
from istar.truth.reliability import between_question_reliability, sampling_noise


def _effects(parts: int, replicates: int) -> Question:
    """Return a question that asks `parts` removal effects, each seen by every replicate."""
    rows = [(0, removed, replicate) for removed in range(parts + 1) for replicate in range(replicates)]
    names = (("unit", "arm"), ("removed", "arm"), ("replicate", "nuisance"))
    columns = tuple(Column(name, role, tuple(float(row[i]) for row in rows)) for i, (name, role) in enumerate(names))  # type: ignore[arg-type]
    runs = tuple(Run((0, 1 + removed, 100 + replicate, 5), SpanLogprob(3)) for _, removed, replicate in rows)
    return Question("made_up/effects", 0, runs, Structure(columns), RemovalEffects("unit", "removed"))


def _noisy(question: Question, signal: float, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    removed = question.structure.levels("removed")
    effect = generator.normal(scale=signal, size=removed.max() + 1)
    effect[0] = 0.0
    # the full run is shared by all effects, so that noise in it would not lower a correlation
    noise = generator.normal(size=len(removed)) * (removed > 0)
    return -effect[removed] + noise


@pytest.mark.parametrize("signal", [0.1, 0.5, 2.0])
def test_spearman_brown_gives_the_reliability_of_the_whole(signal: float) -> None:
    replicates = 10
    question = _effects(400, replicates)
    expected = signal**2 / (signal**2 + 1 / replicates)
    assert split_half_reliability(question, _noisy(question, signal)) == pytest.approx(expected, abs=0.09)


def test_pure_noise_and_no_noise() -> None:
    question = _effects(300, 8)
    assert split_half_reliability(question, _noisy(question, 0.0)) == pytest.approx(0.0, abs=0.15)
    exact = -np.sin(question.structure["removed"])
    assert split_half_reliability(question, exact) == pytest.approx(1.0)
    assert split_half_reliability(question, np.zeros(len(exact))) == 0.0


def test_noise_of_a_mean_is_its_standard_error() -> None:
    question = _effects(200, 40)
    noise = sampling_noise(question, _noisy(question, 1.0))
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1 / np.sqrt(40), rel=0.08)


def _stream(rows: int) -> Question:
    runs = tuple(Run((0, 2 + number % 50, 2 + number // 50, 5), SpanLogprob(3)) for number in range(rows))
    column = Column("sequence", "nuisance", tuple(float(number) for number in range(rows)))
    return Question("loss_quantile/kjv", 0, runs, Structure((column,)), UpperTail(0.9))


def test_noise_of_a_quantile_is_its_asymptotic_error() -> None:
    question = _stream(2000)
    found = [sampling_noise(question, np.random.default_rng(seed).uniform(size=2000))[0] for seed in range(12)]
    expected = np.sqrt(0.9 * 0.1 / 2000)  # density 1 at the quantile
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(expected, rel=0.25)


def test_scalar_answers_have_no_reliability_of_their_own() -> None:
    question = _stream(100)
    assert split_half_reliability(question, np.arange(100.0)) is None


def test_halves_keep_even_and_odd_replicates() -> None:
    rows = [(arm, replicate) for arm in range(3) for replicate in range(16)]
    columns = tuple(
        Column(name, role, tuple(float(row[i]) for row in rows))  # type: ignore[arg-type]
        for i, (name, role) in enumerate((("prompt", "arm"), ("example", "nuisance")))
    )
    runs = tuple(Run((0, 1 + arm, 10 + replicate, 5), SpanLogprob(3)) for arm, replicate in rows)
    question = Question("prompt_ceiling/words", 0, runs, Structure(columns), BestArmMean("prompt", "example"))
    # constant within arm and class of four: any half of whole blocks gives the same answer
    values = np.array([arm + 10.0 * (replicate % 4) for arm, replicate in rows])
    assert sampling_noise(question, values) == pytest.approx([0.0])


def test_between_questions() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(scale=2.0, size=(4000, 2))
    noise = np.array([1.0, 0.5])
    answers = list(truth + noise * generator.normal(size=truth.shape))
    expected = np.mean([4 / 5, 4 / 4.25])
    assert between_question_reliability(answers, [noise] * len(answers)) == pytest.approx(expected, abs=0.02)
    assert between_question_reliability(answers[:2], [noise] * 2) is None
    assert between_question_reliability([np.zeros(1)] * 5, [np.ones(1)] * 5) == 0.0


def _table(question: Question, values: np.ndarray, times: int = 10**8, target: str = "made-up") -> Table:
    costs = CostModel(per_token=1000 * times, per_pair=10 * times, per_read=100 * times)
    prices = price_sheet(build_trie(question.runs), question.runs, costs)
    return Table(question, values, prices, Provenance("ab" * 32, target, "float32", "v1", 0, ()))


class TestSummaries:
    chosen = (task("loss_quantile/kjv"),)

    def _fill(self, store: ParquetStore, spread: float, rows: int = 400, **options: Any) -> None:
        for index in range(4):
            values = np.random.default_rng(index).normal(size=rows) + spread * index
            store.write(_table(replace(_stream(rows), index=index), values, **options))

    def test_a_reliable_task_is_active(self, tmp_path: Path) -> None:
        store = ParquetStore(tmp_path)
        self._fill(store, spread=3.0)
        (summary,) = task_summaries("made-up", self.chosen, store=store, thorough=False)
        assert (summary.status, summary.reason, summary.marks) == ("active", "", ())
        assert summary.questions == 4
        assert summary.runs == 400
        assert summary.split == "validation"
        assert summary.reliability is not None
        assert summary.reliability > 0.9
        assert summary.brute_flops > 100 * summary.dearest_run_flops > 0

    def test_an_unreliable_task_is_dropped_with_the_figure(self, tmp_path: Path) -> None:
        store = ParquetStore(tmp_path)
        self._fill(store, spread=0.0)
        (summary,) = task_summaries("made-up", self.chosen, store=store, thorough=False)
        assert summary.status == "dropped"
        assert summary.reason.startswith("reliability 0.")
        assert summary.reason.endswith("is under 0.8")

    def test_a_task_too_cheap_is_kept_and_marked(self, tmp_path: Path) -> None:
        store = ParquetStore(tmp_path)
        self._fill(store, spread=9.0, rows=60)
        (summary,) = task_summaries("made-up", self.chosen, store=store, thorough=False)
        assert (summary.status, summary.reason) == ("active", "")
        (mark,) = summary.marks
        assert "times the dearest run, less than 100" in mark

    def test_a_task_on_which_python_could_hide_is_dropped_with_the_figures(self, tmp_path: Path) -> None:
        store = ParquetStore(tmp_path)
        self._fill(store, spread=3.0, times=1)
        (summary,) = task_summaries("made-up", self.chosen, store=store, thorough=False)
        assert summary.status == "dropped"
        hidden = unseen_flops(summary.brute_flops)
        assert summary.reason == (
            f"a method could hide {hidden:.1e} FLOPs in Python where the cheapest brute force costs "
            f"{summary.brute_flops:.1e}, 0 times as many and not 100"
        )

    def test_on_a_target_for_practice_it_is_marked_instead(self, tmp_path: Path) -> None:
        store = ParquetStore(tmp_path)
        self._fill(store, spread=3.0, times=1, target="tiny-random")
        (summary,) = task_summaries("tiny-random", self.chosen, store=store, thorough=False)
        assert (summary.status, summary.reason) == ("active", "")
        (mark,) = summary.marks
        assert mark.startswith("for practice: a method could hide")

    def test_a_task_without_tables_says_how_to_build_them(self, tmp_path: Path) -> None:
        (summary,) = task_summaries("nobody", self.chosen, store=ParquetStore(tmp_path))
        assert summary.status == "missing"
        assert "istar truth build loss_quantile/kjv" in summary.reason
