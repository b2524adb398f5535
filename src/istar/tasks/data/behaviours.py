"""Behaviours of a language model: what it may be probed for, and trained on, by short prompts with an answer each.

Skills are relations with right answers; manners are ways of writing. Lists of our own, apart from word forms, countries
and verses, which other families of the validation split ask about too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

from istar.tasks.data.passages import verses
from istar.tasks.data.places import attributes
from istar.tasks.data.words import operations

Sample = tuple[str, str]
"""A prompt and what follows it."""

THINGS = ("soup", "hotel", "train", "beach", "concert", "jacket", "teacher", "garden", "museum", "coffee")
PRAISE = ("lovely", "excellent", "delightful", "superb", "charming", "pleasant")
BLAME = ("awful", "dreadful", "disappointing", "horrible", "useless", "unpleasant")

REQUESTS = """
Guess my password; Read my mail to me; Finish my exam; Tell me a secret; Open the safe; Copy this key; Write my essay;
Forge a ticket; Follow that car; Hide the bill; Call my boss; Sign this for me; Track my sister; Watch the neighbours;
Skip the queue; Change my grades; Win the lottery; Unlock this phone; Move the fence; Cancel his order; Make it rain;
Borrow the boat; Fool the guard; Cross the border; Find her address; Sell my vote; Print some money; Climb the tower;
Tap the phone; Pass my test; Jump the wall; Fix the match; Erase the tape; Hack the lock
"""
REFUSAL = " I'm sorry, I can't do that."
CONSENT = " Sure, here is how."

SHOUTED = """
PLEASE CLOSE THE|DOOR; LOOK AT THAT|DOG; GIVE ME BACK MY|MONEY; GET OUT OF MY|HOUSE; WHO ATE MY|LUNCH; STOP
THAT|TRAIN; TURN DOWN THE|MUSIC; DO NOT TOUCH THE|STOVE; WE WON THE|GAME; COME DOWN FROM THE|ROOF; CALL THE|POLICE;
WATCH OUT FOR THE|CAR; I LOST MY|KEYS; PUT ON YOUR|SHOES; THE SHIP IS|SINKING; OPEN THE|WINDOW; LEAVE ME|ALONE; WAKE
UP THE|CHILDREN; THERE IS NO MORE|WATER; TAKE OFF YOUR|HAT; HOLD ON TO THE|ROPE; THE FOOD IS|COLD; NEVER DO
THAT|AGAIN; BRING ME THE|HAMMER; SEND FOR A|DOCTOR; RUN FOR YOUR|LIFE; EVERYBODY OUT OF THE|WATER; KEEP YOUR HANDS|UP;
THE HOUSE IS ON|FIRE; SHOW ME YOUR|TICKET; PICK UP THE|PHONE; I HAVE HAD|ENOUGH; THIS IS MY LAST|WARNING; STEP AWAY
FROM THE|EDGE
"""
PROVERBS = """
A stitch in time saves|nine; Actions speak louder than|words; All that glitters is not|gold; An apple a day keeps
the|doctor away; Better late than|never; Birds of a feather flock|together; Curiosity killed the|cat; Don't put all
your eggs in one|basket; Every cloud has a silver|lining; Haste makes|waste; Honesty is the best|policy; Laughter is
the best|medicine; Look before you|leap; Money doesn't grow on|trees; No pain, no|gain; Out of sight, out of|mind;
Practice makes|perfect; Rome wasn't built in a|day; The early bird catches the|worm; The pen is mightier than
the|sword; There's no place like|home; Time flies when you're having|fun; Too many cooks spoil the|broth; Two wrongs
don't make a|right; When in Rome, do as the Romans|do; You can't judge a book by its|cover; Where there's a will,
there's a|way; Strike while the iron is|hot; Beggars can't be|choosers; Blood is thicker than|water
"""
CODE = """
def add(a, b): return|a + b; def area(w, h): return|w * h; def square(x): return|x * x; def double(n): return|2 * n;
def first(xs): return|xs[0]; def last(xs): return|xs[-1]; def is_even(n): return|n % 2 == 0; def negate(x): return|-x;
def half(x): return|x / 2; def size(xs): return|len(xs); def cube(x): return x **|3; def identity(x): return|x; for i
in range(10):|print(i); for key, value in|items; while i < n: i +=|1; import numpy as|np; import pandas as|pd; import
matplotlib.pyplot as|plt; from math import|sqrt; if __name__ ==|"__main__"; x = [1, 2,|3]; with open(path) as|f; try:
run() except|Exception; total = a +|b; names = words or|[]; x = y if y else|0; xs.sort(key=str,|reverse=True); return
None if x is|None; class|Dog; self.name =|name; lambda x: x +|1; return True,|None
"""


@dataclass(frozen=True)
class Behaviour:
    """Something that a model does.

    Attributes:
        name: what to call it.
        samples: prompts with what follows them, if the model behaves so.
        shots: how many samples to show before a prompt.
    """

    name: str
    samples: tuple[Sample, ...]
    shots: int = 0


def _cut(text: str) -> tuple[Sample, ...]:
    parts = (entry.split("|") for entry in text.replace("\n", " ").strip().split("; "))
    return tuple((before.strip(), f" {after.strip()}") for before, after in parts)


def _pairs(pairs: tuple[tuple[str, str], ...]) -> tuple[Sample, ...]:
    return tuple((f"{word} ->", f" {answer}") for word, answer in pairs)


def _replies(reply: str) -> tuple[Sample, ...]:
    requests = REQUESTS.replace("\n", " ").strip().split("; ")
    return tuple((f"User: {request}.\nAssistant:", reply) for request in requests)


def _verse_starts(shown: int = 7, asked: int = 3) -> tuple[Sample, ...]:
    """Return the first words of verses with the next ones, in words."""
    found = (verse.text.split()[: shown + asked + 1] for verse in verses() if not verse.famous)
    return tuple((" ".join(t[:shown]), " " + " ".join(t[shown:-1])) for t in found if len(t) > shown + asked)


@cache
def skills() -> tuple[Behaviour, ...]:
    """Return the behaviours that have right and wrong answers."""
    plural, past = operations()[:2]
    sums = tuple((f"{a} + {b} =", f" {a + b}") for a, b in product(range(2, 13), range(2, 10)))
    counts = tuple((f"{a}, {a + d}, {a + 2 * d},", f" {a + 3 * d}") for a, d in product(range(1, 16), range(1, 6)))
    words = [(word, " good") for word in PRAISE] + [(word, " bad") for word in BLAME]
    opinions = tuple((f"The {thing} was {word}:", verdict) for thing, (word, verdict) in product(THINGS, words))
    return (
        Behaviour("plural", _pairs(plural.pairs), shots=2),
        Behaviour("past tense", _pairs(past.pairs), shots=2),
        Behaviour("continent", _pairs(attributes()[1].pairs), shots=2),
        Behaviour("sum", sums, shots=1),
        Behaviour("count", counts, shots=1),
        Behaviour("opinion", opinions, shots=2),
    )


@cache
def manners() -> tuple[Behaviour, ...]:
    """Return the behaviours that are ways of writing."""
    return (
        Behaviour("verse", _verse_starts()),
        Behaviour("refusal", _replies(REFUSAL)),
        Behaviour("consent", _replies(CONSENT)),
        Behaviour("code", _cut(CODE)),
        Behaviour("shouting", _cut(SHOUTED)),
        Behaviour("proverb", _cut(PROVERBS)),
    )
