"""What a tool is, and which ones a caller may use."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from core.contracts.base import Command
from core.contracts.principal import Principal, Scope
from core.db.session import Database
from core.errors import InvalidInput, NotAllowed
from domain.knowledge.embedding import EmbedderSource
from tools.connections import Connections


@dataclass(frozen=True, slots=True)
class ToolDeps:
    """What a tool works with. Who asks is in `principal`, and of which customer (`customer_phones`, E.164) is known from the chat: the
    server made both, and no tool takes a tenant or a person as an argument.
    """

    principal: Principal
    db: Database
    embedders: EmbedderSource
    connections: Connections = field(default_factory=Connections)
    customer_phones: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One capability. `arguments` is all that a model may fill in; `description` is what it reads to choose the tool."""

    name: str
    description: str
    scope: Scope
    arguments: type[Command]
    run: Callable[[ToolDeps, Any], Awaitable[BaseModel]]

    async def call(self, deps: ToolDeps, arguments: dict[str, Any]) -> dict[str, Any]:
        """Run the tool on a model's arguments and return its result as JSON-native values.

        Raises:
            NotAllowed: the caller lacks the scope, even though the tool should not have been offered.
            InvalidInput: the arguments do not fit; says which.
        """
        if self.scope not in deps.principal.scopes:
            raise NotAllowed(f"{self.name} needs {self.scope.value}", hint="ask somebody who may")
        try:
            checked = self.arguments.model_validate(arguments)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
            raise InvalidInput(f"{self.name} cannot use these arguments: {faults}", hint="correct them") from None
        return (await self.run(deps, checked)).model_dump(mode="json")


def for_principal(principal: Principal, tools: Sequence[ToolSpec]) -> list[ToolSpec]:
    """Return those of `tools` that a caller may use; the others are not even named to a model."""
    return [tool for tool in tools if tool.scope in principal.scopes]
