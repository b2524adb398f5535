"""Each door is installed into an environment of its own, as its page says, and its library's own clients use it."""

import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from own_environment import PLUGIN, ROOT, blocks, own_environment, page_folder, run, run_tests
from tiny_truth import build_tiny_truth

from measured import eventually


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with small tables, for programs that take its families as a plug-in."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("ISTAR_HOME", str(folder))
        build_tiny_truth(patch)
        yield {"ISTAR_HOME": str(folder), "ISTAR_PLUGINS": str(PLUGIN)}


@pytest.mark.slow
def test_gymnasium(tmp_path, home):
    variables = own_environment(tmp_path / "venv", "gymnasium")
    run_tests("gymnasium", variables)
    folder = page_folder("gymnasium", tmp_path / "page")
    assert "\nreward " in run("python program_0.py", variables | home, folder)


@pytest.mark.trust
def test_inspect(tmp_path, home):
    """What it stands on is tested in every run by `test_environments_seat.py`."""
    variables = own_environment(tmp_path / "venv", "inspect")
    run_tests("inspect", variables)
    folder = page_folder("inspect", tmp_path / "page")
    shutil.copy(folder / "program_0.py", folder / "scripted.py")
    shutil.copy(ROOT / "examples" / "my_method.py", folder)
    printed = run(blocks("inspect")[1], variables | home, folder)
    whole, ended = (json.loads(line) for line in printed.splitlines()[-2:])
    assert (whole["calls"], whole["limit"]) == (4, None)
    assert (ended["calls"], ended["limit"], ended["reward"]) == (2, "custom", -1.0)


@pytest.mark.trust
def test_openenv(tmp_path, home):
    """What it stands on is tested in every run by `test_environments_seat.py`."""
    variables = own_environment(tmp_path / "venv", "openenv")
    run_tests("openenv", variables)
    folder = page_folder("openenv", tmp_path / "page")
    (folder / "program_0.py").rename(folder / "client.py")
    shutil.copy(ROOT / "examples" / "my_method.py", folder)
    _, serve, use = blocks("openenv")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = ["/bin/bash", "-c", f"exec {serve.replace('8000', port).strip()}"]
    with subprocess.Popen(command, cwd=folder, env=variables | home, stderr=subprocess.DEVNULL) as server:
        try:
            assert eventually(lambda: server.poll() is not None or answers(port))
            printed = run(use.replace("8000", port), variables, folder)
        finally:
            server.send_signal(signal.SIGINT)
    assert "# Write a method that saves computation" in printed
    assert "\nreward " in printed
    assert "Verdict: PASS" in printed


def answers(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", int(port))) == 0


@pytest.mark.trust
def test_trl(tmp_path, home):
    """A door of plain Python: `test_environments_trl.py` tests in every run what TRL is given."""
    variables = own_environment(tmp_path / "venv", "trl")
    run_tests("trl", variables)
    folder = page_folder("trl", tmp_path / "page")
    sources = [(ROOT / "examples" / "my_method.py").read_text(encoding="utf-8"), "import os"]
    calls = [json.dumps({"name": "submit", "arguments": {"source": each}}) for each in sources]
    tiny = ROOT / "tests" / "environments" / "doors" / "tiny_bigram.py"
    run(f"python {tiny} model {shlex.join(['some text', *calls])}", variables, folder)
    assert "'rewards/MethodEnvironment/mean'" in run("python program_0.py model 1", variables | home, folder)


@pytest.mark.trust
def test_verifiers(tmp_path, home):
    """What it stands on is tested in every run by `test_environments_seat.py`."""
    variables = own_environment(tmp_path / "venv", "verifiers")
    run_tests("verifiers", variables)
    folder = page_folder("verifiers", tmp_path / "page")
    (folder / "program_0.py").rename(folder / "method_research.py")
    source = (ROOT / "examples" / "my_method.py").read_text(encoding="utf-8")
    (folder / "script.json").write_text(json.dumps([["statement", {}], ["submit", {"source": source}]]))
    serve = [sys.executable, str(ROOT / "tests" / "environments" / "doors" / "streaming_endpoint.py"), "script.json"]
    with subprocess.Popen(serve, cwd=folder, stdout=subprocess.PIPE, text=True) as endpoint:
        try:
            address = endpoint.stdout.readline().strip()
            commands = blocks("verifiers")[1].replace("http://127.0.0.1:8000/v1", address)
            printed = run(f"set -e; {commands}", variables | home | {"OPENAI_API_KEY": "any"}, folder)
        finally:
            endpoint.kill()
    assert '"valid_rate": 1.0' in printed
    lines = (folder / "outputs" / "first" / "traces.jsonl").read_text().splitlines()
    rollouts = [trace for line in lines for trace in json.loads(line)["traces"]]
    assert [each["stop_condition"] for each in rollouts] == ["is_submitted"] * 2
