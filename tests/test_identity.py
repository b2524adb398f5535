"""Identities of code: what changes them and what does not."""

import pytest

from istar.identity import code_files, code_hash

SOURCE = '''"""What the module is for."""

import numpy as np


class Half:
    """A class."""

    share: float = 0.5

    def of(self, value):
        """Return a part."""
        return self.share * np.asarray(value)
'''
SAME = {
    "a comment": SOURCE + "# a remark\n",
    "a comment within": SOURCE.replace("share: float = 0.5", "share: float = 0.5  # of the whole"),
    "another docstring": SOURCE.replace("A class.", "Half of something."),
    "no docstrings": SOURCE.replace('    """A class."""\n\n', "").replace('        """Return a part."""\n', ""),
    "blank lines": SOURCE.replace("\n\n", "\n\n\n"),
    "brackets": SOURCE.replace("self.share * np.asarray(value)", "(self.share * np.asarray(value))"),
    "a byte-order mark": "\ufeff" + SOURCE,
}
OTHER = {
    "a number": SOURCE.replace("0.5", "0.25"),
    "a name": SOURCE.replace("share", "part"),
    "a text that is no docstring": SOURCE.replace("return self", "'a'; 'b'; return self"),
    "a decorator": SOURCE.replace("    def of", "    @staticmethod\n    def of"),
    "a default": SOURCE.replace("self, value", "self, value=1"),
    "what is no Python": SOURCE + "def\n",
}


def hash_of(folder, text, name="module.py"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return code_hash(path)


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_what_says_nothing_leaves_it(tmp_path, text):
    assert hash_of(tmp_path, text) == hash_of(tmp_path, SOURCE)


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_what_says_something_else_changes_it(tmp_path, text):
    assert hash_of(tmp_path, text) != hash_of(tmp_path, SOURCE)


@pytest.mark.parametrize(
    ("name", "text"),
    [("data.json", "[1]"), ("broken.py", "def f(:\n"), ("deep.py", "x = " + "+".join(["1"] * 5000) + "\n")],
)
def test_other_files_count_byte_for_byte(tmp_path, name, text):
    assert hash_of(tmp_path, text, name) == hash_of(tmp_path, text, name)
    assert hash_of(tmp_path, text, name) != hash_of(tmp_path, text + " ", name)


def test_a_package_is_its_files_without_bytecode(tmp_path):
    (tmp_path / "__pycache__").mkdir()
    for name in ("__pycache__/a.cpython-311.pyc", "b.py", "a.json"):
        (tmp_path / name).write_text("1\n")
    assert [path.name for path in code_files(tmp_path)] == ["a.json", "b.py"]
    assert code_files(tmp_path / "b.py") == [tmp_path / "b.py"]
