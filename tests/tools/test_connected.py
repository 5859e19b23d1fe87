"""The order system and the calendar of a business: only its own, only of the customer who asks, and a bad answer is no error of ours."""

import json
from collections.abc import AsyncIterator
from datetime import date, datetime, time
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from core.aal.embedding import Embedders
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database
from core.errors import SetupError, Unavailable
from core.settings import AalSettings, ToolSettings
from tests.standins.site import Site, run_site
from tools.calendar import room
from tools.catalog import tools_for
from tools.connections import CalendarConnection, Connections, OrdersConnection, load_connections
from tools.registry import ToolDeps

ANA, OTHER = "+351912345678", "+351912345679"
MADRID = ZoneInfo("Europe/Madrid")
TUESDAY = date(2026, 12, 1)
TOKEN = "t0ken-of-the-shop"
EARLIER = datetime(2026, 11, 30, 12, tzinfo=MADRID)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with run_site() as running:
        yield running


def deps_for(db: Database, tenant: UUID, connections: Connections, *phones: str) -> ToolDeps:
    caller = Principal(TenantId(tenant), new_id(), Role.STAFF)
    return ToolDeps(caller, db, Embedders(AalSettings()), connections, frozenset(phones))


def connected(site: Site, tenant: UUID) -> Connections:
    return Connections.model_validate(
        {
            "permitted": ("127.0.0.0/8",),
            "connection": [{"tool": "orders", "business": str(tenant), "url": f"{site.url}/orders", "token": TOKEN}],
        }
    )


def answers(site: Site, *orders: dict[str, object]) -> None:
    site.bodies["/orders"] = json.dumps({"orders": orders}).encode()


async def ask(deps: ToolDeps, *numbers: str) -> dict[str, list[dict[str, object]]]:
    tool = next(one for one in tools_for(deps.principal, deps.connections) if one.name == "orders")
    return await tool.call(deps, {"numbers": list(numbers)})


async def test_only_the_customers_own_orders_come_back(db: Database, tenant: UUID, site: Site) -> None:
    answers(
        site,
        {"number": "A-1001", "phone": "+351 912 345 678", "status": "on its way", "placed_on": "2026-11-20"},
        {"number": "A-1002", "phone": OTHER, "status": "cancelled: card refused"},
        {"number": "A-1003", "status": "paid"},
    )
    deps = deps_for(db, tenant, connected(site, tenant), ANA)
    found = await ask(deps)
    assert [order["number"] for order in found["orders"]] == ["A-1001"]
    assert "refused" not in json.dumps(found)
    named = await ask(deps, "A-1002")
    assert (named["orders"], named["of_others"]) == ([], ["A-1002"])
    assert site.requests[0].count(TOKEN) == 1
    assert "phone=%2B351912345678" in site.asked[0]


async def test_a_customer_without_a_number_is_told_nothing(db: Database, tenant: UUID, site: Site) -> None:
    answers(site, {"number": "A-1001", "phone": None, "status": "on its way"})
    deps = deps_for(db, tenant, connected(site, tenant))
    assert (await ask(deps), site.asked) == ({"orders": [], "of_others": []}, [])
    assert (await ask(deps, "A-1001"))["orders"] == []


async def test_another_business_is_offered_no_system_of_this_one(
    db: Database, tenant: UUID, other_tenant: UUID, site: Site
) -> None:
    deps = deps_for(db, other_tenant, connected(site, tenant), ANA)
    assert [tool.name for tool in tools_for(deps.principal, deps.connections)] == ["knowledge_search"]


@pytest.mark.parametrize("fault", ["status", "redirect", "form", "endless", "elsewhere"])
async def test_a_system_that_misbehaves_is_unavailable_and_no_secret_is_said(
    fault: str, db: Database, tenant: UUID, site: Site
) -> None:
    answers(site)
    connections = connected(site, tenant)
    match fault:
        case "status":
            site.status["/orders"] = 500
        case "redirect":
            site.status["/orders"], site.headers["Location"] = 302, f"{site.url}/elsewhere"
        case "form":
            site.bodies["/orders"] = b'{"orders": [{"number": "A-1"}]}'
        case "endless":
            site.endless = True
        case _:
            connections = connections.model_copy(update={"permitted": ()})
    with pytest.raises(Unavailable) as caught:
        await ask(deps_for(db, tenant, connections, ANA))
    assert TOKEN not in str(caught.value)
    assert ANA not in str(caught.value)
    assert not any("elsewhere" in path for path in site.asked)


def calendar(*events: str) -> bytes:
    body = "".join(
        f"BEGIN:VEVENT\r\nUID:{n}\r\nDTSTAMP:20261101T000000Z\r\n{e}END:VEVENT\r\n" for n, e in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n{body}END:VCALENDAR\r\n".encode()


OFFICE = CalendarConnection(
    tool="calendar", business=new_id(), url="https://calendar.example/a.ics", opens=time(9), closes=time(18)
)


def free(content: bytes, day: date = TUESDAY, now: datetime = EARLIER) -> list[tuple[str, str]]:
    [found] = room(content, OFFICE, [day], now).days
    return [(f"{begins:%H:%M}", f"{ends:%H:%M}") for begins, ends in found.free]


def test_what_is_taken_leaves_the_rest_of_the_day() -> None:
    taken = calendar(
        "DTSTART;TZID=Europe/Madrid:20261201T100000\r\nDTEND;TZID=Europe/Madrid:20261201T113000\r\nSUMMARY:Ana, root canal\r\n",
        "DTSTART:20261201T130000Z\r\nDTEND:20261201T140000Z\r\nSUMMARY:Ben\r\n",  # 14 to 15 in Madrid
        "DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\nSTATUS:CANCELLED\r\n",
        "DTSTART:20261201T160000Z\r\nDTEND:20261201T170000Z\r\nTRANSP:TRANSPARENT\r\n",
    )
    assert free(taken) == [("09:00", "10:00"), ("11:30", "14:00"), ("15:00", "18:00")]
    assert "Ana" not in room(taken, OFFICE, [TUESDAY], EARLIER).model_dump_json()


def test_every_week_except_once_and_a_whole_day() -> None:
    weekly = "DTSTART;TZID=Europe/Madrid:20261103T090000\r\nDTEND;TZID=Europe/Madrid:20261103T173000\r\nRRULE:FREQ=WEEKLY\r\n"
    assert free(calendar(weekly)) == [("17:30", "18:00")]
    assert free(calendar(weekly + "EXDATE;TZID=Europe/Madrid:20261201T090000\r\n")) == [("09:00", "18:00")]
    assert free(calendar("DTSTART;VALUE=DATE:20261201\r\nDTEND;VALUE=DATE:20261202\r\nSUMMARY:Holiday\r\n")) == []


def test_today_begins_now_and_weekends_are_closed() -> None:
    assert free(calendar(), now=datetime(2026, 12, 1, 16, 20, tzinfo=MADRID)) == [("16:20", "18:00")]
    assert free(calendar(), now=datetime(2026, 12, 1, 17, 45, tzinfo=MADRID)) == []
    [sunday] = room(calendar(), OFFICE, [date(2026, 12, 6)], EARLIER).days
    assert (sunday.closed, sunday.free) == (True, [])


def test_an_invitation_that_repeats_every_second_takes_no_time_and_no_calendar_is_unavailable() -> None:
    assert free(calendar("DTSTART:20200101T000000Z\r\nDTEND:20200101T000001Z\r\nRRULE:FREQ=SECONDLY\r\n")) == [
        ("09:00", "18:00")
    ]
    for junk in (b"", b"<html>sign in</html>", b"\xff\xfe\x00"):
        with pytest.raises(Unavailable):
            room(junk, OFFICE, [TUESDAY], EARLIER)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[connection]]\ntool = 'weather'", "tool"),
        ("[[connection]]\ntool = 'orders'\nbusiness = '{b}'\nurl = 'ftp://x'", "https"),
        (
            "[[connection]]\ntool = 'orders'\nbusiness = '{b}'\nurl = 'http://shop.example/'\ntoken = 'sesame'",
            "encryption",
        ),
        ("{one}{one}", "two connections"),
        ("[[connection", "TOML"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start_and_says_why(text: str, said: str, tmp_path: Path) -> None:
    one = f"[[connection]]\ntool = 'orders'\nbusiness = '{OFFICE.business}'\nurl = 'https://shop.example/'\ntoken = 'sesame'\n"
    file = tmp_path / "connections.toml"
    file.write_text(text.replace("{b}", str(OFFICE.business)).replace("{one}", one))
    with pytest.raises(SetupError, match=said) as caught:
        load_connections(ToolSettings(connections=file))
    assert "sesame" not in str(caught.value)


def test_the_file_of_the_documentation_can_be_used(tmp_path: Path) -> None:
    page = Path("docs/tools.md").read_text("utf-8")
    file = tmp_path / "connections.toml"
    file.write_text(page.split("```toml\n")[1].split("```")[0], "utf-8")
    assert [one.tool for one in load_connections(ToolSettings(connections=file)).connection] == ["orders", "calendar"]


def test_a_good_file_connects_its_businesses(tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    file.write_text(f"[[connection]]\ntool = 'orders'\nbusiness = '{OFFICE.business}'\nurl = 'https://shop.example/'\n")
    [found] = load_connections(ToolSettings(connections=file)).of(OFFICE.business)
    assert isinstance(found, OrdersConnection)
    assert load_connections(ToolSettings()).of(OFFICE.business) == []
