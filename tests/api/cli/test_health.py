"""`waxos health --channels` against a running API: what each number can do, and an exit code that a watcher can use."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.contracts.bridge import LeaseRequest
from core.contracts.sessions import BridgeHealth
from core.contracts.states import ChannelState, Role
from core.db.session import Database
from domain.first_business import LOGINS_FILE
from tests.api.conftest import PASSWORD, Business, Server, open_business


async def health(server: Server, shop: Business, home: Path) -> tuple[int | None, dict[str, Any]]:
    logins = [{"role": "admin", "name": "A", "email": shop.emails[Role.OWNER], "password": PASSWORD}]
    (home / LOGINS_FILE).write_text(json.dumps({"tenant_id": str(shop.tenant_id), "logins": logins}))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cli.main", "health", "--url", server.url, "--channels", "--json",
        env={**os.environ, "WAXOS_HOME": str(home)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    found: dict[str, Any] = json.loads(out)
    return process.returncode, found


async def test_it_says_what_a_number_can_do_and_fails_while_one_cannot(
    server: Server, behind: Database, tmp_path: Path
) -> None:
    shop = await open_business(server, behind, "Watched")
    code, found = await health(server, shop, tmp_path)
    assert (code, found["channels"][0]["health"]["verdict"]) == (1, "never")
    now = datetime.now(UTC)
    told = BridgeHealth(at=now, page_answers=True, last_scan_at=now, last_read_back_at=now)
    body = LeaseRequest(installation_id=shop.installation, state=ChannelState.LINKED, app_version="1", health=told)
    await shop.ask(shop.bridge, "POST", "/bridge/lease", json=body.model_dump(mode="json"))
    code, found = await health(server, shop, tmp_path)
    assert (code, found["channels"][0]["health"]["says"]) == (0, "Reads and sends.")
