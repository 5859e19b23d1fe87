"""Lookups of a run: the connected tools of its business, as the retriever asks them, bound to the chat's own customer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import structlog

from agents.ports import LookedUp, Lookup, Wanted
from agents.text.subjects import SUBJECTS, Subject
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.reasoning import Passage
from core.contracts.states import Role
from core.db.session import Database
from core.errors import WaxosError
from domain.contacts.service import phones_in
from domain.drafts.runs import ClaimedRun
from domain.knowledge.embedding import EmbedderSource
from tools.calendar import DayRoom, Room
from tools.catalog import tools_for
from tools.connections import Connections
from tools.orders import Order, OrdersFound
from tools.registry import ToolDeps, ToolSpec

_log = structlog.get_logger(__name__)
_NAMES: Mapping[Subject, str] = {"orders": "Order system", "calendar": "Calendar"}


@dataclass(frozen=True, slots=True)
class ToolLookup:
    """One tool as a look-up: its typed result in sentences that a draft may cite."""

    subject: Subject
    tool: ToolSpec
    deps: ToolDeps

    async def look_up(self, wanted: Wanted) -> LookedUp:
        """Ask the tool; one that fails leaves a line for staff."""
        try:
            found = await self.tool.call(self.deps, _arguments(self.subject, wanted))
        except WaxosError as error:
            _log.warning("lookup.failed", tool=self.tool.name, reason=error.detail)
            return LookedUp(unsettled=[f"what the {_NAMES[self.subject].lower()} says: it did not answer"])
        if self.subject == "calendar":
            return LookedUp([self._passage(_room(day)) for day in Room.model_validate(found).days])
        orders = OrdersFound.model_validate(found)
        return LookedUp(
            [self._passage(_order(order)) for order in orders.orders],
            [
                f"whether order {number} is this customer's: it is not known under their number"
                for number in orders.of_others
            ],
        )

    def _passage(self, text: str) -> Passage:
        return Passage(
            id=new_id(),
            source_id=uuid5(NAMESPACE_URL, f"{self.deps.principal.tenant_id}/{self.subject}"),
            source_title=_NAMES[self.subject],
            text=text,
            heading=f"looked up at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            language="en",
            score=1.0,
            live=self.subject,
        )


async def lookups_of(
    run: ClaimedRun, db: Database, embedders: EmbedderSource, connections: Connections
) -> Sequence[Lookup]:
    """Return what a run may look things up in; none where its business has connected nothing."""
    if not connections.of(run.tenant_id):
        return []
    async with db.unit_of_work(run.tenant_id) as session:
        phones = await phones_in(session, run.chat_id)
    caller = Principal(TenantId(run.tenant_id), run.id, Role.STAFF)
    deps = ToolDeps(caller, db, embedders, connections, frozenset(phones))
    by_name = {tool.name: tool for tool in tools_for(caller, connections)}
    return [ToolLookup(subject, by_name[subject], deps) for subject in SUBJECTS if subject in by_name]


def _arguments(subject: Subject, wanted: Wanted) -> dict[str, Any]:
    if subject == "orders":
        return {"numbers": list(wanted.numbers)}
    return {"days": [day.isoformat() for day in wanted.days], "timezone": wanted.timezone}


def _order(order: Order) -> str:
    said = [f"Order {order.number}"]
    if order.items:
        said.append(f"({', '.join(order.items)})")
    if order.placed_on:
        said.append(f"of {_day(order.placed_on)}")
    text = f"{' '.join(said)}: {order.status.rstrip('.')}."
    if order.expected_on:
        text += f" It is expected on {_day(order.expected_on)}."
    if order.total:
        text += f" The total is {order.total}."
    if order.tracking_url:
        text += f" {f'{order.carrier}: ' if order.carrier else ''}{order.tracking_url}"
    return text


def _room(room: DayRoom) -> str:
    if room.closed:
        return f"On {_day(room.day, weekday=True)} we are closed."
    if not room.free:
        return f"On {_day(room.day, weekday=True)} nothing is free."
    times = [f"{begins:%H:%M} to {ends:%H:%M}" for begins, ends in room.free]
    return f"On {_day(room.day, weekday=True)} there is time from {' and from '.join(times)}."


def _day(day: Any, *, weekday: bool = False) -> str:
    return f"{day:%A, }{day.day} {day:%B %Y}" if weekday else f"{day.day} {day:%B %Y}"
