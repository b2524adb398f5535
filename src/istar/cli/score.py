"""`istar score`: how much computation does a method save?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from istar.cli.app import app, output, print_json, quantity
from istar.cli.options import DEFAULT_TARGET, AsJson, Dtype, SeedNumber, TargetName, Unsafe


@app.command
def score(
    method: Annotated[Path, Parameter(help="The method's file.")],
    *,
    split: Annotated[Literal["train", "validation"], Parameter(help="Which families.")] = "train",
    task: Annotated[list[str] | None, Parameter(name="--task", help="Only this task; may be repeated.")] = None,
    questions: Annotated[int, Parameter(help="Questions of each task.")] = 4,
    executor_seeds: Annotated[int, Parameter(help="Executor seeds a curve is made for.")] = 4,
    rows: Annotated[float, Parameter(help="Share of the rows a method may look at.")] = 0.5,
    reward: Annotated[str, Parameter(help="Reward formula: log, linear, samples or power.")] = "log",
    target: TargetName = DEFAULT_TARGET,
    dtype: Dtype = "float32",
    seed: SeedNumber = 0,
    threads: Annotated[int, Parameter(help="Threads the method may use.")] = 2,
    unsafe: Unsafe = False,
    as_json: AsJson = False,
) -> None:
    """Score a method on the training or the validation families, with confidence intervals.

    A multiplier of 3 says that an executor with the method needs a third of the FLOPs for the same skill.

    Examples:
      istar score my_method.py
      istar score my_method.py --split validation --questions 8 --json
    """
    from istar.cli.multipliers import summary_table
    from istar.cli.progress import ticker
    from istar.methods.fence import FenceError, check_source
    from istar.methods.loading import read_source

    source = read_source(method)
    faults = check_source(source)
    if faults:
        raise FenceError(method.stem, faults)

    from istar.protocol.conduct import stand
    from istar.protocol.config import Caps, StageSize, configure
    from istar.protocol.score import score as score_method

    config = configure(
        "standard",
        target=target,
        dtype=dtype,
        seed=seed,
        threads=threads,
        executor_seeds=executor_seeds,
        reward=reward,
        unsafe=unsafe,
        caps=Caps(rows_fraction=rows).model_dump(),
        **{split: StageSize(questions=questions, tasks=tuple(task or ())).model_dump()},
    )
    with ticker("loading", None) as bar, stand(config, (split,)) as here:
        tables = [each for every in here.tables(split).values() for each in every]
        bar.say(f"scoring {method.stem}", len(tables))
        result = score_method(here, source, method.stem, tables, split, on_question=lambda _: bar.step())
    if as_json:
        print_json(result.to_json())
        return
    output.print(summary_table(f"{result.method} on {result.target}, {split} families", result.summary))
    output.print(
        f"interpret: {quantity(result.interpret.flops)} FLOPs, {result.interpret.seconds:.1f} s, "
        f"{result.interpret.bytes} bytes (not charged)\nreward ({result.reward_name}): {result.reward:.3f}"
    )
    heard, answers = result.heard()
    output.print(
        f"channels were bought in {heard} of {answers} answers; in the others they were too dear for what they say, "
        "and multipliers of exactly 1 come from these"
    )
