"""Questions and corpora arrive in the worker as they left the parent."""

import os
import threading
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istar.questions import (
    INTERVENTIONS,
    Column,
    Entropy,
    GreedyCorrect,
    Intervention,
    KLFrom,
    QuestionView,
    Run,
    SpanLogprob,
    SpanMargin,
    Structure,
)
from istar.sandbox.errors import SandboxError
from istar.sandbox.jail.limits import REQUEST_CAPS
from istar.sandbox.wire.frames import Frame, read_frame, write_frame
from istar.sandbox.wire.requests import Allowance, RecordRequest, TargetSpec, corpus_of, interpret_frame
from istar.targets.corpus import Corpus

ALLOWANCE = Allowance(2**40, 100, 1)


@INTERVENTIONS.register("test_sandbox_scale")
@dataclass(frozen=True)
class Scale(Intervention):
    """Scales something; only its fields matter here."""

    kind: ClassVar[str] = "test_sandbox_scale"
    factor: float
    layers: tuple[int, ...]


tokens = st.lists(st.integers(0, 49_151), min_size=2, max_size=8).map(tuple)
readouts = st.one_of(
    st.builds(SpanLogprob, start=st.integers(1, 4)),
    st.builds(SpanMargin, start=st.integers(1, 4), foil=tokens),
    st.builds(GreedyCorrect, start=st.integers(1, 4)),
    st.builds(KLFrom, reference=tokens),
    st.just(Entropy()),
)
interventions = st.none() | st.builds(
    Scale, factor=st.floats(-2, 2), layers=st.lists(st.integers(0, 3), max_size=2).map(tuple)
)
views = st.lists(st.builds(Run, tokens, readouts, interventions), min_size=1, max_size=6).map(
    lambda runs: QuestionView(
        tuple(runs),
        Structure(
            (
                Column("arm", "arm", tuple(float(row) for row in range(len(runs)))),
                Column("length", "covariate", tuple(len(run.tokens) / 3 for run in runs)),
            )
        ),
    )
)


def sent(frame: Frame) -> Frame:
    """Pass a frame through a pipe."""
    reading, writing = os.pipe()
    writer = threading.Thread(target=write_frame, args=(writing, frame))
    writer.start()
    try:
        return read_frame(reading, REQUEST_CAPS)
    finally:
        writer.join()
        os.close(reading)
        os.close(writing)


@settings(max_examples=60, deadline=None)
@given(view=views, cut=st.integers(0, 6))
def test_a_question_arrives_as_it_left(view, cut):
    rows = np.arange(len(view.runs))
    batches = tuple(part for part in (rows[:cut], rows[cut:]) if len(part))
    request = RecordRequest(view, "q" * 64, batches, b"interpretation", 10**15, 0.5, 7)
    frame = sent(request.frame("source", "name", ALLOWANCE))
    found = RecordRequest.of(frame)
    assert found.question == view
    assert [batch.tolist() for batch in found.batches] == [batch.tolist() for batch in batches]
    assert (found.question_hash, found.interpretation) == ("q" * 64, b"interpretation")
    assert (found.max_flops, found.max_rows_fraction, found.seed) == (10**15, 0.5, 7)
    assert Allowance(**frame.fields["allowance"]) == ALLOWANCE


@settings(max_examples=30, deadline=None)
@given(sequences=st.lists(tokens, max_size=4))
def test_a_corpus_arrives_as_it_left(sequences):
    corpus = Corpus(tuple(f"text {number}" for number in range(len(sequences))), tuple(sequences))
    found = corpus_of(sent(interpret_frame("source", "name", corpus, 3, ALLOWANCE)))
    assert found == corpus
    assert found.hash == corpus.hash


def test_a_recording_may_have_no_batches_and_no_budget(tmp_path):
    view = QuestionView((Run((0, 1), Entropy()),), Structure((Column("arm", "arm", (0.0,)),)))
    found = RecordRequest.of(sent(RecordRequest(view, "q", (), b"", None, 1.0, 0).frame("s", "n", ALLOWANCE)))
    assert (found.batches, found.max_flops, found.interpretation) == ((), None, b"")


def test_a_target_without_files_cannot_be_jailed():
    class Hub:
        name, path, dtype, id = "nobody/no-such-model", None, "torch.float32", "x"

    with pytest.raises(SandboxError, match="download the model first"):
        TargetSpec.of(Hub())


def test_a_folder_is_named_by_its_real_place(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert TargetSpec("t", tmp_path / "link").path == (tmp_path / "real").resolve()
