"""The inside of a sandboxed child: its limits, and how it is asked and answers. Only modules that run as such a child import it.

It gets one line of JSON {memory_mb, cpu_s, …} and then a file's bytes on standard input, and answers on standard output with one JSON
object, {"unreadable": {detail, hint, code, current}} where the file cannot be used. It has no secrets, may open few files and
write none, and dies at its limits.
"""

import io
import json
import resource
import sys
from collections.abc import Callable
from typing import Any

from domain.knowledge.documents import Unreadable


def serve(
    read: Callable[[dict[str, Any], bytes], dict[str, Any]], prepare: Callable[[bytes], None] = lambda _: None
) -> None:
    """Read one file as told on standard input; `prepare` does what the limits would forbid."""
    order = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()
    prepare(data)
    _limit(order["memory_mb"], order["cpu_s"])
    try:
        answer = read(order, data)
    except Unreadable as error:
        told = {"detail": error.detail, "hint": error.hint, "code": error.reason_code, "current": error.current}
        answer = {"unreadable": told}
    except MemoryError:
        detail = "The file needs more memory than reading one may use."
        answer = {"unreadable": {"detail": detail, "hint": "Split it into smaller files."}}
    json.dump(answer, io.TextIOWrapper(sys.stdout.buffer, "utf-8"), ensure_ascii=False)


def _limit(memory_mb: int, cpu_s: int) -> None:
    """Take from this process what reading a file does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 1024 * 1024,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
