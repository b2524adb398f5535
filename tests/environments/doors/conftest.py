import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
sys.path[1:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]  # helpers of all tests of environments

from own_environment import tiny_settings  # noqa: E402
from tiny_truth import build_tiny_truth  # noqa: E402

from istar.protocol.config import SearchConfig  # noqa: E402


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    """Settings of an environment on the tiny target, whose tables are there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTAR_HOME", str(tmp_path_factory.mktemp("home")))
        task = build_tiny_truth(patch)["train"]
        yield SearchConfig(**tiny_settings(), train={"questions": 2, "tasks": (task,)})


@pytest.fixture
def source():
    """A method that says something."""
    return (ROOT / "examples" / "my_method.py").read_text(encoding="utf-8")
