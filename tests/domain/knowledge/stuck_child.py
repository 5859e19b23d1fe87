"""Stands in for the child that reads files and does, under its limits, what the file says: wait, eat, spin, die, tell."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from domain.knowledge import reading_child
from domain.knowledge.documents import Block, BlockKind, Document


def act(data: bytes, _declared: str | None) -> Document:
    match data:
        case b"eat":
            _ = [bytes(10_000_000) for _ in range(1000)]
        case b"spin":
            while True:
                pass
        case b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        case b"tell":
            told = {"environment": list(os.environ), "wrote": _can_write()}
            return Document(mime="text/plain", blocks=[Block(kind=BlockKind.TEXT, text=json.dumps(told))])
        case _:
            signal.pause()
    raise AssertionError(sys.argv)


def _can_write() -> bool:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        Path(tempfile.mktemp()).write_bytes(b"x" * 100)  # noqa: S306
    except OSError:
        return False
    return True


if __name__ == "__main__":
    reading_child.read = act
    reading_child.main()
