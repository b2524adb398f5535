"""What Python finds in the jail: a read-only system, one target's files, no network, no secrets, no way out."""

import json
import os
import select
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

import istar
from istar.sandbox.errors import SandboxError, SandboxUnavailableError
from istar.sandbox.jail import mounts
from istar.sandbox.jail.tiers import BubblewrapTier, choose_tier, worker_environment, working_bubblewrap
from measured import PATIENCE, eventually

pytestmark = pytest.mark.skipif(working_bubblewrap()[0] is None, reason="no jail can be had on this machine")

PRELUDE = """
import errno, json, os, sys
def attempt(action):
    try:
        return ["did", repr(action())]
    except OSError as error:
        return ["refused", errno.errorcode.get(error.errno, str(error))]
    except Exception as error:
        return ["failed", f"{type(error).__name__}: {error}"]
"""


def in_jail(expression: str, weights: Path | None = None) -> object:
    """Evaluate an expression in a fresh jail and return its value."""
    reading, writing = os.pipe()
    process = choose_tier().launch(
        f"{PRELUDE}\nos.write({writing}, json.dumps({expression}).encode())", [writing], weights
    )
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as stream:
            text = stream.read()
    finally:
        process.kill()
    assert text, process.standard_error()
    return json.loads(text)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    folder = home / "targets" / "one"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (home / "targets" / "another").mkdir()
    (home / "truth.parquet").write_bytes(b"the answers")
    return folder


def test_the_weights_are_there_to_read_and_nothing_beside_them(weights):
    found = in_jail(
        f"""[
            open({str(weights / "model.safetensors")!r}).read(),
            os.listdir({str(weights.parent)!r}),
            os.listdir({str(weights.parent.parent)!r}),
        ]""",
        weights,
    )
    assert found == ["weights", ["one"], ["targets"]]


def test_the_weights_cannot_be_changed(weights):
    file, new = str(weights / "model.safetensors"), str(weights / "new")
    found = in_jail(
        f"""[
            attempt(lambda: open({file!r}, "r+b")),
            attempt(lambda: open({new!r}, "w")),
            attempt(lambda: os.remove({file!r})),
            attempt(lambda: os.chmod({file!r}, 0o777)),
            attempt(lambda: os.rename({file!r}, {new!r})),
            attempt(lambda: os.truncate({file!r}, 0)),
        ]""",
        weights,
    )
    assert found == [["refused", "EROFS"]] * 6
    assert (weights / "model.safetensors").read_bytes() == b"weights"


def test_the_truth_and_all_that_knows_of_it_are_not_there():
    package = Path(istar.__file__).parent
    repository = package.parent.parent
    found = in_jail(
        f"""[
            sorted(name for name in os.listdir({str(package)!r}) if os.path.isdir(os.path.join({str(package)!r}, name))
                   and os.listdir(os.path.join({str(package)!r}, name)) and not name.startswith("__")),
            attempt(lambda: os.listdir({str(repository / "tests")!r})),
            attempt(lambda: os.listdir({str(repository / ".git")!r})),
            attempt(lambda: __import__("istar.truth.table")),
            attempt(lambda: __import__("istar.tasks.family")),
        ]"""
    )
    assert isinstance(found, list)
    assert found[0] == sorted(mounts.PACKAGES_IN_JAIL)
    assert found[1:3] == [["refused", "ENOENT"]] * 2
    assert [each[0] for each in found[3:]] == ["failed"] * 2


def test_the_truth_is_not_there_under_another_name_of_the_installation_either(tmp_path, monkeypatch):
    installed = tmp_path / "venv" / "lib" / "istar"
    for name in ("truth", "methods"):
        (installed / name).mkdir(parents=True)
        (installed / name / "content").write_text(name)
    (tmp_path / "venv" / "lib64").symlink_to("lib")
    (tmp_path / "home").symlink_to(tmp_path / "venv")
    names = [tmp_path / name for name in ("home/lib", "home/lib64", "venv/lib64")]
    real = mounts.python_folders()
    monkeypatch.setattr(mounts, "python_folders", lambda: (*real, *names))
    monkeypatch.setattr(mounts, "package_folder", lambda: installed)
    parts = [[f"{name}/istar/{part}" for part in ("methods", "truth")] for name in names]
    found = in_jail(f"[[os.listdir(part) for part in both] for both in {parts}]")
    assert found == [[["content"], []]] * 3


def test_home_folders_and_the_system_are_out_of_reach():
    found = in_jail(
        """[
            attempt(lambda: os.listdir("/home")),
            attempt(lambda: open("/etc/passwd").read()),
            attempt(lambda: open("/etc/shadow").read()),
            attempt(lambda: open("/etc/new", "w")),
            attempt(lambda: open("/usr/new", "w")),
            attempt(lambda: open("/new", "w")),
            attempt(lambda: open("/dev/new", "w")),
            attempt(lambda: os.listdir("/proc/1")),
            attempt(lambda: open("/proc/sys/kernel/hostname").read()),
        ]"""
    )
    assert found == [["refused", "ENOENT"]] * 3 + [["refused", "EROFS"]] * 4 + [["refused", "ENOENT"]] * 2


def test_there_is_no_network():
    found = in_jail(
        """[
            attempt(lambda: __import__("socket").socket()),
            attempt(lambda: __import__("socket").socketpair()),
            attempt(lambda: __import__("socket").socket(__import__("socket").AF_UNIX)),
            attempt(lambda: __import__("socket").socket(__import__("socket").AF_NETLINK)),
            attempt(lambda: os.listdir("/sys/class/net")),
        ]"""
    )
    assert found == [["refused", "EPERM"]] * 4 + [["refused", "ENOENT"]]


def test_the_process_is_nobody_alone_and_powerless():
    found = in_jail(
        """[
            os.getuid(), os.getgid(), os.getpid(), os.uname().nodename, sorted(os.environ),
            [descriptor for descriptor in range(3, 64) if attempt(lambda: os.fstat(descriptor))[0] == "did"],
            attempt(lambda: os.setuid(0)),
            attempt(lambda: os.chroot("/tmp")),
            attempt(lambda: __import__("socket").sethostname("x")),
        ]"""
    )
    assert isinstance(found, list)
    assert found[:4] == [65534, 65534, 1, "jail"]
    assert set(found[4]) - {"PWD", "LC_CTYPE"} == set(worker_environment("/tmp"))
    assert len(found[5]) == 1  # the pipe that this answer comes through
    assert found[6][0] == "refused"
    assert found[7:] == [["refused", "EPERM"]] * 2


def test_scratch_space_is_capped():
    fill = "attempt(lambda: [open(f'/tmp/{number}', 'wb').write(bytes(2**20)) for number in range(70)])"
    assert in_jail(fill) == ["refused", "ENOSPC"]


IGNORES_EVERYTHING = """
import os, signal, time
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            pass
        break
os.write({writing}, b"!")
while True:
    time.sleep(0.01)  # {marker}
"""


def processes_with(marker: str) -> list[int]:
    """Return the processes of this machine with a text in their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and marker.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def test_a_kill_ends_children_that_ignore_every_signal():
    marker = f"marker-{uuid4()}"
    reading, writing = os.pipe()
    process = choose_tier().launch(IGNORES_EVERYTHING.format(writing=writing, marker=marker), [writing])
    os.close(writing)
    for _ in range(7):  # the first process, three children and theirs
        assert select.select([reading], [], [], PATIENCE)[0], process.standard_error()
        assert os.read(reading, 1) == b"!"
    assert len(processes_with(marker)) >= 7
    process.kill()
    assert processes_with(marker) == []
    assert not process.alive
    os.close(reading)


def test_the_jail_dies_with_its_parent():
    marker = f"marker-{uuid4()}"
    program = f"import time; time.sleep(1000)  # {marker}"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from istar.sandbox.jail.tiers import choose_tier\n"
            "process = choose_tier().launch(sys.stdin.read(), [])\n"
            "while b'--unshare-all' in open(f'/proc/{process.first}/cmdline', 'rb').read(): time.sleep(0.01)\n"
            "print('up', flush=True); time.sleep(1000)",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(program.encode())
    parent.stdin.close()
    assert parent.stdout.readline() == b"up\n"
    assert processes_with(marker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not processes_with(marker))


def test_a_jail_outlives_the_thread_that_asked_for_it():
    reading, writing = os.pipe()
    program = f"import os, time\nwhile True: os.write({writing}, b'!'); time.sleep(0.01)"

    def ask():
        process = choose_tier().launch(program, [writing])
        os.close(writing)
        return process, os.read(reading, 1)

    with ThreadPoolExecutor(1) as pool:
        process, up = pool.submit(ask).result()
    assert up == b"!"
    os.set_blocking(reading, False)
    with suppress(BlockingIOError):
        while os.read(reading, 2**16):
            pass
    os.set_blocking(reading, True)
    for _ in range(30):
        assert os.read(reading, 1) == b"!"  # and no end of the pipe: it did not die with the thread
    process.kill()
    os.close(reading)


def test_a_broken_bubblewrap_is_reported_with_its_words(tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(SandboxError, match="uid map: Permission denied"):
        BubblewrapTier(fake).launch("pass", [])
    with pytest.raises(SandboxError, match="could not be run"):
        BubblewrapTier(tmp_path / "missing").launch("pass", [])


def test_without_a_jail_only_unsafe_runs(monkeypatch):
    monkeypatch.setattr("istar.sandbox.jail.tiers.working_bubblewrap", lambda: (None, "no bubblewrap here"))
    monkeypatch.setattr("istar.sandbox.jail.tiers.working_landlock", lambda: (None, "nor Landlock"))
    with pytest.raises(SandboxUnavailableError, match=r"no bubblewrap here; nor Landlock.*--unsafe"):
        choose_tier()
    assert choose_tier(unsafe=True).name == "plain"
