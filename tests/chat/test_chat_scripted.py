"""A model that follows a script says what is written, whoever asks and however often."""

import json

import pytest

from istar.chat import ChatError, Message, Reply, Tool, ToolCall
from istar.chat.scripted import ScriptedModel, scripted_reply
from istar.files import StorageError

START = [Message("system", "Be brief."), Message("user", "Begin.")]
SPOKEN = [*START, Message("assistant", "one"), Message("user", "go on")]


def test_it_says_its_replies_in_order_by_how_often_it_has_spoken():
    model = ScriptedModel([{"content": "one"}, {"content": "two"}])
    assert model.reply(START, max_tokens=9).message.content == "one"
    assert model.reply(SPOKEN, max_tokens=9).message.content == "two"
    assert model.reply(START, max_tokens=9).message.content == "one"


def test_a_function_of_the_messages_is_a_script():
    model = ScriptedModel(lambda messages: {"content": messages[-1].content.upper()})
    assert model.reply(SPOKEN, max_tokens=9).message == Message("assistant", "GO ON")


def test_calls_have_their_arguments_as_a_model_writes_them():
    calls = [{"name": "buy", "arguments": {"rows": [1]}}, {"name": "buy", "arguments": '{"rows": [1', "id": "mine"}]
    reply = ScriptedModel([{"calls": calls}]).reply(START, max_tokens=9)
    assert reply.stop == "calls"
    assert reply.message.calls == (
        ToolCall("call_0", "buy", '{"rows": [1]}'),
        ToolCall("mine", "buy", '{"rows": [1'),
    )


def test_tokens_are_those_stated_or_a_quarter_of_the_characters():
    tool = Tool("buy", "Buy rows.", {"type": "object"})
    script = [{"content": "12345", "input_tokens": 7, "flops": 11}, {"content": "12345", "output_tokens": 3}]
    first = ScriptedModel(script).reply(START, [tool], max_tokens=9)
    assert (first.input_tokens, first.output_tokens, first.flops) == (7, 2, 11)
    second = ScriptedModel(script).reply(SPOKEN, max_tokens=9)
    characters = sum(len(message.content) for message in SPOKEN)
    assert (second.input_tokens, second.output_tokens, second.flops) == (-(-characters // 4), 3, None)
    told = ScriptedModel([{"content": ""}]).reply(START, [tool], max_tokens=9)
    assert told.input_tokens > ScriptedModel([{"content": ""}]).reply(START, max_tokens=9).input_tokens


def test_a_reply_is_read_as_it_was_written():
    reply = Reply(Message("assistant", "no", (ToolCall("a", "buy", "{}"),)), "calls", 3, 4, 5)
    assert scripted_reply(json.loads(json.dumps(reply.to_json()))) == reply


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ({"contents": "x"}, "there is no contents in a reply; there are calls, content"),
        ({"calls": [{"arguments": {}}]}, "KeyError.*give `content`, `calls` or both"),
        ({"calls": 3}, "reply 1 of the script is none"),
        ("x", "reply 1 of the script is none"),
        ({"message": {"role": "assistant"}}, "reply 1 of the script is none"),
    ],
)
def test_what_is_no_reply_is_said_with_its_place(line, fault):
    with pytest.raises(ChatError, match=fault):
        ScriptedModel([{"content": "one"}, line])


def test_a_file_holds_a_list_of_replies_or_a_transcript(tmp_path):
    for name, content in (("list", [{"content": "one"}]), ("kept", {"replies": [{"content": "one"}], "end": "FINAL"})):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(content))
        model = ScriptedModel.read(file)
        assert model.name == f"scripted:{name}.json"
        assert model.reply(START, max_tokens=9).message.content == "one"
    for content, fault in (("{", "holds no script: "), ('"x"', "holds no script but a str"), ("{}", "but a dict")):
        file.write_text(content)
        with pytest.raises(ChatError, match=f"{fault}.*write a JSON list of replies"):
            ScriptedModel.read(file)
    with pytest.raises(StorageError, match=r"gone\.json"):
        ScriptedModel.read(tmp_path / "gone.json")


def test_its_identity_is_what_it_says():
    one, other = [{"content": "one"}], [{"content": "two"}]
    assert ScriptedModel(one).identity() == ScriptedModel(one, name="else").identity()
    assert ScriptedModel(one).identity() != ScriptedModel(other).identity()
    assert ScriptedModel(START.index).identity() != ScriptedModel(lambda messages: one).identity()


def test_beyond_its_end_it_says_so():
    with pytest.raises(ChatError, match=r"has 1 replies, and reply 2 is asked for; write one more"):
        ScriptedModel([{"content": "one"}]).reply(SPOKEN, max_tokens=9)
