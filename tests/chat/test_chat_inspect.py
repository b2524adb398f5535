"""Inspect AI's providers, where it is installed: it cannot be beside istar's pinned packages, and CI has it not."""

import importlib.util
import json
import sys

import pytest

from istar.chat import ChatError, Message, Reply, Tool, ToolCall, model_settings, open_model

THERE = importlib.util.find_spec("inspect_ai") is not None
LOOK = Tool("look", "Look at a page.", {"type": "object", "properties": {"page": {"type": "string"}}})


def model(name="mockllm/model", **settings):
    (made,) = model_settings([{"model": name, "provider": "inspect", **settings}])
    return open_model(made)


def test_without_inspect_ai(monkeypatch):
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    monkeypatch.setitem(sys.modules, "inspect_ai.model", None)
    with pytest.raises(ChatError, match=r"Inspect AI, which is not installed .*install inspect-ai into an environment"):
        model().reply([Message("user", "Well?")], max_tokens=5)


@pytest.mark.skipif(not THERE, reason="Inspect AI is not installed")
class TestInstalled:
    @pytest.fixture
    def asked(self, monkeypatch):
        """Return a function that opens a model which answers by a function of what it is sent."""
        from inspect_ai.model import get_model

        def opened(answer, **settings):
            made = model(**settings)
            made.__dict__["_model"] = get_model("mockllm/model", custom_outputs=answer, memoize=False)
            return made

        return opened

    def output(self, content="", stop="stop", calls=()):
        from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput, ModelUsage

        said = ChatMessageAssistant(content=content, tool_calls=list(calls) or None)
        usage = ModelUsage(input_tokens=7, output_tokens=3, input_tokens_cache_read=20)
        return ModelOutput(choices=[ChatCompletionChoice(message=said, stop_reason=stop)], usage=usage)

    def test_a_conversation_with_calls(self, asked):
        from inspect_ai.tool import ToolCall as Call

        seen = []

        def answer(messages, tools, choice, config):
            seen.append((messages, tools, config))
            if len(seen) > 1:
                return self.output("Done.")
            return self.output("", "tool_calls", [Call(id="1", function="look", arguments={"page": "a"})])

        opened = asked(answer, temperature=0.5)
        messages = [Message("system", "You look."), Message("user", "Well?")]
        first = opened.reply(messages, [LOOK], max_tokens=9, seed=2**31 + 5)
        assert first == Reply(Message("assistant", "", (ToolCall("1", "look", '{"page": "a"}'),)), "calls", 27, 3)
        answered = [*messages, first.message, Message("tool", "nothing", call="1")]
        assert opened.reply(answered, [LOOK], max_tokens=9).message.content == "Done."
        sent, tools, config = seen[0]
        assert [each.role for each in sent] == ["system", "user"]
        assert json.loads(tools[0].parameters.model_dump_json(exclude_none=True))["properties"] == {
            "page": {"type": "string"}
        }
        assert (config.max_tokens, config.temperature, config.seed) == (9, 0.5, 5)
        assert [each.role for each in seen[1][0]] == ["system", "user", "assistant", "tool"]
        assert seen[1][0][3].function == "look"

    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [("stop", "stop"), ("max_tokens", "length"), ("model_length", "length"), ("content_filter", "refusal")],
    )
    def test_why_a_reply_ended(self, asked, theirs, ours):
        opened = asked(lambda *sent: self.output("Well.", theirs))
        assert opened.reply([Message("user", "Well?")], max_tokens=5).stop == ours

    def test_arguments_that_are_no_json_stay_none(self, asked):
        from inspect_ai.tool import ToolCall as Call

        broken = Call(id="1", function="look", arguments={}, parse_error="no JSON: {")
        opened = asked(lambda *sent: self.output("", "tool_calls", [broken]))
        (call,) = opened.reply([Message("user", "Well?")], [LOOK], max_tokens=5).message.calls
        with pytest.raises(ValueError):
            json.loads(call.arguments)

    def test_errors(self, asked):
        with pytest.raises(ChatError, match=r"Inspect AI cannot ask the model 'nobody/model': .*nobody"):
            model("nobody/model").reply([Message("user", "Well?")], max_tokens=5)
        opened = asked(lambda *sent: 1 / 0)
        with pytest.raises(ChatError, match=r"cannot ask the model 'mockllm/model': .*division"):
            opened.reply([Message("user", "Well?")], max_tokens=5)
