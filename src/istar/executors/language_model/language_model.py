"""The language model in the chair of M2: an agent that answers one question under a FLOP budget by calling tools.

It sees what every executor sees and nothing else, and pays for everything: rows, channels, what its tools compute, and
its own tokens. The black-box and the white-box arm differ in one tool, the method's. At each budget the answer counts
that it gave last (`istar.executors.language_model.till`); at brute force all rows are bought, whatever it did.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from istar.chat import ChatModel
from istar.executors.executor import EXECUTORS, Executor, Trace
from istar.executors.history import Heard, History
from istar.executors.interpreted import InterpretationReader
from istar.executors.language_model.models import chat_model, check_ready, is_metered
from istar.executors.statistician.statistician import Statistician
from istar.files import check_writable, read_text, storing, write_whole
from istar.fingerprint import fingerprint

if TYPE_CHECKING:
    from istar.executors.language_model.conversation import Conversation
    from istar.executors.language_model.desk import Reputation
    from istar.executors.market import Market
    from istar.executors.statistician.knowledge import Knowledge
    from istar.methods.recording import Recording
    from istar.seeds import Seed
    from istar.truth.table import Table

MOST_PARAMETERS = 10**14


@dataclass(frozen=True, eq=False)
class Learned:
    """What is known before a question is touched.

    Attributes:
        blind: the answer of skill 0, which stands until the agent gives one.
        statistician: what the statistician knows.
        reputation: how the method's channels went with values elsewhere; None in the black-box arm, and of a stranger.
        summary: what the method's interpretation says of itself; empty if nothing.
    """

    blind: Float[np.ndarray, " outputs"]
    statistician: Knowledge
    reputation: Reputation | None = None
    summary: str = ""


@EXECUTORS.register("language_model")
class LanguageModelExecutor(Executor, InterpretationReader):
    """An agent with tools.

    Args:
        model: `local:` with the name of a target, `scripted:` with a file of replies, the name of a model that is
            served elsewhere, or a chat model.
        parameters: how many of the model's parameters take part in each token: it is charged twice as many FLOPs for
            each. None where its FLOPs are metered, as a local model's are.
        replies: it replies to at most so many messages.
        tokens: tokens of each reply at most.
        instructions: a file of what it is told at first; istar's own if empty.
        transcripts: a folder that every conversation is written to, as it was; none are written if empty.
        model_options: options of the model, such as `temperature`, or `base_url` of one that an endpoint serves.

    Raises:
        ChatError: there is no such model.
        StorageError: the instructions cannot be read, or transcripts not be written.
        ValueError: an option has a value that it cannot have.
    """

    code = (
        *("istar.executors.language_model", "istar.executors.statistician", "istar.truth.effects"),
        *("istar.chat.model", "istar.chat.endpoint", "istar.flops"),
    )
    libraries = ("numpy", "scipy", "torch", "pydantic")
    deterministic = False

    def __init__(
        self,
        model: str | ChatModel,
        *,
        parameters: int | None = None,
        replies: int = 64,
        tokens: int = 1024,
        instructions: str = "",
        transcripts: str = "",
        **model_options: Any,
    ) -> None:
        """See the class docstring."""
        limits = (("parameters", parameters, MOST_PARAMETERS), ("replies", replies, 10**6), ("tokens", tokens, 10**7))
        for name, value, most in limits:
            optional = name == "parameters" and value is None
            if not optional and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most):
                raise ValueError(f"{name} is {value!r:.60}; it must be a whole number from 1 to {most}")
        if isinstance(model, str):
            if parameters is None and not is_metered(model):
                raise ValueError(
                    f"nothing says what a token of {model!r:.200} takes; give `parameters`: how many of the model's "
                    "take part in each token"
                )
            self.model = chat_model(model, **model_options)
        elif isinstance(model, ChatModel) and not model_options:
            self.model = model
        else:
            raise ValueError(f"the model is {model!r:.60}; give its name, and its options beside it")
        self._parameters, self._replies, self._tokens = parameters, replies, tokens
        self._transcripts = Path(transcripts) if transcripts else None
        if self._transcripts is not None:
            with storing(self._transcripts):
                self._transcripts.mkdir(parents=True, exist_ok=True)
            check_writable(self._transcripts)
        own = files("istar.executors.language_model") / "instructions.md"
        self._instructions = read_text(Path(instructions)) if instructions else own.read_text(encoding="utf-8")

    def identity(self) -> str:
        """See the base class: the model and what it is told decide answers too, and where transcripts go does not."""
        decisive = {
            "model": dict(self.model.identity()),
            "limits": [self._parameters, self._replies, self._tokens],
            "instructions": self._instructions,
            "code": fingerprint(self.code, self.libraries),
        }
        kind = type(self)
        named = f"{kind.__module__}.{kind.__qualname__}\n{json.dumps(decisive, sort_keys=True)}"
        return hashlib.sha256(named.encode()).hexdigest()

    def check_ready(self) -> None:
        """See the base class: whether a model that is served elsewhere is there and calls tools.

        Raises:
            ChatError: it is not, or does not.
        """
        check_ready(self.model)

    def learn(self, history: History) -> Learned:
        """See the base class."""
        return Learned(history.blind, Statistician().learn(history), _reputation(history))

    def read(self, state: Learned, summary: str) -> Learned:
        """See `InterpretationReader`."""
        return replace(state, summary=summary)

    def appraise(self, heard: Heard, state: Learned) -> Any:
        """See the base class: the statistician wants to know."""
        return Statistician().appraise(heard, state.statistician)

    def answer(self, market: Market, state: Learned, seed: Seed) -> Trace:
        """See the base class.

        Raises:
            ChatError: the model does not answer.
            ExecutorError: rows have no text here, or nobody knows what a reply takes.
        """
        from istar.executors.language_model.adviser import Adviser
        from istar.executors.language_model.conversation import Conversation, Pricing
        from istar.executors.language_model.desk import Desk
        from istar.executors.language_model.till import Till
        from istar.executors.language_model.tools import offered

        market.text(0)  # a market without texts is an error before the model is asked
        till = Till(market, state.blind)
        adviser = Adviser(till, state.statistician, seed)
        desk = Desk(till, adviser, state.reputation, state.summary)
        conversation = Conversation.begin(
            self.model, offered(market.channel_count > 0), Pricing(self._parameters), self._tokens, self._instructions
        )
        conversation.hold(till, desk, self._replies, seed)
        market.stop(till.answer, till.spread)
        adviser.finish()
        measures = {
            "agent.model_flops": till.model_flops,
            "agent.tool_flops": till.tool_flops,
            "agent.answers": till.answers,
        }
        for name, value in {**measures, "agent.refused": desk.refused, **conversation.measures()}.items():
            market.measure(name, value)
        self._write(conversation, market, seed)
        return market.trace()

    def _write(self, conversation: Conversation, market: Market, seed: Seed) -> None:
        """Write a conversation where transcripts are kept."""
        if self._transcripts is None:
            return
        arm = "white_box" if market.channel_count else "black_box"
        content = {"question": market.question_hash, "arm": arm, "seed": list(seed.path), **conversation.to_json()}
        text = json.dumps(content, indent=1)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        write_whole(self._transcripts / f"{market.question_hash[:12]}-{arm}-{name}.json", text.encode())


def _reputation(history: History) -> Reputation | None:
    """Return how the channels went with values on other questions; None where nothing, or not the same, was said."""
    from istar.executors.language_model.desk import Reputation

    heard = {question: each for question, each in history.recordings.items() if each.channels}
    if not heard or len({each.channels for each in heard.values()}) > 1:
        return None
    found = [
        _correlations(table, heard[table.question.hash]) for table in history.tables if table.question.hash in heard
    ]
    return Reputation(len(found), tuple(np.mean(found, axis=0).tolist())) if found else None


def _correlations(table: Table, recording: Recording) -> Float[np.ndarray, " channels"]:
    """Return the correlation of each channel with the values it speaks of, 0 where one of them does not vary."""
    rows = np.concatenate([batch.rows for batch in recording.batches])
    said = np.concatenate([batch.channels for batch in recording.batches]).astype(np.float64)
    centred, values = said - said.mean(0), table.values[rows] - table.values[rows].mean()
    scale = np.sqrt((centred**2).sum(0) * (values**2).sum())
    return np.asarray(np.where(scale > 0, values @ centred / np.where(scale > 0, scale, 1.0), 0.0))
