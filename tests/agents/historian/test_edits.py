"""What staff changed in a draft: what it says, or only how it says it."""

import pytest

from agents.historian.edits import changed
from core.aal.embedding import BUNDLED, build_embedder

SAME = [
    (
        "en",
        "We are open on Saturdays from 9 to 13.",
        "Hi [name]! You can come by on Saturdays between 9 and 13. Thank you!",
    ),
    ("en", "We repair bicycles of all brands.", "Hello, we fix any bike brand."),
    ("en", "All materials are included.", "All materials are included. Have a nice day!"),
    ("en", "Dogs are welcome on the terrace.", "Your dog is very welcome on our terrace!"),
    ("es", "Estamos abiertos los sábados.", "¡Hola! Los sábados abrimos."),
    ("de", "Die Lieferung ist kostenlos.", "Wir liefern gratis."),
]
OTHER = [
    ("en", "Gift wrap costs 2 EUR.", "Gift wrap costs 3 EUR."),
    ("en", "We are open on Saturdays from 9 to 13.", "We are open on Sundays from 9 to 13."),
    ("en", "We are open on Saturdays from 9 to 13.", "We are open on Saturdays."),
    ("en", "We deliver to the islands.", "We don't deliver to the islands."),
    ("en", "Please ring the bell at the back door.", "Please ring the bell at the front door."),
    ("en", "You can pay by card or cash.", "You can pay by card, cash or bank transfer."),
    ("en", "You need to book ahead.", "You need to book ahead. There is free parking behind the house."),
    ("en", "You need to book ahead. There is free parking behind the house.", "You need to book ahead."),
    ("de", "Die Lieferung ist kostenlos.", "Die Lieferung dauert an Feiertagen länger."),
    ("pt", "O curso custa 145 EUR.", "O curso custa 145 EUR e o forno 20 EUR."),
]


@pytest.mark.parametrize(("tag", "drafted", "sent", "other"), [(*c, False) for c in SAME] + [(*c, True) for c in OTHER])
async def test_substance_is_told_from_wording(tag: str, drafted: str, sent: str, other: bool) -> None:
    assert (await changed([drafted], [sent], tag, build_embedder(BUNDLED))).in_substance is other


async def test_what_was_added_is_named_alone() -> None:
    before = "You need to book ahead."
    change = await changed(
        [before], [f"{before} There is free parking behind the house."], "en", build_embedder(BUNDLED)
    )
    assert change.added == ["There is free parking behind the house."]
