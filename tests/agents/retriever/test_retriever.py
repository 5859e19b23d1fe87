"""What is searched for: questions, with what they lean on, and nothing for a greeting."""

import pytest

from agents.retriever import build_retriever
from core.contracts.states import Direction
from tests.agents.conversations import conversation, turn
from tests.agents.knowledge import RecordedSearch, passage


@pytest.fixture
def search() -> RecordedSearch:
    return RecordedSearch([passage("We open at nine."), passage("A cleaning costs 85 euros.")])


@pytest.mark.parametrize(
    "burst", [["Thanks!"], ["ok great, thank you so much"], ["Hi"], ["Good morning", "👍"], ["ok", "bye"]]
)
async def test_a_pleasantry_is_not_searched(burst: list[str], search: RecordedSearch) -> None:
    found = await build_retriever(search).retrieve(conversation(*burst))
    assert (found.query, found.passages, search.queries) == ("", [], [])


async def test_a_greeting_is_left_out_of_the_query(search: RecordedSearch) -> None:
    await build_retriever(search).retrieve(conversation("Hi there!", "How much is a cleaning? Thanks"))
    assert search.queries == ["How much is a cleaning?"]


async def test_a_follow_up_takes_its_topic_along(search: RecordedSearch) -> None:
    history = [turn("Do you do teeth whitening?"), turn("Yes, we do.", Direction.OUT)]
    await build_retriever(search).retrieve(conversation("How much is it?", history=history))
    assert search.queries == ["Do you do teeth whitening? How much is it?"]


async def test_a_full_question_leaves_the_history_alone(search: RecordedSearch) -> None:
    history = [turn("Do you do teeth whitening?")]
    await build_retriever(search).retrieve(conversation("Is there parking nearby?", history=history))
    assert "whitening" not in search.queries[0]


async def test_each_question_of_a_burst_is_searched_and_the_finds_are_merged(search: RecordedSearch) -> None:
    found = await build_retriever(search).retrieve(
        conversation("What does a cleaning cost and where can I park?", "Do you take cards?")
    )
    assert len(search.queries) == 3
    assert [p.text for p in found.passages] == ["We open at nine.", "A cleaning costs 85 euros."]


async def test_other_languages(search: RecordedSearch) -> None:
    retriever = build_retriever(search)
    await retriever.retrieve(conversation("Danke!", language="de"))
    await retriever.retrieve(conversation("¡Muchas gracias!", language="es"))
    await retriever.retrieve(conversation("谢谢", language="zh"))
    assert search.queries == []
    await retriever.retrieve(conversation("Guten Tag, was kostet das und wie lange dauert es?", language="de"))
    assert len(search.queries) == 2
