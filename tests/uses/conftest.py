"""A home of its own for everything that is kept, and small targets."""

import pytest

from istar.sandbox import tier_report
from istar.targets import load_target
from istar.uses import reading


@pytest.fixture(scope="session")
def unsafe():
    return not tier_report().safe


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("ISTAR_HOME", str(folder))
        patch.setattr(reading, "CORPUS_SEQUENCES", 4)
        patch.setattr(reading, "CORPUS_LENGTH", 16)
        yield folder


@pytest.fixture(scope="module")
def exact(home):
    return load_target("tiny-exact")


@pytest.fixture(scope="module")
def random_target(home):
    return load_target("tiny-random")
