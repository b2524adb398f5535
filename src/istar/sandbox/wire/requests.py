"""What the parent asks of a worker, as frames: questions and corpora become arrays, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from istar.questions import (
    Column,
    QuestionView,
    Run,
    Structure,
    intervention_from_json,
    readout_from_json,
)
from istar.sandbox.errors import SandboxError
from istar.sandbox.wire.frames import JSON, Array, Frame

if TYPE_CHECKING:
    from istar.targets.corpus import Corpus
    from istar.targets.target import Target


@dataclass(frozen=True)
class TargetSpec:
    """How a worker finds its target.

    Attributes:
        name: what the user called it.
        path: folder of its files; None for `tiny-random`, which is built in code.
        dtype: type of the weights.
        id: the target's id; the worker's copy must have it. Empty to take what the worker finds.
        tokenizer: digest of its tokenizer; the same.
    """

    name: str
    path: Path | None = None
    dtype: str = "float32"
    id: str = ""
    tokenizer: str = ""

    def __post_init__(self) -> None:
        """Take the folder's real place: links inside it are relative to that, and the jail shows nothing else."""
        if self.path is not None:
            object.__setattr__(self, "path", Path(self.path).expanduser().resolve())

    @classmethod
    def of(cls, target: Target) -> TargetSpec:
        """Return how a worker finds a target that is loaded here.

        Raises:
            SandboxError: the target has no files on this machine.
        """
        from istar.targets.places import TINY

        dtype = str(target.dtype).removeprefix("torch.")
        path = target.path
        if path is None and target.name != TINY:
            path = _hub_folder(target.name)
        return cls(target.name, path, dtype, target.id, target.tokenizer_digest)

    def frame(self, filtered: bool, plugins: int | None = None) -> Frame:
        """Return the frame that tells a worker its target.

        Args:
            filtered: whether it filters system calls.
            plugins: descriptor of the file that holds what it is given of the user's plug-ins.
        """
        path = None if self.path is None else str(self.path)
        return Frame("target", asdict(self) | {"path": path, "filtered": filtered, "plugins": plugins})


def _hub_folder(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (OSError, ValueError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise SandboxError(
            f"the files of {name!r} are not on this machine; a worker has no network, so download the model first"
        ) from error


@dataclass(frozen=True)
class Allowance:
    """Limits of one request, as the worker sets them on itself before a method's code runs.

    Attributes:
        address_space: bytes.
        cpu_seconds: seconds of processor time.
        threads: torch threads.
        tasks: processes and threads; None where the user's own would count with them.
    """

    address_space: int
    cpu_seconds: int
    threads: int
    tasks: int | None = None


def view_to_arrays(view: QuestionView) -> tuple[dict[str, JSON], dict[str, Array]]:
    """Return a question's view as JSON fields and arrays; readouts and interventions are listed once each."""
    readouts: dict[str, int] = {}
    interventions: dict[str, int] = {}
    readout_of, intervention_of = [], []
    for run in view.runs:
        readout = json.dumps(run.readout.to_json(), sort_keys=True)
        readout_of.append(readouts.setdefault(readout, len(readouts)))
        key = "" if run.intervention is None else run.intervention.key
        intervention_of.append(interventions.setdefault(key, len(interventions)))
    fields = {
        "readouts": list(readouts),
        "interventions": list(interventions),
        "columns": [[column.name, column.role] for column in view.structure.columns],
    }
    arrays: dict[str, Array] = _ragged([run.tokens for run in view.runs]) | {
        "readout_of": np.array(readout_of, dtype=np.int64),
        "intervention_of": np.array(intervention_of, dtype=np.int64),
        "columns": np.stack([column.array for column in view.structure.columns]),
    }
    return fields, arrays


def view_from_arrays(fields: JSON, arrays: dict[str, Array]) -> QuestionView:
    """Return the view that `view_to_arrays` took apart."""
    readouts = [readout_from_json(json.loads(text)) for text in fields["readouts"]]
    interventions = [intervention_from_json(json.loads(text)) if text else None for text in fields["interventions"]]
    runs = tuple(
        Run(tokens, readouts[readout], interventions[intervention])
        for tokens, readout, intervention in zip(
            _rows(arrays), arrays["readout_of"].tolist(), arrays["intervention_of"].tolist(), strict=True
        )
    )
    columns = tuple(
        Column(name, role, tuple(values))
        for (name, role), values in zip(fields["columns"], arrays["columns"].tolist(), strict=True)
    )
    return QuestionView(runs, Structure(columns))


def interpret_frame(source: str, name: str, corpus: Corpus, seed: int, allowance: Allowance) -> Frame:
    """Return the request to interpret."""
    fields = {
        "source": source,
        "name": name,
        "texts": list(corpus.texts),
        "tokenizer": corpus.tokenizer,
        "seed": seed,
        "allowance": asdict(allowance),
    }
    return Frame("interpret", fields, _ragged(corpus.tokens))


def corpus_of(frame: Frame) -> Corpus:
    """Return the corpus in a request to interpret."""
    from istar.targets.corpus import Corpus

    return Corpus(tuple(frame.fields["texts"]), tuple(_rows(dict(frame.arrays))), frame.fields["tokenizer"])


@dataclass(frozen=True)
class RecordRequest:
    """A request to record a method on a question.

    Attributes:
        question: what the method is shown.
        question_hash: seeds the method's random numbers; the method itself is not shown it.
        batches: row numbers of the nested batches.
        interpretation: the interpretation, serialised.
        max_flops: see `istar.methods.recorder.record`.
        max_rows_fraction: the same.
        seed: the same.
        replays: whether the parent has standard runs to hand over.
    """

    question: QuestionView
    question_hash: str
    batches: Sequence[Int[np.ndarray, " batch"]]
    interpretation: bytes
    max_flops: int | None
    max_rows_fraction: float
    seed: int
    replays: bool = False

    def frame(self, source: str, name: str, allowance: Allowance) -> Frame:
        """Return the request as a frame."""
        view_fields, view_arrays = view_to_arrays(self.question)
        sizes = [len(rows) for rows in self.batches]
        fields: dict[str, Any] = {
            "source": source,
            "name": name,
            "view": view_fields,
            "question_hash": self.question_hash,
            "max_flops": self.max_flops,
            "max_rows_fraction": self.max_rows_fraction,
            "seed": self.seed,
            "replays": self.replays,
            "allowance": asdict(allowance),
        }
        arrays = view_arrays | {
            "batch_sizes": np.array(sizes, dtype=np.int64),
            "batch_rows": np.concatenate([np.zeros(0, np.int64), *self.batches]).astype(np.int64),
            "interpretation": np.frombuffer(self.interpretation, dtype=np.uint8),
        }
        return Frame("record", fields, arrays)

    @classmethod
    def of(cls, frame: Frame) -> RecordRequest:
        """Return the request in a frame."""
        arrays, fields = dict(frame.arrays), frame.fields
        ends = np.cumsum(arrays["batch_sizes"])[:-1]
        return cls(
            view_from_arrays(fields["view"], arrays),
            fields["question_hash"],
            tuple(np.split(arrays["batch_rows"], ends)) if len(arrays["batch_sizes"]) else (),
            arrays["interpretation"].tobytes(),
            fields["max_flops"],
            fields["max_rows_fraction"],
            fields["seed"],
            fields["replays"],
        )


def standard_run_frame(view: QuestionView, allowance: Allowance) -> Frame:
    """Return the request to compute the standard run of all rows of a view."""
    fields, arrays = view_to_arrays(view)
    return Frame("standard_run", {"view": fields, "allowance": asdict(allowance)}, arrays)


def _ragged(rows: Sequence[Sequence[int]]) -> dict[str, Array]:
    """Return token sequences of any lengths as one array and the lengths."""
    return {
        "tokens": np.array([token for row in rows for token in row], dtype=np.int32),
        "lengths": np.array([len(row) for row in rows], dtype=np.int64),
    }


def _rows(arrays: dict[str, Array]) -> list[tuple[int, ...]]:
    tokens = arrays["tokens"].tolist()
    ends = np.cumsum(arrays["lengths"]).tolist()
    return [tuple(tokens[end - length : end]) for end, length in zip(ends, arrays["lengths"].tolist(), strict=True)]
