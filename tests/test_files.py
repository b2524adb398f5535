"""Files that users name are read whatever editor wrote them; the advice where one cannot be had fits the reason."""

import errno
import os

import pytest

from istar.files import StorageError, read_text, storing
from istar.protocol.config import parse_config
from istar.tasks.trigger_transfer import read_requests

NAMED = "the environment variable ISTAR_HOME moves the folder of istar's data, --runs that of runs"


@pytest.mark.parametrize(
    ("number", "said", "unsaid"),
    [
        (errno.EROFS, NAMED, "free some space"),
        (errno.EACCES, f"check its permissions, or .*{NAMED}", "free some space"),
        (errno.EPERM, f"check its permissions, or .*{NAMED}", "free some space"),
        (errno.ENOSPC, f"free some space.*{NAMED}", "permissions"),
        (errno.EDQUOT, f"free some space.*{NAMED}", "permissions"),
        (errno.EMFILE, "ulimit -n", "free some space"),
        (errno.EIO, "check the disk", "free some space"),
    ],
)
def test_the_advice_fits_the_reason(tmp_path, number, said, unsaid):
    with pytest.raises(StorageError, match=said) as error, storing(tmp_path):
        raise OSError(number, os.strerror(number))
    assert os.strerror(number) in str(error.value)
    assert unsaid not in str(error.value)


def test_files_that_a_user_names_may_begin_with_a_mark(tmp_path):
    path = tmp_path / "file.json"
    path.write_bytes(b'\xef\xbb\xbf{"methods": 3}\r\n')
    assert parse_config(read_text(path), str(path)).methods == 3
    lines = (b'{"request": "a", "answer": "b"}', b'{"request": "c", "answer": "d"}', b"")
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    assert read_requests(path) == (("a", " b"), ("c", " d"))
