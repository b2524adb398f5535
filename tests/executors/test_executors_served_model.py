"""An agent in the chair of M2 whose model an endpoint serves, asked by the real client."""

import sys
from pathlib import Path

import pytest
from agent_questions import history, market

from istar.chat import ChatError
from istar.executors import make_executor
from istar.executors.language_model.conversation import End
from istar.protocol.config import SearchConfig
from istar.protocol.setup import set_up
from istar.seeds import Seed

sys.path.insert(0, str(Path(__file__).parents[1] / "chat"))

from served_models import Endpoint, Said, calling, error

PARAMETERS = 1000


@pytest.fixture
def served():
    opened = []

    def serve(*replies, **options):
        opened.append(Endpoint(lambda _body, number: replies[min(number, len(replies) - 1)], **options))
        return {"model": "somebody's", "base_url": opened[-1].url, "retries": 0, "parameters": PARAMETERS}

    yield serve
    for each in opened:
        each.close()


def test_it_answers_and_pays_for_the_tokens_that_the_endpoint_counts(served):
    options = served(
        calling("buy", rows="arange(0, 64)"),
        calling("statistician"),
        calling("answer", values="statistician", final=True),
    )
    asked, where = make_executor("language_model", options), market()
    trace = asked.answer(where, asked.learn(history()), Seed.root(0))
    measures = trace.measures
    assert (measures["agent.end"], measures["agent.replies"]) == (End.FINAL, 3)
    tokens = measures["agent.input_tokens"] + measures["agent.output_tokens"]
    assert tokens > 100
    # with a prefix cache, each token of the conversation is paid once
    assert 0 < measures["agent.model_flops"] <= 2 * PARAMETERS * tokens
    assert measures["agent.model_flops"] % (2 * PARAMETERS) == 0


@pytest.mark.parametrize(
    ("reply", "words"),
    [(Said("I would rather not."), "choose a model that calls tools"), (error(401, "Incorrect API key"), "key")],
)
def test_a_model_that_cannot_be_asked_is_an_error_before_anything_is_loaded(served, reply, words):
    config = SearchConfig(target="no such target", executor="language_model", executor_options=served(reply))
    with pytest.raises(ChatError, match=words), set_up(config, ("train",)):
        pass


def test_so_is_an_endpoint_that_is_not_there():
    nowhere = {"model": "a", "base_url": "http://127.0.0.1:9/v1", "retries": 0, "parameters": PARAMETERS}
    config = SearchConfig(target="no such target", executor="language_model", executor_options=nowhere)
    with pytest.raises(ChatError, match=r"127\.0\.0\.1:9"), set_up(config, ("train",)):
        pass


def test_a_script_is_ready_without_being_asked(tmp_path):
    (tmp_path / "script.json").write_text('[{"content": "no"}]')
    make_executor("language_model", {"model": f"scripted:{tmp_path / 'script.json'}"}).check_ready()
