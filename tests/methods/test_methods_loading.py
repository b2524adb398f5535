"""A method file is read as Python reads it, whatever editor wrote it."""

import pytest

from istar.methods import MethodError
from istar.methods.loading import load_method, read_source

METHOD = '''"""Says \u00e9."""
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    raise ValueError("\u00e9")
'''


@pytest.mark.parametrize(
    "content",
    [
        METHOD.encode("utf-8-sig"),
        METHOD.replace("\n", "\r\n").encode(),
        METHOD.replace("\n", "\r\n").encode("utf-8-sig"),
    ],
    ids=["mark", "lines", "both"],
)
def test_a_method_is_read_as_python_reads_it(tmp_path, content):
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    assert read_source(path) == METHOD
    assert load_method(path).hash == load_method(METHOD, "mine").hash


@pytest.mark.parametrize(
    "first", ["# -*- coding: latin-1 -*-", "# vim: set fileencoding=cp1252 :", "#!/x\n# coding=latin1"]
)
def test_a_declared_encoding_is_followed_and_kept_as_utf_8(tmp_path, first):
    path = tmp_path / "mine.py"
    path.write_bytes(f"{first}\n{METHOD}".encode("latin-1"))
    source = read_source(path)
    assert source.endswith(METHOD)
    path.write_text(source, encoding="utf-8")  # as the best method of a search is written
    assert read_source(path) == source
    namespace = {}
    exec(compile(path.read_bytes(), "mine.py", "exec"), namespace)
    assert namespace["__doc__"] == "Says \u00e9."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# coding: nope\n", "unknown encoding: nope"),
        (b"# coding: rot13\n", "is not a text encoding"),
        (b"# coding: utf-16\n", "save it as UTF-8"),
        (b"# coding: ascii\nx = '\xc3'\n", "is not ascii text"),
        (b"x = '\xc3'\n", "save it as UTF-8"),
    ],
)
def test_what_python_cannot_read_is_an_error(tmp_path, content, said):
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    with pytest.raises(MethodError, match=said) as error:
        read_source(path)
    assert str(path) in str(error.value)
