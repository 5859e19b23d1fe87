"""The owner's desk: the key's state, the suggestions that were made with it, and what the owner decides on them.

Everything that is made with the key stays on this computer until the owner approves a text, which then goes the way of any message
that a person types. A provider that fails is told here; nobody else is asked in its place.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from uuid import UUID

import structlog
from pydantic import SecretStr, TypeAdapter, ValidationError

from core.contracts.byhand import HandMessage, HandMessageState
from core.contracts.byok import ByokUsage, OwnerCase, OwnerDraftSeen, OwnerWork, OwnKey
from core.contracts.ids import new_id
from core.contracts.knowledge import SearchQuery
from core.contracts.reasoning import AiCall, Passage
from core.contracts.states import OwnerDraftState
from core.contracts.texts import PartText, text_sha256
from core.errors import Conflict, InvalidInput, NotFound, Unavailable, WaxosError
from desktop_bridge.byok.thinker import Thinker, require_extra
from desktop_bridge.byok.thought import Failure, Suggestion, Thinking, Thought
from desktop_bridge.byok.vault import Provider, Vault
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.client import ServerClient
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.running.holding import while_held
from desktop_bridge.running.state import RESCAN_SECONDS

PASSAGES = 6
"""Passages for each search, as on the server."""

KEPT_OUTCOMES = 5
"""Approved messages whose way is shown, the newest ones."""

_PARTS: TypeAdapter[list[PartText]] = TypeAdapter(list[PartText])

log = structlog.get_logger(__name__)


class OwnerDesk:
    """One of each a bridge. `changes` counts up whenever the page has something else to show."""

    def __init__(self, journal: Journal, client: ServerClient, vault: Vault | None = None) -> None:
        self.vault = vault or Vault(journal)
        self.bell = asyncio.Event()
        """Rings when there may be a draft to make."""
        self.work = OwnerWork(on=False, drafts=[])
        self.suggestions: dict[UUID, Suggestion] = {}
        self.failures: dict[UUID, Failure] = {}
        self.outcomes: dict[UUID, tuple[str, HandMessageState | None]] = {}
        self.making: UUID | None = None
        self.trouble = ""
        self.changes = 0
        self._changed = asyncio.Condition()
        self._ended = False
        self._journal = journal
        self._client = client
        self._thinker: Thinker | None = None
        self._acting = asyncio.Lock()
        self._read_kept()

    # -- the key ------------------------------------------------------------------------------------------------------

    @property
    def unlocked(self) -> bool:
        """Whether a process holds the key."""
        return self._thinker is not None and self._thinker.running

    async def set_key(self, key: SecretStr, password: SecretStr, provider: Provider) -> None:
        """Keep a first key, unlock it and let it draft. Raises like `Vault.set` and `Thinker.start`."""
        require_extra()
        async with self._acting:
            await self.vault.set(key, password, provider)
            await self._hold(key, provider.checked())
        await self._tell(on=True)

    async def unlock(self, password: SecretStr) -> None:
        """Hand the key to a key holder. Raises like `Vault.open` and `Thinker.start`."""
        require_extra()
        async with self._acting:
            await self._hold(*await self.vault.open(password))

    async def lock(self) -> None:
        """End the process that holds the key."""
        async with self._acting:
            await self._drop()

    async def rotate(
        self, password: SecretStr, *, key: SecretStr | None, new_password: SecretStr | None, provider: Provider | None
    ) -> None:
        """Exchange key, password or provider, and unlock what is kept then. Raises like `Vault.rotate`."""
        require_extra()
        async with self._acting:
            await self.vault.rotate(password, key=key, new_password=new_password, provider=provider)
            await self._hold(*await self.vault.open(new_password or password))

    async def delete(self) -> None:
        """Forget the key and what was made with it; drafts are made by the desk again where the server can be told."""
        async with self._acting:
            await self._drop()
            await self.vault.delete()
            self.suggestions, self.failures = {}, {}
            await self.changed()
        if self.work.on:
            await self._tell(on=False)

    async def _hold(self, key: SecretStr, provider: Provider) -> None:
        await self._drop()
        self._thinker = await Thinker.start(key, provider)
        self.trouble = ""
        self.bell.set()
        log.info("own_key.unlocked", provider=provider.name)
        await self.changed()

    async def _drop(self) -> None:
        thinker, self._thinker = self._thinker, None
        if thinker is not None:
            await thinker.stop()
            log.info("own_key.locked")
        await self.changed()

    # -- decisions ----------------------------------------------------------------------------------------------------

    async def switch(self, *, on: bool) -> None:
        """Say whose key drafts on this channel.

        Raises:
            Conflict: there is no key to draft with. Unavailable: the server cannot be reached.
        """
        if on and self.vault.facts() is None:
            raise Conflict("there is no key yet", hint="enter your key first")
        await self._take(await self._client.switch_own_key(OwnKey(on=on)))
        self.bell.set()

    async def approve(self, draft_id: UUID, parts: Sequence[str]) -> None:
        """Make exactly this text an ordinary message: the server checks it and the bridge sends it.

        Raises:
            NotFound: no such suggestion. InvalidInput: a text that cannot be sent. StaleDecision: the chat has something newer.
        """
        known = self.suggestions.get(draft_id)
        if known is None:
            raise NotFound("this suggestion is not here any more", hint="look at what waits now")
        try:
            texts = _PARTS.validate_python([part for part in parts if part.strip()])
            message = HandMessage(
                id=draft_id, chat_id=known.chat_id, newest_external_id=known.newest_external_id, parts=texts
            )
        except ValidationError as error:
            raise InvalidInput(f"this text cannot be sent: {error.errors(include_input=False)[0]['msg']}") from None
        await self._client.write(message)
        self.outcomes[draft_id] = (self._title(draft_id), None)
        await self._forget(draft_id)

    async def dismiss(self, draft_id: UUID) -> None:
        """Put a suggestion aside."""
        await self._client.dismiss(draft_id)
        await self._forget(draft_id)

    async def again(self, draft_id: UUID) -> None:
        """Ask the same provider once more for a draft that failed."""
        self.failures.pop(draft_id, None)
        await self._make_if_open(draft_id)

    async def _tell(self, *, on: bool) -> None:
        """Switch where that only follows from something else, which has happened whether the desk hears of it or not."""
        try:
            await self.switch(on=on)
        except WaxosError as fault:
            self.trouble = f"The desk could not be told who makes the drafts now: {fault.detail}"
            await self.changed()

    async def _make_if_open(self, draft_id: UUID) -> None:
        draft = next((one for one in self.work.drafts if one.id == draft_id), None)
        if draft is None:
            raise NotFound("this suggestion is not here any more", hint="look at what waits now")
        if not self.unlocked:
            raise Conflict("the key is locked", hint="unlock it first")
        await self._make(draft)

    # -- making -------------------------------------------------------------------------------------------------------

    async def keep(self, lease: LeaseKeeper) -> None:
        """Make what waits as long as this bridge holds the channel, and end the key holder with the bridge."""
        try:
            await while_held(lease, self._once, self.bell, self._kept)
        finally:
            await self._drop()  # waits for nobody: whoever unlocks at this moment ends with the page

    def _kept(self, fault: WaxosError) -> None:
        log.info("own_draft.kept", code=fault.reason_code)

    async def _once(self) -> float:
        self.bell.clear()
        try:
            await self._take(await self._client.own_work())
        except NotFound:  # a server from before there were keys of owners
            return RESCAN_SECONDS
        for draft in self.work.drafts:
            made = self.suggestions.get(draft.id)
            if made is not None and draft.state is OwnerDraftState.WAITING:
                await self._client.tell_usage(made.usage)  # the answer to the first report was lost
            elif made is None and draft.state is not OwnerDraftState.FAILED and self.unlocked:
                await self._make(draft)
        await self._follow()
        return RESCAN_SECONDS

    async def _make(self, draft: OwnerDraftSeen) -> None:
        thinker, begun = self._thinker, monotonic()
        if thinker is None:
            return
        self.making = draft.id
        await self.changed()
        try:
            case = await self._client.own_case(draft.id)
            made = await self._thought(thinker, case)
        except (Conflict, NotFound):
            self.bell.set()  # the chat has moved on: another draft is wanted, or none
            return
        except Unavailable as fault:
            if thinker.running:
                raise
            await self._lost(thinker, fault)
            return
        finally:
            self.making = None
            await self.changed()
        await self._keep(draft, case, made, monotonic() - begun)

    async def _thought(self, thinker: Thinker, case: OwnerCase) -> tuple[Thought | Failure, list[Passage]]:
        looked = await thinker.look(case.conversation)
        found = [
            (
                await self._client.search(SearchQuery(query=query[:2000], limit=PASSAGES, include_below_floor=True))
            ).passages
            for query in looked.queries
            if query.strip()
        ]
        passages = in_turn(found)
        ask = Thinking(
            conversation=looked.conversation, passages=passages, tone=case.tone, hint=case.hint or "",
            parent_parts=case.parent_parts,
        )  # fmt: skip
        return await thinker.think(ask), passages

    async def _keep(
        self, draft: OwnerDraftSeen, case: OwnerCase, made: tuple[Thought | Failure, list[Passage]], seconds: float
    ) -> None:
        answer, passages = made
        usage = self._usage(draft, answer, seconds)
        if isinstance(answer, Failure):
            self.failures[draft.id] = answer
        elif usage.outcome is OwnerDraftState.READY:
            cited = {one for claim in answer.proposal.claims for one in claim.passage_ids}
            suggestion = Suggestion(
                id=draft.id, chat_id=draft.chat_id, newest_external_id=case.newest_external_id,
                asked=[turn.text for turn in case.conversation.burst if turn.text], parts=answer.parts,
                proposal=answer.proposal, report=answer.report, usage=usage,
                sources=[passage for passage in passages if passage.id in cited],
            )  # fmt: skip
            self.suggestions[draft.id] = suggestion
            self._journal.own.keep_suggestion(draft.id, suggestion.model_dump_json())
        await self.changed()
        await self._client.tell_usage(usage)
        log.info("own_draft.made", outcome=usage.outcome, code=usage.code, tokens=usage.tokens_used)
        await self._take(await self._client.own_work())

    def _usage(self, draft: OwnerDraftSeen, answer: Thought | Failure, seconds: float) -> ByokUsage:
        facts = self.vault.facts()
        calls: list[AiCall] = answer.calls
        taken = sum(call.tokens_in for call in calls), sum(call.tokens_out for call in calls)
        outcome, code = OwnerDraftState.READY, None
        if isinstance(answer, Failure):
            outcome, code = OwnerDraftState.FAILED, answer.code
        elif not answer.parts and not answer.proposal.missing:
            outcome = OwnerDraftState.NOTHING
        parts, report = ([], None) if isinstance(answer, Failure) else (answer.parts, answer.report)
        return ByokUsage(
            provider=facts.provider.name if facts else "unknown", model=facts.provider.model if facts else "unknown",
            tokens_used=sum(taken), id=new_id(), suggestion_id=draft.id, tokens_in=taken[0], tokens_out=taken[1],
            latency_ms=int(seconds * 1000), outcome=outcome, code=code,
            verdict=report.verdict if report else None, text_sha256=text_sha256(parts) if parts else None,
        )  # fmt: skip

    async def _lost(self, thinker: Thinker, fault: Unavailable) -> None:
        if self._thinker is thinker:
            self._thinker = None
            self.trouble = f"{fault.detail}: {fault.hint}"

    async def _follow(self) -> None:
        """Look what has become of approved texts that are still on their way."""
        for draft_id, (title, state) in list(self.outcomes.items())[-KEPT_OUTCOMES:]:
            if state is None or not state.final:
                self.outcomes[draft_id] = (title, await self._client.written(draft_id, 0))
        self.outcomes = dict(list(self.outcomes.items())[-KEPT_OUTCOMES:])
        await self.changed()

    # -- what is shown ------------------------------------------------------------------------------------------------

    async def changed(self) -> None:
        """Tell open pages that there is something else to show."""
        async with self._changed:
            self.changes += 1
            self._changed.notify_all()

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when there is something that a page which saw change `seen` does not show, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.changes != seen or self._ended)
        except TimeoutError:
            return

    async def end(self) -> None:
        """Let no page wait any longer."""
        self._ended = True
        await self.changed()

    async def _take(self, work: OwnerWork) -> None:
        self.work = work
        open_ones = {draft.id for draft in work.drafts}
        self.suggestions = {key: one for key, one in self.suggestions.items() if key in open_ones}
        self.failures = {key: one for key, one in self.failures.items() if key in open_ones}
        self._journal.own.keep_only(open_ones)
        await self.changed()

    async def _forget(self, draft_id: UUID) -> None:
        self.suggestions.pop(draft_id, None)
        self._journal.own.keep_only(set(self.suggestions))
        self.work = self.work.model_copy(update={"drafts": [one for one in self.work.drafts if one.id != draft_id]})
        self.bell.set()
        await self.changed()

    def _title(self, draft_id: UUID) -> str:
        return next((draft.title for draft in self.work.drafts if draft.id == draft_id), "")

    def _read_kept(self) -> None:
        for key, body in self._journal.own.suggestions().items():
            try:
                self.suggestions[key] = Suggestion.model_validate_json(body)
            except ValidationError:  # of an older WAXOS: it is made anew
                continue


def in_turn(lists: Sequence[Sequence[Passage]]) -> list[Passage]:
    """Take turns among the searches, so that no question's passages push another's away; each passage once."""
    ranks = range(max((len(one) for one in lists), default=0))
    found = (one[rank] for rank in ranks for one in lists if rank < len(one))
    return list({passage.id: passage for passage in found}.values())
