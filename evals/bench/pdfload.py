"""How fast an uploaded PDF becomes searchable on a whole desk, by the API and a real worker, and how much memory a long one takes."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evals.demo.desk_api import DeskApi, Json
from evals.demo.desk_process import DeskProcess, memory_mb

_SHORT, _BEFORE_LONG = 10, 200
_LINES = 45
_TEXT = (
    "the guest may keep a room until noon when nobody follows and pays for each hour that is left over at the desk of the house "
    "where breakfast is served from seven with eggs bread fruit and coffee while bicycles stand in the yard behind the garage and "
    "keys lie ready in a box whose number comes by message on the day before arrival so that no one needs to wait for the porter"
)
_READING_SECONDS = 1800.0
_SAMPLED_S = 0.5


async def pdf_figures(pages: int) -> dict[str, float]:
    """Return the seconds of ten pages, the pages a second of a long PDF, and by how much its peak of memory is above that of 200 pages."""
    with tempfile.TemporaryDirectory(prefix="waxos-pdf-") as name:
        home = Path(name)
        process = DeskProcess(home / "desk", parts=("api", "worker", "beat"), inherit=())
        desk = await process.start()
        try:
            async with DeskApi(desk.api) as api:
                login = desk.logins[0]
                await api.sign_in(login["email"], login["password"])
                # The first file of a desk waits for its model to load, as a restarted worker's does: it is not the one measured.
                await _searchable(api, home, 1)
                short = [await _searchable(api, home, _SHORT, copy) for copy in range(3)]
                before, _ = await _watched(api, home, _BEFORE_LONG, desk.pids)
                peak, took = await _watched(api, home, pages, desk.pids)
        finally:
            await process.stop()
    return {
        "pdf_10_pages_s": round(sorted(short)[1], 2),
        "pdf_long_pages": float(pages),
        "pdf_long_pages_per_s": round(pages / took, 1),
        "pdf_200_pages_peak_mb": round(before, 1),
        "pdf_long_peak_mb": round(peak, 1),
        "pdf_memory_growth_mb": round(peak - before, 1),
    }


def pdf(pages: int, seed: int = 0) -> bytes:
    """Return a PDF of so many full pages of text, no page like another."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number in range(pages):
        lines = " ".join(f"({line}) Tj T*" for line in _page(number, seed))
        content = f"BT /F1 11 Tf 14 TL 56 790 Td {lines} ET".encode("latin-1")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            + f"/Contents {5 + 2 * number} 0 R >>".encode()
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream")
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def _page(number: int, seed: int) -> Iterator[str]:
    """Yield the lines of a page: paragraphs of eight lines, each about another room."""
    told = _TEXT.split()
    for line in range(_LINES):
        at = number * 53 + line * 13 + seed * 29
        words = [told[(at + step * (1 + number % 5)) % len(told)] for step in range(12)]
        yield f"Room {seed}-{number}-{line // 8}: {' '.join(words)}." if line % 8 == 0 else " ".join(words)


async def _searchable(api: DeskApi, home: Path, pages: int, copy: int = 0) -> float:
    """Return the seconds from the upload until search finds the file."""
    path = home / f"pages-{pages}-{copy}.pdf"
    path.write_bytes(pdf(pages, copy))
    began = time.perf_counter()
    source = await api.upload(path)

    async def ready() -> Json | None:
        now = await api.call("GET", f"/knowledge/sources/{source['id']}")
        return now if now["state"] in {"ready", "failed"} else None

    found = await api.until(ready, f"{path.name} to be searchable", _READING_SECONDS)
    if found["state"] != "ready":
        raise RuntimeError(f"{path.name}: {found.get('failure')}")
    return time.perf_counter() - began


async def _watched(api: DeskApi, home: Path, pages: int, pids: Mapping[str, int]) -> tuple[float, float]:
    """Return the highest memory of the worker with its children meanwhile, and the seconds it took."""
    meter = _Meter({name: pid for name, pid in pids.items() if name == "worker"})
    watching = asyncio.create_task(meter.watch())
    try:
        took = await _searchable(api, home, pages, 9)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    return meter.peak, took


@dataclass(slots=True)
class _Meter:
    pids: Mapping[str, int]
    peak: float = field(default=0.0)

    async def watch(self) -> None:
        """Look at the memory until cancelled."""
        while True:
            self.peak = max(self.peak, sum((await asyncio.to_thread(memory_mb, self.pids)).values()))
            await asyncio.sleep(_SAMPLED_S)  # house: sleep - memory that grows tells nobody
