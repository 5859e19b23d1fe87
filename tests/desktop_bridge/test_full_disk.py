"""A full disk: nothing is clicked that cannot be noted, the bridge says so, and goes on by itself once there is room."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.contracts.states import ChannelState
from core.settings import BridgeSettings
from desktop_bridge.errors import JournalUnwritable
from desktop_bridge.journal.journal import open_journal
from desktop_bridge.sandbox.running import Sandbox
from desktop_bridge.status import read_status
from tests.desktop_bridge.link.desk import TOKEN, Desk
from tests.desktop_bridge.stage import bridge_settings, running_bridge

DISK_MB = 3


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    place = tmp_path / "disk"
    place.mkdir()
    options = f"size={DISK_MB}m,mode=0700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free, and return what to remove again."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as handle, suppress(OSError):
        while True:
            handle.write(b"\0" * 4096)
    return filler


@pytest.fixture
def settings(disk: Path, sandbox: Sandbox, desk: Desk, tmp_path: Path) -> BridgeSettings:
    """A home on the small disk, the browser's profile on a large one."""
    home, profile = disk / "home", tmp_path / "profile"
    home.mkdir()
    profile.mkdir()
    (home / "profile").symlink_to(profile)
    return bridge_settings(sandbox, home, server_url=desk.url, pacing=False)


def test_a_change_that_finds_no_room_is_refused_whole(disk: Path) -> None:
    journal = open_journal(BridgeSettings(home=disk / "home", journal_passphrase=SecretStr("one two three")))
    filler = fill(disk)
    kept, refused = 0, None
    while refused is None and kept < 10_000:
        try:
            with journal.store.transaction():
                journal.chats.add_chat(f"Chat {kept}")
                journal.chats.add_chat(f"Twin {kept}")
            kept += 1
        except JournalUnwritable as error:
            refused = error
    assert refused is not None
    assert refused.reason_code == "disk_full"
    with pytest.raises(JournalUnwritable):
        journal.store.prove_writable()
    assert journal.store.one("SELECT count(*) AS chats FROM chats")["chats"] == 2 * kept
    filler.unlink()
    with journal.store.transaction():
        journal.chats.add_chat("Later")
    assert journal.store.one("PRAGMA integrity_check")[0] == "ok"
    journal.close()


async def test_nothing_is_clicked_that_cannot_be_noted(
    disk: Path, sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    async with running_bridge(settings, TOKEN):
        chat = await sandbox.client.add_chat("Anna")
        await sandbox.client.customer_says(chat.id, "When do you open?")
        await desk.until(desk.has("When do you open?"))
        filler = fill(disk)

        send_id = await desk.send("Anna", "At nine.")
        await desk.until(lambda: desk.leases[-1].state is ChannelState.BROKEN)
        await sandbox.client.customer_says(chat.id, "And on Sunday?")
        assert "disk is full" in (desk.leases[-1].state_detail or "")
        status = read_status(settings.home)
        assert status is not None
        assert status.state is ChannelState.BROKEN
        assert "disk is full" in (status.detail or "")
        seen = len(desk.leases)
        await desk.until(lambda: len(desk.leases) > seen + 2)
        assert (desk.armed, await sandbox.client.received(), len(desk.messages)) == ({}, [], 1)

        filler.unlink()
        await desk.until(lambda: desk.leases[-1].state is ChannelState.LINKED, seconds=30)
        await desk.until(desk.has("And on Sunday?"), seconds=30)
        await desk.until(lambda: send_id in desk.reports, seconds=30)
    outcomes = [report.outcome.value for report in desk.reports[send_id]]
    assert len(await sandbox.client.received()) == outcomes.count("sent")
    assert [m.text for m in desk.messages] == ["When do you open?", "And on Sunday?"]
