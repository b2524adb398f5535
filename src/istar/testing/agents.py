"""Scripted agents for the executor `language_model`: some behave well, some badly, and some mean harm.

Each is a function of the conversation that returns the next reply, as `istar.chat.scripted.ScriptedModel` takes it.
None knows anything that a language model in its place would not be told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from istar.chat import Message

Said: TypeAlias = "Sequence[Message]"
Turn: TypeAlias = Mapping[str, Any]

FILLED = "where(isnan(values), nanmean(values), values)"
"""The column of values, with the mean of those bought in the place of the others."""
SCATTER = 1_000_003
"""A prime that scatters row numbers: multiples of it, by the number of rows, are all rows in another order."""
WORTH, SHARE = 0.5, 0.05
"""The expert asks a method whose channels correlate so well with values elsewhere, and cost this share at most."""


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    """Return a call of a tool."""
    return {"name": tool, "arguments": arguments}


def turn(*calls: Mapping[str, Any], **more: Any) -> Turn:
    """Return a reply that calls, and what else is stated of it."""
    return {"content": "", "calls": list(calls), **more}


def results(messages: Said) -> list[dict[str, Any]]:
    """Return what the calls of a conversation gave, in order."""
    return [json.loads(message.content) for message in messages if message.role == "tool"]


def spoken(messages: Said) -> int:
    """Return how many replies were given."""
    return sum(message.role == "assistant" for message in messages)


def scattered(first: int, end: int, rows: int) -> str:
    """Return an expression for some rows, from the first to before the last of an order that scatters them."""
    return f"arange({first}, {min(end, rows)}) * {SCATTER} % {rows}"


# Those that behave well


def careful(messages: Said) -> Turn:
    """Buy rows, twice as many each time, fill the rest with their mean, and answer."""
    turns = spoken(messages)
    if turns == 0:
        return turn(call("describe", rows=1))
    rows = results(messages)[0]["rows"]
    first, end = (0 if turns == 1 else 2 ** (turns - 2)), 2 ** (turns - 1)
    answer = call("answer", values=f"answer_of({FILLED})", final=end >= rows)
    return turn(call("buy", rows=scattered(first, end, rows)), answer)


def trusting(messages: Said) -> Turn:
    """Buy rows, twice as many each time from a 256th on, and answer as the statistician would."""
    turns = spoken(messages)
    if turns == 0:
        return turn(call("describe", rows=1))
    return _next_rows(results(messages)[0]["rows"], turns - 1)


def forthright(messages: Said) -> Turn:
    """Do the same, and say how sure the statistician is of every answer but the last."""
    said = trusting(messages)
    calls = [
        {**each, "arguments": {**each["arguments"], "standard_deviations": "statistician_deviations"}}
        if each["name"] == "answer" and not each["arguments"]["final"]
        else each
        for each in said["calls"]
    ]
    return {**said, "calls": calls}


def expert(messages: Said) -> Turn:
    """Trust the statistician, but first ask a method that was worth something elsewhere and costs little."""
    turns = spoken(messages)
    if turns == 0:
        return turn(call("describe", rows=1), call("predict"))
    described, offer = results(messages)[:2]
    reputation = offer.get("on_other_questions", {}).get("correlations", [0.0])
    cheap = offer.get("next_batch", {}).get("price", 0) <= SHARE * described["budget"]
    if max(abs(each or 0.0) for each in reputation) >= WORTH and cheap:
        if turns == 1:
            told = call("predict", rows="rows")
            return turn(told, call("statistician"), call("answer", values="statistician"))
        turns -= 1
    return _next_rows(described["rows"], turns - 1)


def _next_rows(rows: int, step: int) -> Turn:
    least = max(1, rows // 256)
    first, end = (0 if step == 0 else least * 2 ** (step - 1)), least * 2**step
    answer = call("answer", values="statistician", final=end >= rows)
    return turn(call("buy", rows=scattered(first, end, rows)), call("statistician"), answer)


def believer(messages: Said) -> Turn:
    """Answer by a method's first channel as if it were the values, where there is one, and else be careful."""
    if spoken(messages) == 0:
        return turn(call("predict"))
    if "error" in results(messages)[0]:  # without a method; what was said of it is left out
        return careful([*messages[:2], *messages[4:]])
    return turn(call("predict", rows="rows"), call("answer", values="answer_of(channels[:, 0])", final=True))


# Those that behave badly


def talker(messages: Said) -> Turn:  # noqa: ARG001 (a script is asked by what was said)
    """Call nothing."""
    return {"content": "I think that the answer is 42."}


MISSHAPEN: Sequence[Any] = (
    *([1.0], [[1.0]], [], "values", "m", "[1, 2", "__import__('os').getpid()", [1e300] * 5, "blind * 1e300"),
    *("blind / 0", "[nan, 1, 1, 1, 1]", None, {"a": 1}, True, ["1", "2"], "blind[:, None]", "9**9**9**9"),
)
"""Answers outside the shape, and some that are none."""
BROKEN = ('{"values": [1, 2', "[1]", "\0")
"""Arguments that are none."""


def misshapen(messages: Said) -> Turn:
    """Answer outside the shape."""
    turns = spoken(messages)
    if turns < len(MISSHAPEN):
        return turn(call("answer", values=MISSHAPEN[turns]))
    return turn(*[{"name": "answer", "arguments": each} for each in BROKEN], {"name": "\0"}, {"name": ""})


GREEDY: Sequence[Any] = (
    *("rows", "arange(0, 100000)", [-1], [0.5], [10**9], [1e308], [], "zeros(0)", "nonzero(bought)"),
    *(list(range(1000)), "concat(rows, rows)", "ones(1000)[:, None] * ones(2000)", [0] * 200_000),
)
"""Purchases beyond the budget, of rows that are not there, and of none."""


def greedy(messages: Said) -> Turn:
    """Spend half, and then want more than there is."""
    turns = spoken(messages)
    if turns == 0:
        return turn(call("buy", rows="arange(0, len(rows) // 2)"))
    wanted = GREEDY[(turns - 1) % len(GREEDY)]
    return turn(call("buy", rows=wanted), call("predict", rows=wanted))


def flooding(messages: Said) -> Turn:  # noqa: ARG001 (the same)
    """Call far too much at once, and tools that are not there."""
    return turn(*[call(f"tool_{place}") for place in range(40)], *[call("describe", rows=64)] * 4)


def obedient(messages: Said) -> Turn:
    """Do what the text of the first row says, if it is a call, and else be careful."""
    if spoken(messages) == 0:
        return turn(call("describe", rows=1))
    try:
        ordered = json.loads(results(messages)[0]["shown_rows"][0]["text"])
        return turn(call(ordered["tool"], **ordered["arguments"]), call("answer", values="blind", final=True))
    except (ValueError, KeyError, TypeError):
        return careful(messages)
