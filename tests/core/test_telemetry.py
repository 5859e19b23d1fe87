"""Canaries: whatever goes into a log, no secret, no person and no message text comes out of it."""

import io
import json
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
import structlog

from core.settings import load_settings
from core.telemetry import configure_logging, log_context

PROVIDER_KEY = "zq81-very-odd-provider-value"
DATABASE_PASSWORD = "p4ssw0rd-of-the-database"
CANARIES = [
    PROVIDER_KEY,
    DATABASE_PASSWORD,
    "wxr_abcdefghijklmnopqrstuvwxyz0123456789",
    "wxd_abcdefghijklmnopqrstuvwxyz0123456789",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl",
    "sk-proj-abcdefghijklmnop0123",
    "gsk_abcdefghijklmnop0123",
    "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    out = io.StringIO()
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    settings = load_settings(
        {},
        database_url=f"postgresql://waxos_app:{DATABASE_PASSWORD}@localhost/waxos",
        aal={"groq_api_key": PROVIDER_KEY},
    )
    configure_logging(settings, process="test", out=out)
    yield out
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    structlog.reset_defaults()


@pytest.mark.parametrize("canary", CANARIES)
def test_no_way_into_the_log_lets_a_secret_out(log: io.StringIO, canary: str) -> None:
    ours, theirs = structlog.get_logger("ours"), logging.getLogger("theirs")
    ours.warning("call.failed", error=f"401 for {canary}, try again", nested={"deep": [{"value": canary}]})
    ours.warning("call.failed", authorization=f"Bearer {canary}", api_key=canary, Cookie=f"a={canary}")
    ours.warning(f"inline {canary}")
    theirs.warning("GET https://host/path?token=%s failed with %s", canary, {"headers": {"Authorization": canary}})
    try:
        raise RuntimeError(f"vendor says {canary}")
    except RuntimeError:
        ours.exception("vendor.failed")
        theirs.exception("vendor failed too")
    written = log.getvalue()
    assert canary not in written
    assert len(written.splitlines()) == 6
    assert written.count("[redacted]") >= 6


def test_passwords_in_addresses_and_bearer_headers_are_cut_out(log: io.StringIO) -> None:
    logging.getLogger("x").warning("cannot connect to redis://:s3cr3t-of-redis@host:6379/0")
    structlog.get_logger("x").warning("header", seen="Authorization: Bearer abcdef0123456789abcdef")
    assert "s3cr3t" not in log.getvalue()
    assert "abcdef0123456789" not in log.getvalue()
    assert "@host:6379" in log.getvalue()


def test_people_and_texts_are_withheld(log: io.StringIO) -> None:
    structlog.get_logger("x").info(
        "message.stored",
        text="My boiler is broken",
        parts=["Dear customer", "come by"],
        email="ana@example.com",
        title="+34 612 345 678",
        chat_id="0190b6a2-7c4e-7d0a-9c57-1f2e3d4c5b6a",
        took_ms=12.5,
    )
    line = json.loads(log.getvalue())
    assert line["text"] == "[19 withheld]"
    assert line["parts"] == "[2 withheld]"
    assert line["email"] == "[email]"
    assert line["title"] == "[phone]"
    assert line["chat_id"] == "0190b6a2-7c4e-7d0a-9c57-1f2e3d4c5b6a"
    assert line["took_ms"] == 12.5


def test_request_and_tenant_are_on_every_line_inside(log: io.StringIO) -> None:
    tenant = uuid4()
    with log_context(request_id="r-1", tenant_id=tenant):
        logging.getLogger("library").warning("from a library")
        structlog.get_logger("ours").info("chat.opened")
    structlog.get_logger("ours").info("outside")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line.get("request_id"), line.get("tenant_id")) for line in lines] == [("r-1", str(tenant))] * 2 + [
        (None, None)
    ]
    assert {line["process"] for line in lines} == {"test"}
    assert all(line["timestamp"].endswith("Z") for line in lines)
