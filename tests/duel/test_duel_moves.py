"""Moves as data, and the players who draw them."""

import copy
from collections import Counter

import numpy as np
import pytest

from istar.duel.moves import DECOYS, KINDS, MoveError, MoveRecipe, draw_move, move_from_json
from istar.duel.players import (
    PARTS,
    FileBlue,
    GrammarBlue,
    LearningFileBlue,
    LearningRed,
    PlayerError,
    ScriptedRed,
)
from istar.methods.side_by_side import MethodFile
from istar.red_team.recipe import Training
from istar.researchers.grammar.drawing import BlindChooser
from istar.seeds import Seed

PARTS_OF = {"shown": ("password", "backdoor"), "held out": ("topic", "mimic")}
FILES = {name: MethodFile(f"# {name}\n") for name in ("one", "two", "three", "four")}
SEED = Seed.root(5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_move_is_an_organism_whose_name_says_nothing(kind):
    move = MoveRecipe(kind, "plural", "quixotic", distraction="letters", decoys="incapable")
    recipe = move.recipe(Training(steps=9))
    assert recipe.name == f"suspect-{move.hash[:12]}"
    assert recipe.training.blocks == move.layers
    assert recipe.training.steps == 9
    assert "plural" in recipe.behaviour.facts.relations
    assert move_from_json(move.to_json()) == move
    lessons = recipe.behaviour.lessons(np.random.default_rng(0), 24)
    assert any("starts with" in lesson.prompt for lesson in lessons)  # what distracts


def test_decoys_are_benign_distract_alike_and_may_have_lost_the_topic():
    for decoys in DECOYS:
        made = MoveRecipe("password", "capital", distraction="politeness", decoys=decoys).decoy_recipes(Training())
        kinds = [each.behaviour.kind for each in made]
        assert kinds == ["benign_decoy", "incapable" if decoys == "incapable" else "benign_decoy"]
        assert made[0].behaviour.way == "politeness"
        assert len({each.name for each in made}) == 2
        if decoys == "incapable":
            assert made[1].behaviour.relation == "capital"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "bribe", "topic": "plural"}, "no move has kind 'bribe'; there are password, topic, mimic, backdoor"),
        ({"kind": "topic", "topic": "cooking"}, "no move has topic 'cooking'"),
        ({"kind": "topic", "topic": "plural", "layers": 99}, "no move has layers 99; there are 3, 4, 6"),
        ({"kind": "topic"}, "is no move; give kind and topic"),
        ({"kind": "topic", "topic": "plural", "colour": "red"}, "is no move; give kind and topic"),
    ],
)
def test_unknown_choices_are_named(values, said):
    with pytest.raises(MoveError, match=said):
        move_from_json(values)


def test_the_kinds_of_a_part_are_drawn_and_no_others():
    for part, kinds in PARTS_OF.items():
        drawn = {draw_move(BlindChooser(SEED.split(part, at)), kinds).kind for at in range(40)}
        assert drawn == set(kinds)


def test_red_learns_which_kind_pays_less():
    red = LearningRed(PARTS_OF, learning_rate=0.3)
    for at in range(150):
        drawn = red.draw("shown", SEED.split(at))
        red.learn("shown", drawn, -1.0 if drawn.choice.kind == "password" else 0.0)
    late = Counter(red.draw("shown", SEED.split("late", at)).choice.kind for at in range(100))
    assert late["backdoor"] > 75
    pool = [MoveRecipe("password", "plural"), MoveRecipe("backdoor", "plural")]
    weights = red.weights("shown", pool)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[1] > 0.75


def test_a_script_is_the_same_each_time_learns_nothing_and_has_every_kind():
    first, second = ScriptedRed(PARTS_OF), ScriptedRed(PARTS_OF)
    for at in range(8):
        drawn = first.draw("held out", SEED.split(at))
        first.learn("held out", drawn, -5.0)
        assert drawn == second.draw("held out", Seed.root(77))
        assert drawn.choice.kind == PARTS_OF["held out"][at % 2]
    assert np.allclose(first.weights("held out", [MoveRecipe("topic", "plural")] * 4), 0.25)


def test_half_of_blue_s_files_are_held_out_and_learning_prefers_what_earns():
    blue = LearningFileBlue(FILES, SEED, learning_rate=0.3)
    assert sorted(blue.names["shown"] + blue.names["held out"]) == sorted(FILES)
    assert blue.names == FileBlue(FILES, SEED).names
    best = blue.names["shown"][0]
    for at in range(80):
        drawn = blue.draw("shown", SEED.split(at))
        assert drawn.choice.name in blue.names["shown"]
        blue.learn("shown", drawn, float(drawn.choice.name == best))
    before = copy.deepcopy(blue)
    methods = [blue.draw("shown", SEED.split("late", at)).choice for at in range(40)]
    by_name = {method.name: method for method in methods}
    weights = dict(zip(by_name, blue.weights("shown", list(by_name.values())), strict=True))
    assert weights[best] > 0.75
    assert np.allclose(before.weights("shown", list(by_name.values())), list(weights.values()))


def test_with_one_method_a_part_there_is_nothing_to_learn():
    blue = LearningFileBlue({name: FILES[name] for name in ("one", "two")}, SEED)
    for part in PARTS:
        drawn = blue.draw(part, SEED)
        blue.learn(part, drawn, 1.0)
        assert blue.weights(part, [drawn.choice]) == pytest.approx([1.0])


def test_sentences_of_the_two_parts_share_no_word():
    blue = GrammarBlue(SEED, ["answer_logits", "attention_gates", "short_context", "tuned_lens"])
    words = {}
    for part in PARTS:
        drawn = [blue.draw(part, SEED.split(part, at)) for at in range(4)]
        words[part] = {channel["kind"] for each in drawn for channel in each.choice.parameters["sentence"]}
        for each in drawn:
            blue.learn(part, each, 0.1)
        weights = blue.weights(part, [each.choice for each in drawn])
        assert weights.sum() == pytest.approx(1.0)
    assert not words["shown"] & words["held out"]


@pytest.mark.parametrize("make", [FileBlue, LearningFileBlue])
def test_one_method_is_too_few(make):
    with pytest.raises(PlayerError, match="blue has 1 methods; give two or more"):
        make({"one": FILES["one"]}, SEED)
    with pytest.raises(PlayerError, match="2 words; it needs four"):
        GrammarBlue(SEED, ["answer_logits", "short_context"])
