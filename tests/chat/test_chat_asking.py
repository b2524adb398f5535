from collections import Counter

import pytest

from istar.chat import (
    PROVIDERS,
    BudgetError,
    ChatBudget,
    ChatError,
    ChatModel,
    Message,
    Models,
    ReplayError,
    Reply,
    Transcript,
    model_settings,
)
from istar.seeds import Seed

ASKED = [Message("user", "Well?")]


class Counting(ChatModel):
    """Counts how often it is asked."""

    def __init__(self, settings):
        self.name = settings.model
        self.asked = 0

    def identity(self):
        return {"model": self.name}

    def reply(self, messages, tools=(), *, max_tokens, seed=None):
        self.asked += 1
        return Reply(Message("assistant", f"{self.name}, {seed}"), "stop", 30, 10)


@pytest.fixture
def counted(monkeypatch):
    """Register the provider `counting`, and return the models it makes."""
    made = []

    def make(settings):
        made.append(Counting(settings))
        return made[-1]

    monkeypatch.setitem(PROVIDERS._entries, "counting", make)
    return made


def settings(*names, **others):
    return model_settings([{"model": name, "provider": "counting", **others} for name in names])


def test_what_is_stored_is_not_asked_again(counted, tmp_path):
    for _ in range(2):
        models = Models(settings("a"), Transcript(tmp_path / "t.jsonl", {}), ChatBudget())
        replies = [models.ask(0, ASKED, (), max_tokens=5, seed=seed).reply.message.content for seed in (1, 2, 1)]
        assert replies == ["a, 1", "a, 2", "a, 1"]
    assert [each.asked for each in counted] == [2, 0]


@pytest.mark.parametrize(
    ("budget", "most"), [({"tokens": 80}, 2), ({"tokens": 81}, 3), ({"money": 0.0001}, 2), ({"seconds": 1e-12}, 1)]
)
def test_a_budget_ends_it_before_the_next_request(counted, budget, most):
    """Each reply takes 40 tokens, and 0.00005 of money."""
    priced = settings("a", input_price=1.0, output_price=2.0)
    models = Models(priced, Transcript(None, {}), ChatBudget(**budget))
    for seed in range(most):
        models.ask(0, ASKED, (), max_tokens=5, seed=seed)
    with pytest.raises(
        BudgetError, match=rf"budget of .* {next(iter(budget))} is spent .*; begin another run with more"
    ):
        models.ask(0, ASKED, (), max_tokens=5, seed=most)
    assert models.ask(0, ASKED, (), max_tokens=5, seed=0).reply.message.content == "a, 0"
    assert counted[0].asked == most


def test_what_was_spent_before_a_kill_counts(counted, tmp_path):
    for seed in range(2):
        models = Models(settings("a"), Transcript(tmp_path / "t.jsonl", {}), ChatBudget(tokens=80))
        models.ask(0, ASKED, (), max_tokens=5, seed=seed)
    with pytest.raises(BudgetError, match=r"tokens is spent \(80\)"):
        models.ask(0, ASKED, (), max_tokens=5, seed=2)


def test_money_needs_prices(counted):
    with pytest.raises(ChatError, match="a budget of money needs prices, and the model 'a' has none"):
        Models(settings("a"), Transcript(None, {}), ChatBudget(money=1.0))


def test_models_are_drawn_by_weight(counted):
    models = Models(settings("a", weight=3) + settings("b"), Transcript(None, {}), ChatBudget())
    drawn = Counter(models.draw(Seed.root(1).split(each)) for each in range(400))
    assert drawn[0] == pytest.approx(300, abs=40)
    assert models.draw(Seed.root(5)) == models.draw(Seed.root(5))
    assert models.ask(1, ASKED, (), max_tokens=5, seed=1).reply.message.content == "b, 1"


def test_a_transcript_is_replayed_without_the_model(counted, tmp_path):
    recorded = Transcript(tmp_path / "t.jsonl", {})
    models = Models(settings("a"), recorded, ChatBudget())
    models.ask(0, ASKED, (), max_tokens=5, seed=1)
    again = Transcript(tmp_path / "again.jsonl", {})
    replayed = Models(settings("a"), again, ChatBudget(), recorded=tuple(recorded))
    assert replayed.ask(0, ASKED, (), max_tokens=5, seed=1).reply.message.content == "a, 1"
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "t.jsonl").read_bytes()
    for others in ({"max_tokens": 6, "seed": 1}, {"max_tokens": 5, "seed": 2}):
        with pytest.raises(ReplayError, match="stands in no exchange of the transcript that is replayed"):
            replayed.ask(0, ASKED, (), **others)
    assert counted[1].asked == 0
