"""A passage cut into the pieces that can stand as an answer: sentences, list items, table rows, question and answer pairs.

Each unit knows what stands over it (headings, the lead-in of its list, its question), because that is often what a customer's
words match; it is used to find the unit and never pasted by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from agents.text import lines as line_of
from agents.text.lists import common
from agents.text.sentences import sentences
from agents.text.words import fold, phrase_in, starts_with

_CLOSING_LINE = 80
_INNER_HEADING = 7


class Kind(StrEnum):
    """What a unit is in its text."""

    SENTENCE = "sentence"
    ITEM = "item"
    ROW = "row"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece. `group` joins the pieces of one paragraph, list, table or answer; `order` is the place in the passage.

    `before` is the sentence that it leans on.
    """

    text: str
    kind: Kind
    group: int
    order: int
    headings: tuple[str, ...] = ()
    lead: str = ""
    question: str = ""
    before: str = ""

    @property
    def context(self) -> str:
        """What stands over the unit, nearest last."""
        return " ".join(part for part in (*self.headings, self.lead, self.question) if part)


@dataclass(slots=True)
class _Reader:
    headings: list[tuple[int, str]] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    group: int = 0
    lead: str = ""
    question: str = ""

    def add(self, text: str, kind: Kind) -> None:
        bare = line_of.bare(text)
        if not any(char.isalnum() for char in bare):
            return
        last = self.units[-1] if self.units else None
        before = last.text if last is not None and last.group == self.group and leans_back(bare) else ""
        titles = tuple(title for _, title in self.headings[-2:])
        kind = Kind.ANSWER if self.question else kind
        self.units.append(Unit(bare, kind, self.group, len(self.units), titles, self.lead, self.question, before))

    def new_group(self, *, lead: str = "", question: str = "") -> None:
        self.group += 1
        self.lead, self.question = lead, question

    def heading(self, level: int, text: str) -> None:
        self.headings = [(at, title) for at, title in self.headings if at < level] + [(level, line_of.bare(text))]
        self.new_group()


def leans_back(text: str) -> bool:
    """Return whether a sentence needs the one before it: it begins with a word for something named there, or speaks of "it"."""
    folded = fold(text).lstrip("\"'“¿¡")
    return starts_with(common().leans_back, folded) is not None or bool(phrase_in(common().stands_in, folded))


def units(text: str, headings: Sequence[str] = ()) -> list[Unit]:
    """Return the units of a passage in order; `headings` stand over all of it, the outermost first."""
    reader = _Reader(headings=[(0, heading) for heading in headings])
    found = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\u00a0", " ").split("\n")]
    found = [line for line in found if not line_of.RULE.match(line) or line_of.DIVIDER.match(line)]
    at = 0
    while at < len(found):
        at = _read_line(reader, found, at) if found[at].strip() else _read_blank(reader, found, at)
    return reader.units


def _read_blank(reader: _Reader, lines: Sequence[str], at: int) -> int:
    """A blank line ends a group, unless a list follows its lead-in or an answer its question."""
    following = lines[at + 1] if at + 1 < len(lines) else ""
    answered = any(unit.group == reader.group for unit in reader.units)
    if not (reader.lead and line_of.BULLET.match(following)) and (answered or not reader.question):
        reader.new_group()
    return at + 1


def _read_line(reader: _Reader, lines: Sequence[str], at: int) -> int:
    """Read one construct at line `at` and return the line after it."""
    line = lines[at]
    marked = line_of.heading_mark(line)
    asked = line_of.question(marked[1] if marked else line)
    if asked is not None:
        reader.new_group(question=line_of.bare(asked))
        return at + 1
    if marked or line_of.is_heading(lines, at):
        level, text = marked or (_INNER_HEADING, line.strip())
        reader.heading(level, text.rstrip(":"))
        return at + 1
    if "|" in line and len(line_of.cells(line)) > 1:
        return _read_table(reader, lines, at)
    if line_of.is_lead(lines, at):
        reader.new_group(lead=line_of.bare(line.strip().rstrip(":：")), question=reader.question)
        return at + 1
    return _read_text(reader, lines, at)


def _read_text(reader: _Reader, lines: Sequence[str], at: int) -> int:
    line = lines[at]
    if line_of.BULLET.match(line):
        return _read_item(reader, lines, at)
    named = line_of.named_cells(line)
    if named:
        reader.lead = " ".join(name for name, _ in named)
        reader.add(line_of.row([value for _, value in named], [name for name, _ in named]), Kind.ROW)
        return at + 1
    spoken = line_of.KEY_VALUE.match(line.strip())
    if spoken and len(sentences(spoken[2])) > 1:
        reader.new_group(lead=line_of.bare(spoken[1]), question=reader.question)
    elif line_of.is_entry(lines, at):
        reader.add(line_of.entry(line), Kind.ITEM)
        return at + 1
    return _read_paragraph(reader, lines, at)


def _read_item(reader: _Reader, lines: Sequence[str], at: int) -> int:
    text = line_of.BULLET.sub("", lines[at], count=1).strip()
    at += 1
    while at < len(lines) and lines[at].startswith((" ", "\t")) and not line_of.BULLET.match(lines[at]):
        text += " " + lines[at].strip()
        at += 1
    reader.add(line_of.entry(text), Kind.ITEM)
    return at


def _read_table(reader: _Reader, lines: Sequence[str], at: int) -> int:
    end = at
    while end < len(lines) and "|" in lines[end]:
        end += 1
    rows = [line_of.cells(line) for line in lines[at:end] if not line_of.DIVIDER.match(line)]
    headed = at + 1 < end and bool(line_of.DIVIDER.match(lines[at + 1]))
    columns = rows[0] if headed or (len(rows) > 2 and not any(char.isdigit() for char in "".join(rows[0]))) else []
    reader.lead = " ".join(cell for cell in columns if cell)
    for cells in rows[1:] if columns else rows:
        reader.add(line_of.row(cells, columns), Kind.ROW)
    return end


def _read_paragraph(reader: _Reader, lines: Sequence[str], at: int) -> int:
    """Read a paragraph: a group of its own, but for the rest of an answer and a short line that closes a list."""
    last = reader.units[-1] if reader.units else None
    closes = (
        last is not None and last.group == reader.group and last.kind is Kind.ITEM and len(lines[at]) <= _CLOSING_LINE
    )
    if not reader.question and not closes and last is not None and last.group == reader.group:
        reader.new_group()
    text = lines[at].strip()
    at += 1
    while at < len(lines) and lines[at].strip() and line_of.runs_on(lines[at - 1], lines[at]):
        text += " " + lines[at].strip()
        at += 1
    answer = line_of.MARKED_ANSWER.match(text) if reader.question else None
    found = [sentence.text for sentence in sentences(answer[1] if answer else text)]
    if len(found) > 1 and line_of.question(found[0]):
        reader.new_group(question=line_of.bare(found.pop(0)))
    for sentence in found:
        reader.add(sentence, Kind.SENTENCE)
    return at
