"""Coverage-guided fuzzing of every loader with atheris: inputs are grown towards lines that none has reached yet.

    pip install atheris
    python tests/bad_input/coverage_guided.py [--inputs 5000] [LOADER ...]

Prints counts as JSON. A loader may raise an `IstarError` or give something; whatever else it raises is a fault, and the
input that did it is kept in the folder that is named. Each loader runs in a process of its own, since libFuzzer ends
the process it runs in; `--only` is that process.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).parents[1]
FAULT = "=== Uncaught Python exception: ==="


def main() -> int:
    """Fuzz the loaders and print how many inputs each was given and what it raised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("loaders", nargs="*", help="names of loaders; all of them unless stated")
    parser.add_argument("--inputs", type=int, default=5000, help="for each loader")
    parser.add_argument("--only", action="store_true", help="fuzz one loader in this process; it does not return")
    arguments = parser.parse_args()
    if arguments.only:
        _fuzz(arguments.loaders[0], arguments.inputs)
    names = arguments.loaders or _names()
    tried, features, faults = {}, {}, []
    for name in names:
        tried[name], features[name], found = _fuzzed(name, arguments.inputs)
        faults += found
    json.dump({"tried": sum(tried.values()), "by_loader": tried, "features": features, "faults": faults}, sys.stdout)
    sys.stdout.write("\n")
    return 1 if faults else 0


def _names() -> list[str]:
    _reach_tests()
    from fuzzing import loaders

    with tempfile.TemporaryDirectory() as folder:
        return [loader.name for loader in loaders(Path(folder))]


def _reach_tests() -> None:
    sys.path[:0] = [str(TESTS / room) for room in ("bad_input", "faults", "protocol", "ledger")]


def _fuzzed(name: str, inputs: int) -> tuple[int, int, list[str]]:
    """Return how many inputs a loader was given, how much of the code they reached, and its faults."""
    kept = Path(tempfile.mkdtemp(prefix="istar-fuzz-"))
    command = [sys.executable, __file__, name, "--only", "--inputs", str(inputs)]
    done = subprocess.run(command, cwd=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    rounds = [int(number) for number in re.findall(r"^#(\d+)\s", done.stdout, re.MULTILINE)]
    features = [int(number) for number in re.findall(r"\bft: (\d+)", done.stdout)]
    if done.returncode == 0 and rounds:
        shutil.rmtree(kept)
        return rounds[-1], features[-1] if features else 0, []
    words = done.stdout[done.stdout.find(FAULT) :][:600] if FAULT in done.stdout else done.stdout[-600:]
    return rounds[-1] if rounds else 0, features[-1] if features else 0, [f"{name}: {' '.join(words.split())} ({kept})"]


def _fuzz(name: str, inputs: int) -> None:
    """Fuzz one loader; libFuzzer ends the process."""
    import atheris

    _reach_tests()
    with atheris.instrument_imports(include=["istar"]):
        import fuzzing

        from istar.errors import IstarError

        folder = Path.cwd() / "files"
        folder.mkdir()
        (loader,) = (each for each in fuzzing.loaders(folder) if each.name == name)
    seeds = Path.cwd() / "seeds"
    seeds.mkdir()
    as_values = not isinstance(loader.valid[0], bytes)
    for number, valid in enumerate(loader.valid):
        (seeds / str(number)).write_bytes(json.dumps(valid).encode() if as_values else valid)

    def one(content: bytes) -> None:
        given: object = content
        if as_values:
            try:
                given = json.loads(content)
            except (ValueError, RecursionError):
                return
        with suppress(IstarError):
            loader.load(given)

    # libFuzzer ends the process while it holds the interpreter's lock, for which threads of Arrow's would wait for ever
    libc = ctypes.CDLL(None)
    libc.on_exit(libc._exit, None)
    atheris.Setup(["coverage_guided", f"-runs={inputs}", "-seed=1", "-rss_limit_mb=8192", str(seeds)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
