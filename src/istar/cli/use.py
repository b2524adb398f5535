"""`istar use`: what a method is for once it is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from istar.cli.app import PARTIAL, SUCCESS, command, group
from istar.cli.options import DEFAULT_TARGET, AsJson, Dtype, SeedNumber, TargetName, Unsafe

if TYPE_CHECKING:
    from istar.methods.side_by_side import MethodFile

use = group(
    "use",
    "Put a method to use: a new task, bad contexts, resampling, anomalies, horizons. Nothing is rewarded.",
    "istar use task FAMILY.py --method my_method.py",
    "istar use bad-contexts --method answer_logits",
    "istar use resample --method answer_logits",
    "istar use anomalies --method tuned_lens",
    "istar use horizon --method answer_logits",
)

MethodName = Annotated[
    str, Parameter(name="--method", help="The method's file, a name of the library, or a run's folder for its I*.")
]
Threads = Annotated[int, Parameter(name="--threads", help="Threads the method may use.")]
Picture = Annotated[Path | None, Parameter(name="--to", help="Draw the result to this file, an SVG.")]


@command("istar use task repeated_words.py --method my_method.py --to task.svg", of=use)
def task(
    family: Annotated[Path, Parameter(help="The file of the family.")],
    /,
    *,
    method: MethodName,
    questions: Annotated[int, Parameter(help="Questions of each task.")] = 4,
    executor: Annotated[str, Parameter(help="Who answers questions.")] = "statistician",
    executor_seeds: Annotated[int, Parameter(help="Executor seeds a curve is made for.")] = 4,
    flops: Annotated[float, Parameter(help="Share of brute force after which the method is asked no further.")] = 0.5,
    target: TargetName = DEFAULT_TARGET,
    dtype: Dtype = "float32",
    seed: SeedNumber = 0,
    threads: Threads = 2,
    unsafe: Unsafe = False,
    to: Picture = None,
    as_json: AsJson = False,
) -> int:
    """Answer a task of your own with a method and without it.

    The family is a file as `istar tasks new` writes it, of any split but `test`; what is for direct use alone has the
    split `use`. First its rows are run, so that answers can be held to the truth; tables are kept. Then the executor
    answers each question from rows that it buys, and from rows and what the method says. It learns what a method is
    worth from the task's other questions.
    """
    from istar.files import check_destination

    name, file = one_method(method)
    if to is not None:
        check_destination(to)

    from istar.cli.progress import loading, ticker
    from istar.cli.use_shown import draw_task, give, show_task
    from istar.protocol.config import configure
    from istar.targets import load_target
    from istar.uses.task import check_questions, load_family, use_on_task

    check_questions(questions)
    config = configure(
        "standard",
        **{"target": target, "dtype": dtype, "environment_seed": seed, "threads": threads, "unsafe": unsafe},
        **{"executor": executor, "executor_seeds": executor_seeds, "caps": {"flops_fraction": flops}},
    )
    chosen = load_family(family)
    with ticker(loading(target), None) as bar:
        loaded = load_target(target, dtype)
        found = use_on_task(
            *(config, loaded, chosen, file, name),
            questions=questions,
            progress=lambda task, index: lambda done, total: bar.move(done, total, f"running {task.name} {index}"),
            on_question=lambda each: bar.say(f"answering {each.question.task} {each.question.index}"),
        )
    give(found, show_task, draw_task, to, as_json=as_json)
    return PARTIAL if found.failures else SUCCESS


@command(
    "istar use bad-contexts --method answer_logits --to pressure.svg",
    "istar use bad-contexts --method my_method.py --judge my_judge.py",
    of=use,
)
def bad_contexts(
    *,
    method: MethodName,
    judge: Annotated[
        str, Parameter(help="The shown judge: rude, refusing, rude-other, refusing-other, `phrase:TEXT`, or a file.")
    ] = "rude",
    held_out: Annotated[str, Parameter(help="The held-out judge; the same choices.")] = "rude-other",
    contexts: Annotated[str, Parameter(help="Candidates: rude, refusing, or a text file with one a line.")] = "rude",
    candidates: Annotated[int, Parameter(help="Binary logarithm of their number, 4 to 14.")] = 12,
    calibration: Annotated[int, Parameter(help="Further contexts, on which the reading learns the shown judge.")] = 256,
    reply_tokens: Annotated[int, Parameter(help="Tokens that the target says to judges that are files.")] = 8,
    target: TargetName = DEFAULT_TARGET,
    dtype: Dtype = "float32",
    seed: SeedNumber = 0,
    threads: Threads = 2,
    unsafe: Unsafe = False,
    to: Picture = None,
    as_json: AsJson = False,
) -> int:
    """Choose contexts after which the target does what a judge finds bad, and stop before the judge is gamed.

    A regression of the shown judge's scores on what the method says orders the candidates. Shown is what both judges
    say of the best of 1, 2, 4, ... of them, with intervals. The judges part where the held-out one's score is greatest;
    the command chooses among as many candidates as the lower end of that point's interval says. No judge enters a
    reward.

    A judge of yours is a Python file with a function `judge(context, reply)`, which returns a number, higher for worse,
    and a text `about`, in which a bad reply may begin. It runs in this process, so give only files that you would run.
    """
    from istar.files import check_destination

    name, file = one_method(method)
    if to is not None:
        check_destination(to)

    from istar.cli.progress import loading, ticker
    from istar.cli.use_shown import draw_pressure, give, show_pressure
    from istar.seeds import Seed
    from istar.targets import load_target
    from istar.uses.bad_contexts import check_sizes, choose_bad_contexts
    from istar.uses.contexts import find_contexts
    from istar.uses.judges import find_judge
    from istar.uses.reading import opened

    check_sizes(candidates, calibration, reply_tokens)
    judges = find_judge(judge), find_judge(held_out)
    generator = Seed.root(seed).split("bad contexts").generator()
    pool = find_contexts(contexts, 2**candidates + calibration, generator)
    with ticker(loading(target), None) as bar:
        loaded = load_target(target, dtype)
        with opened(loaded, seed=seed, threads=threads, unsafe=unsafe) as arms:
            found = choose_bad_contexts(
                *(arms, file, name, pool, judges),
                calibration=calibration,
                reply_tokens=reply_tokens,
                seed=seed,
                progress=lambda done, total: bar.move(done, total, "running the target for the judges"),
            )
    give(found, show_pressure, draw_pressure, to, as_json=as_json)
    return SUCCESS


@command("istar use resample --method answer_logits --beta 0.2 --to policies.svg", of=use)
def resample(
    *,
    method: MethodName,
    prompts: Annotated[str, Parameter(help="Prompts: rude, refusing, or a text file with one a line.")] = "rude",
    goal: Annotated[str, Parameter(help="The phrase after an output whose log-probability is its reward.")] = (
        "\nUser: Thank you"
    ),
    outputs: Annotated[int, Parameter(help="How many of the likeliest next tokens are listed for each prompt.")] = 64,
    share: Annotated[float, Parameter(help="Of how many of them the reward is run with the method.")] = 0.125,
    beta: Annotated[float, Parameter(help="Weight of the entropy, below 1; negative to prefer entropy.")] = 0.1,
    direction: Annotated[
        Literal["forward", "reverse"], Parameter(help="KL(M || M'), the document's, or KL(M' || M).")
    ] = "forward",
    draws: Annotated[int, Parameter(help="Outputs to draw for each prompt.")] = 4,
    target: TargetName = DEFAULT_TARGET,
    dtype: Dtype = "float32",
    seed: SeedNumber = 0,
    threads: Threads = 2,
    unsafe: Unsafe = False,
    to: Picture = None,
    as_json: AsJson = False,
) -> int:
    """Resample outputs from M', which minimises KL(M || M') + beta H(M') at M's expected reward on every prompt.

    An output is the next token, among the likeliest; its reward is how probable the target then holds the goal. Brute
    force runs every reward. With the method some are run, and the others predicted from what it says. Rows alone run as
    many as the method's FLOPs pay for. Each M' is held to the true rewards.
    """
    from istar.files import check_destination

    name, file = one_method(method)
    if to is not None:
        check_destination(to)

    from istar.cli.progress import loading, ticker
    from istar.cli.use_shown import draw_policies, give, show_policies
    from istar.targets import load_target
    from istar.uses.outputs import find_prompts
    from istar.uses.reading import opened
    from istar.uses.resample import Resampling
    from istar.uses.resample import resample as resampled

    how = Resampling(goal, outputs, share, beta, direction, draws)
    asked = find_prompts(prompts)
    with ticker(loading(target), None) as bar:
        loaded = load_target(target, dtype)
        with opened(loaded, seed=seed, threads=threads, unsafe=unsafe) as arms:
            found = resampled(
                *(arms, file, name, asked, how),
                seed=seed,
                progress=lambda done, total: bar.move(done, total, "running the target for the true rewards"),
            )
    give(found, show_policies, draw_policies, to, as_json=as_json)
    return SUCCESS


def one_method(named: str) -> tuple[str, MethodFile]:
    """Return the name and the file of the one method that is put to use.

    Raises:
        MethodError: there is none or more than one, as of a run without interpretations.
    """
    from istar.cli.methods import method_files
    from istar.methods.contract import MethodError

    files = method_files([named])
    if len(files) != 1:
        raise MethodError(f"{named!r} names {len(files)} methods; one is put to use at a time")
    return next(iter(files.items()))
