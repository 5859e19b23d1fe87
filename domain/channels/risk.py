"""The risk of WhatsApp Web: the versioned text, and the owner's acceptance for one number."""

import tomllib
from functools import cache
from importlib.resources import files

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.phones import e164
from core.contracts.principal import Principal
from core.contracts.sessions import AcceptRisk, RiskText
from core.contracts.states import ChannelKind
from core.errors import Conflict, InvalidInput
from domain.audit import service as audit
from domain.channels.models import Channel
from domain.channels.repository import ChannelRepository

_SHOWN_DIGITS = 4
"""Digits of the number that the audit log holds: enough to tell a business's numbers apart, too few to call one."""


@cache
def risk_text() -> RiskText:
    """Return the text as it is now."""
    return RiskText.model_validate(tomllib.loads((files("domain.channels") / "risk.toml").read_text(encoding="utf-8")))


def consented(channel: Channel) -> bool:
    """Tell whether the owner accepted the risk of this channel, where there is one to accept."""
    return channel.kind != ChannelKind.WHATSAPP_WEB or channel.risk_accepted_at is not None


async def accept(session: AsyncSession, caller: Principal, channel: Channel, body: AcceptRisk) -> None:
    """Note on a locked channel that the caller typed its number and accepts the risk; the audit row is in the same transaction.

    Raises:
        InvalidInput: not accepted, or no phone number.
        Conflict: the channel needs no acceptance, the text is another by now, or another channel has this number.
    """
    if channel.kind != ChannelKind.WHATSAPP_WEB:
        raise Conflict("This channel needs no acceptance.", hint="Link it as it is.", code="no_risk")
    if not body.accepted:
        raise InvalidInput(
            "The risk was not accepted.", hint="Tick the box, or use the official route.", code="not_accepted"
        )
    if body.version != risk_text().version:
        raise Conflict(
            "The text about the risk has changed since you read it.",
            hint="Read it again, then accept.",
            code="risk_text_changed",
            current={"version": risk_text().version},
        )
    number = _number(body.number)
    channels = ChannelRepository(session)
    other = await channels.with_address(number)
    if other is not None and other.id != channel.id:
        raise Conflict(
            "Another channel of this business has this number.", hint="Use that channel.", code="number_taken"
        )
    channel.address = number
    channel.risk_accepted_at, channel.risk_accepted_by = await channels.now(), caller.subject_id
    channel.risk_text_version = body.version
    fields = {"text_version": body.version, "number_ends": number[-_SHOWN_DIGITS:]}
    audit.record(session, caller, "channel.risk_accepted", "channel", channel.id, fields)


def _number(typed: str) -> str:
    """Return a number as +digits.

    Raises:
        InvalidInput: nobody can have this number.
    """
    number = e164(typed)
    if number is None:
        raise InvalidInput(
            "This is not a phone number that anybody can have.",
            hint="Type it with + and the country code, for instance +351 912 345 678.",
            code="number_invalid",
        )
    return number
