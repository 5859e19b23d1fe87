"""Nothing of what customers write can be read on the disk: not in the journal, its WAL, its index, or a temporary file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CANARY = "canary-7f3a about the opening hours"

WORK = """
import os, sys
from pathlib import Path
from core.contracts.bridge import MessageSeen
from core.contracts.states import Direction
from desktop_bridge import host
from desktop_bridge.journal.chats import ChatLog
from desktop_bridge.journal.store import Store

home, canary = Path(sys.argv[1]), sys.argv[2]
host.forbid_core_dumps()
store = Store(home / "journal.db", b"k" * 32)
log = ChatLog(store)
opened = set()

def look():
    # SQLite's temporary files have no name any more when they are in use; here they have a number
    for number in os.listdir("/proc/self/fd"):
        try:
            opened.add(os.readlink(f"/proc/self/fd/{number}").split(" (deleted)")[0])
        except OSError:
            pass
    return 0

store._database.set_progress_handler(look, 1000)
store.run("PRAGMA cache_size = 20")
with store.transaction():
    chat = log.add_chat(canary)
    for number in range(600):
        seen = MessageSeen(external_id=f"M{number}", chat_id=chat, direction=Direction.IN, text=canary + " x" * 2000)
        log.keep_message(seen)
        log.owe(seen)
store.all("SELECT text, count(*) FROM messages GROUP BY text || external_id ORDER BY text || external_id DESC")
store.run("DELETE FROM outbox")
store.run("VACUUM")
with store.transaction():
    log.owe(seen)
look()
print("\\n".join(sorted(path for path in opened if path.startswith("/") and not path.startswith(("/dev", "/proc")))), flush=True)
os.abort()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_no_file_shows_what_was_written(tmp_path: Path) -> None:
    home, spare = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    spare.mkdir()
    environment = {**os.environ, "TMPDIR": str(spare), "SQLITE_TMPDIR": str(spare), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", WORK, home, CANARY],
        cwd=spare, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -6, done.stderr
    assert {Path(path).parent for path in done.stdout.split()} == {home}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"journal.db", "journal.db-wal", "journal.db-shm"}
    for path in files:
        content = path.read_bytes()
        assert content.count(b"canary") == 0, path
        assert b"SQLite format 3" not in content, path
        assert b"CREATE TABLE" not in content, path
    assert sum(path.stat().st_size for path in files) > 1_000_000
