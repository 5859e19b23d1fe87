"""The tool `calendar`: when the business has time. Of what stands in the calendar only that it is taken is read, never with whom."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Component
from pydantic import Field

from core.contracts.base import Command, Wire
from core.contracts.principal import Scope
from core.errors import Unavailable
from tools.connections import CalendarConnection
from tools.registry import ToolDeps, ToolSpec

_MOST_DAYS = 5
_AHEAD_DAYS = 14
_TOO_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY"}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Span = tuple[datetime, datetime]


class CalendarArguments(Command):
    """Which days."""

    days: list[date] = Field(
        min_length=1, max_length=31, description="the days asked for; the next ones that are open count too"
    )
    timezone: str = Field(default="UTC", description="zone of the business, as Europe/Madrid")


class DayRoom(Wire):
    """The free times of a day, each from and to, in the zone of the business; none where all is taken or the business is closed."""

    day: date
    free: list[tuple[time, time]]
    closed: bool = False


class Room(Wire):
    """Where there is room."""

    days: list[DayRoom]


async def _run(deps: ToolDeps, arguments: CalendarArguments) -> Room:
    connection = next(
        one for one in deps.connections.of(deps.principal.tenant_id) if isinstance(one, CalendarConnection)
    )
    content = await deps.connections.ask(connection)
    zone = ZoneInfo(arguments.timezone)
    return await asyncio.to_thread(room, content, connection, arguments.days[:_MOST_DAYS], datetime.now(zone))


def room(content: bytes, connection: CalendarConnection, days: Sequence[date], now: datetime) -> Room:
    """Return the free times of some days that a calendar leaves; today's begin at `now`, whose zone is the business's.

    Raises:
        Unavailable: the bytes are no calendar.
    """
    try:
        calendar = Calendar.from_ical(content)
    except (ValueError, IndexError, KeyError):
        raise Unavailable("the calendar's address does not lead to a calendar (iCalendar)") from None
    # Whoever may invite the business could fill it with an event a second.
    calendar.subcomponents = [one for one in calendar.subcomponents if not _too_often(one)]
    events = recurring_ical_events.of(calendar, skip_bad_series=True)
    return Room(days=[_day(connection, day, list(_taken(events, day, now)), now) for day in sorted(set(days))])


def _day(connection: CalendarConnection, day: date, taken: list[Span], now: datetime) -> DayRoom:
    if _WEEKDAYS[day.weekday()] not in connection.weekdays:
        return DayRoom(day=day, free=[], closed=True)
    at = max(datetime.combine(day, connection.opens, now.tzinfo), now)
    closes = datetime.combine(day, connection.closes, now.tzinfo)
    least = timedelta(minutes=connection.minutes)
    free: list[tuple[time, time]] = []
    for begins, ends in [*sorted(taken), (closes, closes)]:
        until = min(begins, closes)
        if until - at >= least:
            free.append((_minute(at), _minute(until)))
        at = max(at, ends)
    return DayRoom(day=day, free=free)


def _minute(at: datetime) -> time:
    return at.time().replace(second=0, microsecond=0, tzinfo=None)


def _taken(events: recurring_ical_events.CalendarQuery, day: date, now: datetime) -> Iterator[Span]:
    for event in events.at(day):
        if event.get("STATUS") == "CANCELLED" or event.get("TRANSP") == "TRANSPARENT":
            continue
        yield _moment(event.start, now), _moment(event.end, now)


def _moment(value: date, now: datetime) -> datetime:
    """Return a moment in the business's zone; an event of whole days and one without a zone are meant in it."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), now.tzinfo)
    return value.replace(tzinfo=now.tzinfo) if value.tzinfo is None else value.astimezone(now.tzinfo)


def _too_often(component: Component) -> bool:
    rule = component.get("RRULE")
    rules = rule if isinstance(rule, list) else [rule] if rule else []
    return any(str(every) in _TOO_OFTEN for one in rules for every in one.get("FREQ", []))


def calendar() -> ToolSpec:
    """Return the tool."""
    return ToolSpec(
        name="calendar",
        description="Says when the business still has time on some days.",
        scope=Scope.CALENDAR_READ,
        arguments=CalendarArguments,
        run=_run,
    )
