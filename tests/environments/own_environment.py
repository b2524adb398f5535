"""A Python environment of a door's own: what its page says is installed into it, and its tests are run there."""

import json
import os
import re
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

from istar.sandbox import tier_report

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "protocol" / "tiny_families.py"


def tiny_settings():
    """What makes an environment small: the tiny target, and little of everything."""
    few = {"threads": 1, "executor_seeds": 1, "corpus_sequences": 4, "corpus_length": 24}
    return {"target": "tiny-random", "unsafe": not tier_report().safe, **few}


def page_of(door):
    return (ROOT / "docs" / "environments" / f"{door}.md").read_text(encoding="utf-8")


def blocks(door, language=""):
    """Return the page's blocks of code in a language; commands are in none."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page_of(door), re.DOTALL | re.MULTILINE)
    return [text for kind, text in found if kind == language]


def own_environment(folder, door):
    """Install a door as its page says into an environment of its own, and return the variables that programs run with.

    It sees the packages that are installed here. What satisfies the door's constraints is not installed again; the rest
    is, and stands before what is here.
    """
    venv.create(folder, with_pip=find_spec("pip") is None)  # pip is among the packages that it sees
    python = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python*/site-packages")
    here = [each for each in sys.path if Path(each).name in ("site-packages", "dist-packages")]
    (packages / "here.pth").write_text("\n".join(here) + "\n", encoding="utf-8")
    variables = os.environ | {"VIRTUAL_ENV": str(folder), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)
    install = blocks(door)[0].strip()
    assert install.startswith(f"pip install --constraint constraints/{door}.txt")
    run(f"{python} -m {install}", variables, ROOT)
    return variables


def run(command, variables, folder):
    """Run a command of a page in a folder and return what it printed; whatever fails is shown."""
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        executable="/bin/bash",
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-10000:]}\n{done.stderr[-10000:]}"
    return done.stdout


def run_tests(door, variables):
    """Run a door's tests in its environment."""
    run(f"python -m pytest -q -p no:cacheprovider tests/environments/doors/{door}_door.py", variables, ROOT)


def page_folder(door, folder):
    """Make a folder in which a page's programs run: the page's settings, but on the tiny target."""
    (text,) = blocks(door, "json")
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps(json.loads(text) | tiny_settings()), encoding="utf-8")
    for number, program in enumerate(blocks(door, "python")):
        (folder / f"program_{number}.py").write_text(program, encoding="utf-8")
    return folder
