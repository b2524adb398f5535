"""A chat model that runs here: a causal language model whose FLOPs are metered as the target's are.

It is read by whoever has a target: named as one is, loaded by the same door, and every operation of reading and writing
passes the meter. A causal model knows nothing of tools, so they are told in the system's message in plain words, and a
line of JSON is a call.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from istar.chat.model import ChatModel, ContextError, Message, Reply, Stop, Tool, ToolCall
from istar.fingerprint import fingerprint

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from istar.targets import Target

_ONE_AT_A_TIME = threading.Lock()
"""Weights are loaded once, and one conversation is answered at a time: both take all the memory and cores there are."""

HOW_TO_CALL = "You can call these tools. To call one, write a line of JSON and nothing after it, such as"
CALL = '{"tool": "'
RESULT = "Result of the call:\n"


class LocalModel(ChatModel):
    """A causal language model with its weights in this process.

    It samples from the softmax of its logits by the temperature, and by the seed alone: the same conversation and seed
    give the same reply on one machine. Everything that it is sent is read anew for each reply, and metered.

    Args:
        name: `smollm2-135m`, a folder with a Hugging Face model, or a hub id; see `istar.targets.load_target`.
        temperature: 0 takes the likeliest token.
        context: it reads and writes at most so many tokens of one conversation; what its configuration says if None.
        calls: whether each reply begins as a call where there are tools: for small models that would only talk.

    Raises:
        ValueError: the temperature is negative, or the context holds nothing.
    """

    def __init__(self, name: str, *, temperature: float = 0.0, context: int | None = None, calls: bool = False) -> None:
        """See the class docstring."""
        if not 0 <= temperature < float("inf"):
            raise ValueError(f"the temperature is {temperature!r}; it must be a number from 0 on")
        if context is not None and context < 1:
            raise ValueError(f"the context is {context!r} tokens; it must be 1 at least")
        self.name, self.temperature, self._context, self._calls = name, temperature, context, calls

    @cached_property
    def target(self) -> Target:
        """The model, loaded when it is first asked for.

        Raises:
            TargetError: it cannot be loaded.
        """
        with _ONE_AT_A_TIME:
            return _loaded(self.name)

    @property
    def context(self) -> int:
        """How many tokens a conversation may have, the reply included."""
        config: Any = self.target.module.config
        limits = [self._context, config.get_text_config(decoder=True).max_position_embeddings]
        limits.append(None if self.target.limit is None else self.target.limit.tokens)
        return min(int(limit) for limit in limits if limit is not None)

    def identity(self) -> Mapping[str, Any]:
        """See the base class."""
        return {
            "local": self.target.id,
            "tokenizer": self.target.tokenizer_digest,
            "template": getattr(self.target.tokenizer, "chat_template", None),
            "temperature": self.temperature,
            "context": self.context,
            "calls": self._calls,
            "code": fingerprint(("istar.chat.local",), ("torch", "transformers", "tokenizers"), plugins=False),
        }

    def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, max_tokens: int, seed: int | None = None
    ) -> Reply:
        """See the base class.

        Raises:
            ContextError: the conversation leaves no room for a reply.
        """
        import torch

        from istar.flops import Meter

        begun = CALL if self._calls and tools else ""
        tokens = self.tokens_of(messages, tools, begun)
        room = self.context - len(tokens)
        if room < 1:
            raise ContextError(
                f"the conversation has {len(tokens)} tokens, and {self.name} reads and writes {self.context} in all; "
                "let the conversation be shorter, or take a model with a longer context"
            )
        written: list[int] = []
        stop: Stop = "length"
        with _ONE_AT_A_TIME, Meter() as meter, torch.no_grad():
            for token in self._continued(tokens, 0 if seed is None else seed):
                if token in self._ends:
                    stop = "stop"
                    break
                written.append(token)
                if len(written) >= min(max_tokens, room):
                    break
                if {"}", "\n"} & set(self._text([token])) and _ends_with_call(begun + self._text(written)):
                    break
            flops = meter.flops
        content, calls = calls_in(begun + self._text(written), len(messages))
        message = Message("assistant", content, calls)
        return Reply(message, "calls" if calls else stop, len(tokens), len(written), flops)

    def tokens_of(self, messages: Sequence[Message], tools: Sequence[Tool], begun: str = "") -> list[int]:
        """Return the tokens that a conversation is told by, and those with which the reply begins.

        What stands in messages can be no more than what a message says: special tokens, with which a text could pretend
        to be a message of its own, are written out.
        """
        tokenizer = self.target.tokenizer
        told = [{"role": role, "content": self._plain(text)} for role, text in _told(messages, tools)]
        if getattr(tokenizer, "chat_template", None):
            text = tokenizer.apply_chat_template(told, tokenize=False, add_generation_prompt=True)
        else:
            text = "".join(f"{each['role']}: {each['content']}\n" for each in told) + "assistant: "
        found: list[int] = tokenizer(text + begun, add_special_tokens=False)["input_ids"]
        return found

    def _plain(self, text: str) -> str:
        """Return a text in which no special token of the tokenizer stands."""
        tokenizer = self.target.tokenizer
        added = getattr(tokenizer, "added_tokens_decoder", {}).values()
        special = {token.content for token in added if token.special} | set(tokenizer.all_special_tokens)
        for token in sorted(special, key=len, reverse=True):
            between = next(each for each in " _-" if each not in token)
            while len(token) > 1 and token in text:
                text = text.replace(token, f"{token[0]}{between}{token[1:]}")
        return text

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self.target.tokenizer.decode(tokens, skip_special_tokens=True))

    @cached_property
    def _ends(self) -> frozenset[int]:
        tokenizer = self.target.tokenizer
        return frozenset(each for each in (tokenizer.eos_token_id, tokenizer.pad_token_id) if each is not None)

    def _continued(self, tokens: Sequence[int], seed: int) -> Iterator[int]:
        """Yield the tokens that follow, one forward each."""
        import torch

        target = self.target
        generator = torch.Generator(device=target.device).manual_seed(seed % 2**63)
        given, past = torch.tensor([list(tokens)], device=target.device), None
        while True:
            found = target.module(input_ids=given, past_key_values=past, use_cache=True, logits_to_keep=1)
            past = found.past_key_values
            given = self._sampled(found.logits[:, -1], generator)
            yield int(given)

    def _sampled(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        if self.temperature == 0:
            return logits.argmax(-1, keepdim=True)
        return torch.multinomial(torch.softmax(logits / self.temperature, -1), 1, generator=generator)


@cache
def _loaded(name: str) -> Target:
    """Return a model, kept for whoever asks for it next."""
    from istar.targets import load_target

    return load_target(name)


def _told(messages: Sequence[Message], tools: Sequence[Tool]) -> Iterator[tuple[str, str]]:
    """Yield role and text of each message, tools and calls in plain words."""
    waiting = ""
    if tools:
        example = _call_text(ToolCall("", tools[0].name, "{}"))
        waiting = "\n\n".join([f"{HOW_TO_CALL}\n{example}", *map(_tool_text, tools)])
    if waiting and (not messages or messages[0].role != "system"):
        yield "system", waiting
        waiting = ""
    for message in messages:
        text = message.content
        if message.calls:
            text = "\n".join(filter(None, [text, *(_call_text(call) for call in message.calls)]))
        if message.role == "tool":
            yield "user", RESULT + text
        elif message.role == "system" and waiting:
            yield "system", f"{text}\n\n{waiting}"
            waiting = ""
        else:
            yield message.role, text


def _tool_text(tool: Tool) -> str:
    arguments = tool.parameters.get("properties", {})
    lines = [f"- {name}: {facts.get('description', '')}" for name, facts in arguments.items()]
    return "\n".join([f"{tool.name}: {tool.description}", *lines])


def _call_text(call: ToolCall) -> str:
    return f'{{"tool": {json.dumps(call.name)}, "arguments": {call.arguments}}}'


_CALL = re.compile(r'^\s*(\{\s*"tool"\s*:\s*"(\w+)"\s*(?:,\s*"arguments"\s*:\s*(\{.*))?\}?\s*)$')


def calls_in(text: str, turn: int) -> tuple[str, tuple[ToolCall, ...]]:
    """Return a text without the lines that are calls, and the calls.

    A line is a call if it begins as one does; arguments that are no JSON stay as they are written, so that whoever
    answers the call can say what is wrong with them.

    Args:
        text: what the model wrote.
        turn: tells calls of one reply from those of others.
    """
    rest: list[str] = []
    calls: list[ToolCall] = []
    for line in text.splitlines():
        match = _CALL.match(line)
        if match is None:
            rest.append(line)
            continue
        try:
            arguments = json.dumps(json.loads(match[1]).get("arguments", {}))
        except ValueError:
            arguments = (match[3] or "{}").strip()
        calls.append(ToolCall(f"call_{turn}_{len(calls)}", match[2], arguments))
    return "\n".join(rest).strip(), tuple(calls)


def _ends_with_call(text: str) -> bool:
    """Whether a text ends with a call: with one that is complete, or with the line of one that was meant to be."""
    line = text.removesuffix("\n").rpartition("\n")[2]
    if _CALL.match(line) is None:
        return False
    try:
        json.loads(line)
    except ValueError:
        return text.endswith("\n")
    return True
