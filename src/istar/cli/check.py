"""`istar check`: does a method keep the contract?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import METHOD_FAULT, SUCCESS, command, output, print_json, quantity, table
from istar.cli.console import styled
from istar.cli.options import AsJson

if TYPE_CHECKING:
    from istar.methods.check import CheckReport
    from istar.questions import QuestionView


@command(
    "istar check my_method.py",
    "istar check my_method.py --task repeated_words/plain",
    "istar check my_method.py --json",
)
def check(
    method: Annotated[Path, Parameter(help="The method's file.")],
    *,
    task: Annotated[
        tuple[str, ...],
        Parameter(help="Ask about the first question of these tasks or families instead of about small questions."),
    ] = (),
    as_json: AsJson = False,
) -> int:
    """Run a method on a tiny model, in seconds: faults of its language, shapes, FLOPs, errors.

    It is asked about small questions that between them have every kind of row, or about those of tasks that you name,
    made with the tiny model's tokenizer. The method runs in this process, so check only files that you would run.
    """
    from istar.methods.check import check_method

    report = check_method(method, questions=_questions_of(task) if task else None)
    if as_json:
        print_json(report.to_json())
        return SUCCESS if report.passed else METHOD_FAULT
    for fault in report.faults:
        output.tell(str(fault), "fault", "red")
    if report.interpret is not None:
        tensors = ", ".join(f"{name} {list(shape)}" for name, shape in report.interpret.tensors.items()) or "none"
        output.tell(
            f"interpret: {quantity(report.interpret.flops)} FLOPs, {report.interpret.bytes} bytes, tensors: {tensors}"
        )
    columns = ("rows", ">runs", ">channels", ">prepare FLOPs", ">predict FLOPs", ">of exact", "dearest operation")
    shown = table(f"{report.name} on {report.target}", *columns)
    for each in report.questions:
        spent = each.prepare_flops + each.predict_flops
        shown.add_row(
            each.question,
            str(each.runs),
            str(each.channels),
            quantity(each.prepare_flops),
            quantity(each.predict_flops),
            f"{100 * spent / each.exact_flops:.0f} %",
            next(iter(each.by_op), "-"),
        )
    if report.questions:
        output.show(shown)
    if report.silent:
        output.tell(
            "it had nothing to say here: it gave no channel on any of these questions",
            "silent",
            "yellow",
        )
    for what, took, most in _too_slow(report):
        output.tell(
            f"{what} took {took:.0f} seconds on a tiny model; a score stops it after {most:.0f}", "slow", "yellow"
        )
    for each in report.questions:
        if each.too_dear:
            output.tell(
                f"on {each.question}: `prepare` and the first batch cost {quantity(each.first_flops)} FLOPs, more than "
                f"the exact values of all rows ({quantity(each.exact_flops)}); where that is so, a score cuts it off "
                "before it has said anything",
                "too dear",
                "yellow",
            )
    for error in report.errors:
        output.tell(error, "error", "red")
    output.print(
        styled("the method keeps the contract", "green") if report.passed else styled("the method has faults", "red")
    )
    return SUCCESS if report.passed else METHOD_FAULT


def _too_slow(report: CheckReport) -> Iterator[tuple[str, float, float]]:
    """Yield what took longer than a score would wait, how long, and how long that would."""
    from istar.arms.settings import INTERPRET_TIMES, Caps

    seconds = Caps().seconds
    if report.interpret is not None and report.interpret.seconds > INTERPRET_TIMES * seconds:
        yield "`interpret`", report.interpret.seconds, INTERPRET_TIMES * seconds
    for each in report.questions:
        if each.seconds > seconds:
            yield f"on {each.question}, it", each.seconds, seconds


def _questions_of(names: Sequence[str]) -> dict[str, QuestionView]:
    """Return what a method is shown of the first question of each task, by the task's name."""
    from istar.targets.loading import load_target
    from istar.tasks import select_tasks

    tokenizer = load_target("tiny-random").tokenizer
    return {each.name: each.question(tokenizer, 0).view for each in select_tasks(names)}
