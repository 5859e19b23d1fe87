"""The owner's desk between a server and a process that holds the key, both played here: what is lost, late or locked."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from pydantic import SecretStr

from core.contracts.byhand import HandMessage
from core.contracts.byok import ByokUsage, ByokUsageTaken, OwnerCase, OwnerDraftSeen, OwnerWork, OwnKey
from core.contracts.chats import Accepted
from core.contracts.ids import new_id
from core.contracts.knowledge import SearchQuery, SearchResult
from core.contracts.reasoning import AiCall, Claim, Conversation, DraftProposal, Passage, ToneProfile
from core.contracts.states import OwnerDraftState
from core.contracts.texts import text_sha256
from core.errors import Conflict, SetupError, Unavailable
from core.settings import BridgeSettings
from desktop_bridge.byok import commands
from desktop_bridge.byok.owner import OwnerDesk
from desktop_bridge.byok.thought import Failure, Looked, Thinking, Thought
from desktop_bridge.byok.vault import Provider, Vault
from desktop_bridge.byok.web import open_page
from desktop_bridge.errors import WrongPassword
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.client import ServerClient
from tests.desktop_bridge.byok.conftest import Clock

KEY, PASSWORD = SecretStr("sk-of-the-owner-1234"), SecretStr("a long password")
PASSAGE = Passage(id=new_id(), source_id=new_id(), source_title="Prices", text="Tea costs 4 EUR.")
MADE = Thought(
    proposal=DraftProposal(parts=["Tea costs 4 EUR."], claims=[Claim(text="Tea", passage_ids=[PASSAGE.id])]),
    parts=["Tea costs 4 EUR."],
    calls=[AiCall(id=new_id(), purpose="draft", provider="openai", model="m", tokens_in=120, tokens_out=36)],
)


class Server:
    """The API as the owner's desk asks it."""

    def __init__(self) -> None:
        self.on = True
        self.drafts: list[OwnerDraftSeen] = []
        self.told: list[ByokUsage] = []
        self.written: list[HandMessage] = []
        self.away: set[str] = set()
        self.moved_on = False

    def wants(self, state: OwnerDraftState = OwnerDraftState.WAITING) -> UUID:
        draft = OwnerDraftSeen(
            id=new_id(), chat_id=new_id(), chat_version=1, state=state, verdict=None, text_sha256=None, provider=None,
            model=None, tokens_used=0, code=None, created_at=datetime.now(UTC), title="Carla",
        )  # fmt: skip
        self.drafts.append(draft)
        return draft.id

    def _answer(self, name: str) -> None:
        if name in self.away:
            raise Unavailable("away")

    async def own_work(self) -> OwnerWork:
        self._answer("work")
        return OwnerWork(on=self.on, drafts=self.drafts)

    async def switch_own_key(self, ask: OwnKey) -> OwnerWork:
        self._answer("switch")
        self.on = ask.on
        return await self.own_work()

    async def own_case(self, draft_id: UUID) -> OwnerCase:
        if self.moved_on:
            raise Conflict("moved on")
        conversation = Conversation(chat_id=new_id(), contact_name=None, language="en", history=[], burst=[])
        return OwnerCase(
            id=draft_id, conversation=conversation, tone=ToneProfile(), hint=None, parent_parts=[],
            newest_external_id="EXT1",
        )  # fmt: skip

    async def search(self, ask: SearchQuery) -> SearchResult:
        return SearchResult(query=ask.query, floor=0.0, passages=[PASSAGE], took_ms=1.0)

    async def tell_usage(self, used: ByokUsage) -> ByokUsageTaken:
        self._answer("usage")
        self.told.append(used)
        self.drafts = [
            one.model_copy(update={"state": used.outcome}) if one.id == used.suggestion_id else one
            for one in self.drafts
        ]
        return ByokUsageTaken(id=used.id, state=used.outcome)

    async def write(self, message: HandMessage) -> Accepted:
        self.written.append(message)
        self.drafts = [one for one in self.drafts if one.id != message.id]
        return Accepted(id=message.id, kind="draft")


class Holder:
    """A process that holds the key, as the desk sees it."""

    pid = 1

    def __init__(self) -> None:
        self.running = True
        self.answer: Callable[[], Thought | Failure] = lambda: MADE
        self.asked: list[Thinking] = []

    async def look(self, conversation: Conversation) -> Looked:
        return Looked(conversation=conversation, queries=["tea", "coffee"])

    async def think(self, ask: Thinking) -> Thought | Failure:
        self.asked.append(ask)
        return self.answer()

    async def stop(self) -> None:
        self.running = False


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def holder(monkeypatch: pytest.MonkeyPatch, with_extra: None) -> Holder:  # noqa: ARG001
    holder = Holder()

    async def start(_key: SecretStr, _provider: Provider) -> Any:
        holder.running = True
        return holder

    monkeypatch.setattr("desktop_bridge.byok.owner.Thinker.start", start)
    return holder


@pytest.fixture
async def desk(journal: Journal, vault: Vault, server: Server, holder: Holder) -> AsyncIterator[OwnerDesk]:
    desk = OwnerDesk(journal, cast(ServerClient, server), vault)
    await desk.set_key(KEY, PASSWORD, Provider("openai"))
    yield desk
    assert holder


async def test_what_waits_is_made_and_a_lost_report_is_told_again_under_its_own_id(
    desk: OwnerDesk, server: Server, holder: Holder, journal: Journal, vault: Vault
) -> None:
    draft = server.wants()
    server.away = {"usage"}
    with pytest.raises(Unavailable):
        await desk._once()
    # The bridge ends here; the next one finds the suggestion in its journal and pays for none again.
    desk = OwnerDesk(journal, cast(ServerClient, server), vault)
    assert not desk.unlocked
    server.away = set()
    await desk._once()
    assert len(holder.asked) == 1
    assert [one.id for one in holder.asked[0].passages] == [PASSAGE.id]  # found twice, given once
    (told,) = server.told
    assert told == desk.suggestions[draft].usage
    assert (told.tokens_used, told.text_sha256) == (156, text_sha256(MADE.parts))

    await desk.approve(draft, ["Tea costs 4 EUR, cake is free."])
    (written,) = server.written
    assert (written.id, written.newest_external_id, written.parts) == (
        draft,
        "EXT1",
        ["Tea costs 4 EUR, cake is free."],
    )
    assert journal.own.suggestions() == {}


async def test_locked_nothing_is_made_and_unlocked_it_is(
    desk: OwnerDesk, server: Server, holder: Holder, clock: Clock
) -> None:
    await desk.lock()
    assert not holder.running
    draft = server.wants()
    await desk._once()
    assert (holder.asked, server.told) == ([], [])
    with pytest.raises(WrongPassword):
        await desk.unlock(SecretStr("another password"))
    assert not desk.unlocked
    desk.bell.clear()
    clock.pass_by(1)
    await desk.unlock(PASSWORD)
    assert desk.bell.is_set()
    await desk._once()
    assert draft in desk.suggestions


async def test_a_failure_waits_for_the_owner_and_nothing_to_answer_is_closed(
    desk: OwnerDesk, server: Server, holder: Holder
) -> None:
    holder.answer = lambda: Failure(code="provider_down", detail="cannot be reached", hint=None)
    draft = server.wants()
    await desk._once()
    await desk._once()
    assert len(holder.asked) == 1
    assert (server.told[0].outcome, server.told[0].code) == (OwnerDraftState.FAILED, "provider_down")
    holder.answer = lambda: Thought(proposal=DraftProposal(parts=[]), calls=[])
    await desk.again(draft)
    assert server.told[1].outcome is OwnerDraftState.NOTHING
    assert desk.suggestions == {}


async def test_a_chat_that_moved_on_and_a_process_that_ended_make_nothing(
    desk: OwnerDesk, server: Server, holder: Holder
) -> None:
    server.wants()
    server.moved_on = True
    await desk._once()
    assert (server.told, desk.bell.is_set(), desk.making) == ([], True, None)
    server.moved_on = False

    def end() -> Thought:
        holder.running = False
        raise Unavailable("the process has ended", hint="unlock the key again")

    holder.answer = end
    await desk._once()
    assert not desk.unlocked
    assert "unlock the key again" in desk.trouble
    assert server.told == []


async def test_deleting_ends_everything_whether_the_server_hears_of_it_or_not(
    desk: OwnerDesk, server: Server, holder: Holder, journal: Journal
) -> None:
    server.wants()
    await desk._once()
    server.away = {"switch"}
    await desk.delete()
    assert (holder.running, desk.vault.facts(), journal.own.suggestions(), desk.suggestions) == (False, None, {}, {})
    assert "could not be told" in desk.trouble


async def test_without_the_extra_no_key_is_taken_and_what_is_missing_is_said(
    journal: Journal, vault: Vault, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop_bridge.byok.thinker._NEEDED", ("no_such_package",))
    with pytest.raises(SetupError, match="no_such_package") as missing:
        await OwnerDesk(journal, cast(ServerClient, server), vault).set_key(KEY, PASSWORD, Provider("openai"))
    assert "byok" in (missing.value.hint or "")
    assert vault.facts() is None


async def test_the_command_line_comes_in_by_the_pages_door(desk: OwnerDesk, tmp_path: Path) -> None:
    settings = BridgeSettings(home=tmp_path)
    async with open_page(desk, tmp_path):
        await commands._do(settings, "lock", {}, None)
        assert not desk.unlocked
        await commands._do(settings, "unlock", {"password": PASSWORD}, None)
        assert desk.unlocked
        told = await commands._status(settings)
        assert told == {"kept": True, "unlocked": True, "on": True, "provider": "openai", "model": "gpt-4o-mini"}
        with pytest.raises(commands._Refused, match="does not open"):
            await commands._do(settings, "unlock", {"password": SecretStr("another password")}, None)
