"""What each family's questions mean, read back from their tokens."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from istar.questions import Question, Run, SpanLogprob, SpanMargin, build_trie
from istar.seeds import Seed
from istar.tasks import Encoder, TaskError, select_tasks, split_of, task, tasks
from istar.tasks.context_attribution import ContextAttribution
from istar.tasks.data.places import capitals, countries
from istar.tasks.data.reviews import long_reviews
from istar.tasks.data.scripture import books
from istar.tasks.data.words import operations, opposites
from istar.tasks.loss_quantile import LossQuantile
from istar.tasks.prompt_ceiling import RELATIONS, PromptCeiling
from istar.tasks.shot_shapley import ShotShapley
from istar.testing.families import ByteTokenizer

TOKENIZER = ByteTokenizer()


def text(tokens: tuple[int, ...]) -> str:
    return TOKENIZER.decode(tokens)


def scored(run: Run) -> str:
    assert isinstance(run.readout, SpanLogprob | SpanMargin)
    return TOKENIZER.decode(run.tokens[run.readout.start :])


class TestShotShapley:
    family = ShotShapley(shots=6, queries=5, pool=40)

    @pytest.fixture
    def question(self) -> Question:
        return self.family.question("capitals", TOKENIZER, Seed.root(0), 0)

    def test_rows_are_all_subsets_times_queries(self, question: Question) -> None:
        switches = [column.array for column in question.structure.of("switch")]
        places = set(zip(*switches, question.structure["query"], strict=True))
        assert len(places) == len(question.runs) == 2**6 * 5

    def test_switches_say_which_shots_stand_in_the_prompt(self, question: Question) -> None:
        full = text(question.runs[-1].tokens).split("\n")[:-1]
        assert len(full) == 6
        switches = np.stack([column.array for column in question.structure.of("switch")], axis=1)
        for run, present in zip(question.runs[::17], switches[::17], strict=True):
            expected = [line for line, there in zip(full, present, strict=True) if there]
            assert text(run.tokens).split("\n")[:-1] == expected

    def test_queries_are_answered_rightly_and_some_shots_wrongly(self) -> None:
        known = dict(capitals())
        for index in range(6):
            question = self.family.question("capitals", TOKENIZER, Seed.root(0), index)
            lines = [line.split(" -> ") for line in text(question.runs[-1].tokens).split("\n")]
            assert 2 <= sum(known[place] != capital for place, capital in lines[:-1]) <= 3
            for run in question.runs:
                place, capital = text(run.tokens).split("\n")[-1].split(" -> ")
                assert known[place] == capital
                assert scored(run) == f" {capital}"

    def test_no_query_is_a_shot(self, question: Question) -> None:
        lines = {line.split(" -> ")[0] for line in text(question.runs[-1].tokens).split("\n")[:-1]}
        assert not lines & {text(run.tokens).split("\n")[-1].split(" -> ")[0] for run in question.runs}

    def test_too_few_pairs(self) -> None:
        with pytest.raises(TaskError, match=r"capitals has .* pairs, too few for 8 shots and 400 queries; lower one"):
            ShotShapley(queries=400).question("capitals", TOKENIZER, Seed.root(0), 0)


class TestContextAttribution:
    family = ContextAttribution(tokens=(400, 1200), parts=(8, 11), ratio=12, subsets=30, held_out=6)

    @pytest.mark.parametrize("source", ["facts", "reviews"])
    def test_leave_one_out_lacks_exactly_one_sentence(self, source: str) -> None:
        question = self.family.question(f"{source}-loo", TOKENIZER, Seed.root(0), 0)
        structure = question.structure
        places = {
            place: run.tokens
            for place, run in zip(
                zip(structure.levels("context"), structure.levels("removed"), structure.levels("probe"), strict=True),
                question.runs,
                strict=True,
            )
        }
        assert len(places) == len(question.runs)
        contexts = structure.levels("context").max() + 1
        assert contexts >= 2
        for context in range(contexts):
            full = places[context, 0, 0]
            removals = [
                tokens for (unit, removed, probe), tokens in places.items() if unit == context and removed and not probe
            ]
            assert 8 <= len(removals) <= 11
            lost = [len(full) - len(tokens) for tokens in removals]
            # the sentences are removed one after another, from the first to the last, and cover the context
            start = 1
            for tokens, length in zip(removals, lost, strict=True):
                assert tokens == full[:start] + full[start + length :]
                start += length
            assert 400 <= start - 1 <= 1200

    @pytest.mark.parametrize("source", ["facts", "reviews"])
    def test_subsets_are_about_one_half_and_differ(self, source: str) -> None:
        question = self.family.question(f"{source}-subsets", TOKENIZER, Seed.root(0), 0)
        switches = np.stack([column.array for column in question.structure.of("switch")], axis=1)
        subset = question.structure.levels("subset")
        first = np.unique(subset, return_index=True)[1]
        assert len(first) >= 30
        assert len({tuple(row) for row in switches[first]}) == len(first)
        assert len(question.runs) == 4 * len(first)
        assert 0.3 < switches[first].mean() < 0.7

    def test_facts_state_the_answer_in_the_context_and_not_as_the_world_has_it(self) -> None:
        known = dict(capitals())
        question = self.family.question("facts-loo", TOKENIZER, Seed.root(0), 1)
        overlap, removed = question.structure["removed_overlap"], question.structure.levels("removed")
        for run, level in zip(question.runs, removed, strict=True):
            if level:
                continue
            answer = scored(run).strip()
            context, query = text(run.tokens).split("\n")
            asked = next(name for name in known if name in query)
            assert answer in context
            assert known[asked] != answer
        assert set(overlap) <= {0.0, 0.5, 1.0}
        assert (overlap == 1).any()

    def test_brute_force_reaches_the_ratio(self) -> None:
        for name in self.family.data_sets:
            question = self.family.question(name, TOKENIZER, Seed.root(0), 0)
            longest = max(len(path.tokens) for run in question.runs for path in run.paths)
            assert build_trie(question.runs).unique_tokens >= 12 * longest

    def test_a_context_that_cannot_be(self) -> None:
        with pytest.raises(TaskError, match="no review has 90 to 91 sentences of 400 to 410 tokens"):
            ContextAttribution(tokens=(400, 410), parts=(90, 91)).question("reviews-loo", TOKENIZER, Seed.root(0), 0)


class TestPromptCeiling:
    family = PromptCeiling(levels=(2, 3, 2), examples=8)

    def test_grammar_crosses_all_traits(self) -> None:
        for name in self.family.data_sets:
            structure = self.family.question(name, TOKENIZER, Seed.root(0), 0).structure
            traits = np.stack([column.array for column in structure.of("trait")], axis=1)
            prompts = np.unique(np.column_stack([structure["prompt"], traits]), axis=0)
            assert len(prompts) == 12
            assert len(np.unique(prompts[:, 1:], axis=0)) == 12

    @pytest.mark.parametrize("data_set", PromptCeiling.data_sets)
    def test_questions_ask_one_relation_each_and_score_its_answer(self, data_set: str) -> None:
        for index, relation in enumerate(RELATIONS[data_set]()):
            question = self.family.question(data_set, TOKENIZER, Seed.root(0), index)
            pairs = set(relation.pairs)
            words: dict[int, set[str]] = {}
            for run, example in zip(question.runs, question.structure.levels("example"), strict=True):
                prompt, answer = text(run.tokens)[: -len(scored(run))].split("\n"), scored(run)[1:]
                asked = "\n".join(prompt[-2:])
                words.setdefault(int(example), set()).add(answer)
                assert any(word in asked and right == answer for word, right in pairs)
            assert len(words) == 8
            assert all(len(answers) == 1 for answers in words.values())

    def test_demonstrations_are_right_and_not_asked(self) -> None:
        question = PromptCeiling(levels=(1, 8, 8), examples=4).question("words", TOKENIZER, Seed.root(0), 5)
        first_letter = re.compile(r"(?:^|\n)(\w+) -> (\w)(?=\n|$)")
        seen = [match for run in question.runs for match in first_letter.findall(text(run.tokens))]
        assert seen
        assert all(word[0] == letter for word, letter in seen)

    def test_examples_must_fit(self) -> None:
        with pytest.raises(
            TaskError, match="1 examples of the plural, but there must be 2 at least, one for each half"
        ):
            PromptCeiling(examples=1).question("words", TOKENIZER, Seed.root(0), 0)


class TestLossQuantile:
    family = LossQuantile(sequences=200, tokens=(8, 40), window=6)

    def test_sequences_are_distinct_and_of_length(self) -> None:
        for name in ("kjv", "reviews"):
            question = self.family.question(name, TOKENIZER, Seed.root(0), 0)
            assert len({run.tokens for run in question.runs}) == 200
            lengths = question.structure["length"]
            assert (lengths == [len(run.tokens) - 1 for run in question.runs]).all()
            assert 8 <= lengths.min() <= lengths.max() <= lengths.min() + 6 <= 46

    def test_share_of_faulty_sequences(self) -> None:
        verses = {verse for _, book in books() for verse in book}
        for share in (0.0001, 0.5):
            family = LossQuantile(sequences=300, tokens=(8, 4008), window=4000, faulty=(share, share))
            question = family.question("kjv", TOKENIZER, Seed.root(0), 0)
            whole = np.mean([text(run.tokens) in verses for run in question.runs])
            assert whole == pytest.approx(1 - share, abs=0.1)

    def test_rarity_is_log_frequency(self) -> None:
        question = self.family.question("kjv", TOKENIZER, Seed.root(0), 0)
        mean, least = question.structure["mean_log_frequency"], question.structure["least_log_frequency"]
        assert (least <= mean).all()
        assert 0 <= least.min() <= mean.max() <= 8

    def test_a_stream_that_cannot_be_filled(self) -> None:
        with pytest.raises(TaskError, match=r"only .* sequences of 200; lower `tokens`"):
            LossQuantile(sequences=200, tokens=(20_000, 20_002)).question("kjv", TOKENIZER, Seed.root(0), 0)


class TestSources:
    def test_words(self) -> None:
        pairs = opposites()
        assert len({word for word, _ in pairs}) == len(pairs) >= 300
        assert dict(operations()[0].pairs)["mouse"] == "mice"
        assert dict(operations()[1].pairs)["go"] == "went"
        assert dict(operations()[7].pairs)["apple"] == "five"

    def test_places(self) -> None:
        assert dict(capitals())["France"] == "Paris"
        assert len(countries()) > 120

    def test_reviews(self) -> None:
        assert len(long_reviews()) > 20_000
        assert not any("<br" in review.text for review in long_reviews()[:2000])
        assert 0.45 < np.mean([review.positive for review in long_reviews()]) < 0.55

    def test_scripture(self) -> None:
        genesis = books()[0][1]
        assert len(genesis) == 1533
        assert genesis[0] == "In the beginning God created the heaven and the earth."
        assert not any(re.match(r"\d+\.", verse) for verse in genesis)


SPLITS = {
    "train": "shot_shapley context_attribution active_learning shot_order format_sensitivity label_free_accuracy "
    "position_bias layer_knockout",
    "validation": "prompt_ceiling early_exit backdoor_audit finetune_side_effects memorisation needle_depth "
    "loss_quantile trigger_transfer rare_output policy_adaptation sandbag_recovery adversarial_floor",
    "test": "context_conflict edit_search head_knockout length_cliff paraphrase_floor quantisation_harm",
    "use": "sandbag_or_failure bad_context",
}
"""Families never change their split once they were used."""


class TestTasks:
    @pytest.mark.parametrize("split", SPLITS)
    def test_splits_are_by_family_and_stay(self, split) -> None:
        families = SPLITS[split].split()
        assert {each.family.name for each in tasks(split)} == set(families)
        assert all(split_of(family) == split for family in families)

    def test_every_family_has_two_tasks_at_least(self) -> None:
        names = [each.family.name for each in tasks()]
        assert all(names.count(name) >= 2 for name in names)
        assert sum(each.split != "use" for each in tasks()) >= 50

    def test_every_task_is_found_by_name_family_and_split(self) -> None:
        for each in tasks():
            assert task(each.name) == each
        assert select_tasks(()) == tasks()
        assert select_tasks(["test", "length_cliff/names"]) == tasks("test")

    def test_only_tasks_for_use_are_judged(self) -> None:
        assert {each.split for each in tasks() if each.judged} == {"use"}

    def test_unknown_names(self) -> None:
        with pytest.raises(
            TaskError, match=r"no task, family or split is called 'shapley'; did you mean 'shot_shapley'\?"
        ):
            task("shapley")
        with pytest.raises(TaskError, match="no split 'training'; there are train, validation, test"):
            tasks("training")  # type: ignore[arg-type]


class TestEncoder:
    def test_needs_a_first_token(self) -> None:
        class Bare:
            bos_token_id = None
            eos_token_id = None

        with pytest.raises(TaskError, match="Bare has neither a beginning- nor an end-of-sequence token"):
            Encoder(Bare())

    def test_falls_back_to_the_last_token(self) -> None:
        class Qwen:
            bos_token_id: Any = None
            eos_token_id = 7

        assert Encoder(Qwen()).bos == 7


def test_shared_text_shares_tokens() -> None:
    question = ShotShapley(shots=3, queries=3, pool=9).question("antonyms", TOKENIZER, Seed.root(0), 0)
    naive = sum(len(path.tokens) for run in question.runs for path in run.paths)
    assert build_trie(question.runs).unique_tokens < 0.5 * naive
    assert all(a.tokens != b.tokens for a, b in pairwise(question.runs))
