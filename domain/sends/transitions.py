"""The one table of how a send may move (design section 4). Every change of a send's status goes through `move`."""

from core.contracts.states import SendStatus
from core.errors import Conflict
from domain.sends.models import Send

S = SendStatus

ALLOWED: dict[SendStatus, frozenset[SendStatus]] = {
    S.QUEUED: frozenset({S.LEASED, S.RETURNED, S.CANCELLED, S.EXPIRED, S.FAILED}),
    # A database restored to an earlier moment may call a send leased of which its bridge has proof, or doubt.
    S.LEASED: frozenset({S.QUEUED, S.ARMED, S.SENT, S.UNKNOWN, S.RETURNED, S.CANCELLED, S.EXPIRED, S.FAILED}),
    S.ARMED: frozenset({S.SENT, S.QUEUED, S.RETURNED, S.UNKNOWN}),
    S.SENT: frozenset({S.DELIVERED, S.READ}),
    S.DELIVERED: frozenset({S.READ}),
    S.READ: frozenset(),
    S.UNKNOWN: frozenset({S.SENT, S.ABANDONED}),
    S.RETURNED: frozenset(),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
    S.FAILED: frozenset(),
    S.ABANDONED: frozenset({S.SENT}),  # by its bubble alone: it arrived after a person had given it up
}
WAITING = (S.QUEUED, S.LEASED)
ON_ITS_WAY = (S.QUEUED, S.LEASED, S.ARMED)
LEFT = (S.SENT, S.DELIVERED, S.READ)
RETRYABLE = (S.FAILED, S.ABANDONED, S.CANCELLED)
"""What may be sent again as it is; the text of an expired or returned send waits as a draft instead."""


def move(send: Send, status: SendStatus) -> None:
    """Put a locked send into `status`.

    Raises:
        Conflict: the table does not allow it; `current` names the present status.
    """
    if status not in ALLOWED[SendStatus(send.status)]:
        raise Conflict(
            f"This send is {send.status} and cannot become {status}.",
            hint="Reload the chat to see how it stands.",
            current={"send_id": str(send.id), "status": send.status},
        )
    send.status = status
