"""The tool `knowledge_search`: what the business itself has published about something."""

from pydantic import Field

from core.contracts.base import Command
from core.contracts.principal import Scope
from core.contracts.reasoning import Retrieval
from domain.knowledge.search import KnowledgeSearch
from tools.registry import ToolDeps, ToolSpec


class KnowledgeSearchArguments(Command):
    """What to look for."""

    query: str = Field(min_length=1, max_length=2000, description="the question, in any language")
    limit: int = Field(default=5, ge=1, le=20, description="most passages to return")


async def _search(deps: ToolDeps, arguments: KnowledgeSearchArguments) -> Retrieval:
    search = KnowledgeSearch(deps.db, deps.principal.tenant_id, deps.embedders)
    return await search.search(arguments.query, arguments.limit)


def knowledge_search() -> ToolSpec:
    """Return the tool."""
    return ToolSpec(
        name="knowledge_search",
        description="Finds passages of the business's own knowledge that bear on a question, best first. "
        "Nothing found means that the business has not published an answer.",
        scope=Scope.KNOWLEDGE_READ,
        arguments=KnowledgeSearchArguments,
        run=_search,
    )
