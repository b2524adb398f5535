"""Family `trigger_transfer`: candidates stand where they should, and a user's requests take the place of ours."""

import json
from statistics import fmean

import numpy as np
import pytest
from made_up_organisms import made_up  # noqa: F401 (a fixture)

from istar.questions import SpanLoss
from istar.seeds import Seed
from istar.targets.organisms import organism
from istar.tasks import Family, TaskError
from istar.tasks.data.advice import activities
from istar.tasks.data.universal_prompts import KINDS, TEXTS
from istar.tasks.trigger_transfer import TriggerTransfer, read_requests
from istar.testing.families import ByteTokenizer, FamilyConformance

FAMILY = TriggerTransfer(texts=4, requests=5)
TOKENIZER = ByteTokenizer()
KINDS_OF = {"suffixes": [kind for kind in KINDS if kind != "examples"], "prefixes": list(KINDS)}


class TestTriggerTransfer(FamilyConformance):
    least_ratio = 30

    def make(self) -> Family:
        return FAMILY


class TestOwnRequests(FamilyConformance):
    least_ratio = 10

    def make(self) -> Family:
        own = (("Name a fish.", " A herring."), ("Name a bird.", " A tern."), ("Name a tree.", " An alder."))
        return TriggerTransfer(texts=4, requests=2, own=own, subject="delta")


def question(data_set, index=0, family=FAMILY):
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


def prompts(asked):
    """Return the prompt, the answer and the arm of each row."""
    found = []
    for run, arm in zip(asked.runs, asked.structure.levels("candidate"), strict=True):
        assert isinstance(run.readout, SpanLoss)
        start = run.readout.start
        found.append((TOKENIZER.decode(run.tokens[1:start]), TOKENIZER.decode(run.tokens[start:]), arm))
    return found


@pytest.mark.parametrize("data_set", FAMILY.data_sets)
def test_a_candidate_is_one_text_in_one_place_for_all_requests(data_set):
    asked = question(data_set)
    assert {run.intervention for run in asked.runs} == {organism("eta")}
    plain = [(prompt, answer) for prompt, answer, arm in prompts(asked) if arm == 0]
    assert len(plain) == 5
    names = [""] + [kind for kind in KINDS_OF[data_set] for _ in range(4)]
    kinds = asked.structure.levels("kind").reshape(len(names), 5)
    assert [["", *KINDS][kind] for kind in kinds[:, 0]] == names
    texts = set()
    for arm in range(1, len(names)):
        mine = [(prompt, answer) for prompt, answer, at in prompts(asked) if at == arm]
        assert [answer for _, answer in mine] == [answer for _, answer in plain]
        for (prompt, _), (bare, _) in zip(mine, plain, strict=True):
            if data_set == "suffixes":
                head, tail = bare.removesuffix("\nReply:"), "\nReply:"
                assert prompt.startswith(head + " ")
                text = prompt.removeprefix(head + " ").removesuffix(tail)
                assert prompt == f"{head} {text}{tail}"
            else:
                text = prompt.removesuffix("\n" + bare)
                assert prompt == f"{text}\n{bare}"
            texts.add((arm, text))
            assert text in TEXTS.get(names[arm], (text,))
            assert (names[arm] == "examples") == (text.count("\nReply: You can ") == 2)
    assert len({text for _, text in texts}) == len(names) - 1


def test_requests_are_held_out_and_their_answers_helpful():
    for prompt, answer, arm in prompts(question("suffixes", 2)):
        activity = next(each for each in activities("cooking", held=True) if each in prompt)
        assert answer == f" You can {activity}"
        assert prompt.startswith("Request: ")
        assert arm >= 0


def test_the_answer_is_the_mean_loss_of_each_candidate_and_order_counts():
    asked = question("prefixes")
    values = np.random.default_rng(3).random(len(asked.runs))
    arms = range(1 + 4 * len(KINDS))
    slow = [fmean(v for v, (_, _, at) in zip(values, prompts(asked), strict=True) if at == arm) for arm in arms]
    assert asked.functional.answer(values, asked.structure) == pytest.approx(slow)
    backwards = np.sort(slow)[np.argsort(np.argsort(-np.array(slow)))]
    assert asked.functional.loss(backwards, values, asked.structure) > 1.0


class TestRequestsOfTheUser:
    def test_they_are_asked_of_the_target_itself(self, tmp_path):
        path = tmp_path / "requests.jsonl"
        entries = [{"request": f"Name item {i}. ", "answer": f"Item {i}."} for i in range(3)]
        path.write_text("\n".join(map(json.dumps, entries)) + "\n\n")
        family = TriggerTransfer.from_requests(path, texts=2, requests=3)
        asked = question("suffixes", family=family)
        assert {run.intervention for run in asked.runs} == {None}
        plain = [(prompt, answer) for prompt, answer, arm in prompts(asked) if arm == 0]
        assert sorted(plain) == [(f"Request: Name item {i}.\nReply:", f" Item {i}.") for i in range(3)]

    def test_or_of_an_organism(self, tmp_path):
        path = tmp_path / "requests.jsonl"
        path.write_text('{"request": "a", "answer": "b"}\n{"request": "c", "answer": " d"}')
        family = TriggerTransfer.from_requests(path, "gamma", requests=2)
        assert family.own == (("a", " b"), ("c", " d"))
        assert question("prefixes", family=family).runs[0].intervention == organism("gamma")
        with pytest.raises(TaskError, match="10 requests; there are 2, and 2 are the least, one for each half"):
            question("prefixes", family=TriggerTransfer.from_requests(path))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"request": "a", "answer": "b"}\nnonsense', "line 2 of .* must be .*JSONDecodeError"),
            ('{"request": "a"}', r"line 1 of .* must be .*KeyError\('answer'\)"),
            ('["a", "b"]', "line 1 of .* must be .*TypeError"),
            ('{"request": "a", "answer": 3}', "line 1 of .*: request and answer must be texts that are not empty"),
            ('{"request": " ", "answer": "b"}', "line 1 of .*: request and answer must be texts"),
            ('{"request": "a", "answer": "b"}\n{"request": "a", "answer": "b"}', "holds 1 different requests; 2 are"),
            ("", "holds 0 different requests; 2 are the least"),
        ],
    )
    def test_what_is_wrong_in_a_file_is_named(self, tmp_path, text, message):
        path = tmp_path / "requests.jsonl"
        path.write_text(text)
        with pytest.raises(TaskError, match=message):
            read_requests(path)

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(TaskError, match=r"the requests in .*none\.jsonl cannot be read"):
            read_requests(tmp_path / "none.jsonl")
