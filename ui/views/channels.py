"""The channels screen: the business's numbers, how they are linked, what they can do now, and what a person does about it."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import gradio as gr
from markupsafe import Markup

from core.contracts.byok import OwnKey
from core.contracts.channels import Channel, NewChannel, Pairing
from core.contracts.sessions import AcceptRisk, ChannelVerdict, RiskText
from core.contracts.states import AutomationState, ChannelKind, ChannelState, Role
from core.errors import InvalidInput, WaxosError
from ui.session import PanelSession
from ui.views.answering import Answer, Ask, Notice, Payload
from ui.views.code import drawn
from ui.views.render import Templates
from ui.views.screen import build_list

GUIDE = "docs/when-whatsapp-restricts-a-number.md"

_JUDGED = {
    "kept": "Kept as an automatic text. It does not pause AI.",
    "person": "Noted: a person typed it. AI pauses on these chats as after any reply from the phone.",
}


class ShowChannels(Ask):
    """What to draw; `watch` is the channel whose code an owner looks at."""

    watch: UUID | None = None


class ChannelAsk(Ask):
    """What to do with a channel; the texts come from the form that was sent."""

    do: Literal["pair", "code", "create", "accept", "use_here", "try_again", "resume", "desk_drafts", "kept", "person"]
    id: UUID | None = None
    kind: ChannelKind | None = None
    name: str = ""
    timezone: str = ""
    number: str = ""
    version: str = ""
    accepted: str = ""


@dataclass
class _Drawn:
    """What is shown beside the channels themselves."""

    pairing: tuple[UUID, Pairing] | None = None
    watch: UUID | None = None
    codes: dict[UUID, Markup | None] = field(default_factory=dict)


class ChannelFunctions:
    """What the channels screen may ask."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._acts = {
            "use_here": ("use-here", "The bridge presses “Use here” once."),
            "try_again": ("try-again", "The bridge opens its page anew and looks whether it can send."),
            "resume": ("resume", "Resumed. What waited goes out now."),
        }

    async def show(self, session: PanelSession, payload: Payload) -> Answer:
        """List the channels, with the code that is looked at."""
        return await self._drawn(session, _Drawn(watch=ShowChannels.model_validate(payload).watch))

    async def act(self, session: PanelSession, payload: Payload) -> Answer:
        """Do what a button or form asks, and show the channels as they are then."""
        ask = ChannelAsk.model_validate(payload)
        if ask.do == "create":
            return await self._create(session, ask)
        if ask.id is None:
            raise InvalidInput("Which channel is meant?", hint="Reload the page.")
        match ask.do:
            case "pair":
                return await self._drawn(session, _Drawn(pairing=(ask.id, await session.api.pair(ask.id))))
            case "code":
                return await self._drawn(session, _Drawn(watch=ask.id))
            case "accept":
                return await self._accept(session, ask.id, ask)
            case "desk_drafts":
                await session.api.switch_own_key(ask.id, OwnKey(on=False))
                return _noted(await self._drawn(session, _Drawn()), "Drafts are made by the desk again.")
            case "kept" | "person":
                await session.api.judge(ask.id, AutomationState(ask.do))
                return _noted(await self._drawn(session, _Drawn()), _JUDGED[ask.do])
            case _:
                path, said = self._acts[ask.do]
                await session.api.act_on_channel(ask.id, path)
                return _noted(await self._drawn(session, _Drawn()), said)

    async def _create(self, session: PanelSession, ask: ChannelAsk) -> Answer:
        kind = ask.kind or ChannelKind.SANDBOX
        name = ask.name.strip() or "Practice page"
        await session.api.create_channel(NewChannel(kind=kind, name=name, timezone=ask.timezone or session.me.timezone))
        return _noted(await self._drawn(session, _Drawn()), f"{name} was added.")

    async def _accept(self, session: PanelSession, channel_id: UUID, ask: ChannelAsk) -> Answer:
        if not ask.number.strip():
            raise InvalidInput("Type the number of the business.", hint="With + and the country code.")
        body = AcceptRisk(version=ask.version, number=ask.number, accepted=ask.accepted == "on")
        await session.api.accept_risk(channel_id, body)
        return _noted(await self._drawn(session, _Drawn()), "Accepted. Pair the computer that will serve this number.")

    async def _drawn(self, session: PanelSession, beside: _Drawn) -> Answer:
        channels = (await session.api.channels()).items
        is_owner = session.me.role is Role.OWNER
        notice = await self._look(session, channels, beside) if is_owner else None
        risk = await session.api.risk() if is_owner else None
        html = self._templates.render(
            "channels.html",
            channels=channels,
            me=session.me,
            is_owner=is_owner,
            may_run=session.me.role in (Role.OWNER, Role.ADMIN),
            pairing=beside.pairing,
            codes=beside.codes,
            automations=(await session.api.automations()).items,
            risk=risk or RiskText(version="", official=[], risk=[], promise=[]),
            guide=GUIDE,
            well=ChannelVerdict.WORKS,
        )
        watch = str(beside.watch) if beside.watch in beside.codes else None
        return Answer(fragments={"main": html}, facts={"watch": watch}, notice=notice)

    async def _look(self, session: PanelSession, channels: list[Channel], beside: _Drawn) -> Notice | None:
        """Fetch the code that is looked at, where its channel still waits for it."""
        watched = next((one for one in channels if one.id == beside.watch), None)
        if watched is None or watched.state is not ChannelState.QR:
            return None
        try:
            code = await session.api.link_code(watched.id)
        except WaxosError as error:
            return Notice(level="bad", title=error.detail, hint=error.hint)
        beside.codes[watched.id] = drawn(code.data) if code.data else None
        return None


def _noted(answer: Answer, title: str) -> Answer:
    return answer.model_copy(update={"notice": Notice(level="good", title=title)})


def build(templates: Templates) -> None:
    """Lay out the screen inside the open `gr.Blocks`."""
    functions = ChannelFunctions(templates)
    with gr.Column(elem_id="view-channels", elem_classes="view"):
        gr.HTML(templates.source("channels_head.html"), apply_default_css=False)
        build_list(view="channels", event="channel.updated", show=functions.show, act=functions.act)
