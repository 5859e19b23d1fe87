"""Reading an uploaded file in the sandbox: strangers made it."""

from collections.abc import AsyncIterable
from dataclasses import dataclass

from domain.knowledge.documents import Document
from domain.sandbox import Sandbox

_MODULE = "domain.knowledge.reading_child"


@dataclass(frozen=True, slots=True)
class FileReader(Sandbox):
    """Starts one child a file."""

    async def read(self, data: AsyncIterable[bytes], mime: str | None) -> Document:
        """Return the blocks of a file, whose bytes only the child holds. `mime` is what it was declared to be.

        Raises:
            Unreadable: the file cannot become knowledge; says why.
            Unavailable: the child was killed from outside; trying again may help.
        """
        answer = await self.run(_MODULE, {"mime": mime}, data)
        return Document.model_validate(answer["document"])
