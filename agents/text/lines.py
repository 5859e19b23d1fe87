"""What a line of a passage is: a heading, a question, an item of a list, a row of a table, a key with its value, or prose."""

import re
from collections.abc import Sequence

from agents.text.sentences import sentences

BULLET = re.compile(r"^\s*(?:[-*•–·▪◦‣]|\d{1,2}[.)]|[a-z][)])\s+(?=\S)")
DIVIDER = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
RULE = re.compile(r"^\s*(?:[-=_*~]\s*){3,}$")
KEY_VALUE = re.compile(r"^([^:.!?|;]{2,48}):\s+(\S.*)$")
_ANSWER_MARKS = "A|R|C|answer|antwort|respuesta|resposta|réponse|risposta|cevap|ответ|о|答|ج"
_QUESTION_NAMES = "Q|F|P|D|question|frage|pregunta|pergunta|domanda|soru|вопрос|问|س"
_MARK_END = r"\s*\d*\s*[:.)：]\s*(?:\*\*)?\s*(.+)$"
MARKED_ANSWER = re.compile(rf"^\s*(?:\*\*)?(?:{_ANSWER_MARKS}){_MARK_END}", re.I)
_MARKED_QUESTION = re.compile(rf"^\s*(?:\*\*)?(?:{_QUESTION_NAMES}){_MARK_END}", re.I)
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_LEADERS = re.compile(r"^(\S.{1,60}?)\s?(?:\.{3,}|…+|\s{3,}|\t+)\s?(\S.*)$")
_EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")
_LINK = re.compile(r"\[([^\]]+)\]\((?:mailto:|tel:)?([^)\s]+)\)")
_END_MARKS = (".", "!", "?", "…", "。", "！", "？", "؟", ";", ",")
_QUESTION_MARKS = ("?", "？", "؟")
_LONGEST_HEADING, _MOST_HEADING_WORDS = 60, 7
_LONGEST_LEAD = 160
SHORT_LINE = 60


def heading_mark(line: str) -> tuple[int, str] | None:
    """Return level and text of a Markdown heading."""
    match = _HEADING.match(line)
    return (len(match[1]), match[2]) if match else None


def question(line: str) -> str | None:
    """Return the question that a line is, with or without a mark before it."""
    marked = _MARKED_QUESTION.match(line)
    if marked and len(line) < _LONGEST_LEAD:
        return marked[1]
    bare = line.strip().strip("*_ ")
    if not bare.endswith(_QUESTION_MARKS) or len(bare) > _LONGEST_LEAD or BULLET.match(line):
        return None
    return bare if len(sentences(bare)) == 1 else None


def is_heading(lines: Sequence[str], at: int) -> bool:
    """Return whether a line without a mark names what follows: short, no end mark, no value, and something fuller under it."""
    line = lines[at].strip()
    bare = line.strip("*_ ")
    if not 1 < len(bare) <= _LONGEST_HEADING or bare.endswith(_END_MARKS) or _has_value(line):
        return False
    if bare.isupper() and len(bare.split()) <= _MOST_HEADING_WORDS:
        return True
    if line.startswith("**") and line.endswith("**"):
        return True
    if bare.endswith((":", "：")) or len(bare.split()) > _MOST_HEADING_WORDS or not bare[:1].isupper():
        return False
    return _ends_something(lines, at - 1) and _is_full(lines, at + 1)


def _has_value(line: str) -> bool:
    return bool(
        BULLET.match(line)
        or KEY_VALUE.match(line)
        or _LEADERS.match(line)
        or "|" in line
        or any(c.isdigit() for c in line)
    )


def _ends_something(lines: Sequence[str], at: int) -> bool:
    return at < 0 or lines[at].strip().endswith(_END_MARKS) or _has_value(lines[at])


def _is_full(lines: Sequence[str], at: int) -> bool:
    if at >= len(lines):
        return False
    line = lines[at].strip()
    return line.endswith(_END_MARKS[:4]) or len(line) > SHORT_LINE or _has_value(line)


def is_lead(lines: Sequence[str], at: int) -> bool:
    """Return whether a line ends with a colon and introduces what comes next."""
    line = lines[at].strip()
    return line.endswith((":", "：")) and len(line) <= _LONGEST_LEAD and not BULLET.match(lines[at])


def is_entry(lines: Sequence[str], at: int) -> bool:
    """Return whether a line stands by itself: "Key: value", "Name .... 45 €", or one of several short lines."""
    line = lines[at].strip()
    if KEY_VALUE.match(line) or _LEADERS.match(line):
        return True
    if line.endswith((".", "!", "。", "！")) or len(line) > SHORT_LINE:
        return False
    near = [other.strip() for other in (*lines[max(0, at - 1) : at], *lines[at + 1 : at + 2])]
    return bool(near) and all(len(other) <= SHORT_LINE for other in near) and not near[-1][:1].islower()


def entry(line: str) -> str:
    """Return an entry in words: dots or spaces between name and value become a colon."""
    leaders = _LEADERS.match(line.strip())
    return f"{leaders[1].rstrip(' .:')}: {leaders[2]}" if leaders else line.strip()


def named_cells(line: str) -> list[tuple[str, str]]:
    """Return the cells of a row that is written "Name: value; Name: value"; empty where it is not."""
    pieces = [KEY_VALUE.match(piece.strip()) for piece in line.strip().split("; ")]
    cells = [(match[1], match[2]) for match in pieces if match]
    return cells if len(cells) == len(pieces) > 1 else []


def runs_on(line: str, following: str) -> bool:
    """Return whether a line was broken for its width and the next one goes on with it."""
    broken = len(line.strip()) >= SHORT_LINE or following.strip()[:1].islower()
    return broken and not line.strip().endswith((".", "!", "?", "。", ":")) and not _has_mark(following)


def _has_mark(line: str) -> bool:
    return bool(
        heading_mark(line) or BULLET.match(line) or question(line) or "|" in line or KEY_VALUE.match(line.strip())
    )


def cells(line: str) -> list[str]:
    """Return the cells of a Markdown table's row."""
    return [bare(cell) for cell in line.strip().strip("|").split("|")]


def row(values: Sequence[str], columns: Sequence[str]) -> str:
    """Say a row in words: "Name: value", with the columns' names where there are several values."""
    first, rest = values[0], list(values[1:])
    if len(rest) > 1 and len(columns) == len(values):
        said = ", ".join(f"{name}: {value}" for name, value in zip(columns[1:], rest, strict=True) if value)
        return f"{first} – {said}"
    return f"{first}: {', '.join(value for value in rest if value)}"


def bare(text: str) -> str:
    """Take the marks of Markdown off a text; a link keeps its words and its address."""
    text = _LINK.sub(lambda m: m[1] if m[1] == m[2] or m[2].startswith("#") else f"{m[1]} ({m[2]})", text)
    return re.sub(r"\s+", " ", _EMPHASIS.sub(r"\2", text)).strip()
