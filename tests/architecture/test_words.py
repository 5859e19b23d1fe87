"""What may not be written anywhere: the demo's texts in the product, paths and hosts of somebody's machine.

Addresses of WhatsApp: tests/desktop_bridge/test_addresses.py.
"""

import re

from tests.architecture.tree import ROOT, texts

# Spelt in parts, so that this module does not break its own rules.
_MACHINE = re.compile(
    "|".join(f"(?<![\\w.])/{folder}/" for folder in ("work", "root", "farm", "home/[a-z]+", "Users/[a-z]+"))
)
_REGISTRY = re.compile(
    "|".join(rf"{name}\.{end}" for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "(?:org|com)")))
)
_DEMO_WORDS = 7


def _sentences(text: str) -> set[str]:
    """Return lines that are long enough to be somebody's own, spaces and marks of Markdown left out."""
    lines = (" ".join(line.strip("#*->| \t").split()) for line in text.splitlines())
    return {line for line in lines if len(line.split()) >= _DEMO_WORDS}


def test_the_demo_stays_in_the_demo() -> None:
    """No sentence of the demo's knowledge occurs outside evals/ and tests/: the product answers from what it reads."""
    sentences = set().union(
        *(_sentences(path.read_text()) for path in (ROOT / "evals").rglob("*.md") if path.name != "README.md")
    )
    found = [
        f"{name}: {sentence}"
        for name, text in texts().items()
        if not name.startswith(("evals/", "tests/"))
        for sentence in sorted(sentences)
        if sentence in " ".join(text.split())
    ]
    assert not found, "\n".join(found)
    assert len(sentences) >= 10


def test_no_machine_is_named() -> None:
    """No path of somebody's own machine, and no package registry: the project runs anywhere, from any index."""
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if _MACHINE.search(line) or _REGISTRY.search(line)
    ]
    assert not found, "\n".join(found)
