"""Families: seeded generators of questions of one kind.

A family is one file in this package, a frozen dataclass whose fields are its sizes, registered as an instance. A
question depends on the family with its sizes, the data set, the tokenizer, the seed and the index, and on nothing
else: not on the target, not on what was drawn before.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from istar.errors import IstarError
from istar.plugins import own_hint
from istar.questions import Column, Question, Role, Structure
from istar.registry import Registry
from istar.seeds import Seed
from istar.targets.encoding import TokenizerError, encoding_of

Split = Literal["train", "validation", "test", "use"]
"""`use`: for direct use of a method alone, barred from every reward."""

RewardedSplit = Literal["train", "validation", "test"]
"""The splits whose tasks may enter a reward."""

FAMILIES: Registry[Family] = Registry("family")

EMBEDDED = "smollm2-135m"
"""The name of the target that comes with the package index."""


class TaskError(IstarError):
    """A family, data set or tokenizer from which no question can be made."""


class BarredError(TaskError):
    """A task that may not enter a reward."""


def special_tokens(tokenizer: Any) -> dict[int, str]:
    """Return the names of a tokenizer's special tokens, but for the one that stands for what it does not know."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    unknown = getattr(tokenizer, "unk_token_id", None)
    return {int(token): str(each) for token, each in added.items() if each.special and token != unknown}


class Encoder:
    """A tokenizer as families use it: text to tokens without special tokens, remembering what it has seen.

    Args:
        tokenizer: any Hugging Face tokenizer that has a beginning-of-sequence token, or an end-of-sequence token in its
            place (Qwen).

    Raises:
        TaskError: the tokenizer has neither.
    """

    def __init__(self, tokenizer: Any) -> None:
        """See the class docstring."""
        try:
            encoding = encoding_of(tokenizer)
        except TokenizerError as error:
            raise TaskError(str(error)) from error
        self.bos: int = encoding.bos
        self._encode = cache(encoding.encode)
        self._special = special_tokens(tokenizer)

    def __call__(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return the tokens of a text on its own.

        Families encode the parts of a run one by one and join the tokens, so that runs which share a text share its
        tokens whatever the tokenizer would merge across the border.

        Args:
            text: any text.
            special: whether the names of special tokens that stand in it are meant, as in a chat template; elsewhere
                they are a slip of the data, which a model would read as the end of the text or somebody else's turn.

        Raises:
            TaskError: the tokenizer cannot write the text so that a model reads it, or takes a part of it for a special
                token that is not meant.
        """
        try:
            tokens = self._encode(text)
        except TokenizerError as error:
            raise TaskError(str(error)) from error
        if not special and (found := self._special.keys() & set(tokens)):
            names = ", ".join(sorted(repr(self._special[token]) for token in found))
            raise TaskError(
                f"the text {text[:60]!r} holds {names}, which the tokenizer takes for a special token; leave it "
                "out, or say encode(text, special=True) where the token is meant"
            )
        return tokens


@dataclass(frozen=True)
class Family(ABC):
    """Base class; a subclass is a frozen dataclass of sizes and an instance of it is registered in `FAMILIES`.

    Attributes:
        name: the registry name.
        split: which split all of the family's tasks belong to.
        data_sets: the names of its data sets, one task each.
        judged: whether a judge, a model or a program in its place, scores the runs; a judge can be gamed, so such tasks
            are barred from every reward whatever their split.
        homes: for data sets in the language of one of our small targets, its name; the others' home is the embedded
            target. A task's tables are built on its home unless another target is asked for.
    """

    name: ClassVar[str]
    split: ClassVar[Split]
    data_sets: ClassVar[tuple[str, ...]]
    judged: ClassVar[bool] = False
    homes: ClassVar[Mapping[str, str]] = {}

    def question(self, data_set: str, tokenizer: Any, seed: Seed, index: int) -> Question:
        """Return one question.

        Args:
            data_set: one of `data_sets`.
            tokenizer: the target's Hugging Face tokenizer.
            seed: the root seed; the family splits it by its own name, the data set and the index.
            index: which question, from 0.

        Raises:
            TaskError: the data set is unknown, the index negative, the tokenizer unusable, or `build` made something
                else than what was asked for.
        """
        if data_set not in self.data_sets:
            raise TaskError(f"family {self.name} has no data set {data_set!r}; it has {', '.join(self.data_sets)}")
        if index < 0:
            raise TaskError(f"question {index} of {self.name}/{data_set}: questions are numbered from 0")
        generator = seed.split("question", self.name, data_set, index).generator()
        made = self.build(data_set, Encoder(tokenizer), generator, index)
        if not isinstance(made, Question):
            raise TaskError(f"`build` of the family {self.name} returned a {type(made).__name__}; return a Question")
        if (made.task, made.index) != (f"{self.name}/{data_set}", index):
            raise TaskError(
                f"`build` of the family {self.name} returned question {made.index!r} of {made.task!r} where question "
                f"{index} of '{self.name}/{data_set}' was asked for; begin it as "
                "Question(f'{self.name}/{data_set}', index, ...)"
            )
        return made

    @abstractmethod
    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """Return one question, all of its randomness taken from `generator`."""


def structure_of(names: Sequence[tuple[str, Role]], rows: Sequence[Sequence[float]]) -> Structure:
    """Return the structure of rows.

    Args:
        names: the name and role of each column.
        rows: for each run, its entry in each column.
    """
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return Structure(tuple(Column(name, role, tuple(map(float, values))) for (name, role), values in columns))


@dataclass(frozen=True)
class Task:
    """One family on one data set.

    Attributes:
        family: the generator.
        data_set: one of the family's data sets.
    """

    family: Family
    data_set: str

    @property
    def name(self) -> str:
        """`family/data_set`."""
        return f"{self.family.name}/{self.data_set}"

    @property
    def split(self) -> Split:
        """The family's split."""
        return self.family.split

    @property
    def home(self) -> str:
        """The name of the target that the task is about unless another is asked for."""
        return self.family.homes.get(self.data_set, EMBEDDED)

    @property
    def judged(self) -> bool:
        """Whether a judge scores the runs."""
        return self.family.judged

    def question(self, tokenizer: Any, index: int, seed: int = 0) -> Question:
        """Return one question; see `Family.question`."""
        return self.family.question(self.data_set, tokenizer, Seed.root(seed), index)


def split_of(family: str) -> Split:
    """Return the split of a family.

    Raises:
        UnknownNameError: no family has this name.
    """
    return FAMILIES.get(family).split


def barred(family: Family) -> str:
    """Return why a family's tasks are barred from every reward, empty if they are not."""
    if family.judged:
        return "scored by a judge; a judge can be gamed, so it is barred from every reward"
    if family.split == "use":
        return "of the split `use`, which is barred from every reward"
    return ""


def check_rewardable(name: str) -> RewardedSplit:
    """Return the split of a task that may enter a reward. Whatever leads to a reward asks this first.

    Args:
        name: the task's name, `family/data_set`.

    Raises:
        BarredError: the task is for direct use of a method alone; the message says why.
        UnknownNameError: no family has this name.
    """
    family = FAMILIES.get(name.partition("/")[0])
    reason = barred(family)
    if reason or family.split == "use":
        raise BarredError(
            f"{name} is {reason}. It is for direct use of a method: `istar truth build` and `istar tasks audit` take it"
        )
    return family.split


def tasks(split: Split | None = None) -> tuple[Task, ...]:
    """Return all tasks, or those of one split, by family and data set in registry order.

    Raises:
        TaskError: there is no such split.
    """
    if split is not None and split not in get_args(Split):
        raise TaskError(f"there is no split {split!r}; there are {', '.join(get_args(Split))}")
    families = (_checked(name, FAMILIES.get(name)) for name in FAMILIES)
    return tuple(
        Task(family, data_set)
        for family in families
        if split is None or family.split == split
        for data_set in family.data_sets
    )


def _checked(name: str, family: Family) -> Family:
    """Return a family that is registered under a name, if it is an instance with this name, a split and data sets."""
    if not isinstance(family, Family):
        raise TaskError(f"the family {name!r} is registered as {family!r}; register an instance of it, as in Mine()")
    if family.name != name:
        raise TaskError(f"the family {family.name!r} is registered as {name!r}; write FAMILIES.add(Mine.name, Mine())")
    if family.split not in get_args(Split):
        raise TaskError(f"the family {name!r} has the split {family.split!r}; give one of {', '.join(get_args(Split))}")
    if isinstance(family.data_sets, str):
        raise TaskError(f"`data_sets` of the family {name!r} is a text; write ({family.data_sets!r},)")
    return family


def task(name: str) -> Task:
    """Return the task of this name.

    Raises:
        TaskError: there is no such task; the message lists those there are.
    """
    for each in tasks():
        if each.name == name:
            return each
    family, _, data_set = name.partition("/")
    if family in FAMILIES and data_set:
        sets = ", ".join(FAMILIES.get(family).data_sets)
        raise TaskError(f"no task is called {name!r}; the data sets of {family} are {sets}")
    known = [each.name for each in tasks()] + list(FAMILIES) + list(get_args(Split))
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? There" if close else "there"
    raise TaskError(
        f"no task, family or split is called {name!r}; {hint} are the splits {', '.join(get_args(Split))} and the "
        f"families {', '.join(FAMILIES)}.{own_hint('family')}"
    )


def select_tasks(names: Sequence[str]) -> tuple[Task, ...]:
    """Return the tasks of these names, families or splits, each once; all tasks if there are no names.

    Raises:
        TaskError: a name is none of a task, a family and a split.
    """
    if not names:
        return tasks()
    chosen: dict[str, Task] = {}
    for name in names:
        hits = [each for each in tasks() if name in (each.name, each.family.name, each.split)]
        for each in hits or [task(name)]:
            chosen[each.name] = each
    return tuple(chosen.values())
