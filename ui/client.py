"""The panel's one client of the public API: typed by the contracts, errors raised as `core.errors`.

Nothing here knows Gradio or HTML. Each method is one operation of the API and says which.
"""

from collections.abc import Mapping
from typing import BinaryIO, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from core.contracts.accounts import Login, Me, Member, TokenPair
from core.contracts.base import Page, Problem
from core.contracts.byok import OwnKey
from core.contracts.channels import AutomationText, Channel, JudgeAutomation, NewChannel, NewPairing, Pairing
from core.contracts.chats import Accepted, AskDraft, ChangeChat, Chat, ChatContext, Message, NewMessage
from core.contracts.drafts import Approve, Decided, Draft, Edit, Reject, RetrySend, Rewrite, Send, SettleSend
from core.contracts.history import HistoryImport
from core.contracts.knowledge import (
    HeldPassage,
    NewCuratedAnswer,
    NewPageSource,
    NewTextSource,
    ReviewPassage,
    SearchQuery,
    SearchResult,
    Source,
)
from core.contracts.proposals import AcceptProposal, Proposal, ProposalOrigin
from core.contracts.sessions import AcceptRisk, LinkCode, RiskText
from core.contracts.states import AutomationState, PassageReview, SendStatus
from core.contracts.usage import AiBudget, AiCosts, AiDataUse, SetAiBudget, SetAiDataUse
from core.errors import BY_STATUS, NotAuthenticated, Unavailable, WaxosError

PREFIX = "/api/v1"
_READING_S = 300.0
Answer = TypeVar("Answer", bound=BaseModel)


class Bearer(Protocol):
    """Gives a valid access token; `stale` names one that was just refused."""

    async def bearer(self, stale: str | None = None) -> str:
        """Return a token, refreshed when needed."""
        ...


def open_http(api_url: str) -> httpx.AsyncClient:
    """Return the connection pool of the process; proxies of the environment are not used."""
    return httpx.AsyncClient(
        base_url=api_url.rstrip("/") + PREFIX,
        timeout=httpx.Timeout(15.0, connect=3.0),
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
        trust_env=False,
    )


def error_of(response: httpx.Response) -> WaxosError:
    """Turn an answer of 400 or more into the error of our tree that it stands for."""
    kind = BY_STATUS.get(response.status_code, WaxosError)
    retry_after = response.headers.get("retry-after", "")
    wait = float(retry_after) if retry_after.isdigit() else None
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return kind(f"The desk's server answered {response.status_code} without saying why.", retry_after=wait)
    return kind(problem.detail, hint=problem.hint, code=problem.code, current=problem.current, retry_after=wait)


async def send_request(http: httpx.AsyncClient, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
    """Send a request; with `stream` the body is left to be read, and the answer to be closed, by the caller.

    Raises:
        Unavailable: the API could not be reached or did not answer in time.
        WaxosError: the API refused; the class says how.
    """
    try:
        response = await http.send(request, stream=stream)
    except httpx.TimeoutException:
        raise Unavailable("The desk's server did not answer in time.", hint="Try again in a moment.") from None
    except httpx.TransportError:
        raise Unavailable(
            "The desk's server cannot be reached.",
            hint="It may be restarting. Nothing was lost; try again in a moment.",
        ) from None
    if response.status_code >= 400:
        await response.aread()
        await response.aclose()
        raise error_of(response)
    return response


def parse(response: httpx.Response, answer: type[Answer]) -> Answer:
    """Read an answer by its contract.

    Raises:
        Unavailable: the answer is not of that shape.
    """
    try:
        return answer.model_validate_json(response.content)
    except ValidationError:
        raise Unavailable(
            "The desk's server sent something that this panel does not understand.",
            hint="Panel and server may be of different versions. Reload the page; if it stays, tell your operator.",
        ) from None


async def login(http: httpx.AsyncClient, form: Login) -> TokenPair:
    """POST /auth/login."""
    body = {"email": form.email, "password": form.password.get_secret_value()}
    return parse(await send_request(http, http.build_request("POST", "/auth/login", json=body)), TokenPair)


async def refresh(http: httpx.AsyncClient, refresh_token: str) -> TokenPair:
    """POST /auth/refresh; the token is used up."""
    body = {"refresh_token": refresh_token}
    return parse(await send_request(http, http.build_request("POST", "/auth/refresh", json=body)), TokenPair)


async def logout(http: httpx.AsyncClient, refresh_token: str, access_token: str) -> None:
    """POST /auth/logout."""
    headers = {"Authorization": f"Bearer {access_token}"}
    body = {"refresh_token": refresh_token}
    await send_request(http, http.build_request("POST", "/auth/logout", json=body, headers=headers))


class ApiClient:
    """The operations of a signed-in person. All raise `WaxosError` kinds; see `send_request`."""

    def __init__(self, http: httpx.AsyncClient, credentials: Bearer) -> None:
        self._http = http
        self._credentials = credentials

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | None] | None = None,
        body: BaseModel | None = None,
        form: Mapping[str, str] | None = None,
        file: tuple[str, BinaryIO] | None = None,
        stream: bool = False,
        within_s: float | None = None,
    ) -> httpx.Response:
        token = await self._credentials.bearer()
        for last in (False, True):
            request = self._http.build_request(
                method,
                path,
                params={key: value for key, value in (params or {}).items() if value is not None},
                json=body.model_dump(mode="json", exclude_unset=True) if body is not None else None,
                data=form,
                files={"file": file} if file is not None else None,
                headers={"Authorization": f"Bearer {token}"},
                timeout=within_s if within_s is not None else httpx.USE_CLIENT_DEFAULT,
            )
            try:
                return await send_request(self._http, request, stream=stream)
            except NotAuthenticated:
                if last or file is not None:
                    raise
                token = await self._credentials.bearer(stale=token)
        raise AssertionError("unreachable")

    async def me(self) -> Me:
        """GET /me."""
        return parse(await self._send("GET", "/me"), Me)

    async def members(self) -> Page[Member]:
        """GET /members."""
        return parse(await self._send("GET", "/members"), Page[Member])

    async def chats(
        self, *, status: str | None = None, assignee: str | None = None, q: str | None = None, cursor: str | None = None
    ) -> Page[Chat]:
        """GET /chats: one page of the list."""
        params = {"status": status, "assignee": assignee, "q": q, "cursor": cursor, "limit": 50}
        return parse(await self._send("GET", "/chats", params=params), Page[Chat])

    async def context(self, chat_id: UUID, *, wait_ms: int | None = None) -> ChatContext:
        """GET /chats/{id}/context: last messages, current draft or run."""
        return parse(await self._send("GET", f"/chats/{chat_id}/context", params={"wait_ms": wait_ms}), ChatContext)

    async def messages(self, chat_id: UUID, *, before_seq: int | None = None, limit: int = 40) -> Page[Message]:
        """GET /chats/{id}/messages: one page of the thread."""
        params = {"before_seq": before_seq, "limit": limit}
        return parse(await self._send("GET", f"/chats/{chat_id}/messages", params=params), Page[Message])

    async def file(self, chat_id: UUID, file_id: UUID) -> httpx.Response:
        """GET /chats/{id}/files/{id}: the open answer, to be streamed on and closed."""
        return await self._send("GET", f"/chats/{chat_id}/files/{file_id}", stream=True)

    async def mark_read(self, chat_id: UUID) -> None:
        """POST /chats/{id}/read."""
        await self._send("POST", f"/chats/{chat_id}/read")

    async def change_chat(self, chat_id: UUID, change: ChangeChat) -> Chat:
        """PATCH /chats/{id}."""
        return parse(await self._send("PATCH", f"/chats/{chat_id}", body=change), Chat)

    async def take_over(self, chat_id: UUID) -> None:
        """POST /chats/{id}/takeover."""
        await self._send("POST", f"/chats/{chat_id}/takeover")

    async def say(self, chat_id: UUID, message: NewMessage) -> Accepted:
        """POST /chats/{id}/messages: text that a person typed."""
        return parse(await self._send("POST", f"/chats/{chat_id}/messages", body=message), Accepted)

    async def ask_draft(self, chat_id: UUID, ask: AskDraft) -> Accepted:
        """POST /chats/{id}/drafts."""
        return parse(await self._send("POST", f"/chats/{chat_id}/drafts", body=ask), Accepted)

    async def draft(self, draft_id: UUID) -> Draft:
        """GET /drafts/{id}."""
        return parse(await self._send("GET", f"/drafts/{draft_id}"), Draft)

    async def decide(self, draft_id: UUID, decision: Approve | Edit | Reject | Rewrite) -> Decided:
        """POST /drafts/{id}/approve, edit, reject or rewrite, by the decision's kind."""
        verb = type(decision).__name__.lower()
        return parse(await self._send("POST", f"/drafts/{draft_id}/{verb}", body=decision), Decided)

    async def sends(self, *, chat_id: UUID | None = None, status: SendStatus | None = None) -> Page[Send]:
        """GET /sends, of one chat or of one status."""
        params = {"chat_id": str(chat_id) if chat_id else None, "status": status}
        return parse(await self._send("GET", "/sends", params=params), Page[Send])

    async def picture(self, send_id: UUID) -> bytes:
        """GET /sends/{id}/screenshot: the chat where a send stopped, as PNG."""
        return (await self._send("GET", f"/sends/{send_id}/screenshot")).content

    async def settle(self, send_id: UUID, settle: SettleSend) -> Send:
        """POST /sends/{id}/settle: say what became of an unknown send."""
        return parse(await self._send("POST", f"/sends/{send_id}/settle", body=settle), Send)

    async def cancel(self, send_id: UUID) -> Send:
        """POST /sends/{id}/cancel: stop a send that has not left."""
        return parse(await self._send("POST", f"/sends/{send_id}/cancel"), Send)

    async def retry(self, send_id: UUID, seen: RetrySend) -> Send:
        """POST /sends/{id}/retry: send the same text again as a new row."""
        return parse(await self._send("POST", f"/sends/{send_id}/retry", body=seen), Send)

    async def channels(self) -> Page[Channel]:
        """GET /channels."""
        return parse(await self._send("GET", "/channels"), Page[Channel])

    async def automations(self) -> Page[AutomationText]:
        """GET /channels/automations: texts that WhatsApp Business seems to send by itself."""
        return parse(await self._send("GET", "/channels/automations"), Page[AutomationText])

    async def judge(self, automation_id: UUID, state: AutomationState) -> AutomationText:
        """POST /channels/automations/{id}/judge: say whether a text is automatic or a person's."""
        body = JudgeAutomation(state=state)
        return parse(
            await self._send("POST", f"/channels/automations/{automation_id}/judge", body=body), AutomationText
        )

    async def create_channel(self, new: NewChannel) -> Channel:
        """POST /channels."""
        return parse(await self._send("POST", "/channels", body=new), Channel)

    async def risk(self) -> RiskText:
        """GET /channels/risk."""
        return parse(await self._send("GET", "/channels/risk"), RiskText)

    async def accept_risk(self, channel_id: UUID, body: AcceptRisk) -> Channel:
        """POST /channels/{id}/risk."""
        return parse(await self._send("POST", f"/channels/{channel_id}/risk", body=body), Channel)

    async def link_code(self, channel_id: UUID) -> LinkCode:
        """GET /channels/{id}/link-code: look at the code that links the number."""
        return parse(await self._send("GET", f"/channels/{channel_id}/link-code"), LinkCode)

    async def act_on_channel(self, channel_id: UUID, act: str) -> Channel:
        """POST /channels/{id}/{act}: use-here, try-again, resume."""
        return parse(await self._send("POST", f"/channels/{channel_id}/{act}"), Channel)

    async def switch_own_key(self, channel_id: UUID, body: OwnKey) -> Channel:
        """PUT /channels/{id}/own-key: whose AI key drafts."""
        return parse(await self._send("PUT", f"/channels/{channel_id}/own-key", body=body), Channel)

    async def pair(self, channel_id: UUID) -> Pairing:
        """POST /devices/pairings: a code that pairs a computer with a channel."""
        return parse(await self._send("POST", "/devices/pairings", body=NewPairing(channel_id=channel_id)), Pairing)

    async def sources(self) -> Page[Source]:
        """GET /knowledge/sources."""
        return parse(await self._send("GET", "/knowledge/sources"), Page[Source])

    async def add_file(self, name: str, content: BinaryIO) -> Source:
        """POST /knowledge/sources: upload one file."""
        return parse(await self._send("POST", "/knowledge/sources", form={"title": name}, file=(name, content)), Source)

    async def add_text(self, text: NewTextSource) -> Source:
        """POST /knowledge/texts."""
        return parse(await self._send("POST", "/knowledge/texts", body=text), Source)

    async def add_answer(self, answer: NewCuratedAnswer) -> Source:
        """POST /knowledge/answers."""
        return parse(await self._send("POST", "/knowledge/answers", body=answer), Source)

    async def add_page(self, page: NewPageSource) -> Source:
        """POST /knowledge/pages."""
        return parse(await self._send("POST", "/knowledge/pages", body=page), Source)

    async def sync_source(self, source_id: UUID) -> Source:
        """POST /knowledge/sources/{id}/sync."""
        return parse(await self._send("POST", f"/knowledge/sources/{source_id}/sync"), Source)

    async def remove_source(self, source_id: UUID) -> None:
        """DELETE /knowledge/sources/{id}."""
        await self._send("DELETE", f"/knowledge/sources/{source_id}")

    async def held(self, state: PassageReview) -> Page[HeldPassage]:
        """GET /knowledge/held: passages that speak to the assistant."""
        return parse(await self._send("GET", "/knowledge/held", params={"state": state}), Page[HeldPassage])

    async def review_passage(self, passage_id: UUID, body: ReviewPassage) -> None:
        """POST /knowledge/held/{id}/review: allow a passage or leave it out."""
        await self._send("POST", f"/knowledge/held/{passage_id}/review", body=body)

    async def review_source(self, source_id: UUID, body: ReviewPassage) -> None:
        """POST /knowledge/sources/{id}/review: decide on all that waits of a source."""
        await self._send("POST", f"/knowledge/sources/{source_id}/review", body=body)

    async def search(self, query: SearchQuery) -> SearchResult:
        """POST /knowledge/search."""
        return parse(await self._send("POST", "/knowledge/search", body=query), SearchResult)

    async def import_history(self, name: str, content: BinaryIO, form: Mapping[str, str]) -> HistoryImport:
        """POST /history/imports: a chat that WhatsApp exported; reading years of one takes minutes."""
        sent = await self._send("POST", "/history/imports", form=form, file=(name, content), within_s=_READING_S)
        return parse(sent, HistoryImport)

    async def proposals(self, origin: ProposalOrigin | None = None) -> Page[Proposal]:
        """GET /proposals: those that wait for a decision."""
        return parse(await self._send("GET", "/proposals", params={"origin": origin}), Page[Proposal])

    async def accept_proposal(self, proposal_id: UUID, body: AcceptProposal) -> Proposal:
        """POST /proposals/{id}/accept."""
        return parse(await self._send("POST", f"/proposals/{proposal_id}/accept", body=body), Proposal)

    async def dismiss_proposal(self, proposal_id: UUID) -> Proposal:
        """POST /proposals/{id}/dismiss."""
        return parse(await self._send("POST", f"/proposals/{proposal_id}/dismiss"), Proposal)

    async def ai_providers(self) -> AiDataUse:
        """GET /usage/providers: who reads customers' words."""
        return parse(await self._send("GET", "/usage/providers"), AiDataUse)

    async def set_ai_providers(self, body: SetAiDataUse) -> AiDataUse:
        """PUT /usage/providers."""
        return parse(await self._send("PUT", "/usage/providers", body=body), AiDataUse)

    async def ai_budget(self) -> AiBudget:
        """GET /usage/budget."""
        return parse(await self._send("GET", "/usage/budget"), AiBudget)

    async def set_ai_budget(self, body: SetAiBudget) -> AiBudget:
        """PUT /usage/budget."""
        return parse(await self._send("PUT", "/usage/budget", body=body), AiBudget)

    async def ai_costs(self) -> AiCosts:
        """GET /usage/costs: of this month."""
        return parse(await self._send("GET", "/usage/costs"), AiCosts)
