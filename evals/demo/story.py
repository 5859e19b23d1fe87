"""The story: two customers write, one gets an answer with sources, to the other nothing is invented."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from evals.demo.desk_api import DeskApi, Json, StoryStopped
from evals.demo.desk_process import DeskAddresses
from evals.demo.pages import Pages, received, write
from evals.demo.timeline import Timeline

KNOWLEDGE = Path(__file__).parent / "knowledge" / "lumen-ceramics.md"
QUESTION = "Hi! How much is the beginner wheel course, and at what time does it take place?"
UNKNOWN = "Do you also repair broken window glass?"
Timings = dict[str, float]
"""Milliseconds of a run by node, with `own` and `provider`, as the API gives them."""

_OVER = {"sent", "delivered", "read", "returned", "failed", "unknown", "cancelled", "expired", "abandoned"}


@dataclass(slots=True)
class Told:
    """What the story leaves for the report."""

    exchanges: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    timings: list[Timings] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """One telling: the desk's addresses, a signed-in member, the pages and the timeline."""

    desk: DeskAddresses
    api: DeskApi
    pages: Pages
    timeline: Timeline
    told: Told = field(default_factory=Told)

    async def teach(self, knowledge: Path) -> None:
        """Give the desk the business's knowledge and wait until it can be searched."""
        source = await self.api.upload(knowledge)
        self.timeline.say("knowledge", f"{knowledge.name} is uploaded")

        async def ready() -> Json | None:
            now = await self.api.call("GET", f"/knowledge/sources/{source['id']}")
            if now["state"] == "failed":
                raise StoryStopped(f"{knowledge.name} could not be read: {now['failure']}", hint="Try another file.")
            return now if now["state"] == "ready" else None

        done = await self.api.until(ready, "the knowledge")
        self.timeline.say("knowledge", f"{done['chunks_total']} passages are searchable")

    async def ask(self, name: str, question: str, panel: Page, *, must_know: bool) -> None:
        """Let a customer ask, and staff answer with what the desk drafted; where it drafted nothing, nothing is sent."""
        phone = await self.pages.customer(self.desk.sandbox, name)
        await write(phone, question)
        self.timeline.say("customer", f"{name} writes: {question}")
        chat_id = await self._arrived(name)
        draft = await self._drafted(chat_id)
        await self._show(panel, name, draft)
        slug = name.lower().replace(" ", "-")
        self.told.pictures.append(await self.pages.picture(panel, f"panel-draft-{slug}"))
        if draft["parts"]:
            replies = await self._send(chat_id, draft, phone, panel)
        else:
            replies = []
            missing = "; ".join(str(item) for item in draft["missing"]) or question
            self.timeline.say("not known", f"nothing is invented, staff are asked: {missing}")
            if must_know:
                raise StoryStopped("The demo's own question found no answer in the demo's own knowledge.")
        self.told.pictures.append(await self.pages.picture(phone, f"customer-{slug}"))
        self.told.exchanges.append(
            {"customer": name, "question": question, "draft": _summary(draft), "received": replies}
        )

    async def _arrived(self, name: str) -> str:
        async def look() -> str | None:
            page = await self.api.call("GET", "/chats", params={"q": name})
            return next((str(chat["id"]) for chat in page["items"] if chat["title"] == name), None)  # type: ignore[attr-defined]

        chat_id = await self.api.until(look, f"the message of {name}")
        self.timeline.say("bridge", "the message is read from the page and stored")
        return chat_id

    async def _drafted(self, chat_id: str) -> dict[str, Any]:
        async def look() -> Json | None:
            context: dict[str, Any] = await self.api.call("GET", f"/chats/{chat_id}/context")
            if context["run"] and context["run"]["state"] == "failed":
                raise StoryStopped(
                    f"No draft was made: {context['run']['error']}", hint="See var/ for the worker's log."
                )
            return context if context["draft"] and context["draft"]["status"] in ("pending", "blocked") else None

        context: dict[str, Any] = await self.api.until(look, "a draft")
        draft, run = context["draft"], context["run"]
        timings = run["timings_ms"] or {}
        self.told.timings.append(timings)
        verdict = draft["check"]["verdict"] if draft["check"] else "not checked"
        cited = [source["source_title"] for source in draft["sources"] if source["cited"]]
        nodes = ", ".join(f"{node} {ms:.0f}" for node, ms in timings.items())
        self.timeline.say(
            "draft",
            f"made by the graph (ms: {nodes}); verdict {verdict}; sources: {', '.join(sorted(set(cited))) or 'none'}",
        )
        return dict(draft)

    async def _show(self, panel: Page, name: str, draft: dict[str, Any]) -> None:
        await panel.locator(".chat-row", has_text=name).first.click()
        await panel.locator(".head h2", has_text=name).wait_for()
        if draft["parts"]:
            await expect(panel.locator(".card textarea").first).to_have_value(
                re.compile(re.escape(draft["parts"][0][:40]))
            )
        self.timeline.say("panel", f"the chat with {name} and what the desk made of it are on the screen of staff")

    async def _send(self, chat_id: str, draft: dict[str, Any], phone: Page, panel: Page) -> list[str]:
        marked = draft["check"] is not None and draft["check"]["verdict"] != "pass"
        body = {"version": draft["version"], "text_sha256": draft["text_sha256"], "confirm": marked}
        decided: dict[str, Any] = await self.api.call("POST", f"/drafts/{draft['id']}/approve", json=body)
        ids = set(decided["send_ids"])
        self.timeline.say(
            "approved",
            f"by staff through the public API, {len(ids)} part(s)"
            + (" after reading what is marked" if marked else ""),
        )

        async def settled() -> list[dict[str, Any]] | None:
            page: dict[str, Any] = await self.api.call("GET", "/sends", params={"chat_id": chat_id})
            mine = [send for send in page["items"] if send["id"] in ids]
            return mine if all(send["status"] in _OVER for send in mine) else None

        sends = await self.api.until(settled, "the bridge to send the reply")
        if any(send["status"] not in ("sent", "delivered", "read") for send in sends):
            raise StoryStopped(f"The reply did not leave: {', '.join(s['error_detail'] or s['status'] for s in sends)}")
        self.timeline.say("sent", "typed in the chat page, clicked once and read back by the bridge")
        texts = await received(phone, len(draft["parts"]))
        self.timeline.say("received", "on the customer's phone: " + " / ".join(draft["parts"]))

        async def read() -> bool | None:
            page: dict[str, Any] = await self.api.call("GET", "/sends", params={"chat_id": chat_id})
            return all(send["status"] == "read" for send in page["items"] if send["id"] in ids) or None

        await self.api.until(read, "the ticks")
        await panel.locator(".msg.out .tick-read").last.wait_for()
        self.timeline.say("ticks", "delivered and read came back, to the desk and to the screen of staff")
        return texts


async def measure_drafts(api: DeskApi, rounds: int) -> list[Timings]:
    """Ask for `rounds` more drafts, one after another, and return what each of them took."""
    page: dict[str, Any] = await api.call("GET", "/chats")
    chat_id = page["items"][0]["id"]
    taken: list[Timings] = []
    for _ in range(rounds):
        run_id = (await api.call("POST", f"/chats/{chat_id}/drafts", json={}))["id"]

        async def done(run_id: object = run_id) -> dict[str, Any] | None:
            context: dict[str, Any] = await api.call("GET", f"/chats/{chat_id}/context")
            run = context["run"]
            return run if run["id"] == run_id and run["state"] in ("done", "failed") else None

        run = await api.until(done, "a measured draft")
        taken.append(run["timings_ms"])
    return taken


def own_work_ms(timings: Timings) -> float:
    """Return all of the desk's own work on a draft in ms: everything but the wait for providers."""
    return timings.get("own", sum(timings.values()) - timings.get("provider", 0.0))


def overhead_ms(timings: Timings) -> float:
    """Return what a draft cost beside its agents in ms: claim, loading, checkpoints, storing, and the graph itself."""
    return own_work_ms(timings) - sum(timings.get(agent, 0.0) for agent in ("retrieve", "draft", "humanize", "check"))


def _summary(draft: dict[str, Any]) -> dict[str, Any]:
    return {
        "parts": draft["parts"],
        "missing": draft["missing"],
        "verdict": draft["check"]["verdict"] if draft["check"] else None,
        "provider": draft["provider"],
        "model": draft["model"],
        "sources": [source["source_title"] for source in draft["sources"] if source["cited"]],
    }
