"""Every error code of a send has words, and text that came back says why, what is new and which parts are left."""

from datetime import timedelta

import pytest

from core.contracts.faults import SendFault
from core.contracts.states import SendStatus
from tests.ui.standin_api import Standin, now
from ui.views.cameback import came_back
from ui.views.faults import WORDS, words_for


@pytest.mark.parametrize("fault", SendFault)
def test_each_code_has_a_sentence_and_a_next_step(fault: SendFault) -> None:
    words = WORDS[fault]
    assert words.what.endswith(".")
    assert words.then.endswith(".")
    assert "_" not in words.what + words.then, "staff read words, not codes"


def test_a_code_of_a_newer_bridge_shows_what_it_said_itself() -> None:
    assert words_for("tomorrows_code", "The sky fell.").what == "The sky fell."
    assert words_for(None).what.endswith(".")


def test_partly_sent_text_names_the_parts_and_the_news() -> None:
    story = Standin()
    chat = story.chat("Anna")
    story.hear(chat.id, "How much is tea?", minutes_ago=30)
    approved = story.draft(chat.id, "Tea costs 4 EUR.")
    sends = [
        send.model_copy(
            update={
                "part": part,
                "parts_total": 3,
                "status": SendStatus.RETURNED if part else SendStatus.SENT,
                "error_code": "partly_sent" if part else None,
                "queued_at": now() - timedelta(minutes=9),
            }
        )
        for send in story.queue(approved)
        for part in range(3)
    ]
    news = story.hear(chat.id, "And coffee?", minutes_ago=1)
    back = approved.model_copy(update={"parent_id": approved.id, "decision_reason": "returned: The chat went on."})
    said = came_back(back, sends, [*story.messages[chat.id]])
    assert said is not None
    assert said.words == WORDS[SendFault.PARTLY_SENT]
    assert said.parts == "Part 1 of 3 was sent. Here is what is left: parts 2 and 3."
    assert [message.id for message in said.news] == [news.id]
    assert came_back(approved, sends, []) is None
