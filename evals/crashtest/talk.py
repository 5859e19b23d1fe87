"""What is said: customers write, staff answer, approve, and decide about whatever comes back, until every reply is over."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from core.contracts.ids import new_id
from evals.crashtest.pace import Pace
from evals.crashtest.phones import Phones
from evals.crashtest.staff import OUT_OF_HAND, DeskSilent, Json, Staff
from evals.crashtest.waiting import ticks, until
from evals.crashtest.weather import Weather

_NAMES = ("Anna Duarte", "Ben Okoro", "Carla Nunes", "Ana Duarte", "دانا", "Carla Núñez")
_SYLLABLES = (
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "ri",
    "so",
    "tu",
    "va",
    "we",
    "zi",
)
_MOST_ROUNDS = 12
_REPLY_S = 300.0


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: its parts, each a text that no other reply has, and whether the customer writes before it."""

    parts: tuple[str, ...]
    asked: bool


def titles(count: int) -> list[str]:
    """Return titles for so many chats: each is borne by two of them, and some differ by one letter."""
    return [_NAMES[number // 2 % len(_NAMES)] for number in range(count)]


def replies(sends: int, chance: random.Random) -> list[Reply]:
    """Return replies of `sends` parts in all; a fifth of the parts belong to replies of two or three."""
    found: list[Reply] = []
    in_parts, left = round(sends / 5), sends
    while left:
        size = min(chance.choice((2, 3)), in_parts) if in_parts > 1 else 1
        size = min(size, left)
        if size > 1:
            in_parts -= size
        parts = tuple(_text(len(found), part, chance) for part in range(size))
        found.append(Reply(parts, asked=chance.random() < 0.6))
        left -= size
    chance.shuffle(found)
    return found


def _text(reply: int, part: int, chance: random.Random) -> str:
    """Return a text that is unique by its first word and made like what people write: one line, several, long, in two scripts."""
    word = "".join(_SYLLABLES[(reply * 7 + part * 5 + place * (reply + 3)) % len(_SYLLABLES)] for place in range(3))
    code = f"{word}-{_letters(reply)}-{_letters(part)}"
    kind = chance.random()
    if kind < 0.15:
        return f"{code}: thank you for asking!\nWe keep it for you.\n\nSee you soon 🙂"
    if kind < 0.22:
        return f"{code}: " + "we had a look at it and are glad to help you with this. " * 15 + "Bye"
    if kind < 0.28:
        return f"{code}: שלום, we have it for you, תודה"
    return f"{code}: yes, with pleasure, come by whenever it suits you."


def _letters(number: int) -> str:
    found = ""
    while True:
        found = chr(97 + number % 26) + found
        number //= 26
        if not number:
            return found


class Conversation:
    """One chat, one reply after another. `chat` is its key on the phones, `meant_for` is filled for the judge."""

    def __init__(
        self,
        staff: Staff,
        phones: Phones,
        pace: Pace,
        weather: Weather,
        chat: str,
        meant_for: dict[str, str],
        *,
        again: bool = False,
    ) -> None:
        """Prepare a talk. `again`: what staff give up because the phone does not show it, they send once more."""
        self._staff, self._phones, self._pace, self._weather = staff, phones, pace, weather
        self._chat = chat
        self._chat_id: str | None = None
        self._meant_for = meant_for
        self._again = again
        self.chat_ids: set[str] = set()

    async def hold(self, mine: Sequence[Reply], number: int) -> None:
        """Hold the whole conversation; `number` tells this chat's questions from others'.

        Everybody writes at the start: among chats of one title an empty one keeps whoever looks for another waiting.
        """
        await self._ask(f"Good morning from {_letters(number)}")
        for count, reply in enumerate(mine):
            if not await self._pace.may_send(len(reply.parts)):
                return
            await self._weather.turn()
            if reply.asked:
                await self._ask(f"Question {_letters(count)} of {_letters(number)}: may I come by?")
            self._meant_for |= dict.fromkeys(reply.parts, self._chat)
            draft_id = await self._type(list(reply.parts))
            await self._see_through(draft_id, list(reply.parts))
            self._pace.settled(len(reply.parts))

    async def _ask(self, question: str) -> None:
        await self._phones.say(self._chat, question)

        async def arrived() -> str | None:
            found = [key for key, chat in self._staff.chats.items() if chat["last_preview"] == question]
            return found[0] if found else await self._chat_with(question)

        chat_id = await until(arrived, _REPLY_S, 0.5)
        if chat_id is None:
            shown = [chat["last_preview"] for key, chat in self._staff.chats.items() if key in self.chat_ids]
            raise DeskSilent(f"a customer's message did not arrive: {question}; the desk shows {shown}")
        self._chat_id = chat_id
        self.chat_ids.add(chat_id)

    async def _chat_with(self, text: str) -> str | None:
        """Look into the chat itself: a text of ours that left late may stand below what the customer wrote."""
        if self._chat_id is None:
            return None
        page = await self._staff.call("GET", f"/chats/{self._chat_id}/messages", params={"limit": 5})
        return self._chat_id if any(message["text"] == text for message in page["items"]) else None

    async def _type(self, parts: list[str]) -> str:
        """Type a reply until the desk has taken it on the chat as it stands."""
        draft_id = str(new_id())
        for _ in range(_MOST_ROUNDS):
            chat = await self._staff.call("GET", f"/chats/{self._chat_id}")
            body = {"parts": parts, "chat_version": chat["version"], "id": draft_id}
            answer = await self._staff.call("POST", f"/chats/{self._chat_id}/messages", json=body, allow=(409,))
            if "refused" not in answer:
                return draft_id
        raise DeskSilent(f"the desk does not take a reply: {answer}")

    async def _see_through(self, draft_id: str, parts: list[str]) -> None:
        """Approve, settle what is unknown and approve again what came back, until nothing of the reply is on its way."""
        rounds = 0
        async for _ in ticks(_REPLY_S * 2, 0.25):
            rows = self._staff.of_draft(draft_id)
            if not rows:
                draft_id = await self._decide(draft_id, parts)
                continue
            for row in rows:
                if row["status"] == "unknown":
                    await self._settle(row)
            if len({row["part"] for row in rows}) < rows[0]["parts_total"] or not _over(rows):
                continue
            back = await self._brought_back(rows)
            rounds += 1
            if back is None or rounds > _MOST_ROUNDS:
                return
            draft_id, parts = back["id"], back["parts"]
        raise DeskSilent(f"a reply came to no end within {_REPLY_S * 2:.0f} s: {[r['status'] for r in rows]}")

    async def _decide(self, draft_id: str, parts: list[str]) -> str:
        draft = await self._staff.call("GET", f"/drafts/{draft_id}")
        if draft["status"] in ("superseded", "rejected", "expired", "blocked"):
            return await self._type(parts)
        if draft["status"] == "pending":
            await self._approve(draft)
        return draft_id

    async def _approve(self, draft: Json) -> None:
        body = {"version": draft["version"], "text_sha256": draft["text_sha256"], "confirm": True}
        await self._staff.call("POST", f"/drafts/{draft['id']}/approve", json=body, allow=(409,))

    async def _settle(self, row: Json) -> None:
        """Do what staff are asked to: look at the phone, and say whether the message is there."""
        self._pace.unknown.add(row["id"])
        outcome = "sent" if await self._phones.shows(self._chat, row["text"]) else "abandoned"
        answer = await self._staff.call("POST", f"/sends/{row['id']}/settle", json={"outcome": outcome}, allow=(409,))
        if self._again and outcome == "abandoned" and "refused" not in answer:
            await self._send_again(row)

    async def _send_again(self, row: Json) -> None:
        for _ in range(_MOST_ROUNDS):
            chat = await self._staff.call("GET", f"/chats/{self._chat_id}")
            body = {"chat_version": chat["version"]}
            answer = await self._staff.call("POST", f"/sends/{row['id']}/retry", json=body, allow=(409,))
            if "refused" not in answer:
                self._staff.sends[answer["id"]] = answer
                return
        raise DeskSilent(f"the desk does not send again: {answer}")

    async def _brought_back(self, rows: list[Json]) -> Json | None:
        """Return the draft that came back with the rest of a reply, approved again; None where nothing came back."""
        texts = [row["text"] for row in rows if row["status"] == "returned"]
        if not texts:
            return None
        context = await self._staff.call("GET", f"/chats/{self._chat_id}/context")
        draft: Json | None = context["draft"]
        if draft is None or draft["parts"] != texts:
            return {"id": await self._type(texts), "parts": texts}
        self._pace.returned += len(texts)
        await self._approve(draft)
        return draft


def _over(rows: list[Json]) -> bool:
    return all(row["status"] in OUT_OF_HAND - {"unknown"} for row in rows)
