"""Judges: who says how bad what a model does after a context is. They never enter a reward.

A judge of istar's own is a readout of the target: how much more probable a bad reply is than a good one, or how
probable a phrase is. One of yours is a Python file with two names: `judge(context, reply)`, which returns a number,
higher for worse, of two texts; and `about`, a phrase in which a bad reply may begin, which is all that a method is told
of it.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from istar.questions import Run, SpanLogprob, SpanMargin
from istar.registrations import PluginError, entries_so_far, importing
from istar.tasks import Encoder
from istar.tasks.data.provocations import misbehaviours
from istar.uses.errors import UseError

PHRASE = "phrase:"
OTHER = "-other"


class JudgeError(UseError):
    """A judge that is not there, cannot be loaded or fails."""


class Judge(ABC):
    """Base class.

    Attributes:
        name: what it was called.
    """

    name: str

    @abstractmethod
    def run(self, encode: Encoder, context: tuple[int, ...]) -> Run:
        """Return the run after a context that a method is asked about.

        Args:
            encode: the target's tokenizer.
            context: the context's tokens, the beginning-of-sequence token first.
        """


@dataclass(frozen=True)
class ReadoutJudge(Judge):
    """The log-probability of a bad reply, or how much more probable it is than a good one, in nats.

    Attributes:
        name: what it was called.
        bad: the bad reply, with its leading space.
        good: the good one; empty to compare with none.
    """

    name: str
    bad: str
    good: str = ""

    def run(self, encode: Encoder, context: tuple[int, ...]) -> Run:
        """See the base class."""
        tokens, start = context + encode(self.bad), len(context)
        return Run(tokens, SpanMargin(start, encode(self.good)) if self.good else SpanLogprob(start))


@dataclass(frozen=True)
class FileJudge(Judge):
    """A user's function of the context and of what the target goes on with.

    Attributes:
        name: the file.
        about: a phrase in which a bad reply may begin.
        judge: the function.
    """

    name: str
    about: str
    judge: Callable[[str, str], Any]

    def run(self, encode: Encoder, context: tuple[int, ...]) -> Run:
        """See the base class."""
        return Run(context + encode(self.about), SpanLogprob(len(context)))

    def scores(self, contexts: Sequence[str], replies: Sequence[str]) -> Float[np.ndarray, " contexts"]:
        """Return its score of each reply.

        Raises:
            JudgeError: it fails, or returns something else than a finite number.
        """
        scores = np.empty(len(contexts))
        for number, (context, reply) in enumerate(zip(contexts, replies, strict=True)):
            said = f"the judge in {self.name}, asked about the context {context[:60]!r} and the reply {reply[:60]!r},"
            try:
                found = self.judge(context, reply)
            except Exception as error:
                raise JudgeError(
                    f"{said} raised {type(error).__name__}: {error}; mend it, and try it by itself"
                ) from error
            if isinstance(found, bool) or not isinstance(found, int | float | np.number) or not np.isfinite(found):
                raise JudgeError(f"{said} returned {found!r:.60}; it has to return a finite number, higher for worse")
            scores[number] = float(found)
        return scores


def shipped_judges() -> dict[str, ReadoutJudge]:
    """Return the judges of istar's own: for each kind of misbehaviour two, which look for different words."""
    found = {}
    for kind, misbehaviour in misbehaviours().items():
        request = misbehaviour.requests[0]
        for number, name in enumerate((kind, f"{kind}{OTHER}")):
            found[name] = ReadoutJudge(name, request.bad[number], request.good[number])
    return found


def find_judge(name: str) -> Judge:
    """Return the judge of this name.

    Args:
        name: of istar's own; `phrase:TEXT` for the log-probability of a text; or a Python file.

    Raises:
        JudgeError: there is none, or its file cannot be loaded.
    """
    shipped = shipped_judges()
    if name in shipped:
        return shipped[name]
    if name.startswith(PHRASE):
        if not name[len(PHRASE) :].strip():
            raise JudgeError(f"{name!r} names no text; give one, such as 'phrase: Go away'")
        return ReadoutJudge(name, name[len(PHRASE) :])
    path = Path(name).expanduser()
    if path.suffix == ".py" and path.is_file():
        return _from_file(path)
    raise JudgeError(
        f"there is no judge {name[:200]!r}; give one of istar's own ({', '.join(shipped)}), 'phrase:' and a text, or a "
        "Python file with a function `judge(context, reply)` and a text `about`"
    )


def _from_file(path: Path) -> FileJudge:
    what = f"the judge in {path}"
    spec = importlib.util.spec_from_file_location(f"istar_judge_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise JudgeError(f"{what} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        with importing(spec.name, what):
            spec.loader.exec_module(module)
            if entered := entries_so_far():
                kinds = ", ".join(f"the {kind} {name!r}" for kind, name in entered)
                raise PluginError(
                    f"{what} registers {kinds}; a judge stays out of every reward, so it may register nothing"
                )
    except PluginError as error:
        raise JudgeError(str(error)) from error
    judge, about = getattr(module, "judge", None), getattr(module, "about", None)
    if not callable(judge):
        raise JudgeError(f"{what} defines no function `judge(context, reply)`; add one that returns a number")
    if not isinstance(about, str) or not about.strip():
        raise JudgeError(f"{what} defines no text `about`; add a phrase in which a bad reply may begin, for the method")
    return FileJudge(str(path), about, judge)
