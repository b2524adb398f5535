import shutil
import sys
from pathlib import Path

import pytest

for name in ("faults", "protocol", "ledger"):
    sys.path.insert(0, str(Path(__file__).parent.parent / name))

import forged  # noqa: E402
from databases import make_url, postgres_server  # noqa: E402, F401
from kills import at_home  # noqa: E402


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of an undisturbed search, with its home as it was before and what it exported after."""
    root = tmp_path_factory.mktemp("undisturbed")
    with at_home(root / "home"):
        forged.write_tables()
        with forged.set_up(forged.config(), ()):
            pass  # learns the priors, which takes longest
        shutil.copytree(root / "home", root / "prepared")
        forged.search_and_unseal(root / "runs", forged.config())
        (root / "export").write_text("\n".join(forged.export(root / "runs")))
    return root


@pytest.fixture(scope="session")
def undisturbed(finished):
    """The lines of an undisturbed search's ledger."""
    return (finished / "export").read_text().splitlines()


@pytest.fixture
def fresh_home(finished, tmp_path):
    """A function that makes another home with tables and priors, and nothing else."""
    return lambda name: Path(shutil.copytree(finished / "prepared", tmp_path / name))
