"""The rules of `rules.py` hold over the whole tree, and each of them would notice a breach."""

import ast

import pytest

from tests.architecture.rules import RULES, idle_escapes, offences
from tests.architecture.tree import modules, relative

SPEAKS_OF_RULES = {"tests/architecture/rules.py", "tests/architecture/test_rules.py"}
EVERYWHERE = [path for path in [*modules(), *modules("tests")] if relative(path) not in SPEAKS_OF_RULES]
BREACHES = {
    "commit": ("domain/chats/service.py", "async def keep(session):\n    await session.commit()\n"),
    "http": ("domain/chats/service.py", "from fastapi import HTTPException\n"),
    "identity": ("tools/orders.py", "async def orders(deps, *, tenant_id): ...\n"),
    "sleep": ("core/jobs/worker.py", "import asyncio\nasync def wait():\n    await asyncio.sleep(1)\n"),
    "interrupt": ("graph/nodes.py", "def wait(state):\n    return interrupt(state)\n"),
    "clock": ("tests/test_x.py", "def test_it(patch):\n    patch.setattr('core.jobs.worker.time.monotonic', int)\n"),
    "state": ("domain/chats/service.py", '"""Doc."""\n_CACHE: dict[str, int] = {}\n'),
    "docstring": ("domain/chats/service.py", '"""Doc."""\ndef resolve(): ...\n'),
}


@pytest.mark.parametrize("name", sorted(RULES))
def test_rule_holds(name: str) -> None:
    """No module breaks the rule without saying why."""
    found = [line for path in EVERYWHERE for line in offences(RULES[name], relative(path), path.read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", sorted(RULES))
def test_rule_sees_a_breach_and_heeds_its_escape(name: str) -> None:
    """A planted breach is found; with its escape and a reason it is not; with an escape that gives no reason it is."""
    path, source = BREACHES[name]
    found = offences(RULES[name], path, source)
    assert len(found) == 1
    line = int(found[0].split(":")[1]) - 1
    lines = source.splitlines()
    reason = f"  # house: {name} - the vendor leaves no other way"
    excused = "\n".join([*lines[:line], lines[line] + reason, *lines[line + 1 :]])
    assert offences(RULES[name], path, excused) == []
    assert idle_escapes(path, excused) == []
    mute = excused.replace(" - the vendor leaves no other way", "")
    assert offences(RULES[name], path, mute)
    assert idle_escapes(path, mute)


def test_no_escape_is_idle() -> None:
    """Escapes whose breach is gone are gone too, else they would excuse the next one."""
    found = [line for path in EVERYWHERE for line in idle_escapes(relative(path), path.read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "TABLE = {'a': 1}\n",
        "from typing import Final\nnames: Final = ['a']\n",
        "__all__ = ['a']\n",
        "def f():\n    seen = []\n    return seen\n",
    ],
)
def test_constants_are_not_state(source: str) -> None:
    """What is full from the start and named as a constant, and what lives in a function, is no module-level state."""
    assert list(RULES["state"].find(ast.parse(source))) == []
