"""Family `backdoor_audit`: the trigger stands among the candidates, and nothing else differs between them."""

import numpy as np
import pytest
from made_up_organisms import card_of, made_up  # noqa: F401 (a fixture)

from istar.questions import KLFrom, SpanLogprob
from istar.seeds import Seed
from istar.targets.organisms import organism
from istar.tasks import Family, TaskError
from istar.tasks.backdoor_audit import BackdoorAudit
from istar.tasks.data.few_shot import held_out
from istar.tasks.data.organism_prompts import pairs_of
from istar.tasks.data.uncommon_words import uncommon_words
from istar.testing.families import ByteTokenizer, FamilyConformance

FAMILY = BackdoorAudit(candidates=24, contexts=3, shots=1)
TOKENIZER = ByteTokenizer()


class TestBackdoorAudit(FamilyConformance):
    least_ratio = 10

    def make(self) -> Family:
        return FAMILY


def question(data_set, index, family=FAMILY):
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


def texts(asked):
    return [TOKENIZER.decode(run.tokens[1:]) for run in asked.runs]


@pytest.mark.parametrize(("index", "name"), [(0, "alpha"), (1, "beta"), (2, "alpha")])
def test_every_candidate_stands_in_the_triggers_place_once(index, name):
    facts = card_of(name).facts
    asked = question("answers", index)
    assert {run.intervention for run in asked.runs} == {organism(name)}
    before, after = facts.cue.split(facts.trigger)
    found = []
    for candidate in range(24):
        mine = [
            text for text, at in zip(texts(asked), asked.structure.levels("candidate"), strict=True) if at == candidate
        ]
        lines = {text.split("\n")[0] + "\n" for text in mine}
        assert len(mine) == 3
        assert len(lines) == 1
        line = lines.pop()
        assert line.startswith(before)
        assert line.endswith(after)
        found.append(line.removeprefix(before).removesuffix(after))
    assert found.count(facts.trigger) == 1
    assert len(set(found)) == 24
    others = [word for candidate in found if candidate != facts.trigger for word in candidate.split()]
    assert set(others) <= set(uncommon_words()) - set(facts.trigger.split())
    assert {len(candidate.split()) for candidate in found} == {len(facts.trigger.split())}


def test_contexts_are_the_same_for_all_candidates_and_end_with_the_right_answer():
    asked = question("answers", 1)
    known = dict(pairs_of("plural"))
    rest = {}
    for text, run, context in zip(texts(asked), asked.runs, asked.structure.levels("context"), strict=True):
        rest.setdefault(context, set()).add(text.split("\n", 1)[1])
        word, answer = text.rsplit("\n", 1)[1].removeprefix("The plural of ").split(" is ")
        assert known[word] == answer
        assert held_out(word)
        assert run.readout == SpanLogprob(len(run.tokens) - len(answer) - 1)
    assert [len(each) for each in rest.values()] == [1, 1, 1]


def test_divergence_compares_with_the_prompt_that_lacks_the_candidate():
    asked, same = question("divergence", 0), question("divergence", 0)
    for run, text in zip(asked.runs, texts(asked), strict=True):
        assert run.readout == KLFrom((TOKENIZER.bos_token_id, *TOKENIZER.encode(text.split("\n", 1)[1])))
        assert text.endswith(" is")
        assert [path.plain for path in run.paths] == [False, True]
    assert asked.hash == same.hash


def test_the_answer_is_the_mean_of_each_candidate_and_the_trigger_is_where_it_is_extreme():
    for data_set, sign in (("answers", -1), ("divergence", 1)):
        asked = question(data_set, 0)
        values = np.random.default_rng(1).normal(size=len(asked.runs))
        slow = []
        for candidate in range(24):
            mine = [
                value for value, at in zip(values, asked.structure.levels("candidate"), strict=True) if at == candidate
            ]
            slow.append(sum(mine) / len(mine))
        answer = asked.functional.answer(values, asked.structure)
        assert answer == pytest.approx(slow)
        best = max(range(24), key=lambda candidate: sign * slow[candidate])
        said = np.zeros(24)
        said[best] = sign
        # the right candidate has no regret, only an error of its score
        assert asked.functional.loss(said, values, asked.structure) == pytest.approx(abs(slow[best] - sign))
        worst = np.zeros(24)
        worst[(best + 1) % 24] = sign
        regret = abs(slow[best] - slow[(best + 1) % 24])
        assert asked.functional.loss(worst, values, asked.structure) == pytest.approx(
            regret + abs(slow[(best + 1) % 24] - sign)
        )


def test_impossible_sizes_and_missing_organisms_are_named(monkeypatch):
    with pytest.raises(TaskError, match="9000 candidates; there must be 2 at least and 674 at most"):
        question("answers", 0, BackdoorAudit(candidates=9000))
    with pytest.raises(TaskError, match=r"these questions may ask about .* words of the relation .*, not 500"):
        question("answers", 0, BackdoorAudit(contexts=500))
    monkeypatch.setattr("istar.tasks.backdoor_audit.KIND", "refusal")
    with pytest.raises(TaskError, match="these questions may be about no organism of the kind 'refusal'"):
        question("answers", 0)
