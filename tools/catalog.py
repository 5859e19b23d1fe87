"""Every tool that there is."""

from core.contracts.principal import Principal
from tools.calendar import calendar
from tools.connections import Connections
from tools.knowledge_search import knowledge_search
from tools.orders import orders
from tools.registry import ToolSpec, for_principal


def tools_for(principal: Principal, connections: Connections | None = None) -> list[ToolSpec]:
    """Return the tools that a caller may use: knowledge always, the systems that its business has connected beside it."""
    connected = {one.tool for one in connections.of(principal.tenant_id)} if connections else set()
    systems = [tool for tool in (orders(), calendar()) if tool.name in connected]
    return for_principal(principal, [knowledge_search(), *systems])
