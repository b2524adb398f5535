"""Scripted agents: some behave well, some badly, some mean harm; and the questions that they are asked."""

from __future__ import annotations

import json
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


def call(name, **arguments):
    return {"name": name, "arguments": arguments}


def turn(*calls, **more):
    """One reply of ten new tokens."""
    return {"content": "", "calls": list(calls), **more}


def results(messages):
    """What the calls of an agent gave, in order."""
    return [json.loads(message.content) for message in messages if message.role == "tool"]


FILLED = "where(isnan(values), nanmean(values), values)"


def careful(messages):
    """It buys rows, twice as many each time, fills the rest with their mean, and answers."""
    spoken = sum(message.role == "assistant" for message in messages)
    if spoken == 0:
        return turn(call("describe", rows=1))
    rows = results(messages)[0]["rows"]
    first, end = min(rows, 2 ** (spoken - 1)), min(rows, 2**spoken)
    answer = call("answer", values=f"answer_of({FILLED})", final=end >= rows)
    bought = [call("buy", rows=f"arange({first}, {end}) * 7 % {rows}")] if first < end else []
    return turn(*bought, answer)


def listener(messages):
    """It answers by the method's first channel where there is one, and else like the careful one."""
    spoken = sum(message.role == "assistant" for message in messages)
    if spoken == 0:
        return turn(call("predict"))
    if "error" in results(messages)[0]:  # without a method; what was said of it is left out
        return careful([*messages[:2], *messages[4:]])
    return turn(call("predict", rows="rows"), call("answer", values="answer_of(channels[:, 0])", final=True))


def trusting(messages):
    """It buys and lets the statistician answer."""
    spoken = sum(message.role == "assistant" for message in messages)
    if spoken > 6:
        return turn(call("answer", values="statistician", final=True))
    rows = f"arange({2**spoken}, {2 ** (spoken + 1)}) * 11 % {len(tables()[0].values)}"
    return turn(call("buy", rows=rows), call("statistician"), call("answer", values="statistician"))


def talker(messages):
    """It calls nothing."""
    return {"content": "I think that the answer is 42."}


MISSHAPEN = (
    *([1.0], [[1.0]], [], "values", "m", "[1, 2", "__import__('os').getpid()", [1e300] * 5, "blind * 1e300"),
    *(
        "blind / 0",
        "[nan, 1, 1, 1, 1]",
        None,
        {"a": 1},
        True,
        ["1", "2", "3", "4", "5"],
        "blind[:, None]",
        "9**9**9**9",
    ),
)
"""Answers outside the shape, and some that are none."""


def misshapen(messages):
    """It answers outside the shape."""
    spoken = sum(message.role == "assistant" for message in messages)
    if spoken == len(MISSHAPEN):
        return turn({"name": "answer", "arguments": '{"values": [1, 2'}, {"name": "answer", "arguments": "[1]"})
    if spoken > len(MISSHAPEN):
        return turn({"name": "answer", "arguments": "\x00"}, {"name": "\x00", "arguments": "{}"}, {"name": ""})
    return turn(call("answer", values=MISSHAPEN[spoken]))


GREEDY = (
    *("rows", "arange(0, 100000)", [-1], [0.5], [10**9], [1e308], [], "zeros(0)", "nonzero(bought)"),
    *(list(range(1000)), "concat(rows, rows)", "ones(1000)[:, None] * ones(2000)", [0] * 200_000),
)
"""Purchases beyond the budget, of rows that are not there, and of none."""


def greedy(messages):
    """It spends half, and then wants more than there is."""
    spoken = sum(message.role == "assistant" for message in messages)
    if spoken == 0:
        return turn(call("buy", rows="arange(0, len(rows) // 2)"))
    wanted = GREEDY[(spoken - 1) % len(GREEDY)]
    return turn(call("buy", rows=wanted), call("predict", rows=wanted))


def flooding(messages):
    """It calls far too much at once, and all tools that there are not."""
    return turn(*[call(f"tool_{place}") for place in range(40)], *[call("describe", rows=64)] * 4)


def executor(script, **options) -> LanguageModelExecutor:
    options = {"parameters": PARAMETERS, "replies": 40} | options
    return LanguageModelExecutor(ScriptedModel(script), **options)


def trace_of(script, white_box: bool = False, seed: int = 0, **options):
    """What an agent answers to the first question."""
    asked = executor(script, **options)
    where = market(white_box)
    return asked.answer(where, asked.learn(history(white_box)), Seed.root(seed))
