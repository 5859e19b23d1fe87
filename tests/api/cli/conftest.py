"""The command line as a person at the business's computer has it."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from core.contracts.states import Role
from domain.first_business import LOGINS_FILE
from tests.api.conftest import PASSWORD, Business, Server


class Terminal:
    """Runs `waxos` as the admin of the business on this machine."""

    def __init__(self, server: Server, business: Business, home: Path) -> None:
        email = business.emails[Role.OWNER]
        login = {"role": "admin", "name": "Admin", "email": email, "password": PASSWORD}
        (home / LOGINS_FILE).write_text(json.dumps({"tenant_id": str(business.tenant_id), "logins": [login]}))
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("WAXOS_")} | {"WAXOS_HOME": str(home)}
        self._url = server.url

    async def waxos(self, *words: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "api.cli.main", *words, "--url", self._url,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=self._env,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def terminal(server: Server, business: Business, tmp_path: Path) -> Terminal:
    return Terminal(server, business, tmp_path)
