"""What one look costs, on questions whose texts are known, and what the truth saves at that price."""

import numpy as np
import pytest

from istar.arms.planted import curves_with, planted_recording
from istar.arms.replays import Replays
from istar.arms.task_questions import with_references
from istar.audit.look import PASSES, new_in, one_look
from istar.audit.reach import reachable
from istar.flops import CostModel
from istar.protocol.config import SearchConfig
from istar.questions import ArmMeans, Column, Composed, FineTune, Question, Run, SpanLogprob, Steer, Structure
from istar.rewards.budgets import shares_of
from istar.rewards.crossing import crossings
from istar.targets import load_target
from istar.tasks import Task
from istar.tasks.loss_quantile import LossQuantile
from istar.truth import build_truth, load_tables

LONG = tuple(range(1, 41))
COSTS = CostModel(per_token=100, per_pair=1, per_read=1000)


def counts(*texts):
    return [int(new.sum()) for new in new_in(texts)]


class TestNewTokens:
    def test_the_first_text_is_new_and_a_part_of_it_is_not(self):
        assert counts(LONG, LONG[:17], LONG[20:30]) == [40, 0, 0]

    def test_what_is_left_out_moved_or_turned_round_costs_nothing(self):
        assert counts(LONG, LONG[:12] + LONG[20:]) == [40, 0]
        assert counts(LONG, LONG[20:] + LONG[:20]) == [40, 0]

    @pytest.mark.parametrize("place", [0, 1, 2, 19, 38, 39])
    def test_a_changed_token_costs_itself(self, place):
        changed = (*LONG[:place], 99, *LONG[place + 1 :])
        new = new_in([LONG, changed])[1]
        assert np.flatnonzero(new).tolist() == [place]

    def test_prompts_and_examples_that_are_combined_otherwise_are_read_once(self):
        prompts = [tuple(range(100 * i, 100 * i + 20)) for i in range(1, 4)]
        examples = [tuple(range(1000 * i, 1000 * i + 20)) for i in range(1, 4)]
        found = counts(*(prompt + example for prompt in prompts for example in examples))
        # the first example follows each new prompt, and is read with it
        assert found == [40, 20, 20, 40, 0, 0, 40, 0, 0]

    def test_a_text_made_alike_is_not_a_small_change(self):
        template = [LONG[i : i + 6] for i in range(0, 36, 6)]
        first = tuple(token for part in template for token in (*part, 500))
        other = tuple(token for part in template for token in (*part, 600))
        assert counts(first, other)[1] == len(other) - 6  # a seventh is new, and so all but the same beginning

    def test_texts_that_share_nothing_are_all_new(self):
        streams = [tuple(range(50 * i, 50 * i + 50)) for i in range(1, 9)]
        assert counts(*streams) == [50] * 8


def question_of(*runs):
    structure = Structure((Column("arm", "arm", tuple(map(float, range(len(runs))))),))
    return Question("f/a", 0, runs, structure, ArmMeans("arm"))


class TestOneLook:
    def test_its_price_is_that_of_what_is_new(self):
        changed = (*LONG[:20], 99, *LONG[21:])
        runs = [Run(text, SpanLogprob(len(text) - 1)) for text in (LONG, changed, LONG[:12] + LONG[20:])]
        whole = sum(100 + place + 1 for place in range(39)) + 1000  # the last token is foretold, and never processed
        assert one_look(question_of(runs[0]), COSTS) == whole
        # the changed token is the twenty-first, and its text is read; leaving out is free
        assert one_look(question_of(*runs), COSTS) == whole + (100 + 21) + 1000

    def test_what_interventions_are_made_from_is_read_once_and_not_priced_as_a_row(self):
        lesson = tuple(range(200, 230))
        step = FineTune((lesson,), (1,), 0.1)
        steer = Steer(tuple(range(300, 310)), tuple(range(400, 410)), 1.0, 0.5)
        plain = Run(LONG, SpanLogprob(39))
        trained = [Run(LONG, SpanLogprob(39), each) for each in (step, FineTune((lesson,), (1,), 0.2))]
        steered = Run(LONG, SpanLogprob(39), Composed((step, steer)))
        alone = one_look(question_of(plain), COSTS)
        lessons = sum(100 + place + 1 for place in range(30))
        assert one_look(question_of(plain, *trained), COSTS) == alone + lessons
        vectors = 2 * sum(100 + place + 1 for place in range(10))
        assert one_look(question_of(plain, *trained, steered), COSTS) == alone + lessons + vectors

    def test_a_look_with_a_backward_pass_costs_three_forwards(self):
        assert PASSES == {"forward": 1.0, "gradient": 3.0}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTAR_HOME", str(tmp_path_factory.mktemp("home")))
        target = load_target("tiny-random")
        task = Task(LossQuantile(sequences=128), "kjv")
        list(build_truth((task,), target, questions=range(4)))
        yield load_tables(task, target)


@pytest.fixture(scope="module")
def replays(tables):
    return Replays(SearchConfig(executor_seeds=2), [with_references("loss_quantile/kjv", tuple(tables))])


class TestReachable:
    def test_it_is_the_multiplier_of_the_truth_at_that_price(self, tables, replays):
        price = {table.question.hash: 0.01 for table in tables}
        found = reachable(replays, tables, price, 0.8)
        logs = []
        for table in tables:
            others = [each for each in tables if each is not table]
            said = {each.question.hash: planted_recording(each, each.values[:, None], 0.01) for each in tables}
            arms = (replays.baseline(table).curves, curves_with(replays, table, others, said, "check"))
            costs = [
                crossings(np.mean([curve.skill for curve in arm], axis=0), np.log(shares_of(arm[0])), 0.8).log_cost
                for arm in arms
            ]
            logs.append(costs[0] - costs[1])
        assert found == pytest.approx(float(np.exp(np.mean(logs))))
        assert found > 3

    def test_a_look_that_costs_more_than_all_rows_saves_nothing(self, tables, replays):
        dear = {table.question.hash: 1.5 for table in tables}
        assert reachable(replays, tables, dear, 0.8) == pytest.approx(1.0, abs=0.05)

    def test_a_dearer_look_saves_less(self, tables, replays):
        found = [
            reachable(replays, tables, {table.question.hash: price for table in tables}, 0.8)
            for price in (0.003, 0.03, 0.3)
        ]
        assert found[0] > found[1] > found[2]
