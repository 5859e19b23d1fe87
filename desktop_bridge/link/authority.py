"""The server behind the send machine's port."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.contracts.bridge import CLICK_WINDOW_MS, Arm, Armed, SendOrder, SendReport
from core.errors import Conflict, Gone, NotFound, Unavailable, WaxosError
from desktop_bridge.errors import ArmRefused
from desktop_bridge.link.client import ServerClient

_UNDECIDED = frozenset({"lease_lost", "armed_before"})
"""Refusals that decide nothing about the send: it is offered again, to be sent or settled by whoever then holds the channel."""


class ServerAuthority:
    """Asks the server to arm and tells it the outcome."""

    def __init__(self, client: ServerClient, installation_id: UUID, epoch: Callable[[], int]) -> None:
        self._client = client
        self._installation_id = installation_id
        self._epoch = epoch

    async def arm(self, order: SendOrder, tail: str | None, arming: UUID) -> Armed:
        """Ask to click once; see `Authority.arm`. A lost answer is asked again, within less than the click window.

        Raises:
            Unavailable: nobody answered, or the channel was lost; the journal ends before `armed`, so nothing was clicked.
        """
        ask = Arm(
            epoch=self._epoch(),
            installation_id=self._installation_id,
            arming=arming,
            text_sha256=order.text_sha256,
            tail_external_id=tail,
        )
        try:
            return await self._client.arm(order.send_id, ask, within=CLICK_WINDOW_MS / 1000 * 0.8)
        except (Conflict, NotFound, Gone) as refused:
            raise _refusal(refused) from None

    async def report(self, send_id: UUID, report: SendReport) -> str:
        """Tell the outcome; one that was settled meanwhile answers its present status."""
        answer = await self._client.report(send_id, report)
        return answer.status


def _refusal(refused: WaxosError) -> WaxosError:
    kind = Unavailable if refused.reason_code in _UNDECIDED else ArmRefused
    return kind(refused.detail, hint=refused.hint, code=refused.reason_code)


class LocalAuthority:
    """Decides for work by hand, where no server is: arms the one order it was made for if the chat still ends as it began."""

    def __init__(self, tail: str | None) -> None:
        self._tail = tail
        self.reports: list[SendReport] = []

    async def arm(self, order: SendOrder, tail: str | None, arming: UUID) -> Armed:
        """Allow the click while no new message has come since the order was made."""
        del arming
        if tail != self._tail:
            raise ArmRefused("a new message came in while the text was typed", code="new_message", hint="read it first")
        until = datetime.now(UTC) + timedelta(milliseconds=CLICK_WINDOW_MS)
        return Armed(send_id=order.send_id, click_within_ms=CLICK_WINDOW_MS, deadline_at=until)

    async def report(self, send_id: UUID, report: SendReport) -> str:
        """Keep the outcome; its status is the outcome's own name."""
        del send_id
        self.reports.append(report)
        return report.outcome.value
