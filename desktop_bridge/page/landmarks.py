"""Loads and checks `landmarks.toml`, the only description of the chat page."""

import re
import tomllib
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.contracts.states import MessageKind, Tick
from core.errors import SetupError

_ASKED = re.compile(r"""loc\.(?:one|find)\("(\w+)\"""")

Css = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Labels(_Part):
    """Words of the page in each language that is known."""

    match: Literal["exact", "prefix", "contains"]
    en: list[str]
    pt: list[str]
    es: list[str]

    @property
    def texts(self) -> list[str]:
        """All words, folded as the page's reader folds what it compares with them."""
        return [" ".join(word.split()).lower() for word in [*self.en, *self.pt, *self.es]]


class Alternative(_Part):
    """One way to find a landmark; every key that is given must hold."""

    testid: str | None = None
    testid_prefix: str | None = None
    css: Css | None = None
    icon: str | None = None
    label: str | None = None
    up: Css | None = None
    down: Css | None = None
    first: bool = False

    def __str__(self) -> str:
        """Return it as one line, for a person who looks which alternative found a thing."""
        return ", ".join(f"{key}={value}" for key, value in self.model_dump(exclude_defaults=True).items())

    @model_validator(mode="after")
    def _has_a_start(self) -> "Alternative":
        if not any((self.testid, self.testid_prefix, self.css, self.icon)):
            raise ValueError("an alternative needs testid, testid_prefix, css or icon")
        return self


class Landmark(_Part):
    """One thing on the page."""

    count: Literal["one", "optional", "many"]
    find: Annotated[list[Alternative], Field(min_length=1)]
    within: str | None = None
    role: str | None = None


class Ticks(_Part):
    """Delivery ticks by icon name, and the colours that tell read from delivered."""

    icons: dict[str, Tick]
    colours: dict[Tick, list[str]]


class Landmarks(_Part):
    """The whole file. `spec()` is what the scripts in the page get."""

    format: Literal[1]
    version: Annotated[str, Field(pattern=r"^20\d\d-\d\d(\.\d+)?$")]
    languages: list[str]
    labels: dict[str, Labels]
    landmark: dict[str, Landmark]
    kinds: dict[MessageKind, list[Css]]
    ticks: Ticks

    @model_validator(mode="after")
    def _names_exist(self) -> "Landmarks":
        missing = asked_for() - set(self.landmark)
        if missing:
            raise ValueError(f"these landmarks are not described: {', '.join(sorted(missing))}")
        for name, mark in self.landmark.items():
            if mark.within is not None and mark.within not in self.landmark:
                raise ValueError(f"landmark {name} lies within {mark.within}, which is not described")
            for alternative in mark.find:
                if alternative.label is not None and alternative.label not in self.labels:
                    raise ValueError(f"landmark {name} uses the words {alternative.label}, which are not listed")
        return self

    def spec(self) -> dict[str, Any]:
        """Return the description as JSON for the page."""
        return {
            "labels": {name: {"match": words.match, "texts": words.texts} for name, words in self.labels.items()},
            "landmarks": {name: mark.model_dump(exclude_none=True) for name, mark in self.landmark.items()},
            "kinds": [[kind.value, selectors] for kind, selectors in self.kinds.items()],
        }

    def says(self, words: str, text: str) -> bool:
        """Tell whether a text of the page is one of the named words."""
        have = " ".join(text.split()).lower()
        labels = self.labels[words]
        if labels.match == "exact":
            return have in labels.texts
        if labels.match == "prefix":
            return have.startswith(tuple(labels.texts))
        return any(word in have for word in labels.texts)


def load_landmarks(source: str | None = None) -> Landmarks:
    """Read `landmarks.toml`, or `source` in its place.

    Raises:
        SetupError: the file does not hold together; names the fault.
    """
    text = source if source is not None else (files(__package__) / "landmarks.toml").read_text(encoding="utf-8")
    try:
        return Landmarks.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _unusable(str(error)) from None
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
        raise _unusable("; ".join(faults)) from None


def asked_for() -> set[str]:
    """Return every landmark that the scripts in the page ask for by name."""
    scripts = (item.read_text(encoding="utf-8") for item in files(__package__).iterdir() if item.name.endswith(".js"))
    return {name for script in scripts for name in _ASKED.findall(script)}


def _unusable(why: str) -> SetupError:
    return SetupError(f"landmarks.toml cannot be used: {why}", hint="correct desktop_bridge/page/landmarks.toml")
