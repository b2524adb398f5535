"""A search by a language model on real tables and jails: behind an endpoint, and replayed from what was recorded."""

import json
import re
import shlex
from pathlib import Path

import pytest
import scripted_writer
from record_conversations import RECORDED, options, tiny_config
from scripted_writer import SCRIPT
from served_models import Endpoint, Said, calling, error
from tiny_truth import build_tiny_truth

from istar.chat import TRANSCRIPT_FILE, read_transcript
from istar.cli.app import ERROR, SUCCESS, run
from istar.protocol.run_folder import RunFolder

PAGE = Path(__file__).parents[2] / "docs" / "language_models.md"
KEY = "a secret key"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """The tiny tasks by split, with small tables in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTAR_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("OPENAI_API_KEY", raising=False)
        yield build_tiny_truth(patch)


def told(capsys):
    return " ".join(capsys.readouterr().err.split())


def methods(folder):
    with folder.ledger(read_only=True) as ledger:
        return [(each.name, ledger.source(each.method)) for each in ledger.proposals(folder.name)]


def outcomes(folder):
    with folder.ledger(read_only=True) as ledger:
        return [(each.status, each.reward) for each in ledger.rounds(folder.name)]


@pytest.fixture(scope="module")
def replayed(names, tmp_path_factory):
    """A search that is answered from the recorded conversations, and no model."""
    runs = tmp_path_factory.mktemp("replayed")
    (first, *_) = read_transcript(RECORDED / TRANSCRIPT_FILE)
    told = options(first.request.identity["base_url"]) | {"replay": str(RECORDED / TRANSCRIPT_FILE)}
    config = tiny_config(names, methods=len(scripted_writer.NAMES), researcher_options=told)
    (runs / "settings.json").write_text(config.model_dump_json())
    arguments = ["search", "--config", str(runs / "settings.json"), "--runs", str(runs), "--run", "again"]
    assert run(arguments) == SUCCESS, "record again: see record_conversations.py"
    return RunFolder(runs / "again")


@pytest.mark.slow
def test_a_recorded_search_is_replayed_without_the_model(replayed):
    assert [name for name, _ in methods(replayed)] == list(scripted_writer.NAMES)
    assert [status for status, _ in outcomes(replayed)] == ["ok", "ok", "ok", "error"]
    again = (replayed.path / TRANSCRIPT_FILE).read_bytes()
    assert again == (RECORDED / TRANSCRIPT_FILE).read_bytes()


def test_what_was_written_stands_in_the_ledger(replayed):
    with replayed.ledger(read_only=True) as ledger:
        lens, size, early, stubborn = ledger.proposals("again")
        assert "0.5 * DEPTH * target" in ledger.source(lens.method)
        assert "import os" not in ledger.source(size.method)
        assert early.parents == (size.method,)
        assert ledger.source(early.method) == ledger.source(size.method).replace("target.layers // 2", "1")
        assert "ZeroDivisionError" in stubborn.parameters["failed"]
        assert {each.parameters["temperature"] for each in (lens, size, early, stubborn)} == {1.0}
        assert len({each.parameters["seed"] for each in (lens, size, early, stubborn)}) == 4
        checked = [use.name for use in ledger.uses("again")]
        assert checked == ["half a lens", "size", "early size", "stubborn"]


def test_the_report_shows_every_conversation(replayed, capsys):
    assert run(["report", "again", "--runs", str(replayed.path.parent)]) == SUCCESS
    page = replayed.report_path.read_text()
    shown = page.partition('<section id="conversations">')[2].partition("</section>")[0]
    assert re.findall(r"<summary>Round (\d): <code>(.*?)</code>", shown) == [
        (str(number), name) for number, name in enumerate(scripted_writer.NAMES)
    ]
    assert shown.count("Nothing came of it") == 1
    assert "5 conversations" in shown
    for said in ("I shall measure how large the stream is.", "I would rather not.", "import os", "no JSON"):
        assert said in shown


def test_the_published_transcript_is_whole():
    published = Path(__file__).parents[2] / "results" / "language_model"
    found = json.loads((published / "search.json").read_text())
    exchanges = read_transcript(published / TRANSCRIPT_FILE)
    assert len(exchanges) == found["language_model"]["replies"]
    assert found["language_model"]["tokens"] == sum(
        each.reply.input_tokens + each.reply.output_tokens for each in exchanges
    )
    refusals = sum(bool(each.reply.message.content) and not each.reply.message.calls for each in exchanges)
    assert sum(each["replies"] for each in found["rounds"]) + refusals == len(exchanges)


@pytest.fixture(scope="module")
def searched(names, tmp_path_factory):
    """A search by the commands of the page, with a model behind an endpoint that wants a key and is busy at times."""
    runs = tmp_path_factory.mktemp("searched")
    busy = [error(code, "busy", retry_after_ms="1") for code in (429, 503)]
    replies = iter([busy[0], calling("ready"), SCRIPT[0], busy[1], SCRIPT[1]])
    endpoint = Endpoint(lambda body, number: next(replies), key=KEY)
    (runs / "settings.json").write_text(tiny_config(names).model_dump_json())
    commands = [shlex.split(line) for line in re.findall(r"^\.venv/bin/istar (.*)$", PAGE.read_text(), re.MULTILINE)]
    search, report = commands[:2]
    place = ["--runs", str(runs)]
    search[search.index("--preset") : search.index("--preset") + 2] = ["--config", str(runs / "settings.json")]
    search[search.index("--methods") + 1] = "1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        assert run([*search, *place, "--option", f"base_url={endpoint.url}"]) == SUCCESS
        assert run([*report, *place]) == SUCCESS
    yield RunFolder(runs / "written"), endpoint
    endpoint.close()


@pytest.mark.slow
def test_the_commands_of_the_page_lead_to_a_first_method(searched):
    folder, _ = searched
    ((name, _),) = methods(folder)
    assert name == "half a lens"
    ((status, reward),) = outcomes(folder)
    assert status == "ok"
    assert reward is not None
    assert "half a lens" in folder.report_path.read_text()


def test_the_key_is_written_nowhere(searched):
    folder, _ = searched
    for path in folder.path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()


def test_a_finished_search_needs_no_endpoint(searched, capsys):
    folder, endpoint = searched
    before = len(endpoint.requests)
    resume = ["search", "--run", folder.name, "--runs", str(folder.path.parent), "--resume", "--json"]
    assert run(resume) == SUCCESS
    found = json.loads(capsys.readouterr().out)
    assert found["methods"] == 1
    asked = found["language_model"]
    assert (asked["replies"], asked["money"]) == (len(read_transcript(folder.path / TRANSCRIPT_FILE)), 0.0)
    assert asked["tokens"] > 0
    assert len(endpoint.requests) == before
    assert run(resume[:-1]) == SUCCESS
    assert f"{asked['replies']} replies, {asked['tokens']:,} tokens" in capsys.readouterr().out


def test_a_search_whose_model_goes_away_says_how_it_goes_on(names, tmp_path, monkeypatch, capsys):
    replies = iter([calling("ready"), SCRIPT[0]])
    endpoint = Endpoint(lambda body, number: next(replies, error(401, "no more of you")), key=KEY)
    (tmp_path / "settings.json").write_text(tiny_config(names).model_dump_json())
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    search = ["search", "--run", "cut off", "--runs", str(tmp_path), "--config", str(tmp_path / "settings.json")]
    chosen = ["--researcher", "language_model", "--option", "model=some", "--option", f"base_url={endpoint.url}"]
    assert run([*search, *chosen]) == ERROR
    endpoint.close()
    assert f"go on with `istar search --run 'cut off' --runs {tmp_path} --resume`" in told(capsys)


@pytest.mark.parametrize(
    ("answer", "key", "says"),
    [
        (None, None, "cannot be reached"),
        (lambda body, number: Said("Hello."), "another", "refuses the key"),
        (lambda body, number: Said("I am ready."), None, "choose a model that calls tools"),
        (lambda body, number: error(400, "tools are not supported"), None, "takes no tools"),
        (lambda body, number: error(404, "there is no model 'some'"), None, "is not there"),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_said_before_anything_is_loaded(answer, key, says, tmp_path, capsys):
    """And leaves no run behind."""
    endpoint = Endpoint(answer, key)
    if answer is None:
        endpoint.close()
    arguments = ["--researcher", "language_model", "--option", "model=some", "--option", f"base_url={endpoint.url}"]
    try:
        code = run(["search", "--run", "mine", "--runs", str(tmp_path), *arguments, "--option", "retries=0"])
    finally:
        endpoint.close()
    assert code == ERROR
    assert says in told(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name it with `--option model=NAME`"),
        (["--option", "model=some"], "the environment variable OPENAI_API_KEY is not set; set it, or state"),
        (["--option", "model=some", "--option", "api_key=secret"], "put it into an environment variable"),
        (["--option", "model=some", "--option", "budget_tokens=0"], "budget_tokens must be a number above 0"),
        (["--option", "model=some", "--option", "prompts=nowhere"], "nowhere is no folder of prompts"),
        (["--option", "model=some", "--option", "replay=nowhere"], "cannot read nowhere"),
        (["--option", "model=some", "--option", "provider=nobody"], "no model provider is called 'nobody'"),
        (["--option", "model"], "'model' is no option; give NAME=VALUE"),
    ],
)
def test_options_that_cannot_be_are_said_at_once(arguments, says, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    code = run(["search", "--run", "mine", "--runs", str(tmp_path), "--researcher", "language_model", *arguments])
    assert code == ERROR
    assert says in told(capsys)
    assert list(tmp_path.iterdir()) == []
