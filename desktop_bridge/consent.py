"""Which page may be opened: one of this computer always, any other only once the owner has accepted the risk in the panel."""

from core.contracts.bridge import LeaseRequest
from core.contracts.states import ChannelState
from core.errors import NotAllowed
from core.settings import BridgeSettings
from desktop_bridge import __version__, host
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.client import ServerClient

_HINT = "pair this computer with a channel, and let its owner accept the risk in the panel (Channels)"


async def require_consent(settings: BridgeSettings, journal: Journal) -> None:
    """See that a command by hand may open the page; asks the server where the page is not of this computer.

    Raises:
        NotAllowed: not paired, or the risk was not accepted.
        WaxosError: the server does not answer, or another bridge holds the channel.
    """
    if host.on_loopback(settings.page_url):
        return
    token = journal.token(settings.server_url)
    if token is None:
        raise NotAllowed("this page may be opened only for a paired channel", hint=_HINT)
    client = ServerClient(settings.server_url, token)
    try:
        lease = await client.lease(
            LeaseRequest(installation_id=journal.installation_id, state=ChannelState.STARTING, app_version=__version__)
        )
    finally:
        await client.close()
    if not lease.risk_accepted:
        raise NotAllowed("the owner has not accepted the risk of linking this number", hint=_HINT)
