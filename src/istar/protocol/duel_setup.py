"""Fighting a duel in a folder: what is loaded, and what is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from istar.duel.players import (
    Blue,
    FileBlue,
    GrammarBlue,
    LearningFileBlue,
    LearningRed,
    Part,
    PlayerError,
    Red,
    ScriptedRed,
)
from istar.executors import make_executor
from istar.files import write_whole
from istar.flops.rulebook import RULEBOOK
from istar.ledger import RunConfig
from istar.methods.loading import source_hash
from istar.methods.side_by_side import MethodFile
from istar.protocol.book import Book
from istar.protocol.duel import Duel, Round
from istar.protocol.duel_court import DuelCourt, registered
from istar.protocol.duel_outcome import outcome_of
from istar.protocol.duel_settings import DuelConfig, DuelError, DuelFolder
from istar.protocol.provenance import machine, versions
from istar.red_team.quick import Workshop
from istar.rewards.formulas import REWARDS
from istar.sandbox import choose_tier
from istar.seeds import Seed
from istar.targets import build_corpus, load_target

OUTCOME_FILE = "outcome.json"


def players(config: DuelConfig, files: Mapping[str, MethodFile]) -> tuple[Red, Blue]:
    """Return both players at their beginning.

    Args:
        config: the settings.
        files: blue's methods by name; none for sentences of the grammar.

    Raises:
        PlayerError: blue has too little to draw from, or a script for sentences.
    """
    kinds: dict[Part, tuple[str, ...]] = {"shown": config.shown_kinds, "held out": config.held_out_kinds}
    red: Red = LearningRed(kinds) if config.red == "policy" else ScriptedRed(kinds)
    seed = Seed.root(config.seed)
    if files:
        blue: Blue = LearningFileBlue(files, seed) if config.blue == "policy" else FileBlue(files, seed)
    elif config.blue == "policy":
        blue = GrammarBlue(seed)
    else:
        raise PlayerError("there is no script for sentences of the grammar; name methods, or let blue learn")
    return red, blue


def named(files: Mapping[str, MethodFile]) -> dict[str, Any]:
    """Return what settings say of blue's methods."""
    return {"methods": tuple(files), "sources": {name: source_hash(file.source) for name, file in files.items()}}


def conduct_duel(
    folder: DuelFolder,
    config: DuelConfig,
    files: Mapping[str, MethodFile],
    *,
    say: Callable[[str], None] = lambda _: None,
    on_round: Callable[[Round], None] | None = None,
) -> dict[str, Any]:
    """Fight a duel in a folder, from the beginning or from where it was killed, and return what came of it.

    Args:
        folder: the run's folder; `outcome.json` is written there at the end.
        config: the settings.
        files: blue's methods by name; none for sentences of the grammar.
        say: told what is being done.
        on_round: called after every round.

    Raises:
        IstarError: something is missing, or the settings contradict the folder's.
    """
    config.check()
    red, blue = players(config, files)
    if named(files)["sources"] != dict(config.sources):
        raise DuelError("the methods that are given are not those of the settings; name the same ones, unchanged")
    reward = REWARDS.get(config.reward)
    make_executor(config.executor, config.executor_options).check_ready()
    tier = choose_tier(config.unsafe)
    folder.check(config)
    base = load_target(config.target)
    trainee = base if config.budget.dtype == "float32" else load_target(config.target, config.budget.dtype)
    folder.begin(config)
    with ExitStack() as stack:
        ledger = stack.enter_context(folder.alone())
        stack.enter_context(registered())
        corpus = build_corpus(base, config.corpus_sequences, config.corpus_length, Seed.root(config.environment_seed))
        stored = RunConfig(
            target=base.id,
            target_name=base.name,
            rulebook=RULEBOOK.version,
            researcher=f"duel: red {config.red}, blue {config.blue}",
            executor=config.executor,
            reward=config.reward,
            seed=config.seed,
            options=config.model_dump(mode="json"),
        )
        ledger.open_run(folder.name, stored, versions=versions(), machine=machine(tier.name))
        book = Book(ledger, folder.name)
        court = DuelCourt(
            config,
            folder=folder.organisms,
            truth=folder.truth,
            workshop=Workshop(base, trainee),
            corpus=corpus,
            reward=reward,
            book=book,
            say=say,
        )
        fought = Duel(config, red=red, blue=blue, court=court, book=book, on_round=on_round).run()
        outcome = outcome_of(config, fought)
        ledger.finish_run(folder.name)
    write_whole(folder.path / OUTCOME_FILE, (json.dumps(outcome, indent=2) + "\n").encode())
    return outcome
