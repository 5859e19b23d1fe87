"""Of a web page its title and where its links lead. Runs in the sandboxed child only: strangers wrote it."""

from html.parser import HTMLParser

MOST_LINKS = 2000
_TITLE_CHARS = 200


class WebPage(HTMLParser):
    """Fed with the text of a page. `links` are as they are written, before they are joined with the page's own address."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self._title: list[str] = []
        self._in_title = False

    @property
    def title(self) -> str | None:
        """The page's title on one line; none where it has none."""
        return " ".join("".join(self._title).split())[:_TITLE_CHARS] or None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link, or where the title begins."""
        named = dict(attrs)
        if tag == "title" and not self._title:
            self._in_title = True
        elif (
            tag == "a"
            and named.get("href")
            and "nofollow" not in (named.get("rel") or "")
            and len(self.links) < MOST_LINKS
        ):
            self.links.append(str(named["href"]))

    def handle_endtag(self, tag: str) -> None:
        """Note where the title ends."""
        self._in_title = self._in_title and tag != "title"

    def handle_data(self, data: str) -> None:
        """Take in the title."""
        if self._in_title:
            self._title.append(data)
