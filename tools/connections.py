"""Which systems of which business may be asked, read from one file of the operator; and the one way to ask them."""

import asyncio
import tomllib
from collections.abc import Sequence
from datetime import time
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from core.errors import SetupError, Unavailable
from core.security.outside import NotPublic, outside_client
from core.settings import ToolSettings

_SECONDS = 3.0
_MOST_BYTES = 2 * 1024 * 1024
_AGENT = "WAXOS-lookup/1"
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _Connection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    business: UUID = Field(description="the tenant's id")
    url: str = Field(description="address of the system")
    token: SecretStr | None = Field(default=None, description="sent as a bearer token")

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")) or not urlsplit(value).hostname:
            raise ValueError("must be an https:// address")
        return value


class OrdersConnection(_Connection):
    """The business's order system, by the small protocol of docs/tools.md."""

    tool: Literal["orders"]


class CalendarConnection(_Connection):
    """A calendar in iCalendar form. On `weekdays`, places of so many minutes are given from `opens` to `closes`, in the business's zone."""

    tool: Literal["calendar"]
    opens: time = time(9)
    closes: time = time(18)
    weekdays: list[Weekday] = ["mon", "tue", "wed", "thu", "fri"]
    minutes: int = Field(default=30, ge=5, le=480)


Connection = Annotated[OrdersConnection | CalendarConnection, Field(discriminator="tool")]


class Connections(BaseModel):
    """All connections of a deployment, and where private systems may stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connection: list[Connection] = []
    permitted: tuple[str, ...] = ()

    def of(self, business: UUID) -> list[OrdersConnection | CalendarConnection]:
        """Return those of one business."""
        return [one for one in self.connection if one.business == business]

    async def ask(self, connection: _Connection, params: Sequence[tuple[str, str]] = ()) -> bytes:
        """Return what a system answers, of at most 2 MB, within 3 seconds; its token goes to no other address than its own.

        Raises:
            Unavailable: it did not answer as it should; names neither the token nor what was asked.
        """
        host = urlsplit(connection.url).hostname or "the system"
        headers = {"User-Agent": _AGENT}
        if connection.token is not None:
            headers["Authorization"] = f"Bearer {connection.token.get_secret_value()}"
        try:
            async with (
                asyncio.timeout(_SECONDS),
                outside_client(permitted=self.permitted, redirects=0) as client,
                client.stream("GET", connection.url, params=[*params] or None, headers=headers) as answer,
            ):
                if not answer.is_success:
                    raise Unavailable(f"{host} answered {answer.status_code}")
                content = bytearray()
                async for part in answer.aiter_bytes(64 * 1024):
                    content += part
                    if len(content) > _MOST_BYTES:
                        raise Unavailable(f"{host} sent more than {_MOST_BYTES // 2**20} MB")
                return bytes(content)
        except (TimeoutError, NotPublic, httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"{host} did not answer ({type(error).__name__})") from None


def load_connections(settings: ToolSettings) -> Connections:
    """Read the operator's file; none is named means no connection.

    Raises:
        SetupError: it cannot be read or used; names the fault and never a token.
    """
    if settings.connections is None:
        return Connections()
    networks = tuple(str(net) for net in settings.private_networks)
    try:
        data = tomllib.loads(settings.connections.read_text("utf-8"))
        found = Connections.model_validate({**data, "permitted": networks})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unusable(f"{type(error).__name__}") from None
    except ValidationError as error:
        raise _unusable(
            "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        ) from None
    kinds = [(one.business, one.tool) for one in found.connection]
    if len(kinds) != len(set(kinds)):
        raise _unusable("a business has two connections of the same kind")
    if not networks and any(one.url.startswith("http://") for one in found.connection):
        raise _unusable("an address without encryption is only for a private network")
    return found


def _unusable(why: str) -> SetupError:
    return SetupError(f"the file of WAXOS_TOOLS__CONNECTIONS cannot be used: {why}", hint="docs/tools.md shows one")
