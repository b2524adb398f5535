"""Episodes in memory: made-up questions and arms, a ledger that can be killed, and an agent with a script."""

from contextlib import contextmanager
from dataclasses import replace

from istar.environments import Budget, Environment
from istar.ledger import Ledger
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.workbench import Tools
from istar.testing.practice import PracticeArms, PracticeTarget, made_up_table, practice_check


def cheaper(table):
    """Return the question with rows at half their price."""
    return replace(table, prices=replace(table.prices, row_reads_flops=table.prices.row_reads_flops // 2))


TRAINING = {
    "shot_shapley/antonyms": tuple(made_up_table("shot_shapley/antonyms", index) for index in range(2)),
    "context_attribution/facts-subsets": tuple(
        cheaper(made_up_table("context_attribution/facts-subsets", index)) for index in range(2)
    ),
}
CONFIG = SearchConfig(target="practice", train=StageSize(questions=1))
HASHES = [table.question.hash for tables in TRAINING.values() for table in tables]


def method(number):
    return (
        f'"""Method {number}."""\n'
        "from istar.methods import Interpretation\n\n\n"
        "def interpret(target, corpus):\n    return Interpretation()\n\n\n"
        "def predict(question, runs, target, interpretation, prepared):\n    return None\n"
    )


class CountingArms(PracticeArms):
    """Counts what methods are asked."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def asked(self, what):
        self.calls.append(what)


@contextmanager
def practice(path, config=CONFIG, arms=None, check=practice_check, ledger=None, validation=None):
    with (ledger or Ledger)(path) as opened:
        tools = Tools(PracticeTarget(), check, TRAINING)
        with Environment(config, arms or CountingArms(), tools, opened, validation=validation) as environment:
            yield environment


SCRIPT = (
    ("read_docs", {"page": "contract"}),
    ("list_methods", {}),
    ("read_question", {"question": HASHES[0], "first": 60, "rows": 16}),
    ("check", {"source": method(1)}),
    ("score", {"source": method(1)}),
    ("last_score", {"question": HASHES[1]}),
    ("read_method", {"name": "no such"}),
    ("score", {"source": method(1), "questions": HASHES}),
    ("score", {"source": "import os\n"}),
    ("last_score", {}),
    ("submit", {"source": method(1), "name": "the first"}),
)
BUDGET = Budget(flops=10**9, seconds=1000.0, checks=3)


def play(episode, script=SCRIPT):
    """Go on with a script from where an episode is, and return its replies as JSON without measured time."""
    if episode.calls:
        finish(episode, episode.calls - 1)
    for tool, arguments in script[episode.calls :]:
        finish(episode, episode.call(tool, arguments).call)
    return timeless(episode)


def finish(episode, call):
    reply = episode.poll(call, 60.0)
    assert reply.status != "running"
    return reply


def timeless(episode):
    replies = [reply.to_json() for _, reply in episode.transcript()]
    for reply in replies:
        del reply["left"]["seconds"]
    return replies
