"""A crowd of mixed chats for one sandbox: customers among relatives, groups and channels whose every word is a canary."""

import random
from collections import Counter
from dataclasses import dataclass, field

from core.contracts.states import ReadingChoice
from desktop_bridge.sandbox.models import Chat, ChatKind, NewChat, NewMessage, Source
from desktop_bridge.sandbox.running import Sandbox

CANARY = "kanari"
"""Stands in every name, text and author that must stay in the page."""

_RELATIVES = (
    "Mãe {c}{n}",
    "أم {c}{n}",
    "{c} Anna {n} 💛",
    "\u2068{c}\u2069 José {n}",
    "ما {c} {n} \u200fx",
    "+49 170 77{n:06}",
)
_CUSTOMERS = ("Anna {n}", "أحمد {n}", "+351 91 {n:07}", "José\u200e {n} 🙂", "Née  {n}: shop", "Ana & Rui {n}")
_KINDS = (ChatKind.GROUP, ChatKind.GROUP, ChatKind.COMMUNITY, ChatKind.CHANNEL)


@dataclass
class Crowd:
    """The chats by id. `inside` may be read, `outside` may not; `heard` is what must arrive, each text once."""

    choice: ReadingChoice
    random: random.Random
    inside: dict[str, Chat] = field(default_factory=dict)
    outside: dict[str, Chat] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)
    heard: Counter[str] = field(default_factory=Counter)
    rounds: int = 0

    @property
    def canaries(self) -> list[str]:
        """Every word that may be found nowhere: in texts and names, and the numbers of those who are left out."""
        numbers = [chat.title for chat in self.outside.values() if chat.title.startswith("+49")]
        return [CANARY, *numbers, *(number.replace(" ", "") for number in numbers)]

    def shares_its_title(self, text: str) -> bool:
        """Tell whether the customer who wrote this bears the title of another one: what was unread before may be either's."""
        titles = Counter(chat.title for chat in self.inside.values())
        return any(text.endswith(chat.id) and titles[chat.title] > 1 for chat in self.inside.values())

    def of(self, kind: ChatKind, *, photo: bool | None = None) -> Chat:
        """Return a chat of this kind that is outside."""
        return next(c for c in self.outside.values() if c.kind is kind and photo in {None, c.photo})

    async def settle(self, sandbox: Sandbox, size: int, many: int) -> None:
        """Add `size` chats, `many` of them customers, with a history that is partly unread."""
        relatives = [NewChat(title=_pick(_RELATIVES, number)) for number in range(size // 4)]
        relatives += [NewChat(title=relatives[number].title) for number in range(max(size // 50, 1))]  # namesakes
        customers = [NewChat(title=_pick(_CUSTOMERS, number)) for number in range(many)]
        several = [self._several(number) for number in range(size - len(relatives) - len(customers))]
        if self.choice is not ReadingChoice.ONLY:
            for number in range(max(many // 20, 1)):  # a customer of the same name as another, and as a group
                customers[number].title = customers[-1 - number].title
                several[number * 4].title = customers[number + many // 3].title
        added = await sandbox.client.add_chats(
            self.random.sample(all_ := [*several, *relatives, *customers], len(all_))
        )
        left = Counter(new.title for new in customers)
        for chat in added:
            ours = chat.kind is ChatKind.PERSON and left[chat.title] > 0
            (self.inside if ours else self.outside)[chat.id] = chat
        self.named = [new.title for new in (customers if self.choice is ReadingChoice.ONLY else relatives)]
        await sandbox.client.add_messages(
            NewMessage(chat=chat.id, text=text, author=author_in(chat), seen=self.random.random() < 0.7)
            for chat in added
            for text in ["of old" if chat.id in self.inside else f"{CANARY} of old"]
        )

    async def speak(self, sandbox: Sandbox) -> None:
        """Let everybody write once or twice, and some of the outside be answered from the phone."""
        self.rounds += 1
        said = []
        for chat in [*self.inside.values(), *self.outside.values()]:
            if chat.id in self.inside:
                texts = [
                    f"{word} {self.rounds} from {chat.id}"
                    for word in ("Hello", "Note: please call")[: 1 + int(chat.id) % 2]
                ]
                self.heard.update(texts)
            elif self.choice is ReadingChoice.NEW_WRITERS and chat.kind is ChatKind.PERSON:
                continue  # who writes is read; these never do
            else:
                texts = [f"{CANARY} {self.rounds}"]
            said.append([NewMessage(chat=chat.id, text=text, author=author_in(chat)) for text in texts])
            if chat.id in self.outside and self.random.random() < 0.1:
                said[-1].append(NewMessage(chat=chat.id, text=f"{CANARY} I say", source=Source.PHONE))
        self.random.shuffle(said)
        await sandbox.client.add_messages(message for messages in said for message in messages)

    def _several(self, number: int) -> NewChat:
        kind = _KINDS[number % 4]
        members = [f"{CANARY}-{number}-{name}" for name in ("Ana", "Rui")]
        photo = number % 3 > 0 and kind is not ChatKind.CHANNEL
        return NewChat(title=f"{CANARY} {kind.value} {number}", kind=kind, members=members, photo=photo)


def _pick(forms: tuple[str, ...], number: int) -> str:
    return forms[number % len(forms)].format(c=CANARY, n=number)


def author_in(chat: Chat) -> str:
    """Return who writes in a chat: nobody is named where it is one person's."""
    return "" if chat.kind is ChatKind.PERSON else f"{CANARY} author"
