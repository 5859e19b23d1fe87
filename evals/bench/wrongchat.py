"""`waxos bench wrongchat`: answers among chats that re-order all the time and have near-equal titles, judged by the phones."""

import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.bench.rehearsal import Rehearsal, Sandbox, rehearsal, sandbox
from evals.bench.titles import TITLES

TRIES = 4
"""How often a stopped answer is approved anew, each time to the customer's newest message."""

MOST_OTHERS = 3
"""So many messages come in, at most, while one answer is on its way."""

_EVERY_SENDS = 25
_LOOKS = (
    {"build": "testid", "ids": "bare", "lang": "en"},
    {"build": "plain", "ids": "legacy", "lang": "pt"},
    {"build": "plain", "ids": "bare", "lang": "es"},
    {"build": "testid", "ids": "legacy", "lang": "es"},
)
_WORDS = (
    "We open at nine.",
    "Yes, it is ready.\n\nCome by any time.",
    "Sim, abrimos às 9h 🙂",
    "نفتح الساعة 9",
    "- one\n- two",
)


@dataclass
class Score:
    """What was asked for, and what became of it."""

    wanted: dict[str, str] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    stops: Counter[str] = field(default_factory=Counter)
    given_up: Counter[str] = field(default_factory=Counter)

    def figures(self, received: list[tuple[str, str]], drafts: dict[str, str]) -> dict[str, float]:
        """Judge by what the phones received, as (chat, text), and by what stands unsent in the boxes, by chat."""
        times = Counter(text for _, text in received)
        ours = {chat: text for chat, text in drafts.items() if any(one.startswith(text) for one in self.wanted)}
        figures = {
            "sends": len(self.wanted),
            "sent": len(self.sent),
            "wrong_chat": sum(self.wanted.get(text) != chat for chat, text in received),
            "duplicates": sum(count - 1 for count in times.values()),
            "lost": len(self.sent - set(times)),
            "left_unreported": len(set(times) - self.sent),
            "left_in_boxes": len(ours),
            "stops": self.stops.total(),
            "given_up": self.given_up.total(),
        }
        figures |= {f"stop_{code}": count for code, count in sorted(self.stops.items())}
        figures |= {f"given_up_{code}": count for code, count in sorted(self.given_up.items())}
        return {name: float(value) for name, value in figures.items()}


def wrongchat(
    sends: Annotated[int, typer.Option(min=1, help="Answers to approve.")] = 40,
    seed: Annotated[int, typer.Option(help="Of all chance: who is answered, who writes meanwhile, what is slow.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: metric and value.")] = False,
) -> None:
    """Answer chats with near-equal titles while the list re-orders, and count what reached another chat than was meant."""
    with tempfile.TemporaryDirectory(prefix="waxos-bench-") as home:
        figures = asyncio.run(measure(sends, random.Random(seed), Path(home), _tell))  # noqa: S311 - it can be repeated
    for metric, value in figures.items():
        typer.echo(json.dumps({"metric": metric, "value": value}) if as_json else f"{metric:<40}{value:>10.1f}")
    if any(figures[name] for name in ("wrong_chat", "duplicates", "lost", "left_in_boxes")):
        raise typer.Exit(1)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


async def measure(
    sends: int, chance: random.Random, home: Path, tell: Callable[[str], None] = lambda _: None
) -> dict[str, float]:
    """Play it on a sandbox and a bridge of its own in `home`, tell how far it is, and return the figures."""
    async with sandbox(home) as stage:
        chats = await stage.phones.new_chats(list(TITLES))
        await stage.phones.configure(ticks={"sent_ms": 20, "delivered_ms": 60})
        async with rehearsal(stage.url, home / "bridge", pacing=False) as (bridge, _):
            newest = {chat: await stage.phones.say(chat, f"Hello, I am number {n}") for n, chat in enumerate(chats)}
            began = time.monotonic()
            score = Score()
            for number in range(sends):
                if number % _EVERY_SENDS == 0:
                    await stage.phones.configure(**_LOOKS[number // _EVERY_SENDS % len(_LOOKS)], faults=_faults(chance))
                    tell(f"{number} of {sends}: {await _judged(stage, score)}")
                chat = chance.choice(chats)
                async with asyncio.TaskGroup() as meanwhile:
                    meanwhile.create_task(_others_write(stage, chats, newest, random.Random(chance.random())))  # noqa: S311
                    text = f"{chance.choice(_WORDS)} No. {number}"
                    meanwhile.create_task(_answer(stage, bridge, score, chat, newest, text))
            minutes = (time.monotonic() - began) / 60
        return await _judged(stage, score) | {"per_minute": round(sends / minutes, 1)}


async def _judged(stage: Sandbox, score: Score) -> dict[str, float]:
    received = [(one.chat, one.text) for one in await stage.phones.look()]
    return score.figures(received, await stage.phones.drafts())


async def _answer(
    stage: Sandbox, bridge: Rehearsal, score: Score, chat: str, newest: dict[str, str], text: str
) -> None:
    score.wanted[text] = chat
    code = "none"
    for attempt in range(TRIES):
        if attempt == 0:
            newest[chat] = await stage.phones.say(chat, f"Question: {text}")
        done = await bridge.ask(do="answer", message=newest[chat], text=text)
        if done.get("status") == "sent":
            score.sent.add(text)
            return
        code = _reason(done)
        score.stops[code] += 1
        if done.get("status") == "unknown":
            break  # it may have left: a person decides, nobody sends it again
    score.given_up[code] += 1


def _reason(done: dict[str, Any]) -> str:
    return str(done.get("code") or done.get("status") or "no_answer")


async def _others_write(stage: Sandbox, chats: list[str], newest: dict[str, str], chance: random.Random) -> None:
    """While one answer is on its way a few customers write, sometimes the one who is answered, so that rows move at any moment."""
    for _ in range(chance.randint(1, MOST_OTHERS)):
        await asyncio.sleep(chance.expovariate(6))  # house: sleep - people write when they like
        chat = chance.choice(chats)
        newest[chat] = await stage.phones.say(chat, f"One more thing, {chance.random()}")


def _faults(chance: random.Random) -> dict[str, int]:
    """Opens that are slow or do nothing, and chats that are drawn late."""
    return {
        "slow_open_ms": chance.choice((0, 0, 150, 400)),
        "lost_opens": chance.choice((0, 1)),
        "history_delay_ms": chance.choice((0, 0, 200)),
    }
