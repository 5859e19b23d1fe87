"""The whole journal as the bridge opens it."""

from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from core.contracts.channels import PairedDevice
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.journal.chats import ChatLog
from desktop_bridge.journal.key import journal_key
from desktop_bridge.journal.sends import SendLog
from desktop_bridge.journal.store import Store

FILE = "journal.db"


class Journal:
    """One encrypted file with the logs of both sides of the bridge and the device's token."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.chats = ChatLog(store)
        self.sends = SendLog(store)

    @property
    def installation_id(self) -> UUID:
        """The name of this journal."""
        return self.sends.installation_id

    def token(self, server_url: str) -> SecretStr | None:
        """Return the device token for this server, if the bridge was paired with it."""
        row = self.store.one("SELECT token, server_url FROM installation")
        return SecretStr(row["token"]) if row["token"] and row["server_url"] == server_url else None

    def keep_pairing(self, device: PairedDevice, server_url: str) -> None:
        """Keep what the server gave us at pairing."""
        with self.store.transaction():
            self.store.run(
                "UPDATE installation SET server_url = ?, device_id = ?, tenant_id = ?, channel_id = ?, token = ?",
                server_url, str(device.device_id), str(device.tenant_id), str(device.channel_id), device.token,
            )  # fmt: skip

    def forget_pairing(self) -> None:
        """Drop a token that the server has revoked."""
        with self.store.transaction():
            self.store.run("UPDATE installation SET token = NULL, device_id = NULL")

    def close(self) -> None:
        """Close the file."""
        self.store.close()


def journal_path(settings: BridgeSettings) -> Path:
    """Return where the journal of these settings lies."""
    return settings.home.absolute() / FILE


def open_journal(settings: BridgeSettings) -> Journal:
    """Open the journal, or make it.

    Raises:
        SetupError: no key, or one that does not fit.
    """
    host.private_folder(settings.home)
    path = journal_path(settings)
    return Journal(Store(path, journal_key(path, settings.journal_passphrase)))
