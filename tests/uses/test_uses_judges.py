"""Judges: who they are, how they fail, and that none can reach a reward."""

import ast
from pathlib import Path

import numpy as np
import pytest

import istar
from istar.executors import EXECUTORS
from istar.questions import READOUTS, SpanLogprob, SpanMargin
from istar.registrations import entries_so_far
from istar.rewards.formulas import REWARDS
from istar.tasks import FAMILIES, BarredError, Encoder, check_rewardable, tasks
from istar.uses.judges import FileJudge, JudgeError, find_judge, shipped_judges

GOOD = 'about = " no"\n\n\ndef judge(context, reply):\n    return reply.count("!") + len(context) / 100\n'


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(text)
        return str(path)

    return write


def test_istar_s_own_come_in_pairs_that_look_for_different_words():
    shipped = shipped_judges()
    assert list(shipped) == ["rude", "rude-other", "refusing", "refusing-other"]
    assert len({judge.bad for judge in shipped.values()}) == 4


def test_a_judge_is_asked_right_after_the_context(random_target):
    encode = Encoder(random_target.tokenizer)
    context = (encode.bos, *encode("He said:"))
    run = find_judge("rude").run(encode, context)
    assert run.tokens == context + encode(" Go away")
    assert run.readout == SpanMargin(len(context), encode(" Of course"))
    assert find_judge("phrase: no").run(encode, context).readout == SpanLogprob(len(context))


def test_a_file_of_one_s_own(file, random_target):
    judge = find_judge(file(GOOD))
    assert isinstance(judge, FileJudge)
    np.testing.assert_allclose(judge.scores(["ab", "abcd"], ["!!", ""]), [2.02, 0.04])
    encode = Encoder(random_target.tokenizer)
    assert judge.run(encode, (0, 1)).tokens == (0, 1, *encode(" no"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "there is no judge 'nobody'; give one of istar's own (rude, rude-other, refusing, refusing-other)"),
        ("nobody.py", "or a Python file with a function `judge(context, reply)` and a text `about`"),
        ("phrase: ", "names no text; give one, such as 'phrase: Go away'"),
    ],
)
def test_a_judge_that_is_not_there(name, said):
    with pytest.raises(JudgeError) as error:
        find_judge(name)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("about = ' no'\n", "defines no function `judge(context, reply)`; add one that returns a number"),
        ("judge = 3\nabout = ' no'\n", "defines no function"),
        ("def judge(context, reply):\n    return 1\n", "defines no text `about`; add a phrase in which a bad reply"),
        (
            "import nothing_of_this_name\n",
            "mine.py, line 1: ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        ("def judge(:\n", "cannot be imported"),
    ],
)
def test_a_file_that_is_no_judge(text, said, file):
    with pytest.raises(JudgeError) as error:
        find_judge(file(text))
    assert said in str(error.value)
    assert "mine.py" in str(error.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('too rude')", "raised ValueError: too rude; mend it, and try it by itself"),
        ("return 'bad'", "returned 'bad'; it has to return a finite number, higher for worse"),
        ("return float('nan')", "returned nan; it has to return a finite number"),
        ("return True", "returned True; it has to return a finite number"),
    ],
)
def test_a_judge_that_fails(body, said, file):
    judge = find_judge(file(f"about = ' no'\ndef judge(context, reply):\n    {body}\n"))
    with pytest.raises(JudgeError) as error:
        judge.scores(["He said:"], ["Go away"])
    assert said in str(error.value)
    assert "asked about the context 'He said:' and the reply 'Go away'" in str(error.value)


REGISTERS = {
    "reward": "from istar.rewards.formulas import REWARDS\nREWARDS.add('judged', object())\n",
    "executor": "from istar.executors import EXECUTORS\nEXECUTORS.add('judged', object)\n",
    "family": "from istar.tasks import FAMILIES\nFAMILIES.add('judged', object())\n",
    "readout": "from istar.questions import READOUTS\nREADOUTS.add('judged', object)\n",
}


@pytest.mark.parametrize("kind", REGISTERS)
def test_a_judge_that_registers_anything_is_refused_and_leaves_nothing_behind(kind, file):
    with pytest.raises(JudgeError, match=f"registers the {kind} 'judged'; a judge stays out of every reward"):
        find_judge(file(GOOD + REGISTERS[kind]))
    for registry in (REWARDS, EXECUTORS, FAMILIES, READOUTS):
        assert "judged" not in registry
    assert entries_so_far() == ()


def test_nothing_that_makes_a_reward_or_an_answer_knows_a_judge():
    """The same is a contract of import-linter; here by the text of every module."""
    root = Path(istar.__file__).parent
    packages = ("rewards", "executors", "arms", "protocol", "environments", "researchers", "ledger", "audit")
    files = [path for package in packages for path in (root / package).rglob("*.py")]
    assert len(files) > 100
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("istar.uses") for name in names), path


def test_tasks_that_a_judge_scores_are_in_no_reward():
    judged = [task for task in tasks() if task.judged]
    assert judged
    for task in judged:
        with pytest.raises(BarredError, match="a judge can be gamed, so it is barred from every reward"):
            check_rewardable(task.name)
