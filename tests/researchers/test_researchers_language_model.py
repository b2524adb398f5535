"""A language model in M1's chair: what it is shown, what it hands in, and what is made of that."""

import json
import re

import pytest
import scripts
from scripts import ASKED, METHOD, SCRIPTS, call, in_turn, write

from istar.chat import ChatError, Message, Reply, ToolCall
from istar.researchers import (
    ArmCurve,
    Check,
    Feedback,
    LanguageModelResearcher,
    NothingNewError,
    QuestionCheck,
    QuestionFeedback,
    ResearcherError,
)
from istar.researchers.language_model.population import draw_parents
from istar.researchers.language_model.prompts import as_data
from istar.seeds import Seed
from istar.testing.researchers import Begun

BROKEN = "import os\n" + METHOD.format(number=1)


@pytest.fixture
def following(monkeypatch):
    """Return a function that hands a workbench to a researcher whose model follows a script."""

    def begun(script, **options):
        monkeypatch.setitem(SCRIPTS, "this", script)
        ASKED.clear()
        return Begun(LanguageModelResearcher(model="this", provider=scripts.PROVIDER, **options))

    return begun


def propose(begun, number=0):
    return begun.propose(Seed.root(1).split(number))


def told(begun, reward, number=0, **feedback):
    """Let it propose, and tell it of a reward."""
    proposal = propose(begun, number)
    begun.update(proposal, Feedback(reward, **feedback))
    return proposal


def checks(begun):
    return [use for use in begun.workbench.uses if use.kind == "check"]


# What it hands in


def test_a_whole_file(following):
    begun = following(in_turn(write(METHOD.format(number=3), "three", "it says\n three")))
    proposal = propose(begun)
    assert proposal.source == METHOD.format(number=3)
    assert proposal.name == "three"
    assert proposal.parents == ()
    written = proposal.parameters
    assert (written["idea"], written["model"], written["temperature"]) == ("it says three", "this", 1.0)
    assert (written["failed"], len(written["exchanges"])) == ("", 1)
    assert [use.source for use in checks(begun)] == [proposal.source]


def test_edits_of_what_was_tried(following):
    begun = following(in_turn(write(METHOD.format(number=3))))
    parent = told(begun, 1.0)
    edits = [{"old": "3.0", "new": "4.0"}, {"old": "Method 3", "new": "Method 4"}]
    SCRIPTS["this"] = in_turn([call("edit_method", method=parent.hash[:12], name="four", idea="more", edits=edits)])
    proposal = propose(begun, 1)
    assert proposal.source == METHOD.format(number=4)
    assert proposal.parents == (parent.hash,)
    assert proposal.parameters["edited"] == parent.hash[:12]


def test_edits_of_the_library(following):
    edits = [{"old": "DEPTH * target", "new": "0.5 * DEPTH * target"}]
    begun = following(in_turn([call("edit_method", method="logit_lens", name="early", idea="less", edits=edits)]))
    assert propose(begun).source == begun.workbench.library["logit_lens"].replace(
        "DEPTH * target", "0.5 * DEPTH * target"
    )


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        ([ToolCall("1", "write_method", '{"name": "cut o')], "the arguments of write_method are no JSON"),
        ([ToolCall("1", "write_method", "[" * 10**5)], "the arguments of write_method are no JSON"),
        ([ToolCall("1", "write_method", "[]")], "write_method cannot be called so: all: Input should be"),
        ([call("write_method", name="a", idea="b")], "source: Field required"),
        ([call("write_method", name="a", idea="b", source="c", reward=9.0)], "reward: Extra inputs are not permitted"),
        ([call("write_method", name="a", idea="b", source="c" * 70_000)], "source: String should have at most 65536"),
        ([call("set_reward", value=9.0)], "there is no tool 'set_reward'; there are read_page"),
        (write(BROKEN), "import of 'os'"),
        (write("def"), "syntax error"),
        (write("\0"), "cannot contain null bytes"),
        (
            [call("edit_method", method="none", name="a", idea="b", edits=[{"old": "a", "new": "b"}])],
            "no method 'none'",
        ),
        (
            [call("edit_method", method="logit_lens", name="a", idea="b", edits=[{"old": "return", "new": "b"}])],
            "edit 1: its old text stands in the file",
        ),
        ([call("read_page", page="../../secrets")], "there is no page '../../secrets'; there are contract"),
        ([call("read_method", method="/etc/passwd")], "there is no method '/etc/passwd'"),
        ([call("read_task", task="loss_quantile/kjv")], "there is no training task 'loss_quantile/kjv'"),
    ],
)
def test_what_is_wrong_goes_back_to_it(following, made, complaint):
    begun = following(in_turn(made, write(METHOD.format(number=3))))
    assert propose(begun).source == METHOD.format(number=3)
    _, (*_, asked, answer) = ASKED[-1]
    assert asked.calls == tuple(made)
    assert (answer.role, answer.call) == ("tool", made[0].id)
    assert complaint in answer.content
    assert "Tries left: 3" in answer.content
    assert len(checks(begun)) == 1


def test_words_without_a_call(following):
    begun = following(in_turn("Here is an idea.", write(METHOD.format(number=3))))
    assert propose(begun).source == METHOD.format(number=3)
    assert "That calls no tool" in ASKED[-1][1][-1].content


def test_a_reply_that_was_cut_off(following):
    cut = Reply(Message("assistant", "First I"), "length", 10, 10)
    call_cut = Reply(Message("assistant", "", (ToolCall("1", "write_method", '{"na'),)), "length", 10, 10)
    begun = following(in_turn(cut, call_cut, write(METHOD.format(number=3))), max_tokens=77)
    propose(begun)
    assert "cut off after 77 tokens. Write less" in ASKED[1][1][-1].content
    assert "cut off after 77 tokens: write less" in ASKED[2][1][-1].content


def test_it_may_edit_its_last_file(following):
    edits = [{"old": "import os\n", "new": ""}]
    again = [call("edit_method", method="last", name="mended", idea="b", edits=edits)]
    begun = following(in_turn(write(BROKEN), again))
    assert propose(begun).source == METHOD.format(number=1)


def test_what_still_fails_is_proposed_as_it_is(following):
    """And the search says why, as of any method: a model that writes such is no better for it."""
    begun = following(lambda messages, seed: write(BROKEN), repairs=2)
    proposal = propose(begun)
    assert proposal.source == BROKEN
    assert "import of 'os'" in proposal.parameters["failed"]
    assert len(proposal.parameters["exchanges"]) == len(ASKED) == 3
    assert "No try is left" not in str(ASKED)


def test_what_is_not_new_is_not_run(following):
    """Comments, docstrings and layout make nothing new; nor is a method of the library."""
    begun = following(in_turn(write(METHOD.format(number=3), "three")))
    first = told(begun, 0.5)
    same = "# a comment\n" + METHOD.format(number=3).replace('"""Method 3."""', '"""Another."""\n\n')
    lens = begun.workbench.library["logit_lens"]
    SCRIPTS["this"] = in_turn(write(same), write(lens), write(METHOD.format(number=4)))
    assert propose(begun, 1).source == METHOD.format(number=4)
    assert f"this is three [{first.hash[:12]}] again" in ASKED[-2][1][-1].content
    assert "this is the library's logit_lens again" in ASKED[-1][1][-1].content
    assert [use.source for use in checks(begun)] == [METHOD.format(number=3), METHOD.format(number=4)]


def test_a_file_that_failed_is_not_run_again_in_a_conversation(following):
    """What was found of it is said again: all kinds of rows on which it fails alike in one line."""
    failing = Check((), "", 1, 1, tuple(QuestionCheck(kind, 1, error="it divides by zero") for kind in ("a", "b")))
    begun = following(lambda messages, seed: write(METHOD.format(number=3)), repairs=3)
    object.__setattr__(begun.workbench._tools, "check", lambda source, name: failing)
    assert propose(begun).parameters["failed"] == "it divides by zero (on a, b)"
    assert len(ASKED) == 4
    assert len(checks(begun)) == 1


def test_it_reads_within_bounds(following):
    readings = [call("read_page", page="contract"), call("read_method", method="logit_lens")]
    task = [call("read_task", task="shot_shapley/antonyms")]
    begun = following(in_turn(readings, task, readings, write(METHOD.format(number=3))), reading=4)
    propose(begun)
    _, messages = ASKED[-1]
    page, method, shown, more, enough = [each.content for each in messages if each.role == "tool"]
    assert page.startswith("# istar.methods.contract")
    assert method == as_data(begun.workbench.library["logit_lens"])
    rows = json.loads(shown.split("\n", 1)[1].rpartition("\n")[0])
    (question, *_) = begun.workbench.questions("shot_shapley/antonyms")
    assert rows["answer"] == pytest.approx(question.answer, abs=1e-4)
    assert [each["value"] for each in rows["rows"]] == pytest.approx(
        [question.values[each["row"]] for each in rows["rows"]], abs=1e-4
    )
    assert more == page
    assert "you have read 4 times, which is enough" in enough


def test_without_checks_left_the_fence_alone_decides(following):
    begun = following(in_turn(write(BROKEN), write(METHOD.format(number=3))))
    begun.workbench._config = begun.workbench._config.model_copy(
        update={"workbench": begun.workbench._config.workbench.model_copy(update={"checks": 0})}
    )
    assert propose(begun).source == METHOD.format(number=3)
    assert checks(begun) == []


REFUSED = Reply(Message("assistant", "I will not."), "refusal", 10, 10)


def test_after_a_refusal_another_conversation_is_begun(following):
    refusals = []

    def script(messages, seed):
        refusals.append(seed)
        return write(METHOD.format(number=3)) if len(refusals) == 3 else REFUSED

    assert propose(following(script)).source == METHOD.format(number=3)
    assert len(set(refusals)) == 3
    assert all(len(messages) == 2 for _, messages in ASKED)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (REFUSED, r"it refused: I will not\."),
        ("Well, well.", "it called no tool"),
        ([call("set_reward")], "there is no tool 'set_reward'"),
    ],
)
def test_a_model_that_writes_nothing_ends_the_search(following, said, reason):
    begun = following(lambda messages, seed: said)
    with pytest.raises(NothingNewError, match=f"no new method came of 3 conversations.*{reason}"):
        propose(begun)


def test_a_refusal_after_words_is_the_reason(following):
    with pytest.raises(NothingNewError, match=r"because it refused: I will not\."):
        propose(following(in_turn("Well.", REFUSED)))


# What it is shown


def question(task, reward):
    curve = ArmCurve(0, (1,), (1,), (0.5,), (1,), (0,), 1, 0.5)
    return QuestionFeedback(task, "0" * 64, 0, reward, 0.125, (curve,), (curve,))


def test_it_is_shown_what_was_tried(following):
    begun = following(in_turn(write(METHOD.format(number=3), "three")), fresh=0.0)
    questions = (question("b/x", 0.5), question("b/y", -0.25))
    families = {"b": 0.125, "a": 0.75}
    parent = told(begun, 0.4375, cost=0.125, families=families, questions=questions)
    SCRIPTS["this"] = in_turn(write(METHOD.format(number=4), "four"))
    told(begun, None, 1, error="it divided\n by zero")
    SCRIPTS["this"] = in_turn(write(METHOD.format(number=5)))
    assert propose(begun, 2).parents == (parent.hash,)
    system, task = ASKED[-1][1]
    assert (system.role, task.role) == ("system", "user")
    assert f"three [{parent.hash[:12]}] +0.44 at 0.12: it says a number" in task.content
    assert "] failed: it says a number (it divided by zero)" in task.content
    shown = task.content.partition("# Parent 1")[2]
    assert f"Digits {parent.hash[:12]}, training reward +0.438, cost 0.125 of brute force." in shown
    assert "- a: +0.750\n- b: +0.125\n" in shown
    assert "It does worst on b/y (-0.25), b/x (+0.50)." in shown
    assert as_data(parent.source) in shown
    assert "def predict(question, runs, target, interpretation, prepared)" in task.content
    assert "shot_shapley/antonyms, context_attribution/reviews" in task.content
    assert len(re.findall(r"^# `\w+` of the library$", task.content, re.MULTILINE)) == 1


def test_a_share_of_conversations_shows_no_parents(following):
    begun = following(scripts.counter, fresh=0.5)
    proposals = [told(begun, 0.5, number) for number in range(30)]
    assert 8 <= sum(each.parents == () for each in proposals) <= 22


def test_better_parents_are_drawn_more_often_and_those_of_one_family_too(following):
    begun = following(scripts.counter)
    rewards = {0: (0.9, {"a": 0.9, "b": 0.1}), 1: (0.5, {"a": 0.1, "b": 0.9}), 2: (0.1, {"a": 0.2, "b": 0.2})}
    made = [told(begun, reward, number, families=families) for number, (reward, families) in rewards.items()]
    told(begun, 5.0, 3, stage="screen")
    told(begun, None, 4, error="it failed")
    drawn = [draw_parents(begun.researcher.told, 2, Seed.root(each)) for each in range(300)]
    first = [made.index(each[0][0]) for each in drawn]
    assert first.count(0) > first.count(1) > first.count(2) > 0
    assert all(one[0] != other[0] for one, other in drawn)
    assert len(draw_parents(begun.researcher.told, 9, Seed.root(1))) == 3


def test_several_models_by_weight(monkeypatch):
    monkeypatch.setitem(SCRIPTS, "other", scripts.counter)
    models = [{"model": "counter", "weight": 3}, {"model": "other", "temperature": 0.5}]
    begun = Begun(LanguageModelResearcher(models=models, provider=scripts.PROVIDER, temperature=0.25))
    ASKED.clear()
    proposals = [propose(begun, number) for number in range(40)]
    written = [(each.parameters["model"], each.parameters["temperature"]) for each in proposals]
    assert set(written) == {("counter", 0.25), ("other", 0.5)}
    assert 20 <= written.count(("counter", 0.25)) <= 38
    assert [model for model, _ in ASKED] == [model for model, _ in written]


# Prompts of a user's own


def test_prompts_may_be_replaced(following, tmp_path):
    (tmp_path / "task.md").write_text("Tried: {{ tried | length }} of {{ target.name }}. {{ '</data>' | data }}")
    begun = following(in_turn(write(METHOD.format(number=3))), prompts=str(tmp_path))
    propose(begun)
    system, task = ASKED[-1][1]
    assert task.content == f"Tried: 0 of practice. {as_data('</data>')}"
    assert system.content.startswith("You do research on interpretability.")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("tasks.md", "", "tasks.md is no prompt; the files of a folder of prompts are called system.md, task.md"),
        ("task.md", "one\n{% if %}", "task.md, line 2: "),
        ("task.md", "{{ secrets }}", "task.md names secrets, which it is not given; task.md is given contract"),
        ("system.md", "{{ 1 | rot13 }}", "system.md, line 1: No filter named 'rot13'"),
    ],
)
def test_prompts_that_are_none(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(ResearcherError, match=re.escape(says)):
        LanguageModelResearcher(model="this", provider=scripts.PROVIDER, prompts=str(tmp_path))


def test_a_prompt_that_asks_for_what_there_is_not(following, tmp_path):
    (tmp_path / "task.md").write_text("{{ target.secrets }}")
    with pytest.raises(ResearcherError, match=r"the prompt task.md cannot be made: .*secrets"):
        propose(following(scripts.counter, prompts=str(tmp_path)))


def test_no_folder_of_prompts(tmp_path):
    with pytest.raises(ResearcherError, match="is no folder of prompts"):
        LanguageModelResearcher(model="this", prompts=str(tmp_path / "none"))


# Options


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({}, ChatError, r"name it with `--option model=NAME`"),
        ({"model": "a", "models": [{"model": "b"}]}, ChatError, "or several with `models`"),
        ({"models": "a"}, ChatError, "`models` is a list of settings"),
        ({"model": "a", "colour": 1}, ChatError, "colour: Extra inputs are not permitted; its settings are model"),
        ({"model": "a", "budget_tokens": 0}, ResearcherError, "budget_tokens must be a number above 0, not 0"),
        ({"model": "a", "budget_seconds": "9"}, ResearcherError, "budget_seconds must be a number above 0"),
        ({"model": "a", "budget_money": 1.0}, ChatError, "a budget of money needs prices"),
        ({"model": "a", "repairs": -1}, ResearcherError, "repairs must be a whole number from 0 to 100"),
        ({"model": "a", "fresh": 2}, ResearcherError, r"fresh must be a number from 0\.0 to 1\.0"),
    ],
)
def test_options_that_cannot_be(options, kind, says):
    with pytest.raises(kind, match=says):
        LanguageModelResearcher(**options)


def test_it_is_made_sure_that_every_model_calls_tools(monkeypatch):
    """Before anything is loaded."""
    monkeypatch.setitem(SCRIPTS, "able", lambda messages, seed: [call("ready")])
    monkeypatch.setitem(SCRIPTS, "unable", lambda messages, seed: "I am ready.")
    LanguageModelResearcher(model="able", provider=scripts.PROVIDER).check_ready()
    both = [{"model": "able"}, {"model": "unable"}]
    with pytest.raises(ChatError, match="the model 'unable' was asked to call a tool"):
        LanguageModelResearcher(models=both, provider=scripts.PROVIDER).check_ready()
