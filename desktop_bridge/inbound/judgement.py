"""Whether a row of the list may be opened: one pure rule, so that law 12 can be read, and tested, in one place."""

import re
from dataclasses import dataclass
from enum import StrEnum

from core.contracts.states import ReadingChoice

_AUTHORED = re.compile(r"^[^:\n]{1,60}: ")


class Verdict(StrEnum):
    """What to do with a row."""

    LEAVE = "leave"
    ASK = "ask"
    OPEN = "open"


@dataclass(frozen=True)
class RowFacts:
    """What is known of a row without opening it.

    `included`: the owner's choice takes its title in. `repeated`: the list shows the title more than once. `ours`: a chat of this
    title is read already. `person`: the list's filter of groups did not hold it. `group_title`: a group bears or bore the title.
    `marked`: the row is drawn as a group. `authored`: its preview begins as those of groups do. `news`: there is something to read.
    """

    mode: ReadingChoice
    included: bool
    repeated: bool
    ours: bool
    person: bool
    group_title: bool
    marked: bool
    authored: bool
    news: bool


def is_authored(preview: str) -> bool:
    """Tell whether a preview begins with a name, as every message in a group does; a person may write like that, too."""
    return _AUTHORED.match(preview) is not None


def judge(row: RowFacts) -> Verdict:
    """Decide about one row. `ASK` means that the page is to be asked first whether it is a group; see `ListPages.groups`."""
    if row.marked or not row.included or not row.news:
        return Verdict.LEAVE
    if row.repeated and row.mode is ReadingChoice.ONLY:
        return Verdict.LEAVE  # which of them was chosen, nobody can tell without opening the other
    if row.group_title and row.authored and not row.repeated and not row.ours:
        return Verdict.LEAVE
    doubtful = row.repeated or row.group_title or row.authored
    return Verdict.OPEN if (row.ours or row.person) and not doubtful else Verdict.ASK
