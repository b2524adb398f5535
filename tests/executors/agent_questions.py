"""The questions that agents are asked, and a method that says something of them."""

from __future__ import annotations

from functools import cache

import numpy as np
from synthetic_tables import recording, shapley_table

from istar.arms.task_questions import TaskQuestions, with_references
from istar.chat.scripted import ScriptedModel
from istar.executors import History, LanguageModelExecutor, Market
from istar.seeds import Seed
from istar.truth.table import Provenance, Table

QUESTIONS = 4
PRICE = 0.02
"""Of all channels, as a share of brute force."""
PARAMETERS = 50
"""So small that tokens cost next to nothing against rows of made-up prices."""


@cache
def tables() -> tuple[Table, ...]:
    made = [shapley_table(index, players=5, queries=8, noise=1.5) for index in range(QUESTIONS)]
    provenance = Provenance("synthetic", "made up", "float32", "v1", 0, ())
    return tuple(Table(each.question, each.values, each.prices, provenance) for each in made)


@cache
def task() -> TaskQuestions:
    made = tables()
    found = with_references("shot_shapley/antonyms", made)
    return TaskQuestions("made/up", "train", made, found.blind, found.references)


def said(table: Table):
    """A method that says the truth, and noise beside it."""
    noise = np.random.default_rng(table.question.index).standard_normal(len(table.values))
    return recording(table, np.stack([table.values, noise], axis=1), PRICE)


def decode(tokens) -> str:
    return " ".join(map(str, tokens))


def market(white_box: bool = False, read=decode) -> Market:
    table = tables()[0]
    return Market(table, said(table) if white_box else None, decode=read)


def history(white_box: bool = False) -> History:
    asked, *others = tables()
    hashes = tuple(table.question.hash for table in others)
    heard = {table.question.hash: said(table) for table in others} if white_box else {}
    return History(
        task="made/up",
        target="synthetic",
        asked=asked.question.hash,
        questions=hashes,
        blind=task().blind[asked.question.hash],
        load=lambda: others,
        recordings=heard,
    )


def executor(script, **options) -> LanguageModelExecutor:
    options = {"parameters": PARAMETERS, "replies": 40} | options
    return LanguageModelExecutor(ScriptedModel(script), **options)


def trace_of(script, white_box: bool = False, seed: int = 0, **options):
    """What an agent answers to the first question."""
    asked = executor(script, **options)
    where = market(white_box)
    return asked.answer(where, asked.learn(history(white_box)), Seed.root(seed))
