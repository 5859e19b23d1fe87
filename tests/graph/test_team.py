"""The real agents, with no provider configured, in the real graph: taking one of them away changes what is stored."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal import build_aal
from core.aal.language import LanguageDetector
from core.contracts.ids import new_id
from core.contracts.reasoning import Passage, Retrieval
from core.contracts.states import DraftStatus, Verdict
from core.db.session import Database
from core.settings import AalSettings, DeskSettings, ProviderSettings
from graph.team import Team, build_team
from tests.graph.conftest import runner_of
from tests.graph.desk import Desk
from tests.graph.scripted import ScriptedAgents
from tests.standins.provider import ProviderStandin, embellishing, inventing, run_provider

HOURS = "Opening hours: Monday to Friday 8:00 to 18:00, Saturday 9:00 to 13:00. We are closed on Sundays."


@dataclass(frozen=True)
class Shelf:
    """A search that finds the same passages for every question."""

    passages: tuple[Passage, ...]

    async def search(self, query: str, limit: int) -> Retrieval:
        return Retrieval(query=query, passages=list(self.passages[:limit]), floor=0.5)


def shelf(*texts: str) -> Shelf:
    source = new_id()
    return Shelf(
        tuple(
            Passage(id=new_id(), source_id=source, source_title="Shop", text=text, language="en", score=0.9)
            for text in texts
        )
    )


@pytest.fixture(scope="module")
def team() -> Team:
    """The agents of a process without a provider; they find the opening hours."""
    found = shelf(HOURS)
    return build_team(build_aal(AalSettings()), LanguageDetector(), lambda _tenant: found)


def crewed(team: Team, **others: ScriptedAgents) -> Team:
    """Return the team with another drafter or humanizer."""
    crew = replace(team.crew(team.aal), **others)
    return replace(team, _crews={id(team.aal): (team.aal, crew)})


@dataclass
class Story:
    """One question put to a team, and what was stored for it."""

    engine: AsyncEngine
    db: Database
    desk: Desk

    async def parts(self, team: Team, words: str) -> list[str]:
        chat = await self.desk.another_chat()
        rules = DeskSettings(quiet_seconds=0)
        outcome = await runner_of(self.engine, self.db, rules, team.agents_for).run(
            self.desk.tenant, await chat.asks(words)
        )
        assert outcome in (DraftStatus.PENDING, DraftStatus.BLOCKED)
        self.draft = await chat.draft()
        return self.draft.parts

    def verdict(self) -> object:
        assert self.draft.check is not None
        return self.draft.check["verdict"]


@pytest.fixture
def story(app_engine: AsyncEngine, db: Database, desk: Desk) -> Story:
    return Story(app_engine, db, desk)


async def test_known_question_is_answered_from_its_source_and_passes(story: Story, team: Team) -> None:
    text = " ".join(await story.parts(team, "When are you open on Saturday?"))
    assert "9:00" in text
    assert story.verdict() == Verdict.PASS
    assert story.draft.language == "en"


async def test_humanizer_that_changes_nothing_leaves_another_text(story: Story, team: Team) -> None:
    voiced = await story.parts(team, "When are you open on Saturday?")
    plain = await story.parts(crewed(team, humanizer=ScriptedAgents(voice="{}")), "When are you open on Saturday?")
    assert plain != voiced


async def test_retriever_without_passages_means_not_known(story: Story, team: Team) -> None:
    empty = replace(team, search_for=lambda _tenant: shelf())
    assert await story.parts(empty, "When are you open on Saturday?") == []
    assert story.draft.missing


async def test_planted_claim_is_marked_unless_the_checker_always_passes(story: Story, team: Team) -> None:
    planted = "On Saturday we are open until 23:30, and delivery is free."
    liar = crewed(team, drafter=ScriptedAgents(replies=[planted, planted], passages=list(shelf(HOURS).passages)))
    await story.parts(liar, "When are you open on Saturday?")
    assert story.verdict() != Verdict.PASS

    blind = crewed(replace(team, checker=ScriptedAgents(checks=False)), drafter=ScriptedAgents(replies=[planted]))
    await story.parts(blind, "When are you open on Saturday?")
    assert story.verdict() == Verdict.PASS


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[ProviderStandin]:
    async with run_provider() as running:
        yield running


@pytest.fixture(scope="module")
def modelled(provider: ProviderStandin) -> Team:
    """The agents of a process with a provider; what they find says nothing of window glass."""
    link = ProviderSettings(
        provider="openai", model="gpt-4o-mini", api_key=SecretStr("k"), base_url=provider.base_url("openai")
    )
    shop = shelf(HOURS, "There is free parking behind the shop.", "Dogs are not allowed in the shop.")
    return build_team(build_aal(AalSettings(chain=[link])), LanguageDetector(), lambda _tenant: shop)


WINDOWS = "Do you repair broken window glass?"


@pytest.mark.parametrize(
    ("question", "invented"),
    [
        (WINDOWS, "Yes, we repair broken windows for 20 euros, also on Sundays."),
        (WINDOWS, "Yes, of course!"),
        (WINDOWS, "Thank you for asking, yes, we do!"),
        (WINDOWS, "We repair broken window glass."),
        (WINDOWS, "There is free parking behind the shop."),
        ("Can I bring my dog to the shop?", "Yes, of course!"),
        ("When are you open on Saturday?", "On Saturday we are open from 9:00 to 17:00."),
    ],
)
async def test_what_a_model_invents_is_marked_word_for_word(
    story: Story, modelled: Team, provider: ProviderStandin, question: str, invented: str
) -> None:
    provider.answer_with(inventing(invented))
    text = "\n".join(await story.parts(modelled, question))
    assert invented in text
    assert story.verdict() in (Verdict.NEEDS_STAFF, Verdict.BLOCK)
    assert story.draft.check is not None
    spans = [text[f["start"] : f["end"]] for f in story.draft.check["findings"] if f["part"] is not None]
    assert spans
    assert all(span and span in invented for span in spans)


async def test_what_a_model_invents_while_wording_is_marked(
    story: Story, modelled: Team, provider: ProviderStandin
) -> None:
    honest = "Are you closed on Sundays?"
    provider.answer_with(embellishing(""))
    assert await story.parts(modelled, honest)
    assert story.verdict() == Verdict.PASS

    provider.answer_with(embellishing("We also repair broken window glass within an hour."))
    assert await story.parts(modelled, honest)
    assert story.verdict() != Verdict.PASS


async def test_model_that_cites_nothing_given_says_nothing(
    story: Story, modelled: Team, provider: ProviderStandin
) -> None:
    provider.answer_with(inventing("Yes, we repair broken windows.", cited=[9]))
    assert await story.parts(modelled, WINDOWS) == []
    assert story.draft.missing


async def test_thanks_needs_no_draft(app_engine: AsyncEngine, db: Database, desk: Desk, team: Team) -> None:
    runner = runner_of(app_engine, db, DeskSettings(quiet_seconds=0), team.agents_for)
    for words in ("Thanks a lot!! 🙏", "¡Muchas gracias!"):
        chat = await desk.another_chat()
        assert await runner.run(desk.tenant, await chat.asks(words)) == "nothing"
        assert await chat.drafts() == []


async def test_search_is_bound_to_the_tenant_of_the_run(story: Story, team: Team) -> None:
    asked: list[UUID] = []

    def search_for(tenant_id: UUID) -> Shelf:
        asked.append(tenant_id)
        return shelf(HOURS)

    await story.parts(replace(team, search_for=search_for), "When are you open on Saturday?")
    assert asked == [story.desk.tenant]
