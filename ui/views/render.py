"""HTML of the panel: Jinja templates with escaping always on. No other place of `ui` writes markup."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ui.views import labels


class Templates:
    """The template folder. Every value is escaped; a missing one is an error and never an empty place."""

    def __init__(self, folder: Path) -> None:
        self._env = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._env.globals["labels"] = labels
        self._env.filters.update(iso=_iso, clock=_clock, day=_day)

    def render(self, name: str, **values: Any) -> str:
        """Return the HTML of a template."""
        return self._env.get_template(name).render(values)

    def source(self, name: str) -> str:
        """Return a template that holds no values as it stands."""
        return self.render(name)


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name, UTC where the machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clock(at: datetime, tz: ZoneInfo) -> str:
    return at.astimezone(tz).strftime("%H:%M")


def _day(at: datetime, tz: ZoneInfo) -> str:
    local = at.astimezone(tz)
    today = datetime.now(tz).date()
    days = (today - local.date()).days
    if days == 0:
        return "Today"
    if days == 1:
        return "Yesterday"
    return local.strftime("%A") if 1 < days < 7 else local.strftime("%d %B %Y")
