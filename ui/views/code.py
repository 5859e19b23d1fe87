"""Draws a linking code as SVG. Whoever scans it decides which account the desk serves: it goes into the picture and nowhere else."""

import segno
from markupsafe import Markup


def drawn(data: str) -> Markup:
    """Return the code as an SVG that scales to its place, dark on light in every theme, as scanners need it."""
    code = segno.make(data, error="m", micro=False)
    svg = code.svg_inline(border=4, dark="#111", light="#fff", omitsize=True, svgclass=None, lineclass=None)
    return Markup(svg)  # noqa: S704 - numbers and two colours: what the code says is not in it as text
