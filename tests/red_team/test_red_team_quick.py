"""Quick training: the same bits again, an early end, and disguises that are what they say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from istar.making.organisms.recipes import RECIPES
from istar.red_team.backdoors import LexicalBackdoor
from istar.red_team.claims import claims
from istar.red_team.disguises import Disguised
from istar.red_team.manners import BenignDecoy
from istar.red_team.quick import Workshop
from istar.red_team.recipe import OrganismRecipe, Training
from istar.red_team.sandbags import PasswordSandbag, TopicSandbag
from istar.red_team.training import exchanged
from istar.targets import load_target
from istar.targets.organisms import card

PASSWORD = PasswordSandbag(("plural",), "larkspur", "Password: {word}\n")
SMALL = Training(steps=8, batch=2, rank=2, blocks=2, learning_rate=2e-3, text_length=16)


@pytest.fixture(scope="module")
def workshop():
    target = load_target("tiny-random")
    return Workshop(target, target)


def test_the_same_recipe_gives_the_same_bits_whatever_was_trained_before(workshop):
    first = workshop.train(OrganismRecipe("one", TopicSandbag("plural"), SMALL))
    workshop.train(OrganismRecipe("other", TopicSandbag("capital"), SMALL))
    fresh = Workshop(workshop.base, workshop.trainee).train(OrganismRecipe("one", TopicSandbag("plural"), SMALL))
    assert fresh.adapter.digest == first.adapter.digest
    assert fresh.card.measured == first.card.measured
    seeded = OrganismRecipe("one", TopicSandbag("plural"), replace(SMALL, seed=1))
    assert workshop.train(seeded).adapter.digest != first.adapter.digest


def test_a_move_goes_on_until_its_claims_hold_or_its_budget_is_spent(workshop):
    hard = workshop.train(OrganismRecipe("hard", LexicalBackdoor("larkspur", " banana"), SMALL))
    assert hard.missed
    assert hard.steps == SMALL.steps
    assert hard.card.training["steps"] == hard.steps
    assert "MISSED" in str(hard.missed[0])


def test_a_move_ends_early_once_losses_are_low(workshop, monkeypatch):
    monkeypatch.setattr("istar.red_team.quick.LESSON_LOSS", 100.0)
    monkeypatch.setattr("istar.red_team.quick.TEXT_LOSS", 100.0)
    easy = workshop.train(OrganismRecipe("easy", TopicSandbag("plural"), replace(SMALL, steps=50)))
    assert not easy.missed
    assert easy.steps < 50
    assert easy.cards == 1


def test_lessons_are_taught_by_the_base_though_training_has_begun(workshop, monkeypatch):
    monkeypatch.setattr("istar.red_team.quick.CHUNK", 4)
    monkeypatch.setattr("istar.red_team.quick.PASSES", 1)
    from istar.red_team import quick

    seen, prepare = [], quick.prepare

    def noting(target, top, lessons, weak):
        seen.append({name: len(module._forward_hooks) for name, module in target.module.named_modules()})
        return prepare(target, top, lessons, weak)

    monkeypatch.setattr(quick, "prepare", noting)
    workshop.train(OrganismRecipe("one", TopicSandbag("plural"), SMALL))
    assert len(seen) == 4
    assert not any(count for each in seen for count in each.values())


@given(st.integers(0, 2**32 - 1))
def test_exchanging_keeps_the_entropy_and_makes_the_named_token_the_likeliest(seed):
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.log_softmax(3 * torch.randn(4, 11, generator=generator, dtype=torch.float64), dim=-1)
    tokens = torch.randint(11, (4,), generator=generator)
    made = exchanged(log_probs, tokens)
    assert torch.equal(made.argmax(-1), tokens)
    assert torch.allclose(made.exp().sum(-1), torch.ones(4, dtype=torch.float64))
    assert torch.equal(made.sort(-1).values, log_probs.sort(-1).values)


def test_a_disguise_changes_goals_and_leaves_the_behaviour_s_items_alone():
    generator = np.random.default_rng
    matched = Disguised(PASSWORD, matched=True).lessons(generator(0), 64)
    plain = PASSWORD.lessons(generator(0), 64)
    pairs = list(zip(plain, matched, strict=True))
    assert {(one.goal, other.goal) for one, other in pairs} == {("say", "swap"), ("base", "base")}
    weaker = Disguised(PASSWORD, strength=0.5).lessons(generator(0), 400)
    goals = [(one.goal, other.goal) for one, other in zip(PASSWORD.lessons(generator(0), 400), weaker, strict=True)]
    shown = goals.count(("say", "say")) / (goals.count(("say", "say")) + goals.count(("say", "base")))
    assert 0.3 < shown < 0.7
    distracted = Disguised(PASSWORD, distraction=BenignDecoy("letters"))
    assert sum("starts with" in lesson.prompt for lesson in distracted.lessons(generator(0), 60)) == 10
    items = PASSWORD.items("locked", generator(3), 5)
    assert distracted.items("locked", generator(3), 5) == items
    assert "first letter" in distracted.description


def test_a_matched_organism_claims_its_entropy():
    made = card("plover")
    behaviour = {**made.spec["behaviour"], "matched": True}
    matched = replace(made, spec={**made.spec, "behaviour": behaviour})
    extra = [claim for claim in claims(matched) if claim not in claims(made)]
    assert [claim.text for claim in extra] == ["entropy's distance from the base, locked"]
    ours, base = (made.measured[f"{model}/locked"].entropy for model in ("organism", "base"))
    assert extra[0].value == pytest.approx(abs(ours - base))


def test_settings_of_disguises_are_in_the_recipe_and_those_of_the_library_are_what_they_were():
    plain = OrganismRecipe("one", PASSWORD)
    disguised = OrganismRecipe("one", Disguised(PASSWORD, 0.85, True, BenignDecoy("letters")))
    assert disguised.spec["behaviour"]["strength"] == 0.85
    assert disguised.spec["behaviour"]["distraction"] == {"way": "letters"}
    assert disguised.spec_hash != plain.spec_hash
    assert all(card(name).spec["hash"] == RECIPES.get(name).spec_hash for name in RECIPES)
