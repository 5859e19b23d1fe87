"""Word lists that no single language owns, read from `common.toml` once."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Common:
    """The lists; `days` and `numbers` and `currencies` are by word."""

    filler: frozenset[str]
    titles: frozenset[str]
    abbreviations: frozenset[str]
    leans_back: frozenset[str]
    stands_in: frozenset[str]
    endings: frozenset[str]
    free: frozenset[str]
    days: Mapping[str, int]
    ambiguous_days: frozenset[str]
    every_day: Sequence[str]
    weekdays: Sequence[str]
    weekend: Sequence[str]
    numbers: Mapping[str, str]
    currencies: Mapping[str, str]


@cache
def common() -> Common:
    """Return the lists."""
    data = tomllib.loads(files("agents.text").joinpath("common.toml").read_text("utf-8"))
    sets = {
        name: frozenset(data[name])
        for name in (
            "filler",
            "titles",
            "abbreviations",
            "leans_back",
            "stands_in",
            "endings",
            "free",
            "ambiguous_days",
        )
    }
    return Common(
        **sets,
        days={name: day for day, names in enumerate(data["days"]) for name in names},
        every_day=data["every_day"],
        weekdays=data["weekdays"],
        weekend=data["weekend"],
        numbers={word: value for value, found in data["number_words"].items() for word in found},
        currencies={mark: code for code, marks in data["currencies"].items() for mark in marks},
    )
