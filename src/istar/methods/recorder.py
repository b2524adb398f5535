"""Running a method in this process under the meter: `interpret` once, then `prepare` and `predict` batch by batch.

The sandbox's worker calls these inside its jail; `istar check` and tests call them directly. What a method returns is
checked here, and so is that it left the target as it found it.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from istar.flops.meter import BudgetExceededError, Meter
from istar.flops.timed import TimedMeter
from istar.methods.contract import Interpretation, MethodError, text_of, why_unreadable
from istar.methods.loading import shown_file
from istar.methods.recording import ChannelBatch, Recording
from istar.questions import QuestionView, StructureView
from istar.seeds import Seed
from istar.targets.standard_runs import replaying
from istar.targets.state import module_state, named_changes

if TYPE_CHECKING:
    from istar.methods.loading import Method
    from istar.targets.corpus import Corpus
    from istar.targets.standard_runs import StreamSource
    from istar.targets.target import Target

CHANNELS_LIMIT = 64
"""The most channels a method may give; the statistician learns a weight for each from few bought rows."""

CONVERSION_FLOPS = 8
"""What reading a number of a result may cost; a change of its type costs 1 or 2."""

Result = TypeVar("Result")


def recording_meter(max_flops: int | None = None) -> TimedMeter:
    """Return the meter that methods run under wherever they run: it refuses what the rulebook has no price for.

    Args:
        max_flops: where a recording may end; the meter cuts it off at twice as much, and never if None.
    """
    return TimedMeter(budget=None if max_flops is None else 2 * max_flops, strict=True)


def run_interpret(method: Method, target: Target, corpus: Corpus, meter: Meter, seed: int = 0) -> Interpretation:
    """Run a method's `interpret` and return what it learned, as it reads back from storage.

    Args:
        method: the method.
        target: the model.
        corpus: generic text.
        meter: a `recording_meter`; counts the FLOPs in the region `interpret`.
        seed: seeds torch's random numbers.

    Raises:
        MethodError: the method raised, returned something else, or changed the target.
    """
    with meter, meter.region("interpret"), _isolated(target, Seed.root(seed).split("interpret", method.hash)):
        result = _call(method, "interpret", lambda: method.fresh().interpret(target, corpus))
    if type(result) is not Interpretation:
        raise MethodError(
            f"`interpret` of {method.name!r} returned a {type(result).__name__}; return an Interpretation (possibly "
            "an empty one: `Interpretation()`)"
        )
    return Interpretation.from_bytes(result.to_bytes())


def record(
    method: Method,
    question: QuestionView,
    question_hash: str,
    batches: Sequence[Int64[np.ndarray, " batch"]],
    target: Target,
    interpretation: Interpretation,
    *,
    max_flops: int | None = None,
    max_rows_fraction: float = 1.0,
    seed: int = 0,
    meter: Meter | None = None,
    source: StreamSource | None = None,
) -> Recording:
    """Run `prepare` once and `predict` on each batch, and return what the method said and what it cost.

    The recording ends after the batch with which the cumulated FLOPs pass `max_flops`, or the rows pass
    `max_rows_fraction`; a single call that would pass twice `max_flops` is cut off by the meter before it does.

    Args:
        method: the method; it is loaded afresh, so that nothing survives from another question.
        question: what the method is shown.
        question_hash: the question's hash, for the recording.
        batches: row numbers of the nested batches, in order.
        target: the model.
        interpretation: what `interpret` returned.
        max_flops: where the recording may end; no limit if None.
        max_rows_fraction: the share of rows after which it may end.
        seed: seeds torch's random numbers, together with the hashes of method and question.
        meter: a `recording_meter`; a new one if None.
        source: has standard runs, for which the method is charged as if they were computed.

    Raises:
        MethodError: the method raised, returned wrong shapes or numbers, or changed the target.
    """
    started = time.perf_counter()
    meter = meter or recording_meter(max_flops)
    recorded: list[ChannelBatch] = []
    complete = False
    prepare_flops = 0
    names = Seed.root(seed).split("record", method.hash, question_hash)
    shown = QuestionView(question.runs, StructureView(question.structure.columns))
    runs_of = [tuple(question.runs[row] for row in rows) for rows in batches]
    try:
        with _isolated(target, names), replaying(target, source, meter), meter.watching_garbage():
            with meter, meter.region("prepare"):
                fresh = method.fresh()
                prepare = fresh.prepare
                prepared = None
                if prepare is not None:
                    prepared = _call(method, "prepare", partial(prepare, shown, target, interpretation))
            prepare_flops = meter.flops
            done = 0
            for rows, runs in zip(batches, runs_of, strict=True):
                if meter.ended or (max_flops is not None and meter.flops > max_flops):
                    break
                if done and done >= max_rows_fraction * len(question.runs):
                    break
                with meter, meter.region("predict"):
                    result = _call(
                        method, "predict", partial(fresh.predict, shown, runs, target, interpretation, prepared)
                    )
                if meter.ended:  # and the method went on: Python swallows what is raised while it finalises
                    break
                channels = _checked_channels(method, result, len(rows), recorded[0] if recorded else None)
                spent = (meter.flops, meter.by_op, meter.matmul_flops)
                recorded.append(ChannelBatch(np.asarray(rows, dtype=np.int64), channels, *spent))
                done += len(rows)
            complete = len(recorded) == len(batches)
    except BudgetExceededError:
        complete = False
    reading = meter.snapshot()
    return Recording(
        method_hash=method.hash,
        question_hash=question_hash,
        target=target.id,
        rulebook=meter.rulebook.version,
        batches=tuple(recorded),
        prepare_flops=prepare_flops if recorded else reading.flops,
        by_op=dict(reading.by_op),
        by_region=dict(reading.by_region),
        seconds=time.perf_counter() - started,
        total_flops=reading.flops,
        complete=complete,
        unknown=dict(reading.unknown),
        matmul_flops=reading.matmul_flops,
    )


def _call(method: Method, function: str, call: Callable[[], Result]) -> Result:
    """Call into the method; its errors become ours and name the lines of its file."""
    try:
        return call()
    except (BudgetExceededError, MethodError):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == shown_file(method.name)]
        where = "".join(f"\n  line {frame.lineno}, in {frame.name}: {frame.line or ''}" for frame in own)
        raise MethodError(
            f"`{function}` of {method.name!r} raised {type(error).__name__}: {text_of(error)}{where}"
        ) from error


def _checked_channels(
    method: Method, result: object, rows: int, first: ChannelBatch | None
) -> Float32[np.ndarray, "batch channels"]:
    """Return the channels as an array, or say what is wrong with them."""
    where = f"`predict` of {method.name!r}"
    if not isinstance(result, Tensor):
        raise MethodError(f"{where} returned a {type(result).__name__}; return a Tensor of shape (runs, channels)")
    wrong = why_unreadable(result)
    if wrong:
        raise MethodError(f"{where} returned {wrong}")
    if result.ndim != 2:
        hint = "; add `.unsqueeze(-1)` for a single channel" if result.shape == (rows,) else ""
        raise MethodError(
            f"{where} returned shape {tuple(result.shape)} for {rows} runs; it must be (runs, channels){hint}"
        )
    if result.shape[0] != rows:
        raise MethodError(
            f"{where} returned {result.shape[0]} rows for {rows} runs; give one row of channels a run, in order"
        )
    if first is not None and result.shape[1] != first.channels.shape[1]:
        raise MethodError(
            f"{where} returned {result.shape[1]} channels after {first.channels.shape[1]} in the first batch; the "
            "number of channels must not change between batches"
        )
    if result.shape[1] > CHANNELS_LIMIT:
        raise MethodError(f"{where} returned {result.shape[1]} channels; the limit is {CHANNELS_LIMIT}: combine them")
    if result.is_complex():
        raise MethodError(f"{where} returned complex numbers; return their real part, modulus or phase")
    channels = _read(result, where)
    if not np.isfinite(channels).all():
        row, channel = np.argwhere(~np.isfinite(channels))[0]
        raise MethodError(
            f"{where} returned {channels[row, channel]} for run {row} of the batch, channel {channel}; channels must "
            "be finite: clamp, or return 0 where there is nothing to say"
        )
    return np.array(channels, dtype=np.float32, order="C")


def _read(result: Tensor, where: str) -> Float32[np.ndarray, "batch channels"]:
    """Return a tensor's numbers as they are in memory, and see to it that no code of the method runs meanwhile."""
    watch = Meter()
    with watch:
        try:
            numbers = result.detach().resolve_neg().to("cpu", torch.float32).numpy()
        except (RuntimeError, TypeError, NotImplementedError) as error:
            raise MethodError(f"{where} returned a tensor that cannot be read: {str(error)[:500]}") from error
    if watch.flops > CONVERSION_FLOPS * result.numel():
        raise MethodError(
            f"{where} returned a tensor that computes {watch.flops} FLOPs while it is read; compute in `predict`"
        )
    return numbers


@contextmanager
def _isolated(target: Target, seed: Seed) -> Iterator[None]:
    """Seed torch for the block, and check afterwards that the target is as it was."""
    before = module_state(target.module)
    # entering set_grad_enabled also restores, on the way out, whatever gradient mode the method left behind
    with torch.random.fork_rng(devices=[]), torch.set_grad_enabled(True):
        torch.manual_seed(seed.value)
        try:
            yield
        except BudgetExceededError:
            _compare(before, module_state(target.module))
            raise
    _compare(before, module_state(target.module))


def _compare(before: dict[str, object], after: dict[str, object]) -> None:
    changed = named_changes(before, after)
    if changed:
        raise MethodError(
            f"the method left the target changed: {changed}; remove hooks in a `with` statement, work on copies of "
            "tensors, and use torch.autograd.grad on inputs of your own"
        )
