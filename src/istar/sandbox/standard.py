"""Standard runs computed in a jail: by our code, in the very process and under the very threads that methods run in."""

from __future__ import annotations

from istar.questions import QuestionView
from istar.sandbox.errors import SandboxError
from istar.sandbox.jail.jail import Jail
from istar.sandbox.wire.frames import FrameCaps
from istar.sandbox.wire.replies import raise_failure
from istar.sandbox.wire.requests import standard_run_frame
from istar.targets.standard_runs import StandardRun, StreamBill


def compute_standard_run(jail: Jail, view: QuestionView, most_bytes: int) -> StandardRun:
    """Return the streams of all rows of a view after every block, and what each layer costs.

    Args:
        jail: holds the target.
        view: the rows.
        most_bytes: the most that the streams may take.

    Raises:
        MethodError: the worker failed.
        SandboxError: the reply is not what was asked for.
    """
    answer = jail.ask(
        lambda allowance: standard_run_frame(view, allowance),
        FrameCaps(header_bytes=2**24, array_bytes=most_bytes, arrays=1),
        jail.limits.record_seconds,
        "standard run",
    )
    if answer.frame.kind == "failed":
        raise_failure(answer.frame, "standard run")
    values, bills = answer.frame.arrays.get("values"), answer.frame.fields.get("bills")
    if values is None or values.ndim != 3 or values.dtype.kind != "f" or len(values) != len(bills or ()):
        raise SandboxError("the worker's standard run is not one")
    return StandardRun(values, tuple(StreamBill(each["by_op"], each["matmul_flops"]) for each in bills or ()))
