"""The data sets in the language of `tiny-exact` of families that have others too."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from istar.making.small_targets.exact_recipe import exact_tokenizer
from istar.questions import build_trie
from istar.seeds import Seed
from istar.targets.small.tiny_exact import ALPHABET, DIGITS, HABIT, LETTERS, shifted, shifted_rule
from istar.tasks import TaskError, task, tasks
from istar.tasks.data import symbols
from istar.tasks.loss_quantile import LossQuantile
from istar.tasks.shot_shapley import ShotShapley
from istar.testing.families import ByteTokenizer

TOKENIZER = exact_tokenizer()


def text(tokens: tuple[int, ...]) -> str:
    return "".join(ALPHABET[token - 3] for token in tokens)


def made(family, index: int = 0, tokenizer=TOKENIZER):
    return family.question(symbols.NAME, tokenizer, Seed.root(0), index)


class TestShotShapley:
    def test_rows_are_all_subsets_times_all_keys(self) -> None:
        question = made(ShotShapley(shots=4))
        switches = [column.array for column in question.structure.of("switch")]
        assert len(set(zip(*switches, question.structure["query"], strict=True))) == len(question.runs) == 2**4 * 8
        asked = {run.tokens[run.readout.start - 2] for run in question.runs}
        assert text(tuple(sorted(asked))) == LETTERS

    @pytest.mark.parametrize("index", range(8))
    def test_a_rule_that_one_line_settles_with_a_few_wrong_lines(self, index: int) -> None:
        question = made(ShotShapley(), index)
        answers = {text(run.tokens)[-3]: text(run.tokens)[-1] for run in question.runs}
        rules = [{key: shifted(HABIT[key], shift) for key in LETTERS} for shift in range(8)]
        assert answers in rules
        *lines, query = text(question.runs[-1].tokens[1:]).split("\n")
        assert query == f"{LETTERS[-1]}>{answers[LETTERS[-1]]}"
        assert len({line[0] for line in lines}) == 8
        assert 2 <= sum(answers[line[0]] != line[2] for line in lines) <= 3

    def test_the_habit_and_shifts_of_it_both_occur(self) -> None:
        answers = []
        for index in range(16):
            runs = made(ShotShapley(shots=3), index).runs
            answers.append({text(run.tokens)[-3]: text(run.tokens)[-1] for run in runs})
        assert dict(HABIT) in answers
        assert any(each != dict(HABIT) for each in answers)

    def test_too_many_shots(self) -> None:
        with pytest.raises(TaskError, match="shot_shapley/symbols has 8 keys, too few for 9 shots"):
            made(ShotShapley(shots=9))


class TestLossQuantile:
    def test_the_stream_is_every_pair_of_examples_after_the_same_lines(self) -> None:
        for index in range(4):
            question = made(LossQuantile(), index)
            texts = [text(run.tokens[1:]) for run in question.runs]
            (before,) = {each[:-8] for each in texts}
            assert sorted(each[-8:] for each in texts) == sorted(
                f"{a}>{b}\n{c}>{d}\n" for a, b, c, d in product(LETTERS, repeat=4)
            )
            assert all(run.readout.start == 1 + len(before) for run in question.runs)
            lines = before.removesuffix("\n").split("\n")
            assert 1 <= sum(len(line) == 3 for line in lines) <= 8
            assert all(len(line) == 3 or (place == 0 and line in DIGITS) for place, line in enumerate(lines))

    def test_covariates_count_lines_that_agree_with_what_was_shown(self) -> None:
        question = made(LossQuantile(shown=3), 2)
        for row in range(0, len(question.runs), 61):
            *shown, first, second = text(question.runs[row].tokens[1:]).removesuffix("\n").split("\n")
            agreeing = (first in shown) + (second in [*shown, first])
            known = any(first[0] == line[0] for line in shown if ">" in line)
            known += any(second[0] == line[0] for line in [*shown, first] if ">" in line)
            assert question.structure["agreeing"][row] == agreeing
            assert question.structure["disagreeing"][row] == known - agreeing

    def test_quantile_is_that_of_the_whole_distribution(self) -> None:
        question = made(LossQuantile())
        values = np.random.default_rng(0).gamma(2.0, size=len(question.runs))
        ordered = sorted(values)
        rank = next(i for i in range(len(ordered)) if (i + 1) / len(ordered) >= 0.99)
        tail = ordered[rank:]
        expected = [ordered[rank], sum(tail) / len(tail)]
        np.testing.assert_allclose(question.functional.answer(values, question.structure), expected)


def test_every_such_data_set_is_at_home_on_tiny_exact_and_dear_there() -> None:
    found = [each for each in tasks() if each.data_set == symbols.NAME]
    assert {each.family.name for each in found} >= {"shot_shapley", "loss_quantile", "rare_output", "adversarial_floor"}
    for each in found:
        assert each.home == "tiny-exact"
        question = each.question(TOKENIZER, 0)
        longest = max(len(path.tokens) for run in question.runs for path in run.paths)
        assert build_trie(question.runs).unique_tokens >= 100 * longest
        assert all(token >= 3 for run in question.runs[::97] for token in run.tokens[1:]), "a symbol it does not know"
    assert task("shot_shapley/antonyms").home == task("loss_quantile/kjv").home == "smollm2-135m"


@pytest.mark.parametrize("family", [ShotShapley(), LossQuantile()])
def test_any_tokenizer_will_do(family) -> None:
    assert len(made(family, 0, ByteTokenizer()).runs) == len(made(family).runs)


def test_examples_begin_with_a_true_header_or_none() -> None:
    headers = set()
    for seed in range(60):
        begin = symbols.examples(np.random.default_rng(seed), 4)
        headers.add(begin[0] if begin[0][0] in DIGITS else "")
        assert 1 <= sum(symbols.ARROW in line for line in begin) <= 4
    assert headers == {"", "0\n", "1\n", "2\n"}


def test_clean_lines_follow_the_rule() -> None:
    rule = shifted_rule(3)
    lines = symbols.clean_lines(np.random.default_rng(0), rule, 5)
    assert len({line[0] for line in lines}) == 5
    assert all(line == f"{line[0]}>{rule(line[0])}\n" for line in lines)


def test_classes() -> None:
    assert symbols.classes("a3>\n#!h") == (0, 1, 2, 2, 2, 2, 0)
    assert symbols.every_string("ab", 2) == ("aa", "ab", "ba", "bb")
