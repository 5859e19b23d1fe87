"""The verdict: what was approved, by the API's records, against what the phones received. Pure, so that it can be tested itself.

Every approved text of a run is unique, so each must be on exactly one phone, once. A text that came back to staff (`returned`) and was
approved again is still one text: had its first send left after all, it would be on the phone twice.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.crashtest.phones import Received

TOLD_STAFF = frozenset({"unknown", "abandoned", "returned"})
"""Staff know that it may not have left; anything else that is not on the phone is lost."""

UNDER_WAY = frozenset({"queued", "leased", "armed"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts over the approved texts, with the texts behind every fault."""

    sends: int
    received: int
    duplicates: int
    wrong_chat: int
    lost: int
    under_way: int
    unknown: int
    faults: tuple[str, ...]


def judge(
    sends: Sequence[Mapping[str, Any]],
    received: Sequence[Received],
    meant_for: Mapping[str, str],
    unknown: Collection[str],
    *,
    cut_short: bool = False,
) -> Verdict:
    """Compare the API's rows of `sends` with what was `received`.

    `meant_for` names the phone that each text was written for, `unknown` the sends that staff were asked about. In a run that was
    `cut_short` a text that the desk still has on its way is not lost yet.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    for row in sorted(sends, key=lambda row: str(row["queued_at"])):
        newest[row["text"]] = row
    on_phones = Counter(one.text for one in received)
    wrong = [one.text for one in received if meant_for.get(one.text) != one.chat]
    twice = [text for text, count in on_phones.items() if count > 1]
    doubted = {row["text"] for row in sends if row["id"] in unknown or row["status"] in ("unknown", "abandoned")}
    missing = [
        text
        for text, row in newest.items()
        if not on_phones[text] and row["status"] not in TOLD_STAFF and row["id"] not in unknown
    ]
    under_way = [text for text in missing if cut_short and newest[text]["status"] in UNDER_WAY]
    lost = [text for text in missing if text not in under_way]
    return Verdict(
        sends=len(newest),
        received=len(on_phones),
        duplicates=sum(on_phones[text] - 1 for text in twice),
        wrong_chat=len(wrong),
        lost=len(lost),
        under_way=len(under_way),
        unknown=len(doubted),
        faults=(
            *(f"twice: {text}" for text in twice),
            *(f"wrong chat: {text}" for text in wrong),
            *(f"lost ({newest[text]['status']}, {newest[text]['error_code']}): {text}" for text in lost),
        ),
    )
