"""From Markdown, plain text and CSV to blocks. Runs in the sandboxed child only: what it reads was made by strangers."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from domain.knowledge.documents import Block, BlockKind, Unreadable

_QUESTION_NAMES = frozenset({
    "question", "questions", "q", "pregunta", "preguntas", "pergunta", "perguntas", "frage", "fragen", "domanda", "domande",
    "soru", "sorular", "вопрос", "вопросы", "السؤال", "سؤال", "问题", "問題", "问",
})  # fmt: skip
_ANSWER_NAMES = frozenset({
    "answer", "answers", "a", "reply", "respuesta", "respuestas", "resposta", "respostas", "antwort", "antworten", "réponse",
    "réponses", "reponse", "risposta", "risposte", "cevap", "yanıt", "ответ", "ответы", "الجواب", "الإجابة", "جواب", "答案",
    "回答", "答",
})  # fmt: skip
_LABEL = re.compile(r"^\s*(?P<label>[^\W\d_]{1,10})\s*[:：.]\s*(?P<rest>\S.*)$", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_LINK = re.compile(r"^(https?://|mailto:|tel:)")
_WRAPPED_AT = 60
"""A line of at least so many characters was broken by an editor, not by its author."""
_TITLE_AT_MOST = 70


@dataclass(slots=True)
class _Table:
    header: list[str] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    in_head: bool = False


@dataclass(slots=True)
class MarkdownBlocks:
    """Walks over Markdown once and gives its blocks. `plain` is for text files: tags are text, a short lone line is a heading;
    `joined_rows` is for formats whose tables are guessed from the layout: a row is one line, without the names of its columns.
    """

    plain: bool = False
    joined_rows: bool = False
    _blocks: list[Block] = field(default_factory=list)
    _headings: list[tuple[int, str]] = field(default_factory=list)
    _lists: list[int] = field(default_factory=list)
    _table: _Table = field(default_factory=_Table)

    def read(self, markdown: str) -> list[Block]:
        """Return the blocks of a text, questions put together with their answers."""
        parser = MarkdownIt("commonmark", {"html": not self.plain}).enable("table")
        tokens = parser.parse(markdown)
        for index, token in enumerate(tokens):
            self._take(token, tokens[index - 1] if index else token)
        if self.plain:
            self._blocks = list(_with_titles(self._blocks))
        return list(_with_answers(self._blocks))

    def _take(self, token: Token, before: Token) -> None:
        match token.type:
            case "inline":
                self._inline(token, before)
            case "bullet_list_open" | "ordered_list_open":
                self._lists.append(int(token.attrs.get("start", 1)) if token.tag == "ol" else 0)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "thead_open" | "thead_close":
                self._table = _Table(header=self._table.row, in_head=token.type == "thead_open")
            case "tr_close":
                self._end_row()
            case "code_block" | "fence":
                self._add(BlockKind.TEXT, token.content)
            case "html_block":
                self._add(BlockKind.TEXT, _TAG.sub(" ", token.content))

    def _inline(self, token: Token, before: Token) -> None:
        text = _plain(token.children or [])
        if before.type == "heading_open":
            level = int(before.tag[1])
            self._headings = [entry for entry in self._headings if entry[0] < level]
            if text:
                self._headings.append((level, text))
        elif before.type in {"th_open", "td_open"}:
            self._table.row.append(text.replace("\n", " "))
        elif self._lists:
            self._add(BlockKind.ITEM, f"{self._mark()} {text}")
        else:
            self._add(BlockKind.TEXT, text)

    def _mark(self) -> str:
        number = self._lists[-1]
        if not number:
            return "-"
        self._lists[-1] += 1
        return f"{number}."

    def _end_row(self) -> None:
        table = self._table
        if table.in_head:
            return
        cells, table.row = table.row, []
        if self.joined_rows:
            self._add_joined(cells)
            return
        names = answer_columns(table.header)
        if names and max(names) < len(cells):
            self._add(BlockKind.ANSWER, cells[names[1]], question=cells[names[0]])
        else:
            self._add(BlockKind.ROW, named_row(table.header, cells))

    def _add_joined(self, cells: list[str]) -> None:
        if self._table.header:
            self._add(BlockKind.ROW, " ".join(filter(None, self._table.header)))
            self._table.header = []
        self._add(BlockKind.ROW, " ".join(filter(None, cells)))

    def _add(self, kind: BlockKind, text: str, question: str | None = None) -> None:
        text = text.strip()
        if text and text != "-":
            headings = tuple(title for _, title in self._headings)
            self._blocks.append(Block(kind=kind, text=text, headings=headings, question=question))


def csv_blocks(text: str) -> list[Block]:
    """Return the rows of a CSV: answered questions where it has such columns, else each row with the names of its columns."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), _dialect(text))]
    except csv.Error:
        detail = f"The table cannot be read: a cell holds more than {csv.field_size_limit()} characters, or a quotation mark is open."
        raise Unreadable(
            detail, hint="Look at its quotation marks, or upload the long text as a file of its own."
        ) from None
    rows = [row for row in rows if any(row)]
    if not rows:
        return []
    columns = answer_columns(rows[0])
    if columns:
        return list(_answers(rows[1:], columns))
    if len(rows[0]) == 2 and sum(row[0].rstrip().endswith(("?", "？", "؟")) for row in rows) * 2 > len(rows):
        return list(_answers(rows, (0, 1)))
    return [Block(kind=BlockKind.ROW, text=text) for row in rows[1:] if (text := named_row(rows[0], row))]


def answer_columns(header: Sequence[str]) -> tuple[int, int] | None:
    """Return which columns hold question and answer, none where the header names no such pair."""
    names = [name.strip().casefold() for name in header]
    question = next((i for i, name in enumerate(names) if name in _QUESTION_NAMES), None)
    answer = next((i for i, name in enumerate(names) if name in _ANSWER_NAMES), None)
    return None if question is None or answer is None else (question, answer)


def named_row(header: Sequence[str], cells: Sequence[str]) -> str:
    """Return a row as `name: value; name: value`, so that it is understood without its table."""
    parts = []
    for index, cell in enumerate(cells):
        name = header[index].rstrip(": ") if index < len(header) else ""
        if cell:
            parts.append(f"{name}: {cell}" if name else cell)
    return "; ".join(parts)


def _answers(rows: Iterable[Sequence[str]], columns: tuple[int, int]) -> Iterator[Block]:
    question, answer = columns
    for row in rows:
        if len(row) > max(columns) and row[question] and row[answer]:
            yield Block(kind=BlockKind.ANSWER, text=row[answer], question=row[question])


def _dialect(text: str) -> type[csv.Dialect]:
    try:
        return csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        return csv.excel


def _plain(children: Sequence[Token]) -> str:
    """Return inline Markdown as plain text: no marks, a link as its text with the address in brackets."""
    text = ""
    href = ""
    start = 0
    for child in children:
        if child.type in {"text", "code_inline"}:
            text += child.content
        elif child.type == "softbreak":
            text += " " if len(text) - text.rfind("\n") - 1 >= _WRAPPED_AT else "\n"
        elif child.type == "hardbreak":
            text += "\n"
        elif child.type == "link_open":
            href, start = str(child.attrs.get("href", "")), len(text)
        elif child.type == "link_close" and _LINK.match(href) and href.split(":", 1)[1].strip("/") not in text[start:]:
            text += f" ({href})"
    return text.strip()


def _with_titles(blocks: Sequence[Block]) -> Iterator[Block]:
    """Take a short lone line before other text as a heading of what follows, where the file has no headings of its own."""
    if any(block.headings for block in blocks):
        yield from blocks
        return
    title: tuple[str, ...] = ()
    for index, block in enumerate(blocks):
        if index + 1 < len(blocks) and block.kind is BlockKind.TEXT and _is_title(block.text):
            title = (block.text.rstrip(":："),)
        else:
            yield block.model_copy(update={"headings": title})


def _is_title(text: str) -> bool:
    return (
        "\n" not in text
        and len(text) <= _TITLE_AT_MOST
        and not text.endswith((".", "!", ";", ",", "。"))
        and not _LABEL.match(text)
    )


def _with_answers(blocks: Sequence[Block]) -> Iterator[Block]:
    """Put `Q: …` and the `A: …` after it together, in one paragraph or in two."""
    waiting: Block | None = None
    for block in blocks:
        for part in _labelled_parts(block):
            label, rest = _label(part.text)
            if label in _QUESTION_NAMES:
                if waiting:
                    yield waiting
                waiting = part.model_copy(update={"text": rest})
            elif waiting and label in _ANSWER_NAMES:
                yield part.model_copy(update={"kind": BlockKind.ANSWER, "text": rest, "question": waiting.text})
                waiting = None
            else:
                if waiting:
                    yield waiting
                    waiting = None
                yield part
    if waiting:
        yield waiting


def _labelled_parts(block: Block) -> list[Block]:
    """Split a paragraph before each line that begins with a label of a question or an answer."""
    if block.kind is not BlockKind.TEXT or "\n" not in block.text:
        return [block]
    parts: list[str] = []
    for line in block.text.split("\n"):
        label, _ = _label(line)
        if not parts or label in _QUESTION_NAMES or label in _ANSWER_NAMES:
            parts.append(line)
        else:
            parts[-1] += f"\n{line}"
    return [block.model_copy(update={"text": part}) for part in parts]


def _label(text: str) -> tuple[str, str]:
    match = _LABEL.match(text)
    return (match["label"].casefold(), match["rest"].strip()) if match else ("", text)
