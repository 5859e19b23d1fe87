"""What goes wrong on the page itself while the desk is being killed: late and lost clicks, a held outbox, delayed history."""

import random
from dataclasses import dataclass

from evals.crashtest.phones import Phones

CALM: dict[str, int | bool] = {
    "late_click_ms": 0,
    "lost_clicks": 0,
    "outbox_until_reload": False,
    "outbox_delay_ms": 0,
    "history_delay_ms": 0,
}


@dataclass(slots=True)
class Weather:
    """Changes by chance before each reply; each fault lasts until the next change."""

    phones: Phones
    chance: random.Random

    async def turn(self) -> None:
        """Let the next weather come."""
        dice = self.chance.random()
        if dice < 0.10:
            fault: dict[str, int | bool] = {"late_click_ms": self.chance.randint(200, 2500)}
        elif dice < 0.12:
            fault = {"lost_clicks": 1}
        elif dice < 0.16:
            fault = {"outbox_until_reload": True, "outbox_delay_ms": self.chance.randint(0, 1500)}
        elif dice < 0.30:
            fault = {"history_delay_ms": self.chance.randint(200, 1200)}
        else:
            fault = {}
        await self.phones.configure(faults={**CALM, **fault})

    async def calm(self) -> None:
        """End all faults."""
        await self.phones.configure(faults=CALM)


class Calm(Weather):
    """A page on which nothing goes wrong."""

    async def turn(self) -> None:
        """Let everything be as it is."""
