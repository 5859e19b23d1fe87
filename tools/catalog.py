"""Every tool that there is."""

from core.contracts.principal import Principal
from tools.knowledge_search import knowledge_search
from tools.registry import ToolSpec, for_principal


def tools_for(principal: Principal) -> list[ToolSpec]:
    """Return the tools that a caller may use."""
    return for_principal(principal, [knowledge_search()])
