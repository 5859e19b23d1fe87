"""One whole desk for the folder, started as a newcomer would: `waxos up`, every process real, every address loopback."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from desktop_bridge.sandbox.client import SandboxClient
from evals.demo.desk_api import DeskApi
from evals.demo.desk_process import DeskAddresses, DeskProcess
from evals.demo.pages import Pages
from evals.demo.story import KNOWLEDGE
from tests.standins.provider import ProviderStandin, run_provider


@dataclass(frozen=True, slots=True)
class WholeDesk:
    """A running desk with knowledge, its provider's stand-in, the sandbox's control and a Chromium for people."""

    addresses: DeskAddresses
    home: Path
    provider: ProviderStandin
    sandbox: SandboxClient
    pages: Pages
    api: DeskApi

    def login(self, role: str) -> tuple[str, str]:
        """Return e-mail and password of the first member in a role."""
        found = next(login for login in self.addresses.logins if login["role"] == role)
        return found["email"], found["password"]

    def log(self, process: str) -> list[dict[str, object]]:
        """Return the lines that a process has logged."""
        lines = (self.home / "logs" / f"{process}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture(scope="package")
async def whole_desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WholeDesk]:
    """Start everything, teach it the demo's knowledge, stop everything."""
    home = tmp_path_factory.mktemp("desk") / "var"
    async with run_provider() as provider:
        chain = [
            {
                "provider": "bytez",
                "model": "google/gemma-3-4b-it",
                "api_key": "k-e2e",
                "base_url": provider.base_url("bytez"),
                "trains": "no",
            }
        ]
        process = DeskProcess(home, {"WAXOS_AAL__CHAIN": json.dumps(chain), "WAXOS_DESK__LEARN_SECONDS": "2"})
        try:
            addresses = await process.start()
            async with (
                DeskApi(addresses.api) as api,
                Pages.opened(addresses.browser, home) as pages,
                SandboxClient(addresses.sandbox.rstrip("/"), addresses.sandbox_token) as sandbox,
            ):
                desk = WholeDesk(addresses, home, provider, sandbox, pages, api)
                await api.sign_in(*desk.login("admin"))
                await _teach(api)
                yield desk
        finally:
            await process.stop()


async def _teach(api: DeskApi) -> None:
    source = await api.upload(KNOWLEDGE)

    async def ready() -> bool | None:
        return (await api.call("GET", f"/knowledge/sources/{source['id']}"))["state"] == "ready" or None

    await api.until(ready, "the knowledge", 60)
