"""What `context_conflict` asks, read back from its tokens."""

from __future__ import annotations

import numpy as np
import pytest

from istar.seeds import Seed
from istar.tasks import Family, TaskError
from istar.tasks.context_conflict import WINS, WORDINGS, ContextConflict
from istar.tasks.data.common_facts import FACTS
from istar.testing.families import ByteTokenizer, FamilyConformance

SMALL = ContextConflict(subjects=3, wordings=2, statements=4, tellings=2, queries=2)
DATA_SETS = pytest.mark.parametrize("data_set", SMALL.data_sets)
TOKENIZER = ByteTokenizer()


def made(data_set, index=0, family=SMALL):
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


class TestContextConflictConformance(FamilyConformance):
    least_ratio = 15

    def make(self) -> Family:
        return SMALL


def told(data_set, index=0):
    """Yield each row's structure, the sentences of its context, query, told and remembered answer."""
    asked = made(data_set, index)
    for row, run in enumerate(asked.runs):
        place = {column.name: column.values[row] for column in asked.structure.columns}
        *sentences, query = TOKENIZER.decode(run.tokens[1 : run.readout.start]).strip().split(". ")
        shown = TOKENIZER.decode(run.tokens[run.readout.start :]).strip()
        yield place, sentences, query, shown, TOKENIZER.decode(run.readout.foil).strip()


@DATA_SETS
def test_contexts_have_as_many_statements_and_so_many_of_them_say_something_else(data_set):
    pairs = dict(FACTS[data_set].pairs)
    for place, sentences, query, shown, remembered in told(data_set):
        assert len(sentences) == 4
        (subject,) = [each for each in pairs if each.lower() in query.lower()]
        assert pairs[subject] == remembered != shown
        counter = [sentence for sentence in sentences if shown in sentence.split()]
        assert len(counter) == place["counter"] == 4 * place["share"]
        assert all(remembered in sentence.split() for sentence in sentences if sentence not in counter)
        assert all(subject.lower() in sentence.lower() for sentence in sentences)


@DATA_SETS
def test_statements_turn_one_by_one_in_an_order_of_their_own(data_set):
    contexts = {}
    for place, sentences, *_ in told(data_set):
        contexts.setdefault((place["unit"], place["telling"]), {})[int(place["counter"])] = sentences
    assert len(contexts) == 3 * 2 * 2
    orders = {}
    for (unit, _), steps in contexts.items():
        order = []
        for count in range(4):
            pairs = zip(steps[count], steps[count + 1], strict=True)
            (turned,) = [place for place, (one, other) in enumerate(pairs) if one != other]
            order.append(turned)
        assert sorted(order) == [0, 1, 2, 3]
        orders.setdefault(unit, set()).add(tuple(order))
    assert all(len(each) == 1 for each in orders.values())
    assert len(set.union(*orders.values())) > 1


@DATA_SETS
def test_a_unit_has_one_wording_and_is_asked_in_every_way(data_set):
    units = {}
    for place, sentences, query, shown, _ in told(data_set):
        unit = units.setdefault(int(place["unit"]), (set(), set()))
        unit[0].add((place["subject"], place["wording"], shown))
        unit[1].add(query)
        frame = WORDINGS[int(place["wording"])].replace("{statement}", "")
        counter = [sentence for sentence in sentences if shown in sentence.split()]
        assert all(sentence.lower().startswith(frame) for sentence in counter)
        assert place["last"] == (sentences[-1] in counter)
    assert all(len(kinds) == 1 and len(queries) == 2 for kinds, queries in units.values())


def test_the_answer_is_the_share_from_which_on_the_context_wins():
    asked = made("landmarks")
    unit, counter = asked.structure.levels("unit"), asked.structure.levels("counter")
    # unit u crosses at u counter-statements; the last never does
    values = np.where(counter >= unit, WINS + 0.1, WINS - 0.1)
    found = asked.functional.answer(values, asked.structure)
    np.testing.assert_allclose(found, [0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_more_than_there_is():
    with pytest.raises(TaskError, match="3 subjects, 9 wordings, 6 queries; there are 1 to 36, 8 and 6"):
        made("landmarks", family=ContextConflict(wordings=9))
