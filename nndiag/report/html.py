"""Reports as HTML: for a notebook, or as one self-contained page, light or dark."""

import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme

if TYPE_CHECKING:
    from nndiag.plots.interactive import Chart

_WIDTH = 100
_BLACK, _RED, _GREEN, _YELLOW = (110, 110, 110), (208, 60, 50), (40, 140, 70), (178, 125, 0)
_BLUE, _MAGENTA, _CYAN, _WHITE = (40, 120, 200), (170, 80, 170), (0, 140, 150), (140, 140, 140)
_NORMAL = [_BLACK, _RED, _GREEN, _YELLOW, _BLUE, _MAGENTA, _CYAN, _WHITE]
_INK, _PAPER = (1, 2, 3), (255, 255, 255)
_THEME = TerminalTheme(_PAPER, _INK, _NORMAL, _NORMAL)
"""Colours that can be read on white and on black; `_INK` stands for that of the page."""


def _hex(colour: tuple[int, int, int]) -> str:
    return ColorTriplet(*colour).hex


_FADED = {
    blend_rgb(ColorTriplet(*colour), ColorTriplet(*_PAPER), 0.5).hex: f"{_hex(colour)}80"
    for colour in _NORMAL
}
"""Rich's blends with white paper → the same half transparent, for paper of any colour."""

_SCRIPT = Path(__file__).with_name("chart.js")

_BLOCK = (
    "<pre style=\"font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    'line-height:1.17;white-space:pre;overflow-x:auto;background:none;color:inherit">{code}</pre>'
)

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="nndiag">{again}
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --paper: #ffffff; --ink: #1b1b1b; --faint: #e2e2e2; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: #16181b; --ink: #e4e4e4; --faint: #3a3d42; }}
}}
body {{ background: var(--paper); color: var(--ink); font-family: system-ui, sans-serif;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
pre {{ font-size: 0.85rem; }}
figure {{ margin: 1.5rem 0; }}
svg {{ width: 100%; height: auto; color: var(--ink); }}
svg.chart {{ touch-action: none; user-select: none; cursor: crosshair; font-size: 11px; }}
.chart text {{ fill: var(--ink); }} .chart .title {{ font-weight: 600; }}
.chart .name {{ cursor: pointer; }} .chart .off {{ opacity: 0.35; }}
.chart .grid {{ stroke: var(--faint); stroke-width: 0.6; }}
.chart .curve {{ fill: none; stroke-width: 1.6; }}
.chart .level {{ stroke: var(--ink); stroke-dasharray: 2 3; opacity: 0.6; }}
.chart .onset {{ stroke: #c1121f; stroke-dasharray: 5 4; }}
.chart .cursor {{ stroke: var(--ink); stroke-width: 0.6; opacity: 0.6; }}
.readout, figcaption {{ font-size: 0.8rem; opacity: 0.8; min-height: 1.2em; }}
a {{ color: inherit; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
td, th {{ text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0;
  border-bottom: 1px solid var(--faint); }}
summary {{ cursor: pointer; font-weight: 600; margin: 1rem 0 0.5rem; }}
@media print {{ body {{ max-width: none; margin: 0; }} }}
</style>
</head>
<body>
<main>
{body}
</main>{script}
</body>
</html>
"""


def renderable_html(renderable: RenderableType) -> str:
    """A report as an element that stands in a notebook or a page."""
    console = Console(
        force_jupyter=False,
        record=True,
        width=_WIDTH,
        file=StringIO(),
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        highlight=False,
        emoji=False,
        _environ={},  # a page is no terminal: NO_COLOR and COLUMNS do not concern it
    )
    console.print(renderable)
    element = console.export_html(theme=_THEME, code_format=_BLOCK, inline_styles=True)
    for opaque, translucent in _FADED.items():
        element = element.replace(opaque, translucent)
    return element.replace(_hex(_INK), "inherit")


def page_html(
    title: str,
    renderable: RenderableType,
    *,
    pictures: Mapping[str, str] | None = None,
    charts: "Mapping[str, Chart] | None" = None,
    links: Mapping[str, Iterable[str]] | None = None,
    tables: Mapping[str, Mapping[str, str]] | None = None,
    texts: Mapping[str, str] | None = None,
    explained: Mapping[str, str] | None = None,
    every: float | None = None,
) -> str:
    """One self-contained page: nothing from elsewhere.

    Args:
        title: Its title.
        renderable: The report.
        pictures: Name → SVG element.
        charts: Name → the numbers of a picture, with which it can be zoomed and read off.
        links: Name of a picture → what of `explained` concerns it.
        tables: Title → rows of two columns, folded.
        texts: Title → text, folded.
        explained: Name of a problem → its page, folded.
        every: Seconds until the page loads itself again; None for one that stays.
    """
    parts = [renderable_html(renderable)]
    pictures, charts = pictures or {}, charts or {}
    for name in {**pictures, **charts}:
        chart = charts.get(name)
        parts.append(_figure(name, pictures.get(name, ""), chart, (links or {}).get(name, ())))
    for heading, rows in (tables or {}).items():
        if rows:
            parts.append(_folded(heading, _table(rows)))
    for heading, text in (texts or {}).items():
        parts.append(_folded(heading, f"<pre>{html.escape(text)}</pre>"))
    for name, text in (explained or {}).items():
        body = f'<pre id="{_anchor(name)}">{html.escape(text)}</pre>'
        parts.append(_folded(f"About {name}", body))
    again = "" if every is None else f'\n<meta http-equiv="refresh" content="{every:.0f}">'
    script = f"\n<script>\n{_SCRIPT.read_text(encoding='utf-8')}</script>" if charts else ""
    return _PAGE.format(title=html.escape(title), body="\n".join(parts), again=again, script=script)


def _figure(name: str, svg: str, chart: "Chart | None", links: Iterable[str]) -> str:
    """A picture with its numbers, and links to what explains it."""
    label = html.escape(name.replace("_", " "), quote=True)
    data = ""
    if chart is not None:
        numbers = json.dumps(asdict(chart), separators=(",", ":")).replace("</", "<\\/")
        data = f'\n<script type="application/json">{numbers}</script>'
    named = [f'<a href="#{_anchor(one)}">{html.escape(one)}</a>' for one in links]
    caption = f"\n<figcaption>about {', '.join(named)}</figcaption>" if named else ""
    return f'<figure aria-label="{label}">\n{svg}{data}{caption}\n</figure>'


def _anchor(name: str) -> str:
    return f"about-{html.escape(name, quote=True)}"


def _folded(heading: str, content: str) -> str:
    return f"<details>\n<summary>{html.escape(heading)}</summary>\n{content}\n</details>"


def _table(rows: Mapping[str, str]) -> str:
    cells = (
        f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in rows.items()
    )
    return "<table>\n" + "\n".join(cells) + "\n</table>"
