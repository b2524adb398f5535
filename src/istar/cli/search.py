"""`istar search`: the document's protocol."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from istar.cli.app import command, output, print_json, table, when_interrupted
from istar.cli.options import (
    DEFAULT_RUNS,
    AsJson,
    ExecutorOption,
    ResearcherOption,
    RunsFolder,
    Unsafe,
    named_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from istar.cli.progress import Ticker
    from istar.ledger import RoundRecord
    from istar.ledger.schema import Stage
    from istar.protocol.config import SearchConfig
    from istar.protocol.fresh import FreshQuestions
    from istar.protocol.run_folder import RunFolder
    from istar.protocol.search import SearchOutcome
    from istar.protocol.setup import Setup
    from istar.researchers import Proposal

SEARCHED: tuple[Stage, ...] = ("screen", "train", "validation")
"""The stages of the cascade that a search asks."""


@command(
    "istar search --run first --methods 50",
    "istar search --run first --resume",
    "istar search --run tiny --target tiny-random --methods 4 --threads 1",
    "istar search --run long --methods 500 --until-plateau",
    "istar search --run written --researcher language_model --option model=NAME",
)
def search(
    *,
    run: Annotated[str | None, Parameter(help="Name of the run; made from the time if there is none.")] = None,
    preset: Annotated[str | None, Parameter(help="Named settings: standard (the default) or demo.")] = None,
    config: Annotated[Path | None, Parameter(help="A JSON file with settings instead of a preset.")] = None,
    resume: Annotated[bool, Parameter(negative="", help="Go on with this run if it exists.")] = False,
    target: Annotated[str | None, Parameter(help="The target.")] = None,
    methods: Annotated[int | None, Parameter(help="How many methods to try.")] = None,
    researcher: Annotated[
        str | None, Parameter(help="Who proposes them: grammar, policy, evolve, random or language_model.")
    ] = None,
    option: ResearcherOption = None,
    executor: Annotated[str | None, Parameter(help="Who answers questions.")] = None,
    executor_option: ExecutorOption = None,
    reward: Annotated[str | None, Parameter(help="Reward formula: log, linear, samples, power or mdl.")] = None,
    seed: Annotated[int | None, Parameter(help="What the researcher does at random.")] = None,
    side_by_side: Annotated[int | None, Parameter(help="Methods evaluated in parallel.")] = None,
    threads: Annotated[int | None, Parameter(help="Threads of each worker.")] = None,
    shuffled: Annotated[
        bool, Parameter(negative="", help="A control: rewards that say nothing about methods; the test stays as it is.")
    ] = False,
    until_plateau: Annotated[
        bool,
        Parameter(
            negative="",
            help="End as soon as the search has stopped improving, by fresh questions; their truth is built first.",
        ),
    ] = False,
    unsafe: Unsafe = False,
    runs: RunsFolder = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Search for an interpretability method that saves computation on tasks it was not developed on.

    Everything is written to RUNS/RUN as soon as it is done; a killed search goes on with --resume.
    """
    from istar.cli.progress import loading, ticker
    from istar.protocol.plateau import check_reachable
    from istar.protocol.run_folder import RunFolder, checked_name
    from istar.protocol.stages import check_tasks

    name = datetime.now().strftime("%Y-%m-%d-%H%M%S") if run is None else checked_name(run)
    changes = {
        "target": target,
        "methods": methods,
        "researcher": researcher,
        "researcher_options": named_options(option) if option else None,
        "executor": executor,
        "executor_options": named_options(executor_option) if executor_option else None,
        "reward": reward,
        "seed": seed,
        "side_by_side": side_by_side,
        "threads": threads,
        "shuffled": shuffled or None,
        "until_plateau": until_plateau or None,
        "unsafe": unsafe or None,
    }
    folder = RunFolder(runs / name)
    settings = _settings(folder, preset, config, resume, changes)

    check_tasks(settings, SEARCHED)
    check_reachable(settings)

    from istar.chat import ChatError
    from istar.cli.fresh import build
    from istar.protocol.setup import conduct

    with when_interrupted(lambda: _how_to_go_on(folder)), ticker(loading(settings.target), None) as bar:
        try:
            outcome = conduct(
                folder,
                settings,
                on_start=partial(_begin, bar),
                on_round=lambda done, proposal: _tell(bar, done, proposal),
                draw_fresh=lambda setup, counts, seed: _draw(bar, build, setup, counts, seed),
            )
        except ChatError as error:  # of a model that went away
            if how := _how_to_go_on(folder):
                error.add_note(how)
            raise
    _print(folder, outcome, as_json)


def _how_to_go_on(folder: RunFolder) -> str:
    if not folder.exists:
        return ""
    place = "" if folder.path.parent == DEFAULT_RUNS else f" --runs {quote(str(folder.path.parent))}"
    return f"what was found is kept; go on with `istar search --run {quote(folder.name)}{place} --resume`"


def _settings(
    folder: RunFolder, preset: str | None, config: Path | None, resume: bool, changes: dict[str, Any]
) -> SearchConfig:
    from istar.arms.settings import differing
    from istar.files import read_text
    from istar.protocol.config import ConfigError, checked_config, configure, parse_config
    from istar.protocol.run_folder import RunFolderError

    if preset is not None and config is not None:
        raise ConfigError("give either --preset or --config")
    given = {name: value for name, value in changes.items() if value is not None}
    if config is not None:
        stated = parse_config(read_text(config), str(config))
        chosen = checked_config(stated.model_dump() | given, f"{config} with the options given")
    else:
        chosen = configure(preset or "standard", **given)
    if not folder.exists:
        return chosen
    if not resume:
        raise RunFolderError(f"there is a run in {folder.path} already; go on with --resume, or choose another --run")
    wanted = chosen.model_dump() if preset or config else given
    known = folder.config()
    if others := differing(known.model_dump(), wanted):
        raise RunFolderError(
            f"the run in {folder.path} was begun with other settings (differing: {', '.join(others)}); resume it "
            "without stating them, or choose another --run"
        )
    return known


def _begin(bar: Ticker, setup: Setup) -> None:
    for remark in dict.fromkeys(remark for stage in SEARCHED for remark in setup.remarks(stage)):
        bar.note(remark, "yellow")
    bar.say("searching", setup.config.methods)


def _draw(
    bar: Ticker, build: Callable[..., FreshQuestions], setup: Setup, counts: Mapping[str, int], seed: int
) -> FreshQuestions:
    drawn = build(bar, setup, counts, seed)
    bar.move(0, setup.config.methods, "searching")
    return drawn


def _tell(bar: Ticker, done: RoundRecord, proposal: Proposal) -> None:
    reward = "no reward" if done.reward is None else f"training reward {done.reward:+.3f}"
    new = f"  new best, validation {done.best_reward:+.3f}" if done.improved else ""
    how = "" if done.status == "ok" else f"  {done.status}"
    bar.note(f"{done.iteration:4d}  {proposal.name:<40} {reward}{how}{new}", "bold green" if done.improved else "")
    bar.step()


@dataclass(frozen=True)
class _Asked:
    """What a run's language models were asked: replies, tokens read and written, and money."""

    replies: int
    tokens: int
    money: float


def _asked(folder: RunFolder) -> _Asked | None:
    from istar.chat import TRANSCRIPT_FILE, read_transcript

    path = folder.path / TRANSCRIPT_FILE
    if not path.exists():
        return None
    exchanges = read_transcript(path)
    tokens = sum(each.reply.input_tokens + each.reply.output_tokens for each in exchanges)
    return _Asked(len(exchanges), tokens, sum(each.money for each in exchanges))


def _print(folder: RunFolder, outcome: SearchOutcome, as_json: bool) -> None:
    from istar.reports.words import plateau, tried

    asked = _asked(folder)
    if as_json:
        print_json(
            {
                "run": folder.name,
                "folder": str(folder.path),
                "methods": len(outcome.rounds),
                "tried": asdict(outcome.tried),
                "ended": outcome.ended,
                "best": None if outcome.best is None else {"name": outcome.best.name, "hash": outcome.best.hash},
                "best_reward": outcome.best_reward,
                "validation_queries": outcome.validation_queries,
                "plateau": None if outcome.plateau is None else asdict(outcome.plateau),
                "language_model": None if asked is None else asdict(asked),
            }
        )
        return
    shown = table(f"Run {folder.name}", "what", "found")
    shown.add_row("methods tried", str(len(outcome.rounds)))
    if outcome.ended:
        shown.add_row("ended early", outcome.ended)
    if outcome.plateau is not None:
        shown.add_row("improving", plateau(outcome.plateau))
    if before := tried(outcome.tried):
        shown.add_row("tried before", before)
    shown.add_row("validation consulted", f"{outcome.validation_queries} times, through the guard")
    if asked is not None:
        money = f", {asked.money:.2f} by the prices stated" if asked.money else ""
        shown.add_row("language model", f"{asked.replies} replies, {asked.tokens:,} tokens{money}")
    if outcome.best is None:
        shown.add_row("best method", "none was good enough to be validated")
    else:
        shown.add_row("best method (I*)", f"{outcome.best.name}, in {folder.best_method_path}")
        shown.add_row("its validation reward", f"{outcome.best_reward:+.3f}")
        words = quote(folder.name if folder.path.parent == DEFAULT_RUNS else str(folder.path))
        shown.add_row("next", f"istar unseal {words}; istar report {words}")
    output.print(shown)
