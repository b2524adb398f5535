"""A table counts only if it answers the question that its family asks now, with the tokenizer of now."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from tokenizers import Tokenizer

from istar.questions import ArmMeans, Question, Run, SpanLogprob, Steer
from istar.storage import kinds
from istar.targets import Target, build_corpus, load_target
from istar.targets.places import at_hand
from istar.targets.tiny import byte_tokenizer
from istar.targets.tokenizer import tokenizer_digest
from istar.tasks import FAMILIES, Encoder, Family, Split, Task, TaskError, structure_of
from istar.tasks.shot_shapley import ShotShapley
from istar.truth import Asked, ParquetStore, StaleTruthError, Stores, build_truth, load_tables, task_summaries
from istar.truth.asked import is_ours, same_question


@dataclass(frozen=True)
class Edited(Family):
    """Two words in two openings; the words are what an edit changes."""

    name: ClassVar[str] = "edited"
    split: ClassVar[Split] = "use"
    data_sets: ClassVar[tuple[str, ...]] = ("words",)
    words: tuple[str, ...] = (" hard", " soft")

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        if " none" in self.words:
            raise TaskError("there is no such word")
        runs, rows = [], []
        for arm, word in enumerate(self.words):
            for number, opening in enumerate((f"{index}: say", "Write")):
                prompt = (encode.bos, *encode(opening))
                runs.append(Run(prompt + encode(word), SpanLogprob(len(prompt))))
                rows.append((arm, number))
        structure = structure_of([("word", "arm"), ("opening", "nuisance")], rows)
        return Question("edited/words", index, tuple(runs), structure, ArmMeans("word"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of each test's own."""
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What registers the family as somebody has edited it, and returns its task."""

    def edited(*words: str) -> Task:
        family = Edited(words) if words else Edited()
        monkeypatch.setitem(FAMILIES._entries, "edited", family)
        return Task(family, "words")

    return edited


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("tiny-random")


def other_tokenizer() -> Any:
    """The byte tokenizer with two of its tokens exchanged."""
    tokenizer = byte_tokenizer()
    whole = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = whole["model"]["vocab"]
    vocabulary["h"], vocabulary["s"] = vocabulary["s"], vocabulary["h"]
    return type(tokenizer)(tokenizer_object=Tokenizer.from_str(json.dumps(whole)), bos_token="<s>", eos_token="</s>")


def indices(tables: list[Any]) -> list[int]:
    return [table.question.index for table in tables]


def test_an_edited_family_makes_its_tables_stale_until_they_are_built_anew(target: Target, edit: Any) -> None:
    task = edit()
    assert indices(list(build_truth([task], target, questions=range(2)))) == [0, 1]
    assert indices(load_tables(task.name, target)) == [0, 1]
    task = edit(" hard", " even")
    advice = r"questions 0, 1 of edited/words .* are stale: .*`istar truth build edited/words --target tiny-random -"
    with pytest.raises(StaleTruthError, match=advice):
        load_tables(task.name, target)
    with pytest.raises(StaleTruthError, match=advice):
        load_tables(task.name, target.id)  # the name that a command finds the target by is known from the table
    (summary,) = task_summaries(target, [task])
    assert (summary.status, summary.stale, summary.questions) == ("use only", 2, 0)
    assert "2 of 2 tables are stale" in summary.reason
    told: list[tuple[str, int]] = []
    built = list(
        build_truth([task], target, questions=range(1), on_stale=lambda of, index: told.append((of.name, index)))
    )
    assert (indices(built), told) == ([0], [("edited/words", 0)])
    assert "question 1 of" in _refusal(task, target)
    list(build_truth([task], target, questions=range(2)))
    assert [table.question.hash for table in load_tables(task.name, target)] == [
        task.question(target.tokenizer, index).hash for index in range(2)
    ]
    assert list(build_truth([task], target, questions=range(2))) == []


def _refusal(task: Task, target: Target) -> str:
    with pytest.raises(StaleTruthError) as refused:
        load_tables(task.name, target)
    return str(refused.value)


def test_another_tokenizer_under_the_same_weights_makes_tables_stale(target: Target, tmp_path: Path) -> None:
    task = Task(FAMILIES.get("shot_shapley"), "antonyms")
    small = Task(ShotShapley(shots=3, queries=3, pool=9), "antonyms")
    store = ParquetStore(tmp_path / "tables")
    list(build_truth([small], target, questions=range(1), store=store))
    exchanged = replace(target, tokenizer=other_tokenizer())
    assert exchanged.id == target.id
    assert list(build_truth([small], target, questions=range(1), store=store)) == []
    (rebuilt,) = build_truth([small], exchanged, questions=range(1), store=store)
    assert (
        rebuilt.question.hash == small.question(exchanged.tokenizer, 0).hash != small.question(target.tokenizer, 0).hash
    )
    with pytest.raises(StaleTruthError, match="are stale"):
        load_tables(task.name, exchanged, store=store)  # the registered task has other sizes


def test_force_builds_good_tables_too(target: Target, edit: Any) -> None:
    task = edit()
    list(build_truth([task], target, questions=range(1)))
    assert list(build_truth([task], target, questions=range(1))) == []
    assert indices(list(build_truth([task], target, questions=range(1), force=True))) == [0]


def test_a_stale_shipped_table_does_not_hide_the_one_that_was_built_for_it(
    target: Target, edit: Any, tmp_path: Path
) -> None:
    shipped, own = ParquetStore(tmp_path / "shipped"), ParquetStore(tmp_path / "own")
    list(build_truth([edit()], target, questions=range(1), store=shipped))
    task = edit(" hard", " even")
    list(build_truth([task], target, questions=range(1), store=Stores(shipped, own)))
    (found,) = load_tables(task.name, target, store=Stores(shipped, own))
    assert found.question.hash == task.question(target.tokenizer, 0).hash
    assert task_summaries(target, [task], store=Stores(shipped, own))[0].stale == 0


def test_a_family_that_cannot_ask_any_more_has_stale_tables(target: Target, edit: Any) -> None:
    list(build_truth([edit()], target, questions=range(1)))
    task = edit(" none")
    assert task_summaries(target, [task])[0].stale == 1
    with pytest.raises(TaskError, match="no such word"):
        load_tables(task.name, target)


def test_the_listing_marks_stale_tables_of_ones_own_and_says_what_it_does_not_know(target: Target, edit: Any) -> None:
    list(build_truth([edit()], target, questions=range(1)))
    (summary,) = task_summaries("tiny-random", [edit(" hard", " even")], thorough=False)
    assert (summary.stale, summary.unchecked) == (1, 0)
    ours = Task(FAMILIES.get("shot_shapley"), "symbols")
    (summary,) = task_summaries(None, [ours], thorough=False)
    assert (summary.stale, summary.unchecked) == (0, summary.questions)
    (summary,) = task_summaries(None, [ours])
    assert (summary.stale, summary.unchecked) == (0, 0)
    (summary,) = task_summaries(None, [ours], thorough=False)  # remembered
    assert (summary.stale, summary.unchecked) == (0, 0)


def test_the_listing_converts_and_fetches_nothing(monkeypatch: pytest.MonkeyPatch, edit: Any) -> None:
    def begun(*_: object) -> None:
        raise AssertionError("a tokenizer was loaded for a listing")

    monkeypatch.setattr("istar.targets.tokenizer.load_tokenizer", begun)
    (summary,) = task_summaries(None, [Task(FAMILIES.get("shot_shapley"), "antonyms")], thorough=False)
    assert summary.unchecked == summary.questions > 0
    assert not at_hand("owner/model")
    assert not at_hand("smollm2-135m")
    assert at_hand("tiny-random")
    assert at_hand("tiny-text")


class TestMemory:
    task = Task(ShotShapley(shots=3, queries=3, pool=9), "antonyms")

    def test_a_question_of_ours_is_made_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = self.task.question(byte_tokenizer(), 1).hash
        assert Asked(byte_tokenizer()).hash(self.task, 1) == made
        monkeypatch.setattr(Task, "question", None)
        assert Asked(byte_tokenizer()).hash(self.task, 1) == made

    @pytest.mark.parametrize("changed", ["sizes", "tokenizer", "code", "seed", "index", "data set"])
    def test_nothing_is_remembered_of_another(self, changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
        Asked(byte_tokenizer()).hash(self.task, 1)
        asked, task, index, seed = Asked(byte_tokenizer()), self.task, 1, 0
        if changed == "sizes":
            task = Task(replace(ShotShapley(), shots=3, queries=3, pool=8), "antonyms")
        elif changed == "tokenizer":
            asked = Asked(other_tokenizer())
        elif changed == "code":
            monkeypatch.setattr(kinds, "fingerprint", lambda *_, **__: "edited")
        elif changed == "seed":
            seed = 1
        elif changed == "index":
            index = 2
        else:
            task = Task(self.task.family, "capitals")
        assert asked.remembered(task, index, seed) is None
        assert Asked(byte_tokenizer()).remembered(self.task, 1) == (None if changed == "code" else _hash(self.task))

    def test_a_users_own_is_made_each_time(self, edit: Any, home: Path) -> None:
        task = edit()
        assert not is_ours(task)
        assert is_ours(self.task)
        Asked(byte_tokenizer()).hash(task, 0)
        assert Asked(byte_tokenizer()).remembered(task, 0) is None
        assert not list(home.rglob("questions"))


def _hash(task: Task) -> str:
    return task.question(byte_tokenizer(), 1).hash


def test_the_last_bit_of_a_strength_is_the_processors_and_no_more() -> None:
    def question(scale: float, value: float = 0.1) -> Question:
        run = Run((0, 5, 6), SpanLogprob(2), Steer((0, 7), (0, 8), scale, 0.5))
        return Question("a/b", 0, (run,), structure_of([("x", "covariate")], [(value,)]), ArmMeans("x"))

    one = question(0.3)
    assert same_question(one, question(np.nextafter(0.3, 1)))
    assert same_question(one, question(0.3, np.nextafter(0.1, 1)))
    assert not same_question(one, question(0.3001))
    assert not same_question(one, question(0.3, 0.1001))
    assert not same_question(one, replace(one, index=1))


class TestTokenizerDigest:
    def test_it_is_of_what_decides_tokens(self) -> None:
        digest = tokenizer_digest(byte_tokenizer())
        assert digest == tokenizer_digest(byte_tokenizer())
        assert digest != tokenizer_digest(other_tokenizer())
        added = byte_tokenizer()
        added.add_tokens(["<sep>"])
        assert digest != tokenizer_digest(added)
        begun = byte_tokenizer()
        begun.bos_token = "</s>"
        assert digest != tokenizer_digest(begun)

    def test_a_call_that_truncates_leaves_it(self) -> None:
        tokenizer = byte_tokenizer()
        tokenizer.pad_token = "</s>"
        digest = tokenizer_digest(tokenizer)
        tokenizer(["hard", "soft and even"], truncation=True, max_length=8, padding=True)
        assert tokenizer.backend_tokenizer.truncation is not None
        assert tokenizer_digest(tokenizer) == digest

    def test_what_is_learned_from_a_corpus_is_filed_under_it(self, target: Target) -> None:
        exchanged = replace(target, tokenizer=other_tokenizer())
        corpora = [build_corpus(each, 4, 16) for each in (target, exchanged, target)]
        assert corpora[0].hash == corpora[2].hash != corpora[1].hash
        assert corpora[0].tokenizer == tokenizer_digest(target.tokenizer)
        assert corpora[1].texts[0] == exchanged.decode(corpora[1].tokens[0][1:])
        assert corpora[1].tokens != corpora[0].tokens
