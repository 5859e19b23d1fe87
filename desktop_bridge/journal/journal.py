"""The whole journal as the bridge opens it."""

from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from core.contracts.channels import PairedDevice
from core.errors import SetupError
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.journal.chats import ChatLog
from desktop_bridge.journal.choice import ChoiceLog
from desktop_bridge.journal.files import FileLog
from desktop_bridge.journal.key import hand_to_keyring, journal_key, seal
from desktop_bridge.journal.own import OwnLog
from desktop_bridge.journal.recent import Recent
from desktop_bridge.journal.retention import Limits, prune
from desktop_bridge.journal.sends import SendLog
from desktop_bridge.journal.store import Store

FILE = "journal.db"


class Journal:
    """One encrypted file with the logs of both sides of the bridge and the device's token."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.chats = ChatLog(store)
        self.choice = ChoiceLog(store, self.chats)
        self.files = FileLog(store)
        self.own = OwnLog(store)
        self.sends = SendLog(store)
        self.recent = Recent(store)

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

    def prune(self, settings: BridgeSettings) -> int:
        """Drop what is older than the settings say and nobody needs; return how many rows that were.

        Raises:
            JournalUnwritable: the disk takes no change; it is tried again another time.
        """
        return prune(self.store, Limits(settings.journal_messages_per_chat, settings.journal_send_days))

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


def read_journal(settings: BridgeSettings) -> Journal:
    """Open a journal to read, also while a bridge works with it.

    Raises:
        SetupError: there is none, or it does not open; see `open_journal`.
    """
    path = journal_path(settings)
    if not path.exists():
        raise SetupError(
            f"there is no journal at {path} yet",
            hint="it is made when the bridge first runs; or set WAXOS_BRIDGE__HOME to where it lies",
        )
    return Journal(Store(path, journal_key(path, settings.journal_passphrase), writable=False))


def rekey_journal(settings: BridgeSettings, new: SecretStr | None) -> None:
    """Let another passphrase open the journal, or with None the system keyring. What opened it before does not any more.

    The journal itself is not written anew: whoever has both the old passphrase and a copy of the old key file keeps the key.

    Raises:
        SetupError: a bridge works with the journal, it does not open, or there is no keyring. InvalidInput: too short a passphrase.
    """
    path = journal_path(settings)
    with host.single_instance(host.private_folder(settings.home)):
        read_journal(settings).close()  # the key fits
        key = journal_key(path, settings.journal_passphrase)
        if new is None:
            hand_to_keyring(path, key)
        else:
            seal(path, key, new)
