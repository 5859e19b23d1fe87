"""No default, test or demo addresses a WhatsApp host, and sending by hand stays on this computer."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.errors import NotAllowed
from core.settings import BridgeSettings
from desktop_bridge import byhand, consent

ROOT = Path(__file__).parents[2]
HOSTS = re.compile(r"(?:https?|wss?)://[\w.-]*(?:whats" + r"app\.(?:com|net)|wa\.me)", re.IGNORECASE)
CODE = {".py", ".js", ".toml", ".html", ".css", ".json", ".yaml", ".yml", ".sh", ".sql"}


def test_the_default_page_is_on_this_computer() -> None:
    assert consent.on_loopback(BridgeSettings().page_url)
    assert consent.on_loopback(BridgeSettings().server_url)


def test_no_file_names_a_whatsapp_address() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.splitlines() if Path(name).suffix in CODE or Path(name).name == "Makefile"]
    assert len(files) > 50
    assert [path for path in files if path.exists() and HOSTS.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("url", ["https://web.example.com/", "http://10.0.0.7/", "http://127.0.0.1.example.com/"])
async def test_sending_by_hand_elsewhere_is_refused_before_a_browser_starts(url: str, tmp_path: Path) -> None:
    settings = BridgeSettings(page_url=url, home=tmp_path, journal_passphrase=SecretStr("one two three"))
    with pytest.raises(NotAllowed):
        await byhand.send(settings, "Anna", "hello")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("look", [byhand.probe, byhand.inbox])
async def test_no_page_elsewhere_is_opened_by_hand_without_a_paired_channel(look: Any, tmp_path: Path) -> None:
    settings = BridgeSettings(
        page_url="https://chat.example.com/", home=tmp_path, journal_passphrase=SecretStr("one two three")
    )
    with pytest.raises(NotAllowed):
        await look(settings)
    assert not list((tmp_path / "profile").iterdir())
