"""Transcripts: every exchange with a model in full, in a file that is only ever added to.

A transcript is JSON, a line each: first what it was begun with, then pieces (messages, tools, what identifies a
model), each once, and exchanges that name their pieces by hash. Every line bears a digest of itself and of the one
before, so that one which was edited, taken out or moved is found. A reply is found again by all that its model was
sent, so nothing that is stored is ever asked twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from istar.chat.model import Message, Reply, Tool
from istar.errors import IstarError
from istar.files import storing

TRANSCRIPT_FILE = "transcripts.jsonl"
"""Name of the transcript in a run's folder."""
VERSION = 1


class TranscriptError(IstarError):
    """A transcript that was edited, or that was begun with something else."""


@dataclass(frozen=True)
class Request:
    """All that a reply depends on.

    Attributes:
        identity: what identifies the model, as of `ChatModel.identity`.
        messages: the conversation.
        tools: what it may call.
        max_tokens: the most tokens of the reply.
        seed: of what is sampled; None for none.
    """

    identity: Mapping[str, Any]
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    max_tokens: int
    seed: int | None

    def pieces(self) -> dict[str, Any]:
        """Return the parts of it that other requests share, by hash, as JSON values."""
        shared = [dict(self.identity), *(each.to_json() for each in self.messages), _tools(self.tools)]
        return {_hash(each): each for each in shared}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values that name its pieces by hash."""
        return {
            "identity": _hash(dict(self.identity)),
            "messages": [_hash(each.to_json()) for each in self.messages],
            "tools": _hash(_tools(self.tools)),
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }

    @property
    def hash(self) -> str:
        """SHA-256 of it, 64 hexadecimal digits."""
        return _hash(self.to_json())


@dataclass(frozen=True)
class Exchange:
    """A request with its reply.

    Attributes:
        request: what the model was sent.
        reply: what it answered.
        seconds: wall-clock time that it took.
        money: what it cost, by the prices that were stated.
    """

    request: Request
    reply: Reply
    seconds: float
    money: float

    @property
    def hash(self) -> str:
        """That of its request."""
        return self.request.hash


class Transcript:
    """The exchanges of one run.

    Args:
        path: the file, which is made with the first exchange; None for none, and what is exchanged is kept in memory.
        begun_with: what decides the conversations beside their models, as JSON values: another is an error.

    Raises:
        TranscriptError: the file was edited, or begun with something else.
        StorageError: it cannot be read or written.
    """

    def __init__(self, path: Path | None, begun_with: Mapping[str, Any]) -> None:
        """See the class docstring."""
        self._path = path
        self._begun_with = dict(begun_with)
        self._exchanges: dict[str, Exchange] = {}
        self._pieces: set[str] = set()
        self._last = ""
        if path is not None and path.exists():
            self._take_up(path)

    def _take_up(self, path: Path) -> None:
        stored, whole = _stored(path)
        if stored.begun_with is not None and stored.begun_with != self._begun_with:
            differing = sorted(
                name
                for name in stored.begun_with.keys() | self._begun_with.keys()
                if stored.begun_with.get(name) != self._begun_with.get(name)
            )
            raise TranscriptError(
                f"the conversations in {path} were begun with something else (differing: {', '.join(differing)}); put "
                "it back, or give the new run another name"
            )
        self._exchanges = {each.hash: each for each in stored.exchanges}
        self._pieces, self._last = set(stored.pieces), stored.last
        if whole < path.stat().st_size:  # its writer was killed within a line
            with storing(path):
                os.truncate(path, whole)

    def __iter__(self) -> Iterator[Exchange]:
        """Iterate over the exchanges in their order."""
        return iter(self._exchanges.values())

    def find(self, request: str) -> Exchange | None:
        """Return the exchange of a request, given its hash; None if there was none."""
        return self._exchanges.get(request)

    def add(self, exchange: Exchange) -> None:
        """Write an exchange; it is on the disk once this returns.

        Raises:
            StorageError: it cannot be written.
        """
        lines: list[dict[str, Any]] = []
        if not self._last:
            lines.append({"kind": "begin", "version": VERSION, "begun_with": self._begun_with})
        pieces = {name: piece for name, piece in exchange.request.pieces().items() if name not in self._pieces}
        lines += [{"kind": "piece", "piece": piece} for piece in pieces.values()]
        lines.append(
            {
                "kind": "exchange",
                "request": exchange.request.to_json(),
                "reply": exchange.reply.to_json(),
                "seconds": exchange.seconds,
                "money": exchange.money,
            }
        )
        written, last = [], self._last
        for line in lines:
            last = _digest(last, line)
            written.append(json.dumps({**line, "digest": last}, ensure_ascii=True) + "\n")
        if self._path is not None:
            with storing(self._path), self._path.open("ab") as stream:
                stream.write("".join(written).encode())
                stream.flush()
                os.fsync(stream.fileno())
        self._last = last
        self._pieces |= pieces.keys()
        self._exchanges[exchange.hash] = exchange


def read_transcript(path: Path) -> tuple[Exchange, ...]:
    """Return the exchanges of a transcript, which may be being written.

    Raises:
        TranscriptError: it was edited.
        StorageError: it cannot be read.
    """
    return _stored(path)[0].exchanges


@dataclass(frozen=True)
class _Stored:
    """What a file holds; `last` is the digest of its last line."""

    begun_with: Mapping[str, Any] | None
    pieces: Mapping[str, Any]
    exchanges: tuple[Exchange, ...]
    last: str


def _stored(path: Path) -> tuple[_Stored, int]:
    """Return what a file holds, and the length of its whole lines in bytes."""
    with storing(path, verb="read"):
        content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    begun_with: Mapping[str, Any] | None = None
    pieces: dict[str, Any] = {}
    exchanges: list[Exchange] = []
    last = ""
    for number, text in enumerate(content[:whole].splitlines(), 1):
        try:
            line = json.loads(text)
            digest = line.pop("digest")
            last = _digest(last, line)
            sound = digest == last
            if sound and line["kind"] == "begin":
                sound = line["version"] == VERSION
                begun_with = line["begun_with"]
            elif sound and line["kind"] == "piece":
                pieces[_hash(line["piece"])] = line["piece"]
            elif sound:
                exchanges.append(_exchange(line, pieces))
        except (ValueError, KeyError, TypeError, AttributeError):
            sound = False
        if not sound:
            raise TranscriptError(
                f"{path}, line {number}: this is not what was written, or an earlier line is missing; take the file "
                "from a backup, or begin another run: no reply of an edited transcript is used"
            )
    return _Stored(begun_with, pieces, tuple(exchanges), last), whole


def _exchange(line: Mapping[str, Any], pieces: Mapping[str, Any]) -> Exchange:
    asked = line["request"]
    request = Request(
        identity=pieces[asked["identity"]],
        messages=tuple(Message.from_json(pieces[each]) for each in asked["messages"]),
        tools=tuple(Tool(**each) for each in pieces[asked["tools"]]),
        max_tokens=asked["max_tokens"],
        seed=asked["seed"],
    )
    return Exchange(request, Reply.from_json(line["reply"]), line["seconds"], line["money"])


def _tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    return [{"name": each.name, "description": each.description, "parameters": each.parameters} for each in tools]


def _hash(value: Any) -> str:
    """Return SHA-256 of JSON values, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _digest(before: str, line: Mapping[str, Any]) -> str:
    return _hash([before, line])
