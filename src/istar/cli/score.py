"""`istar score`: how much computation do methods save?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from istar.cli.app import GOES_ON, PARTIAL, SUCCESS, command, notes, output, print_json, quantity, when_interrupted
from istar.cli.options import (
    DEFAULT_TARGET,
    AsJson,
    Dtype,
    ExecutorOption,
    SeedNumber,
    TargetName,
    Unsafe,
    named_options,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from istar.cli.score_progress import ScoreProgress
    from istar.methods.contract import MethodError
    from istar.methods.side_by_side import MethodFile
    from istar.protocol.first_look import FirstLook
    from istar.protocol.scoring import MethodScore

WHOLE = 4
"""Questions of each task that are asked where all tasks are."""


@command(
    "istar score my_method.py",
    "istar score my_method.py --all",
    "istar score my_method.py --split validation --questions 8 --json",
    "istar score my_method.py --explain",
    "istar score library --questions 2 --rows 0.25 --out scores.json",
    "istar score my_method.py --task label_free_accuracy --fresh",
)
def score(
    methods: Annotated[
        list[str], Parameter(help="Files of methods, names of methods of the library, or `library` for all of these.")
    ],
    /,
    *,
    split: Annotated[Literal["train", "validation"], Parameter(help="Which families.")] = "train",
    task: Annotated[
        list[str] | None,
        Parameter(
            name="--task",
            negative="",
            consume_multiple=True,
            help="Only these tasks or families; several after one flag, or the flag again.",
        ),
    ] = None,
    questions: Annotated[
        int | None, Parameter(help="Questions of each task; 4, or 2 of the cheapest tasks if nothing says which.")
    ] = None,
    everything: Annotated[
        bool, Parameter(name="--all", negative="", help="Ask 4 questions of every task, and not the cheapest alone.")
    ] = False,
    fresh: Annotated[
        bool, Parameter(negative="", help="Ask fresh questions too, drawn now, as many of each task.")
    ] = False,
    fresh_seed: Annotated[
        int | None, Parameter(help="Ask the fresh questions of this seed, to repeat a draw or to go on with one.")
    ] = None,
    explain: Annotated[
        bool,
        Parameter(negative="", help="Say what the executor believed of the method on each task, and why it bought it."),
    ] = False,
    executor: Annotated[str, Parameter(help="Who answers questions.")] = "statistician",
    executor_option: ExecutorOption = None,
    executor_seeds: Annotated[int, Parameter(help="Executor seeds a curve is made for.")] = 4,
    rows: Annotated[float, Parameter(help="Share of the rows a method may look at.")] = 1.0,
    flops: Annotated[float, Parameter(help="Share of brute force after which a method is asked no further.")] = 0.5,
    reward: Annotated[str, Parameter(help="Reward formula: log, linear, samples, power or mdl.")] = "log",
    target: TargetName = DEFAULT_TARGET,
    dtype: Dtype = "float32",
    seed: SeedNumber = 0,
    threads: Annotated[int, Parameter(help="Threads the method may use.")] = 2,
    unsafe: Unsafe = False,
    out: Annotated[Path | None, Parameter(help="Write the scores to this file as JSON, after every method.")] = None,
    as_json: AsJson = False,
) -> int:
    """Score methods on the training or the validation families, with confidence intervals.

    A multiplier of 3 says that an executor with the method needs a third of the FLOPs for the same skill. Where nothing
    says what is asked, a first look asks the first questions of the cheapest tasks: about four minutes on two cores.
    `--all` asks the rest. What was computed is kept, so a command that was killed goes on where it was. `--explain`
    says what the executor believed of the method on each task, what it costs and what it would be worth.

    The answers to these questions are shipped, and a method's source may hold them. `--fresh` asks others as well,
    which are drawn from a new seed now, and marks a method as memorised whose reward is more than chance above that on
    fresh questions. First all their rows are run; how long that takes is said before it begins.
    """
    from istar.cli.methods import method_files
    from istar.cli.progress import ticker

    check_split(task or [], split)
    files = method_files(methods)

    from istar.arms.settings import cores
    from istar.cli.fresh import build, draw
    from istar.cli.score_progress import ScoreProgress, say_beginning, say_left_out
    from istar.files import check_destination
    from istar.methods.contract import MethodError
    from istar.protocol.config import configure
    from istar.protocol.first_look import first_look
    from istar.protocol.setup import set_up
    from istar.truth import task_summaries

    seed_drawn = draw(fresh, fresh_seed, files)
    config = configure(
        "standard",
        target=target,
        dtype=dtype,
        seed=seed,
        environment_seed=seed,
        threads=threads,
        side_by_side=cores() // max(1, threads) + 1,  # one more than the cores hold, so that none is idle
        executor=executor,
        executor_options=named_options(executor_option or []),
        executor_seeds=executor_seeds,
        reward=reward,
        unsafe=unsafe,
        caps={"rows_fraction": rows, "flops_fraction": flops},
        **{split: {"questions": WHOLE if questions is None else questions, "tasks": tuple(task or ())}},
    )
    look = None
    if questions is None and not task and not everything:
        look = first_look(task_summaries(target, thorough=False), split, config.caps, WHOLE)
        config = config if look is None else look.narrow(config, split)
    if out is not None:
        check_destination(out)
    results: list[MethodScore] = []
    failed: list[MethodError] = []
    with when_interrupted(lambda: _how_to_go_on(seed_drawn)), ticker("loading", None) as bar:
        say_beginning(bar, look, split, WHOLE)
        with set_up(config, (split,)) as setup:
            tables = setup.tables(split)
            for remark in setup.remarks(split):
                bar.note(remark, "yellow")
            counts = {name: len(theirs) for name, theirs in tables.items()}
            drawn = None if seed_drawn is None else build(bar, setup, counts, seed_drawn)
            for result in _scored(ScoreProgress(bar, setup, tables, len(files), drawn), files, split, look):
                if isinstance(result, MethodError):
                    failed.append(result)
                    continue
                results.append(result)
                if out is not None:
                    _write(out, [_json_of(result, explain) for result in results])
    if failed and not results:
        raise failed[0]
    if as_json:
        found = [_json_of(result, explain) for result in results]
        print_json(found[0] if len(files) == 1 else found)
    else:
        for result in results:
            _show(result, explain)
    say_left_out(look, WHOLE)
    for failure in failed:
        notes.tell(str(failure), "failed:", "red")
    return PARTIAL if failed or any(result.failures for result in results) else SUCCESS


def _scored(
    progress: ScoreProgress, files: Mapping[str, MethodFile], split: str, look: FirstLook | None
) -> Iterator[MethodScore | MethodError]:
    """Yield the score of each method, or why it failed on every task."""
    from istar.methods.contract import MethodError
    from istar.protocol.scoring import score, with_fresh

    setup, tables, drawn = progress.setup, progress.tables, progress.drawn
    for name, file in files.items():
        progress.begin(name)
        try:
            result = score(
                *(setup, file, name, tables, split),
                left_out={} if look is None else look.left_out,
                on_question=progress.question,
                on_task=progress.task,
            )
        except MethodError as error:
            yield error
            continue
        if drawn is not None:
            result = with_fresh(
                *(setup, file, result, drawn), on_question=progress.question, on_task=progress.fresh_task
            )
        yield result


def _how_to_go_on(seed_drawn: int | None) -> str:
    if seed_drawn is None:
        return GOES_ON
    return f"{GOES_ON}; with `--fresh-seed {seed_drawn}` in the place of `--fresh` on the same fresh questions, too"


def check_split(names: list[str], split: str) -> None:
    """Check that tasks or families are of a split, before anything is loaded.

    Raises:
        TaskError: there is no such task.
        TasksError: one is of another split; the message says what asks it.
    """
    from istar.protocol.stages import TasksError
    from istar.tasks import check_rewardable, select_tasks

    for each in select_tasks(names) if names else ():
        its = check_rewardable(each.name)
        if its != split:
            instead = "only `istar unseal` asks it" if its == "test" else f"add `--split {its}`"
            raise TasksError(f"{each.name!r} is of the {its} split, and the {split} split is scored; {instead}")


def _why_not_bought(result: MethodScore, heard: int, answers: int) -> str:
    """Return why channels were not bought where they were not."""
    silent = sum(result.silent.values())
    questions = next(iter(result.summary.overall.multipliers.values())).questions
    if silent == questions:
        return ": it had nothing to say here, as it gave no channel on any question, so every multiplier is exactly 1"
    if heard == answers:
        return ""
    dear = "the executor found them not worth their price"
    reasons = [f"in the others {dear}" if heard else dear] if heard < answers * (1 - silent / questions) else []
    if silent:
        tasks = ", ".join(f"{count} of {task}" for task, count in result.silent.items() if count)
        reasons.insert(0, f"on {silent} of {questions} questions it had nothing to say ({tasks})")
    return f"; {'; '.join(reasons)}; multipliers of exactly 1 come from there (--explain says more)"


def _json_of(result: MethodScore, explain: bool) -> dict[str, Any]:
    """Return a score as JSON values, with the reasons in words where they are to be explained."""
    from istar.reports.words import why

    score = result.to_json()
    for task in score["tasks"] if explain else ():
        found = result.believed(task["task"])
        task["why"] = [] if found is None else why(found)
    return score


def _write(path: Path, data: object) -> None:
    from istar.files import write_whole

    write_whole(path, (json.dumps(data, indent=1) + "\n").encode())


def _show(result: MethodScore, explain: bool) -> None:
    from istar.cli.explain import show_believed
    from istar.cli.fresh import beside_table, say_memorised
    from istar.cli.multipliers import summary_table
    from istar.reports.words import intervals

    output.show(summary_table(f"{result.method} on {result.target}, {result.split} families", result.summary))
    output.tell(
        f"interpret: {quantity(result.interpret.flops)} FLOPs, {result.interpret.seconds:.1f} s, "
        f"{result.interpret.bytes} bytes (not charged)"
    )
    about = " over what was asked" if result.left_out else ""
    output.tell(f"reward ({result.reward_name}){about}: {result.reward:.3f}")
    heard, answers = result.heard()
    output.tell(f"channels were bought in {heard} of {answers} answers{_why_not_bought(result, heard, answers)}")
    if explain:
        show_believed(result)
    if result.fresh is not None:
        fresh = result.fresh
        drawn = None if fresh.score is None else fresh.score.summary
        output.show(beside_table(f"{result.method} on committed and on fresh questions", result.summary, drawn))
        for reason in [fresh.failure] if fresh.score is None else fresh.score.failures.values():
            output.tell(reason, "failed on fresh questions:", "red")
        say_memorised(result.method, fresh.memorisation, fresh.drawn_for, fresh.seed)
    for line in intervals(*result.intervals()):
        output.tell(line)
    for task, reason in result.dropped.items():
        output.tell(f"{task} is dropped, and scored because it was named: {reason}")
    if result.explained:
        task, share = min(result.explained.items(), key=lambda pair: pair[1])
        output.tell(
            f"the metered FLOPs explain at least {max(0.0, share):.0%} of the worker's processor time on each question "
            f"(least on {task})"
        )
    for reason in result.failures.values():
        output.tell(reason, "failed, and left out above:", "red")
