"""The real client against a real server that speaks the protocol, well and badly."""

import json
import socket
import sys

import pytest
from served_models import Said, Sent, Status, calling, error, streamed

from istar.chat import ChatError, ContextError, Message, Tool, check_calls, model_settings, open_model
from measured import eventually

LOOK = Tool("look", "Look at a page.", {"type": "object", "properties": {"page": {"type": "string"}}})
ASKED = (Message("system", "You look things up."), Message("user", "What is on the first page?"))


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)


def model(url, **settings):
    (made,) = model_settings([{"model": "scripted", "base_url": url, "retries": 0, **settings}])
    return open_model(made)


def ask(served, tools=(LOOK,), **settings):
    return model(served.url, **settings).reply(ASKED, tools, max_tokens=100, seed=2**40 + 7)


@pytest.mark.parametrize("stream", [True, False])
def test_a_reply_in_words(endpoint, stream):
    served = endpoint(lambda body, number: Said("It is empty."))
    reply = ask(served, stream=stream)
    assert reply.message == Message("assistant", "It is empty.")
    assert (reply.stop, reply.output_tokens) == ("stop", 4)
    assert reply.input_tokens > 10
    assert reply.flops is None
    (body,) = served.requests
    assert body["messages"] == [{"role": each.role, "content": each.content} for each in ASKED]
    assert (body["model"], body["temperature"], body["max_tokens"], body["seed"]) == ("scripted", 1.0, 100, 7)
    assert body["tools"][0]["function"]["name"] == "look"


@pytest.mark.parametrize("stream", [True, False])
def test_calls_and_what_answers_them(endpoint, stream):
    said = Said("First I look.", calls=(("look", '{"page": "é"}'), ("look", "{}")))
    served = endpoint(lambda body, number: Said("Done.") if number else said)
    asked = model(served.url, stream=stream)
    reply = asked.reply(ASKED, [LOOK], max_tokens=100)
    assert reply.stop == "calls"
    assert reply.message.content == "First I look."
    assert [(call.name, call.arguments) for call in reply.message.calls] == list(said.calls)
    answers = [Message("tool", "nothing", call=call.id) for call in reply.message.calls]
    assert asked.reply([*ASKED, reply.message, *answers], [LOOK], max_tokens=100).message.content == "Done."
    assert "seed" not in served.requests[0]


@pytest.mark.parametrize("stream", [True, False])
def test_a_reply_that_was_cut_off(endpoint, stream):
    said = Said(calls=(("look", '{"page": "the fi'),), finish="length")
    reply = ask(endpoint(lambda body, number: said), stream=stream)
    assert reply.stop == "length"
    assert reply.message.calls[0].arguments == '{"page": "the fi'


@pytest.mark.parametrize("said", [Said(refusal="I will not."), Said("I will", finish="content_filter")])
@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal(endpoint, stream, said):
    reply = ask(endpoint(lambda body, number: said), stream=stream)
    assert reply.stop == "refusal"
    assert reply.message.content == (said.refusal or said.content)


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(endpoint, code):
    served = endpoint(lambda body, number: Said("At last.") if number == 2 else error(code, "busy", retry_after_ms="1"))
    assert ask(served, retries=2).message.content == "At last."
    assert len(served.requests) == 3


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (error(429, "slow down"), r"has had enough requests \(.*slow down.*\); wait, raise `retries`"),
        (error(500, "it broke"), r"answers 500 \(.*it broke.*\); try again later"),
        (error(401, "no such key"), r"refuses the key .*OPENAI_API_KEY is not set; set it, or name another with `key`"),
        (error(404, "no such model"), "is not there .*whether `base_url` ends as it should"),
        (error(400, "maximum context length is 4096 tokens"), "has too short a context .*choose one with a longer"),
        (error(413, "big"), "has too short a context"),
        (error(400, "this model does not support tools"), "takes no tools .*choose a model that calls tools"),
        (error(404, "No endpoints found that support tool use"), "takes no tools"),
        (error(400, "use 'max_completion_tokens' instead"), "set `limit` to max_completion_tokens"),
        (error(418, "a teapot"), r"answers 418 \(.*a teapot"),
        (Status(200, "<html>", {"Content_Type": "text/html"}), "what is no reply .*whether `base_url` is that of"),
        (Status(200, '{"choices": [', {}), "what is no reply"),
        (Status(200, "[]"), "what is no reply"),
        (
            Status(
                200, '{"choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}'
            ),
            "what is no reply",
        ),
        (Said("words", finish=None), "broke its reply off before the end"),
        (Said("words", counted=False), "does not say how many tokens"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_errors_say_what_to_do(endpoint, answer, says, stream):
    with pytest.raises(ChatError, match=says) as raised:
        ask(endpoint(lambda body, number: answer), stream=stream)
    assert "the model 'scripted' at http://127.0.0.1" in str(raised.value)
    assert isinstance(raised.value, ContextError) == ("context" in says)


def test_a_stream_that_is_no_json(endpoint):
    with pytest.raises(ChatError, match="what is no reply"):
        ask(endpoint(lambda body, number: Sent('data: {"choices": [\n\n')))


def test_an_error_within_a_stream(endpoint):
    event = json.dumps({"error": {"message": "out of memory"}})
    with pytest.raises(ChatError, match="out of memory"):
        ask(endpoint(lambda body, number: Sent(f"data: {event}\n\n")))


@pytest.mark.parametrize("how", ["breaks", "stalls"])
def test_a_stream_that_breaks_off_or_stalls_is_asked_again(endpoint, how):
    """The client itself asks again only before a reply has begun."""

    sound = []

    def answer(body, number):
        sent = streamed(Said("All of it."), body)
        return sent if sound else Sent(sent.body.partition("All")[0].rpartition("data")[0], **{how: True})

    served = endpoint(answer)
    patient = {"timeout": 0.2} if how == "stalls" else {}
    with pytest.raises(ChatError, match="said nothing" if how == "stalls" else "cannot be reached .*peer closed"):
        ask(served, retries=1, **patient)
    assert eventually(lambda: len(served.requests) >= 2)
    sound.append(True)
    assert ask(served).message.content == "All of it."


@pytest.mark.parametrize("begins", ["", 'data: {"choices": [{"delta": {"content": "Well"}}]}\n\n'])
def test_a_stall(endpoint, begins):
    served = endpoint(lambda body, number: Sent(begins, stalls=True))
    with pytest.raises(ChatError, match=r"said nothing for 0.2 seconds; see whether it is overloaded, or raise"):
        ask(served, timeout=0.2)


def test_nobody_is_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(ChatError, match=r"cannot be reached .*see whether it is running and whether `base_url`"):
            model(f"http://127.0.0.1:{taken.getsockname()[1]}/v1").reply(ASKED, max_tokens=1)


def test_the_key(endpoint, monkeypatch):
    served = endpoint(lambda body, number: Said("Welcome."), key="right")
    monkeypatch.setenv("MY_KEY", "sk-wrong")
    with pytest.raises(ChatError, match="MY_KEY holds another key") as raised:
        ask(served, key="MY_KEY")
    assert "sk-wrong" not in str(raised.value)
    monkeypatch.setenv("MY_KEY", "right")
    assert ask(served, key="MY_KEY").message.content == "Welcome."
    assert "right" not in json.dumps(dict(model(served.url, key="MY_KEY").identity()))
    with pytest.raises(ChatError, match="no key stands there: put it into an environment variable"):
        model(served.url, api_key="right")


def test_openai_itself_wants_a_key():
    with pytest.raises(ChatError, match="OPENAI_API_KEY is not set; set it, or state the `base_url`"):
        open_model(model_settings([{"model": "some"}])[0]).reply(ASKED, max_tokens=1)


def test_without_the_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(
        ChatError, match=r"package openai, which is not installed.*pip install 'istar\[language-models\]'"
    ):
        model("http://127.0.0.1:1/v1").reply(ASKED, max_tokens=1)


def test_settings_that_cannot_be():
    with pytest.raises(
        ChatError, match=r"temperature: Input should be less than or equal to 2.*its settings are model"
    ):
        model_settings([{"model": "some", "temperature": 3}])
    with pytest.raises(ChatError, match="colour: Extra inputs"):
        model_settings([{"model": "some", "colour": "blue"}])


def test_what_else_is_sent(endpoint):
    served = endpoint(lambda body, number: Said("Well."))
    ask(served, (), temperature=None, seeded=False, limit="max_completion_tokens", extra={"reasoning_effort": "low"})
    (body,) = served.requests
    assert body.keys() & {"temperature", "seed", "tools", "max_tokens"} == set()
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (100, "low")


def test_calls_whose_pieces_bear_no_index(endpoint):
    """Some servers leave it out."""

    def answer(body, number):
        sent = streamed(Said(calls=(("look", '{"page": "a"}'), ("look", '{"page": "b"}'))), body)
        return Sent(
            sent.body.replace('"index": 0, "id"', '"id"')
            .replace('"index": 1, "id"', '"id"')
            .replace('"index": 0, "function"', '"function"')
            .replace('"index": 1, "function"', '"function"')
        )

    reply = ask(endpoint(answer))
    assert [call.arguments for call in reply.message.calls] == ['{"page": "a"}', '{"page": "b"}']


def test_whether_a_model_calls_tools(endpoint):
    check_calls(model(endpoint(lambda body, number: calling("ready")).url))
    with pytest.raises(ChatError, match=r"was asked to call a tool and wrote 'I am ready.'; choose a model that calls"):
        check_calls(model(endpoint(lambda body, number: Said("I am ready.")).url))
