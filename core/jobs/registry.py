"""What a worker can do: tasks rung by (tenant, id), answers to questions of the API, and what to load before the first of them.

A folder announces itself by an entry point of the group `waxos.tasks`, a function `register(registry: Registry) -> None`.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Literal
from uuid import UUID

from core.db.session import Database
from core.settings import Settings

Queue = Literal["default", "cpu"]
QUEUES: tuple[Queue, ...] = ("default", "cpu")


@dataclass(frozen=True, slots=True)
class Resources:
    """What every handler is given: settings and units of work, on the process's one event loop."""

    settings: Settings
    db: Database


TaskHandler = Callable[[Resources, UUID, UUID], Coroutine[Any, Any, None]]
AnswerHandler = Callable[[Resources, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
StartHook = Callable[[Resources], Awaitable[None]]
Preload = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Task:
    """A task: claims its work in Postgres, so that ringing it twice, late or for nothing is harmless."""

    name: str
    handler: TaskHandler
    timeout_s: float
    queue: Queue


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a question asked by `core.jobs.ask`."""

    kind: str
    handler: AnswerHandler
    timeout_s: float


@dataclass(slots=True)
class Registry:
    """Everything that was announced, by name."""

    tasks: dict[str, Task] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    start_hooks: list[StartHook] = field(default_factory=list)
    preloads: list[Preload] = field(default_factory=list)

    def task(self, name: str, handler: TaskHandler, *, timeout_s: float = 60.0, queue: Queue = "default") -> None:
        """Announce a task. CPU work of more than some milliseconds belongs in a thread, or on the queue `cpu`."""
        if name in self.tasks:
            raise ValueError(f"task {name} is announced twice")
        self.tasks[name] = Task(name, handler, timeout_s, queue)

    def answer(self, kind: str, handler: AnswerHandler, *, timeout_s: float = 10.0) -> None:
        """Announce an answer: takes and returns JSON-native values; a WaxosError it raises is raised at the asker."""
        if kind in self.answers:
            raise ValueError(f"answer {kind} is announced twice")
        self.answers[kind] = Answer(kind, handler, timeout_s)

    def preload(self, load: Preload) -> None:
        """Announce heavy imports, done once in a thread while the worker still waits for its servers."""
        self.preloads.append(load)

    def on_start(self, hook: StartHook) -> None:
        """Announce what a worker opens before its first task; runs on its event loop, after the database answers."""
        self.start_hooks.append(hook)


def load_registry() -> Registry:
    """Collect every `waxos.tasks` entry point that is installed."""
    registry = Registry()
    for point in sorted(entry_points(group="waxos.tasks"), key=lambda item: item.name):
        point.load()(registry)
    return registry
