"""The worker: a process in the jail that serves one target, and answers each request in a fork of its own.

The serving process imports torch, loads the target and from then on only forks and waits; no line of a method's code
ever runs in it. A request, one `interpret` or one question, runs in a fork that confines itself, answers through a
pipe of its own and ends. So nothing passes from one question to another except through the interpretation: neither
variables, hooks, caches and weights, which are copies, nor files, which cannot be written. A fork takes some
milliseconds; loading torch and the target again would take seconds.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from istar.errors import IstarError
from istar.sandbox.jail.confinement import confine
from istar.sandbox.jail.landlock import die_with_parent
from istar.sandbox.jail.limits import REQUEST_CAPS
from istar.sandbox.wire.frames import Array, Frame, read_frame, write_frame
from istar.sandbox.wire.requests import Allowance, RecordRequest, corpus_of

if TYPE_CHECKING:
    from istar.questions import Run
    from istar.targets.standard_runs import Replayed
    from istar.targets.target import Target

Handler = Callable[["Target", Frame], Frame]

MOST_LEFT = 2**62
"""What a worker without a budget says it can still pay, in FLOPs."""


def main(control: int, handlers: Mapping[str, Handler] | None = None) -> NoReturn:
    """Serve until the parent is gone.

    Args:
        control: descriptor of the socket to the parent.
        handlers: what answers each kind of request.
    """
    channel = socket.socket(fileno=control)
    hello = read_frame(control, REQUEST_CAPS)
    started = time.perf_counter()
    try:
        target = load(hello)
    except (IstarError, ImportError, OSError, RuntimeError) as error:
        write_frame(control, Frame("failed", {"text": f"{type(error).__name__}: {error}"}))
        os._exit(1)
    rates = _calibrated(target)
    # What exists now is never garbage; without this a collection in a fork would touch, and so copy, all of it.
    gc.collect()
    gc.freeze()
    seconds = time.perf_counter() - started
    write_frame(control, Frame("ready", {"id": target.id, "seconds": seconds, "rates": rates}))
    serve(channel, target, handlers or HANDLERS, bool(hello.fields["filtered"]))


def serve(channel: socket.socket, target: Target, handlers: Mapping[str, Handler], filtered: bool) -> NoReturn:
    """Answer requests, one at a time, each in a fork.

    Only the fork reads the request, from a pipe of its own: what this process had read would lie in its freed memory,
    and so in that of every later fork, where a method can look at it (`torch.empty`).
    """
    control, server = channel.fileno(), os.getpid()
    while True:
        _, pipes, _, _ = socket.recv_fds(channel, 1, 2)
        if len(pipes) != 2:
            os._exit(0)
        child = os.fork()
        if child == 0:
            die_with_parent(server)
            _answer((pipes[0], pipes[1]), target, handlers, filtered)
        for pipe in pipes:
            os.close(pipe)
        status = _wait(child, control)
        write_frame(control, Frame("exited", {"status": status}))


def _wait(child: int, control: int) -> int:
    """Wait for a fork to end; end with it if the parent goes away first."""
    ended = os.pidfd_open(child) if hasattr(os, "pidfd_open") else None
    watched = [control] if ended is None else [control, ended]
    while True:
        ready = select.select(watched, [], [], 0.01 if ended is None else None)[0]
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid == child:
            if ended is not None:
                os.close(ended)
            return status
        if control in ready:  # the parent says nothing while it waits for a reply, so this is its end
            os.kill(child, 9)
            os._exit(0)


def _answer(pipes: tuple[int, int], target: Target, handlers: Mapping[str, Handler], filtered: bool) -> NoReturn:
    """Answer one request in this fork, and end it whatever happens."""
    reply, feed = pipes
    status = 1
    try:
        import torch

        request = read_frame(feed, REQUEST_CAPS)
        allowance = Allowance(**request.fields["allowance"])
        confine(pipes, allowance, filtered)
        torch.set_num_threads(allowance.threads)
        _PARENT.set(ParentStreams(reply, feed))
        write_frame(reply, _handled(target, request, handlers))
        status = 0
    except BaseException as error:  # nothing may leave this function but through the exit below
        os.write(2, f"{type(error).__name__}: {error}\n".encode()[:2000])
    finally:
        os._exit(status)


def _handled(target: Target, request: Frame, handlers: Mapping[str, Handler]) -> Frame:
    from istar.methods.contract import MethodError

    try:
        return handlers[request.kind](target, request)
    except MethodError as error:
        return Frame("failed", {"blame": "method", "text": str(error)[:16_000]})
    except Exception:
        return Frame("failed", {"blame": "worker", "text": traceback.format_exc()[-16_000:]})


@dataclass
class ParentStreams:
    """Standard runs of a question's batches, which the parent holds; see `istar.targets.standard_runs`.

    The parent hands over the streams of one layer at a time and notes what it handed over, so that this process never
    holds more than its method was charged for.

    Attributes:
        reply: descriptor of the pipe to the parent.
        feed: descriptor of the pipe from it.
        batches: the runs of each batch.
    """

    reply: int
    feed: int
    batches: tuple[tuple[Run, ...], ...] = ()

    def find(self, runs: Sequence[Run], layer: int, left: float) -> Replayed | None:
        """See `StreamSource`."""
        from istar.targets.standard_runs import Replayed, StreamBill

        asked = tuple(runs)
        for number, batch in enumerate(self.batches):
            if asked == batch:
                write_frame(
                    self.reply, Frame("wanted", {"batch": number, "layer": layer, "left": int(min(left, MOST_LEFT))})
                )
                answer = read_frame(self.feed, REQUEST_CAPS)
                if answer.kind != "streams":
                    return None
                bill = StreamBill(answer.fields["by_op"], answer.fields["matmul_flops"])
                return Replayed(answer.arrays["values"], bill)
        return None


_PARENT: ContextVar[ParentStreams] = ContextVar("istar_parent_streams")


def handle_interpret(target: Target, request: Frame) -> Frame:
    """Run a method's `interpret`; the reply holds the serialised interpretation and the meter's reading."""
    from istar.methods.loading import load_method
    from istar.methods.recorder import recording_meter, run_interpret

    method = load_method(request.fields["source"], request.fields["name"])
    meter = recording_meter()
    interpretation = run_interpret(method, target, corpus_of(request), meter, request.fields["seed"])
    content = np.frombuffer(interpretation.to_bytes(), dtype=np.uint8)
    return Frame("interpreted", {"reading": meter.snapshot().to_json()}, {"content": content})


def handle_record(target: Target, request: Frame) -> Frame:
    """Record a method on one question; the reply holds channels and FLOPs, batch by batch."""
    from istar.methods.contract import Interpretation
    from istar.methods.loading import load_method
    from istar.methods.recorder import record, recording_meter

    asked = RecordRequest.of(request)
    meter = recording_meter(asked.max_flops)
    parent = _PARENT.get()
    if asked.replays:
        parent.batches = tuple(tuple(asked.question.runs[row] for row in rows) for rows in asked.batches)
    method = load_method(request.fields["source"], request.fields["name"])
    recording = record(
        method,
        asked.question,
        asked.question_hash,
        asked.batches,
        target,
        Interpretation.from_bytes(asked.interpretation),
        max_flops=asked.max_flops,
        max_rows_fraction=asked.max_rows_fraction,
        seed=asked.seed,
        meter=meter,
        source=parent if asked.replays else None,
    )
    fields = {
        "rulebook": recording.rulebook,
        "flops": [batch.flops for batch in recording.batches],
        "batches": [{"by_op": dict(each.by_op), "matmul_flops": each.matmul_flops} for each in recording.batches],
        "prepare_flops": recording.prepare_flops,
        "total_flops": recording.total_flops,
        "by_op": dict(recording.by_op),
        "unknown": dict(recording.unknown),
        "matmul_flops": recording.matmul_flops,
        "by_region": dict(recording.by_region),
        "kinds": {kind: list(use) for kind, use in meter.kinds.items()},
        "main_seconds": time.thread_time(),
    }
    arrays: dict[str, Array] = {f"channels.{i}": batch.channels for i, batch in enumerate(recording.batches)}
    return Frame("recorded", fields, arrays)


def handle_standard_run(target: Target, request: Frame) -> Frame:
    """Compute a standard run; no method takes part."""
    from istar.sandbox.wire.requests import view_from_arrays
    from istar.targets.standard_runs import standard_run

    found = standard_run(target, view_from_arrays(request.fields["view"], dict(request.arrays)).runs)
    bills = [{"by_op": dict(bill.by_op), "matmul_flops": bill.matmul_flops} for bill in found.bills]
    return Frame("standard_run", {"bills": bills}, {"values": found.values})


HANDLERS: Mapping[str, Handler] = {
    "interpret": handle_interpret,
    "record": handle_record,
    "standard_run": handle_standard_run,
}


def _calibrated(target: Target) -> dict[str, Any]:
    """Return what honest work costs here, as JSON values; see `istar.sandbox.calibration`."""
    from istar.sandbox.calibration import calibrate

    return calibrate(target).to_json()


def load(hello: Frame) -> Target:
    """Return the target that the parent's first frame names, once the user's plug-ins are imported.

    Raises:
        IstarError: it cannot be loaded, is not the one that the parent has, or a plug-in fails here.
    """
    import torch

    torch.set_num_threads(1)
    sys.setrecursionlimit(2000)
    from istar.methods import loading, recorder  # noqa: F401  (imported once here instead of in every fork)
    from istar.sandbox.wire.unpacking import unpack
    from istar.targets import corpus  # noqa: F401
    from istar.targets.loading import load_target

    fields = hello.fields
    if fields["plugins"] is None:
        unpack(b"")
    else:
        with os.fdopen(fields["plugins"], "rb") as shipped:
            shipped.seek(0)
            unpack(shipped.read())
    target = load_target(fields["path"] or fields["name"], fields["dtype"], name=fields["name"])
    if fields["id"] and target.id != fields["id"]:
        raise IstarError(
            f"the worker's copy of {fields['name']} has id {target.id[:16]}, the parent's {fields['id'][:16]}: its "
            f"files in {Path(fields['path'] or '.')} have changed; load the target again"
        )
    if fields["tokenizer"] and target.tokenizer_digest != fields["tokenizer"]:
        raise IstarError(
            f"the tokenizer of the worker's copy of {fields['name']} is not the parent's: its files in "
            f"{Path(fields['path'] or '.')} have changed; load the target again"
        )
    return target
