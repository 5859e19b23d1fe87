"""The tool `orders`: what the business's order system says of orders of the customer who asks."""

from datetime import date

from pydantic import Field, TypeAdapter, ValidationError

from core.contracts.base import Command, Wire
from core.contracts.phones import e164
from core.contracts.principal import Scope
from core.errors import Unavailable
from tools.connections import OrdersConnection
from tools.registry import ToolDeps, ToolSpec

_MOST_ORDERS = 3


class OrdersArguments(Command):
    """Which orders."""

    numbers: list[str] = Field(default=[], max_length=3, description="order numbers that the customer named")


class Order(Wire):
    """An order as the system knows it; `phone` is whose it is."""

    number: str = Field(min_length=1, max_length=40)
    phone: str | None = Field(default=None, max_length=40)
    status: str = Field(min_length=1, max_length=200)
    placed_on: date | None = None
    expected_on: date | None = None
    carrier: str | None = Field(default=None, max_length=60)
    tracking_url: str | None = Field(default=None, max_length=500, pattern="^https://")
    items: list[str] = Field(default=[], max_length=20)
    total: str | None = Field(default=None, max_length=40)


class OrdersFound(Wire):
    """`orders` are the customer's own, newest first; `of_others` are numbers that exist and were not proven to be theirs."""

    orders: list[Order]
    of_others: list[str] = Field(default=[])


class _Answer(Wire):
    orders: list[Order] = Field(max_length=50)


_ANSWER = TypeAdapter(_Answer)


async def _run(deps: ToolDeps, arguments: OrdersArguments) -> OrdersFound:
    connection = next(one for one in deps.connections.of(deps.principal.tenant_id) if isinstance(one, OrdersConnection))
    phones = sorted(deps.customer_phones)
    if not phones and not arguments.numbers:
        return OrdersFound(orders=[])
    asked = [*(("phone", one) for one in phones), *(("number", one) for one in arguments.numbers)]
    content = await deps.connections.ask(connection, asked)
    try:
        found = _ANSWER.validate_json(content).orders
    except ValidationError:
        raise Unavailable("the order system answered in a form that docs/tools.md does not know") from None
    named = {number.upper() for number in arguments.numbers}
    wanted = [one for one in found if not named or one.number.upper() in named]
    own = [one for one in wanted if e164(one.phone) in deps.customer_phones]
    own.sort(key=lambda one: one.placed_on or date.min, reverse=True)
    others = [one.number for one in wanted if one not in own and one.number.upper() in named]
    return OrdersFound(orders=own[:_MOST_ORDERS], of_others=others)


def orders() -> ToolSpec:
    """Return the tool."""
    return ToolSpec(
        name="orders",
        description="Looks up the customer's own orders: their state, when they were placed, when they arrive.",
        scope=Scope.ORDERS_READ,
        arguments=OrdersArguments,
        run=_run,
    )
