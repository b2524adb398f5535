"""`istar duel`: red modifies the model, blue finds out where something is hidden."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from istar.cli.app import GOES_ON, command, output, print_json, table, when_interrupted
from istar.cli.options import DEFAULT_RUNS, DEFAULT_TARGET, AsJson, RunsFolder, SeedNumber, TargetName, Unsafe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istar.protocol.duel import Round

BLUE_METHODS = (
    "activation_difference",
    "answer_logits",
    "confidence_probe",
    "layer_skipping",
    "logit_lens",
    "mahalanobis",
    "short_context",
    "spectral_signatures",
)
"""Methods of the library that read a modified model, or save on running it."""


@command(
    "istar duel --run first",
    "istar duel --run control --red scripted --blue scripted",
    "istar duel --run mine --method my_method.py --method answer_logits",
)
def duel(
    *,
    run: Annotated[str, Parameter(help="Name of the run; one that is there with these settings is gone on with.")],
    target: TargetName = DEFAULT_TARGET,
    red: Annotated[Literal["policy", "scripted"], Parameter(help="Whether red learns.")] = "policy",
    blue: Annotated[Literal["policy", "scripted"], Parameter(help="Whether blue learns.")] = "policy",
    method: Annotated[
        list[str] | None,
        Parameter(
            name="--method",
            negative="",
            help="A method of blue's: a file, a folder of files, a name of the library, a run's folder for its I*, or "
            "`grammar` for sentences. The flag again for another; eight of the library if there is none.",
        ),
    ] = None,
    shown: Annotated[
        str | None, Parameter(help="Kinds of moves that blue learns from: password, topic, mimic, backdoor.")
    ] = None,
    held_out: Annotated[str | None, Parameter(help="Kinds that it is scored on.")] = None,
    rounds: Annotated[int | None, Parameter(help="How many rounds.")] = None,
    moves: Annotated[int | None, Parameter(help="Moves of each part in a round.")] = None,
    questions: Annotated[int | None, Parameter(help="Questions about each move.")] = None,
    inputs: Annotated[int | None, Parameter(help="Inputs that each model of a line-up is asked.")] = None,
    steps: Annotated[int | None, Parameter(help="The budget of a move: steps of its training at most.")] = None,
    learning_rate: Annotated[float | None, Parameter(help="The highest learning rate of that.")] = None,
    train_dtype: Annotated[
        Literal["float32", "bfloat16"] | None, Parameter(help="Type to train in; float32 where bfloat16 is slow.")
    ] = None,
    forfeit: Annotated[float | None, Parameter(help="What a move that misses its claims pays.")] = None,
    reward: Annotated[str | None, Parameter(help="Reward formula: log, linear, samples or power.")] = None,
    executor_seeds: Annotated[int | None, Parameter(help="Executor seeds a curve is made for.")] = None,
    threads: Annotated[int, Parameter(help="Threads of the worker.")] = 2,
    seed: SeedNumber = 0,
    unsafe: Unsafe = False,
    runs: RunsFolder = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Let red modify the target and blue's methods find out where something is hidden; both learn.

    Each round, red draws moves, which are trained within a budget: a sandbag behind a password, on a topic or as a
    weaker model would, or a backdoor, with disguises. A move counts only if it keeps its claims, as measured. It then
    stands among benign decoys, and blue's methods are scored on these line-ups as in a search. Blue learns from some
    kinds of moves and is scored on the others; red learns from some methods and meets the others.

    The run's folder holds a page, two pictures and `outcome.json`. A killed duel goes on when it is called again.
    """
    from istar.cli.progress import loading, ticker
    from istar.files import write_whole
    from istar.protocol.duel_settings import DuelFolder, configure_duel
    from istar.protocol.duel_setup import conduct_duel, named
    from istar.protocol.run_folder import checked_name
    from istar.reports.duel import detection_picture, exploitability_picture, page

    files = _files(method)
    training = {"steps": steps, "learning_rate": learning_rate, "dtype": train_dtype}
    budget = {name: value for name, value in training.items() if value is not None}
    config = configure_duel(
        **{
            "target": target,
            "red": red,
            "blue": blue,
            "shown_kinds": _kinds(shown),
            "held_out_kinds": _kinds(held_out),
        },
        **{"rounds": rounds, "moves": moves, "questions": questions, "inputs": inputs, "forfeit": forfeit},
        **{"budget": budget or None, "reward": reward, "executor_seeds": executor_seeds, "threads": threads},
        **{"seed": seed, "unsafe": unsafe},
        **named(files),
    )
    folder = DuelFolder(runs / checked_name(run))
    with (
        ticker(loading(target), config.rounds) as bar,
        when_interrupted(lambda: GOES_ON if folder.exists else ""),
    ):

        def after(each: Round) -> None:
            bar.move(each.number + 1, config.rounds)
            for line in _round_lines(each):
                bar.note(line)

        outcome = conduct_duel(folder, config, files, say=bar.say, on_round=after)
    write_whole(folder.path / "duel.html", page(outcome).encode())
    write_whole(folder.path / "exploitability.svg", exploitability_picture(outcome).encode())
    write_whole(folder.path / "detection.svg", detection_picture(outcome).encode())
    if as_json:
        print_json(outcome)
    else:
        _show(outcome)
        output.tell(f"the page is {folder.path / 'duel.html'}")


def _kinds(given: str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(each.strip() for each in given.split(","))


def _files(methods: list[str] | None) -> Any:
    """Return blue's methods by name; none for sentences of the grammar."""
    from istar.cli.methods import method_files
    from istar.protocol.duel_settings import DuelError

    given = list(methods or BLUE_METHODS)
    if "grammar" in given:
        if len(given) > 1:
            raise DuelError("--method grammar stands alone: blue draws sentences of the grammar, or from files")
        return {}
    found: list[str] = []
    for each in given:
        path = Path(each)
        inside = sorted(map(str, path.glob("*.py"))) if path.is_dir() else []
        found += inside or [each]
    return method_files(found)


def _round_lines(each: Round) -> list[str]:
    from istar.duel.players import PARTS

    lines = [f"round {each.number}: red pays {sum(each.paid.values()) / len(each.paid):+.3f} on average"]
    for part in PARTS:
        for made in each.made[part]:
            fate = f"forfeit: {made.missed}" if made.missed else f"{made.steps} steps"
            lines.append(f"  red, {part}: {made.recipe.short} ({fate})")
        lines += [f"  blue, {part}: {drawn.choice.name}" for drawn in each.methods[part]]
    return lines


def _show(outcome: Mapping[str, Any]) -> None:
    names = [each["name"] for each in outcome["methods"]]
    paid = table("What each move pays each method", "move", "part", *(f">{name}" for name in names))
    for each in outcome["moves"]:
        label = each["short"] + (" (forfeit)" if each["forfeit"] else "")
        paid.add_row(label, each["part"], *(f"{number:+.3f}" for number in each["paid"]))
    output.show(paid)
    games = table("The games", "moves", "methods", ">paid", ">value", ">exploitability", "blue's best", "red's best")
    for each in outcome["games"]:
        found = each["paid"]
        interval = f"{found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"
        ends = f"{each['exploitability'][0]:.3f} -> {each['exploitability'][-1]:.3f}"
        best = (each["best_method"], each["best_move"])
        games.add_row(each["moves"], each["methods"], interval, f"{each['value']:+.3f}", ends, *best)
    output.show(games)
    told = table("Telling moves from decoys", "moves", "method", ">line-ups", ">AUROC", ">at 1% false positives")
    for each in outcome["detection"]:
        intervals = [
            f"{number['value']:.2f} ({number['low']:.2f} to {number['high']:.2f})"
            for number in (each["auroc"], each["true_positives"])
        ]
        told.add_row(each["moves"], each["method"] or "rows alone", str(each["questions"]), *intervals)
    output.show(told)
    output.tell(outcome["verdict"])
