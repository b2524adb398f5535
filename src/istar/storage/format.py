"""The one format: a line with a checksum, a line that says what the file is, then the parts.

    istar cache 1 <SHA-256 of the second line>
    {"facts": {...}, "sizes": [...], "checksums": [...]}
    <the parts, one after another>

Every bit is covered: those of the first line by comparison, of the second by its checksum, of the parts by theirs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from istar.files import checksum

FORMAT = 1
MAGIC = f"istar cache {FORMAT} ".encode()
MOST_BYTES_OF_A_HEADER = 2**24
_FIRST_LINE = len(MAGIC) + 64 + 1


class DamagedError(ValueError):
    """Bytes that are not what was written; the store says where."""


def canonical(facts: Mapping[str, Any]) -> bytes:
    """Return JSON values in the one way in which they are hashed and compared."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def packed(facts: Mapping[str, Any], parts: Sequence[bytes]) -> list[bytes]:
    """Return what a file is written as, piece by piece.

    Args:
        facts: what decides the content.
        parts: the content.
    """
    header = canonical(
        {"facts": facts, "sizes": [len(part) for part in parts], "checksums": [checksum(part) for part in parts]}
    )
    return [MAGIC + checksum(header).encode() + b"\n" + header + b"\n", *parts]


class Reading:
    """A file that is being read, its header checked.

    Args:
        stream: the file, at its beginning.
        facts: what must have decided its content.

    Raises:
        DamagedError: it is not what was written, or was written of other facts.
    """

    def __init__(self, stream: BinaryIO, facts: Mapping[str, Any]) -> None:
        """See the class docstring."""
        self._stream = stream
        first, header = stream.read(_FIRST_LINE), stream.readline(MOST_BYTES_OF_A_HEADER)
        if not first.startswith(MAGIC):
            raise DamagedError("it does not begin like one")
        if not header.endswith(b"\n") or first[len(MAGIC) :] != checksum(header[:-1]).encode() + b"\n":
            raise DamagedError("the checksum of its header is wrong")
        try:
            data = json.loads(header)
            self._sizes, self._checksums = [int(size) for size in data["sizes"]], list(data["checksums"])
            same = canonical(data["facts"]) == canonical(facts)
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise DamagedError(f"its header is not one: {error}") from error
        if not same:
            raise DamagedError("it is of something else")
        self._start = len(first) + len(header)
        # what a header claims is not allocated before it is seen to be there
        if os.fstat(stream.fileno()).st_size != self._start + sum(self._sizes) or min(self._sizes, default=0) < 0:
            raise DamagedError("its size is wrong")

    def __len__(self) -> int:
        """The number of parts."""
        return len(self._sizes)

    def part(self, number: int) -> bytes:
        """Return a part.

        Args:
            number: which, below their number.

        Raises:
            DamagedError: it is not what was written.
        """
        self._stream.seek(self._start + sum(self._sizes[:number]))
        content = self._stream.read(self._sizes[number])
        if checksum(content) != self._checksums[number]:
            raise DamagedError(f"the checksum of part {number} is wrong")
        return content
