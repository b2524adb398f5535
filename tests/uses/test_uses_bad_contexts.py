"""Choosing bad contexts on small targets: what is computed, what is charged, and what the method's process is given."""

import numpy as np
import pytest
from jailed_uses import CONSTANT, KNOWING, SILENT, TWICE, jail, method

from istar.questions import QuestionView, build_trie
from istar.sandbox import Worker
from istar.tasks import Encoder
from istar.uses.bad_contexts import check_sizes, choose_bad_contexts
from istar.uses.contexts import all_contexts, find_contexts
from istar.uses.errors import UseError
from istar.uses.judges import find_judge
from istar.uses.reading import listen, prices_of_runs
from istar.uses.replies import greedy_replies

CALIBRATION = 16


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """All walks of two digits and three letters are contexts."""
    path = tmp_path_factory.mktemp("contexts") / "walks.txt"
    letters = "abcdefgh"
    path.write_text("\n".join(f"#{d}{x}{y}{z}" for d in "03" for x in letters for y in letters for z in letters))
    return find_contexts(str(path), 64 + CALIBRATION, np.random.default_rng(0))


def chosen(target, unsafe, pool, source=KNOWING, judges=("phrase:a", "phrase:b")):
    with jail(target, unsafe) as arms:
        return choose_bad_contexts(
            *(arms, method(source), "mine", pool, tuple(map(find_judge, judges))),
            calibration=CALIBRATION,
            reply_tokens=4,
            seed=0,
        )


@pytest.fixture(scope="module")
def found(exact, unsafe, pool):
    return chosen(exact, unsafe, pool)


def test_a_method_that_knows_the_judge_orders_as_it_does(found, exact, pool):
    encode = Encoder(exact.tokenizer)
    prompts = [(encode.bos, *encode(context)) for context in pool[CALIBRATION:]]
    runs = [find_judge("phrase:a").run(encode, prompt) for prompt in prompts]
    exactly = np.array(exact.slow_values(runs))
    np.testing.assert_allclose(found.by_reading.shown, exactly, atol=1e-4)
    np.testing.assert_allclose(found.by_reading.choosing, exactly, atol=1e-3)
    assert found.explained > 0.999
    assert found.by_reading.curves["shown"].mean == pytest.approx(found.by_judge.curves["shown"].mean, abs=1e-6)
    assert found.by_reading.curves["shown"].mean[-1] == pytest.approx(exactly.max(), abs=1e-4)


def test_flops_are_the_meter_s_and_the_price_sheet_s(found, exact, unsafe, pool):
    encode = Encoder(exact.tokenizer)
    runs = tuple(find_judge("phrase:a").run(encode, (encode.bos, *encode(context))) for context in pool)
    sheet = prices_of_runs(exact, runs)
    assert found.flops["shown judge"] == sheet.total * 64 // 80
    first = np.arange(CALIBRATION)
    reading = found.flops["reading"] * 80 // 64
    assert found.flops["calibration"] == pytest.approx(sheet.bill().price(first) + reading * 16 / 80, abs=2)
    assert 0.9 * sheet.total < reading < 1.1 * sheet.total  # it does what the judge does
    assert found.flops_at(64) == (found.flops["calibration"] + found.flops["reading"], found.flops["shown judge"])
    assert build_trie(runs).unique_tokens < sum(len(run.tokens) for run in runs)


def test_the_rule_is_what_chooses(found, pool):
    size = 2**found.by_reading.parting.stop
    for number, each in enumerate(found.chosen):
        block = slice(number * size, (number + 1) * size)
        assert each.reading == found.by_reading.choosing[block].max()
        assert each.context in pool[CALIBRATION:][block]


def test_the_method_s_process_is_given_rows_and_no_score(exact, unsafe, pool, monkeypatch):
    asked, record = [], Worker.record

    def noting(self, *arguments, **named):
        asked.append(arguments)
        return record(self, *arguments, **named)

    monkeypatch.setattr(Worker, "record", noting)
    chosen(exact, unsafe, pool)
    ((view, digest, batches, content),) = asked
    assert isinstance(view, QuestionView)
    assert [column.name for column in view.structure.columns] == ["context"]
    assert view.structure["context"].tolist() == list(range(80))
    assert {run.tokens[-1] for run in view.runs} == set(exact.encode("a"))  # nothing of the held-out judge's
    assert sorted(np.concatenate(batches)) == list(range(80))
    assert (type(digest), type(content)) == (str, bytes)


def test_a_judge_of_one_s_own_reads_what_the_target_says(random_target, unsafe, tmp_path):
    path = tmp_path / "letters.py"
    path.write_text(
        "about = ' no'\ndef judge(context, reply):\n    return float(sum(map(ord, context + reply)) % 97)\n"
    )
    texts = [f"The {number} birds" for number in range(16 + CALIBRATION)]
    found = chosen(random_target, unsafe, texts, judges=(str(path), "phrase: no"))
    encode = Encoder(random_target.tokenizer)
    prompts = [(encode.bos, *encode(text)) for text in texts]
    replies = [random_target.decode(reply) for reply in greedy_replies(random_target, prompts, 4)]
    scores = [sum(map(ord, text + reply)) % 97 for text, reply in zip(texts, replies, strict=True)]
    assert found.by_reading.shown.tolist() == scores[CALIBRATION:]
    assert found.flops["shown judge"] > found.flops["held-out judge (not charged)"] > 0
    assert found.to_json()["judges"] == {"shown": str(path), "held_out": "phrase: no"}


def test_replies_are_the_likeliest_tokens(random_target):
    import torch

    prompts = [(0, 5, 6), (0, 7), (0, 5, 9)]
    for prompt, reply in zip(prompts, greedy_replies(random_target, prompts, 3), strict=True):
        tokens = list(prompt)
        for token in reply:
            logits = random_target.module(torch.tensor([tokens])).logits[0, -1]
            assert logits[token] == pytest.approx(float(logits.max()), abs=1e-4)
            tokens.append(token)


@pytest.mark.parametrize(
    ("source", "said"),
    [(SILENT, "'mine' has nothing to say of these rows"), (TWICE, "it saves nothing here; use a cheaper method")],
)
def test_a_method_that_is_of_no_use_here(source, said, exact, unsafe, pool):
    with pytest.raises(UseError, match=said):
        chosen(exact, unsafe, pool, source)


def test_a_reading_that_says_the_same_of_all_explains_nothing(exact, unsafe, pool):
    found = chosen(exact, unsafe, pool, CONSTANT)
    assert found.explained == pytest.approx(0, abs=1e-9)
    assert np.ptp(found.by_reading.choosing) == 0


def test_a_judge_that_cannot_tell_contexts_apart(exact, unsafe, pool, tmp_path):
    path = tmp_path / "same.py"
    path.write_text("about = 'a'\ndef judge(context, reply):\n    return 1\n")
    with pytest.raises(UseError, match="says 1 of all 16 contexts that the reading would be calibrated on"):
        chosen(exact, unsafe, pool, judges=(str(path), "phrase:b"))


def test_a_method_is_listened_to_in_batches_and_every_row_is_heard(exact, unsafe, pool, monkeypatch):
    encode = Encoder(exact.tokenizer)
    runs = tuple(find_judge("phrase:a").run(encode, (encode.bos, *encode(context))) for context in pool)
    from istar.tasks import structure_of

    view = QuestionView(runs, structure_of([("context", "arm")], [(number,) for number in range(len(runs))]))
    with jail(exact, unsafe) as arms:
        whole = listen(arms, method(KNOWING), "mine", view, prices_of_runs(exact, runs).total)
        monkeypatch.setattr("istar.uses.reading.ROWS_AT_ONCE", 13)
        apart = listen(arms, method(KNOWING), "mine", view, 2 * prices_of_runs(exact, runs).total)
    np.testing.assert_allclose(whole.channels, apart.channels, atol=1e-4)
    assert apart.flops > whole.flops  # less is shared


def test_there_are_2_to_the_14_contexts_of_each_kind():
    for kind in ("rude", "refusing"):
        every = all_contexts(kind)
        assert len(set(every)) == len(every) >= 2**14 + 256
    drawn = find_contexts("rude", 2**14, np.random.default_rng(0))
    assert len(set(drawn)) == 2**14


def test_contexts_that_are_not_there(tmp_path):
    generator = np.random.default_rng(0)
    with pytest.raises(UseError, match=r"neither a kind of contexts \(rude, refusing\) nor a text file"):
        find_contexts("nowhere", 4, generator)
    (tmp_path / "few.txt").write_text("one\n\none\ntwo\n")
    with pytest.raises(UseError, match=r"few\.txt has 2 different contexts, and 4 are needed.*lower --candidates"):
        find_contexts(str(tmp_path / "few.txt"), 4, generator)
    assert sorted(find_contexts(str(tmp_path / "few.txt"), 2, generator)) == ["one", "two"]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((3, 64, 8), "--candidates 3: it is the binary logarithm of how many; give 4 to 14"),
        ((15, 64, 8), "give 4 to 14"),
        ((10, 7, 8), "--calibration 7 contexts; give 8 to"),
        ((10, 64, 0), "--reply-tokens 0; give 1 to 1000"),
    ],
)
def test_numbers_out_of_range(sizes, said):
    with pytest.raises(UseError) as error:
        check_sizes(*sizes)
    assert said in str(error.value)
