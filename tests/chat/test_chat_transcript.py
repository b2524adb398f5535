import json

import pytest

from istar.chat import Exchange, Message, Reply, Tool, ToolCall, Transcript, TranscriptError, read_transcript
from istar.chat.transcript import Request

BEGUN = {"prompts": "a"}
SYSTEM = Message("system", "You are a model.")
TOOL = Tool("look", "Look.", {"type": "object", "properties": {}})


def exchange(number):
    messages = (SYSTEM, *(Message("user", f"line {each}\n\x00é") for each in range(number + 1)))
    request = Request({"model": "m"}, messages, (TOOL,), 10, number)
    return Exchange(request, Reply(Message("assistant", "", (ToolCall("1", "look", "{"),)), "calls", 3, 4), 0.5, 0.25)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "transcripts.jsonl"
    transcript = Transcript(path, BEGUN)
    for number in range(3):
        transcript.add(exchange(number))
    return path


def test_what_was_exchanged_is_found_again(written):
    expected = [exchange(number) for number in range(3)]
    transcript = Transcript(written, BEGUN)
    assert list(transcript) == expected == list(read_transcript(written))
    assert transcript.find(expected[1].hash) == expected[1]
    assert transcript.find(exchange(3).hash) is None
    before = written.read_bytes()
    transcript.add(exchange(3))
    assert written.read_bytes().startswith(before)
    assert list(read_transcript(written)) == [*expected, exchange(3)]


def test_a_message_is_stored_once(written):
    assert written.read_text().count("You are a model.") == 1


def test_nothing_is_made_before_something_is_exchanged(tmp_path):
    Transcript(tmp_path / "none.jsonl", BEGUN)
    assert list(tmp_path.iterdir()) == []


def test_without_a_file_it_is_kept_in_memory():
    transcript = Transcript(None, BEGUN)
    transcript.add(exchange(0))
    assert transcript.find(exchange(0).hash) == exchange(0)


def test_a_line_that_a_kill_cut_off_is_dropped(written):
    whole = written.read_bytes()
    last = whole[:-1].rfind(b"\n") + 1
    for length in (last + 1, (last + len(whole)) // 2, len(whole) - 1):
        written.write_bytes(whole[:length])
        assert list(read_transcript(written)) == [exchange(0), exchange(1)]
        transcript = Transcript(written, BEGUN)
        transcript.add(exchange(2))
        assert written.read_bytes() == whole


def test_any_edited_line_is_found(written):
    lines = written.read_text().splitlines(keepends=True)
    for number, line in enumerate(lines):
        values = json.loads(line)
        edits = {
            "edited": [json.dumps({**values, "seconds": 9.0}) + "\n"],
            "no JSON": [line[: len(line) // 2] + "\n"],
            "no object": ["[]\n"],
            "taken out": [] if number < len(lines) - 1 else ["{}\n"],
            "twice": [line, line],
            "of another digest": [json.dumps({**values, "digest": "0" * 64}) + "\n"],
        }
        for edited in edits.values():
            written.write_text("".join([*lines[:number], *edited, *lines[number + 1 :]]))
            with pytest.raises(TranscriptError, match=r"line \d+: this is not what was written"):
                Transcript(written, BEGUN)
            with pytest.raises(TranscriptError, match="from a backup, or begin another run"):
                read_transcript(written)


def test_it_is_not_taken_up_with_other_prompts(written):
    with pytest.raises(TranscriptError, match=r"begun with something else \(differing: prompts\); put it back"):
        Transcript(written, {"prompts": "b"})
