"""Tables for use: found in the stores, and refused where they answer what nobody asks any more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from istar.targets.tokenizer import NamedTokenizer
from istar.tasks import Task, task
from istar.truth.advice import CHANGED, build_command, name_of
from istar.truth.asked import Asked
from istar.truth.store import Digest, MissingTruthError, TruthStore, default_store, target_id
from istar.truth.table import Table, TableKey, TruthError

if TYPE_CHECKING:
    from istar.targets import Target

Entry = tuple[TruthStore, Digest]
"""A stored table: where it is, and what is known of it unread."""


class StaleTruthError(TruthError):
    """A table whose question is not the one that its family asks now."""


def asked_of(target: Target | str) -> Asked:
    """Return the questions that families ask of a target now.

    Args:
        target: a target, or the name or folder of one, of which the tokenizer alone is loaded.

    Raises:
        TargetError: there is no such target here.
    """
    return Asked(_tokenizer(target) if isinstance(target, str) else target.tokenizer)


@lru_cache(maxsize=4)
def _tokenizer(name: str) -> NamedTokenizer:
    return NamedTokenizer(name)


def fitting(of: Task, entries: Sequence[Entry], asked: Asked) -> Entry | None:
    """Return the entry among those under one key whose question is asked now, a user's before a shipped one."""
    return next((entry for entry in reversed(entries) if asked.fits(of, *entry)), None)


def load_tables(
    of: Task | str,
    target: Target | str,
    questions: int | None = None,
    seed: int = 0,
    store: TruthStore | None = None,
    asked: Asked | None = None,
) -> list[Table]:
    """Return the tables of a task, by index; all of them answer the questions that the task asks now.

    Args:
        of: a task, or the name of one, `family/data_set`.
        target: a target, or the id or name of one.
        questions: how many, from index 0; None for all there are.
        seed: the root seed that the questions were drawn from.
        store: where to look, if not in the shipped and the user's tables.
        asked: the questions that are asked of the target now, if they are at hand; else its tokenizer is loaded.

    Raises:
        MissingTruthError: there is none, or one of those asked for is missing; the message says how to build it.
        StaleTruthError: one answers a question that is not asked any more; the message says how to build it anew.
        TargetError: the tokenizer cannot be loaded, so that nobody knows what is asked.
        TaskError: there is no such task, or its family cannot make its questions with this tokenizer.
        CorruptDataError: what is stored is not what was written.
    """
    found = _entries(of if isinstance(of, str) else of.name, target, questions, seed, store)
    now = asked or asked_of(found[0][0][1].target_name if isinstance(target, str) else target)
    asking = task(of) if isinstance(of, str) else of
    chosen = [fitting(asking, entries, now) for entries in found]
    stale = [entries[-1][1] for entries, fit in zip(found, chosen, strict=True) if fit is None]
    if stale:
        raise stale_error(stale, target)
    return [store.read(digest.key) for store, digest in filter(None, chosen)]


def stored_tables(
    of: Task | str,
    target: Target | str,
    questions: int | None = None,
    seed: int = 0,
    store: TruthStore | None = None,
) -> list[Table]:
    """Return the tables of a task as they are stored, whether or not their questions are still asked.

    For looking at tables without their family and their target's tokenizer. See `load_tables` for the arguments.

    Raises:
        MissingTruthError: there is none, or one of those asked for is missing; the message says how to build it.
        CorruptDataError: what is stored is not what was written.
    """
    found = _entries(of if isinstance(of, str) else of.name, target, questions, seed, store)
    return [place.read(digest.key) for place, digest in (entries[0] for entries in found)]


def stale_error(stale: Sequence[Digest], target: Target | str) -> StaleTruthError:
    """Return the error that names stale tables of one task and says how to build them anew."""
    indices = sorted(digest.key.index for digest in stale)
    key = stale[0].key
    numbers = ", ".join(map(str, indices))
    command = build_command([key.task], target, questions=indices[-1] + 1, seed=key.seed, known=stale[0].target_name)
    return StaleTruthError(
        f"the tables of question{'s' * (len(indices) > 1)} {numbers} of {key.task} (seed {key.seed}) under "
        f"{name_of(target, stale[0].target_name)} are stale: {CHANGED}. Build them anew with `{command}`"
    )


def _entries(
    task_name: str, target: Target | str, questions: int | None, seed: int, store: TruthStore | None
) -> list[list[Entry]]:
    """Return the stored tables under each key that is asked for, by index."""
    place = default_store() if store is None else store
    identity = target_id(target, place) if isinstance(target, str) else target.id
    there: dict[int, list[Entry]] = {}
    every = place.entries()
    for entry in every:
        key = entry[1].key
        if key == TableKey(identity, task_name, key.index, seed):
            there.setdefault(key.index, []).append(entry)
    wanted = sorted(there) if questions is None else range(questions)
    known = next((digest.target_name for _, digest in every if digest.key.target == identity), None)
    for index in wanted or [0]:
        if index not in there:
            key = TableKey(identity, task_name, index, seed)
            command = build_command([task_name], target, questions=index + 1, seed=seed, known=known)
            raise MissingTruthError(f"there is no truth for {key}; build it with `{command}`")
    return [there[index] for index in wanted]
