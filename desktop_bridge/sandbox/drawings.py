"""Pictures that the sandbox draws itself, so that nothing is fetched from elsewhere."""

from html import escape

from desktop_bridge.sandbox.models import Message

HUES = (212, 262, 316, 12, 38, 150, 186)
EMOJI_FONTS = "'Noto Color Emoji','Apple Color Emoji','Segoe UI Emoji',sans-serif"


def emoji_svg(code: str) -> str:
    """One emoji from its code points, written like `1f44d-1f3fd`, in the computer's own emoji font."""
    points = [int(part, 16) for part in code.split("-") if part and all(c in "0123456789abcdef" for c in part)]
    glyph = escape("".join(chr(point) for point in points if point <= 0x10FFFF))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72">'
        f'<text x="36" y="58" font-size="60" text-anchor="middle" font-family="{EMOJI_FONTS}">{glyph}</text></svg>'
    )


def media_svg(message: Message) -> str:
    """A quiet landscape that stands for a picture nobody supplied; its colours follow from the message's id."""
    hue = HUES[sum(message.id.encode()) % len(HUES)]
    label = escape((message.media.name if message.media else "") or message.kind.value)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 220" width="320" height="220">'
        f'<rect width="320" height="220" fill="hsl({hue} 55% 82%)"/>'
        f'<circle cx="244" cy="64" r="26" fill="hsl({hue} 80% 95%)"/>'
        f'<path d="M0 190 90 96l64 66 46-44 120 92v10H0z" fill="hsl({hue} 38% 52%)"/>'
        f'<text x="16" y="206" font-family="sans-serif" font-size="14" fill="#fff">{label}</text></svg>'
    )
