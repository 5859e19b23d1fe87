"""No file addresses a WhatsApp host, the defaults stay on this computer, and so do the programs that tests and demo start."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.errors import NotAllowed
from core.settings import BridgeSettings
from desktop_bridge import byhand, host

ROOT = Path(__file__).parents[2]
# Spelt in parts, so that this module does not break its own rule.
HOSTS = re.compile(
    r"(?<![@\w.-])(?:[\w-]+\.)*(?:whats"
    + r"app\.(?:com|net|org)|wa\."
    + r"me|(?:graph|www|m)\.face"
    + r"book\.com|fbcdn\.net)\b",
    re.IGNORECASE,
)
ALLOWED = re.compile(r"house: host - \S.{8,}")
"""In a guide, a line that tells the owner which address to set says why it may name it, in a comment that readers do not see."""

NOT_OURS = {"LICENSE", "requirements.lock", "requirements-setup.lock", "requirements-bridge.lock"}


def _named(text: str, name: str) -> list[str]:
    """Return the lines that name a host of WhatsApp; only a guide may excuse one."""
    excuses = name.endswith(".md")
    return [
        f"{name}:{number}: {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if HOSTS.search(line) and not (excuses and ALLOWED.search(line))
    ]


def test_the_defaults_are_on_this_computer() -> None:
    assert host.on_loopback(BridgeSettings().page_url)
    assert host.on_loopback(BridgeSettings().server_url)


@pytest.mark.parametrize("look", [byhand.probe, byhand.inbox])
async def test_no_page_elsewhere_is_opened_by_hand_without_a_paired_channel(look: Any, tmp_path: Path) -> None:
    settings = BridgeSettings(
        page_url="https://chat.example.com/", home=tmp_path, journal_passphrase=SecretStr("one two three")
    )
    with pytest.raises(NotAllowed):
        await look(settings)
    assert not list((tmp_path / "profile").iterdir())


def test_no_file_names_a_whatsapp_host() -> None:
    """Whatever its kind, with or without a scheme."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name and Path(name).name not in NOT_OURS and (ROOT / name).exists()]
    assert len(names) > 400
    found = [
        line for name in names for line in _named((ROOT / name).read_bytes().decode("utf-8", errors="replace"), name)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "https://web.{host}/",
        '"{host}"',
        "WEB.{HOST}",
        "open {host}:443 now",
        "wss://x.y.{host}/ws",
        "see <{host}>",
        "({short}/49)",
    ],
)
def test_a_host_is_seen_in_any_spelling(line: str) -> None:
    name = "whats" + "app.com"
    text = line.format(host=name, HOST=name.upper(), short="wa" + ".me")
    assert _named(text, "evals/demo/page.html")
    assert _named(text, "docs/link.md")
    excuse = "house: host - the owner sets this address, nothing does by itself"
    assert not _named(f"{text} <!-- {excuse} -->", "docs/link.md")
    assert _named(f"{text}  # {excuse}", "core/settings.py")


def test_the_domain_of_a_chats_id_is_no_host() -> None:
    assert not _named("4915112345678@s.whats" + "app.net", "desktop_bridge/page/bubbles.py")


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8900/", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]/", True),
        ("http://localhost:1/", True),
        ("https://web.example.com/", False),
        ("http://10.0.0.7/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1@example.com/", False),
        ("http:///", False),
    ],
)
def test_what_is_on_this_computer(url: str, here: bool) -> None:
    assert host.on_loopback(url) is here
