"""The sandboxed child that reads one file: `python -I -m domain.knowledge.reading_child`. Nothing imports it but its tests."""

import json
import re
from contextlib import suppress
from typing import Any

from domain.knowledge.documents import Block, BlockKind, Document, Unreadable
from domain.sandboxed import serve

_PAGE_WINDOW = 40_000
_PROBE = 60
_BLANK_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>"
)
_HEAD = re.compile(r"<head\b.*?</head\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_SPACES = re.compile(r"[\W_]+")


def main() -> None:
    """Read one file as told on standard input: {mime}, answered with {document}."""
    serve(lambda order, data: {"document": read(data, order["mime"]).model_dump(mode="json")}, _prepare)


def read(data: bytes, declared: str | None) -> Document:
    """Return the blocks of a file.

    Raises:
        Unreadable: it holds nothing that can be used; says why.
    """
    from domain.knowledge import blocks, sniffing  # noqa: PLC0415 - loaded under the limits
    from domain.knowledge.webpage import WebPage  # noqa: PLC0415 - likewise

    if declared == sniffing.ANSWER:
        entry = json.loads(data)
        answer = Block(kind=BlockKind.ANSWER, text=entry["answer"], question=entry["question"])
        return Document(mime=declared, blocks=[answer])
    mime = sniffing.sniff(data, declared)
    pages = 0
    web = WebPage()
    match mime:
        case sniffing.CSV:
            found = blocks.csv_blocks(sniffing.decode(data))
        case sniffing.TEXT | sniffing.MARKDOWN:
            found = blocks.MarkdownBlocks(plain=mime == sniffing.TEXT).read(sniffing.decode(data))
        case sniffing.HTML:
            web.feed(sniffing.decode(data))
            page = _HEAD.sub(" ", sniffing.decode(data)).encode()
            found = blocks.MarkdownBlocks().read(_extract(page, mime).content)
        case sniffing.DOCX:
            sniffing.check_archive(data)
            found = blocks.MarkdownBlocks().read(_extract(data, mime).content)
        case _:
            result = _extract(data, mime)
            pages = len(result.pages or [])
            found = blocks.MarkdownBlocks(joined_rows=True).read(result.content)
            found = _on_pages(found, [page["content"] for page in result.pages or []])
    if not any(char.isprintable() and not char.isspace() for block in found for char in block.text):
        raise _nothing(mime)
    return Document(mime=mime, pages=pages, blocks=found, title=web.title, links=tuple(web.links))


def _prepare(data: bytes) -> None:
    """Read a page of our own: the first PDF makes the library write its reader to `TMPDIR`, which the limits would forbid."""
    if b"%PDF" in data[:1024]:
        with suppress(Unreadable):
            _extract(_BLANK_PDF, "application/pdf")


def _extract(data: bytes, mime: str) -> Any:
    import kreuzberg  # noqa: PLC0415 - slow to load, and needed by some formats only

    config = kreuzberg.ExtractionConfig(
        use_cache=False,
        enable_quality_processing=False,
        output_format="markdown",
        pages=kreuzberg.PageConfig(extract_pages=True),
        concurrency=kreuzberg.ConcurrencyConfig(max_threads=1),
    )
    try:
        return kreuzberg.extract_bytes_sync(data, mime, config)
    except kreuzberg.KreuzbergError as error:
        if "password" in str(error).lower():
            raise Unreadable(
                "The file is locked with a password.", hint="Save it without one and upload that."
            ) from None
        raise Unreadable(
            "The file is damaged and cannot be opened.",
            hint="Open it in its own program, save it again and upload that.",
        ) from None


def _nothing(mime: str) -> Unreadable:
    if mime == "application/pdf":
        return Unreadable(
            "There is no text in this PDF; it seems to hold scanned pictures only.",
            hint="Run it through text recognition (OCR), or paste its text.",
        )
    return Unreadable("No text was found in the file.", hint="Check the original, or paste its text.")


def _on_pages(blocks: list[Block], pages: list[str]) -> list[Block]:
    """Say for each block on which page it begins, by finding its first letters in the pages' plain text, in reading order."""
    ends: list[int] = []
    stream = ""
    for content in pages:
        stream += _SPACES.sub("", content)
        ends.append(len(stream))
    placed: list[Block] = []
    cursor, page = 0, 0
    for block in blocks:
        at = stream.find(_SPACES.sub("", block.text)[:_PROBE], cursor, cursor + _PAGE_WINDOW)
        if at >= 0:
            cursor = at + 1
            while page < len(ends) - 1 and at >= ends[page]:
                page += 1
        placed.append(block.model_copy(update={"page": page + 1}))
    return placed


if __name__ == "__main__":
    main()
