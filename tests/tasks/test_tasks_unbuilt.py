"""Families without tables: files that no command meets."""

import subprocess
import sys
from pathlib import Path

import istar.tasks
from istar.tasks import FAMILIES, UNBUILT


def test_they_are_files_and_no_families_until_they_are_imported():
    files = {path.stem for path in Path(istar.tasks.__file__).parent.glob("*.py")}
    assert files >= UNBUILT
    assert not UNBUILT & set(FAMILIES)
    code = (
        "import istar.tasks.length_cliff; from istar.tasks import FAMILIES, UNBUILT, task; "
        "assert UNBUILT & set(FAMILIES) == {'length_cliff'}; print(task('length_cliff/words').split)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "test"
