"""A table of cells that have several lines, as text and as HTML; and HTML that notebooks show light or dark."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

__all__ = ["as_number", "counted", "html_table", "in_notebook", "text_table"]

Cell = Sequence[str]  # its lines

_STYLE = """<style>
.reelgrad { font-size: 0.9em; overflow-x: auto; }
.reelgrad table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.reelgrad th, .reelgrad td { text-align: left !important; vertical-align: top; padding: 0.25em 0.9em 0.25em 0.2em;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); white-space: nowrap; }
.reelgrad th { font-weight: 600; }
.reelgrad code { background: none; color: inherit; padding: 0; }
.reelgrad p { margin: 0.3em 0; }
.reelgrad pre { overflow-x: auto; }
</style>"""


def text_table(head: Sequence[str], rows: Sequence[Sequence[Cell]], widest: Sequence[int]) -> str:
    """Return the table as text; lines longer than the `widest` of their column are wrapped."""
    wrapped = [
        [[part for line in cell for part in _wrapped(line, most)] for cell, most in zip(row, widest, strict=True)]
        for row in rows
    ]
    widths = [max([len(title), *(len(line) for row in wrapped for line in row[k])]) for k, title in enumerate(head)]
    lines = [_line(head, widths), "-" * (sum(widths) + 3 * (len(widths) - 1))]
    for row in wrapped:
        height = max(1, *(len(cell) for cell in row))
        lines += [_line([cell[k] if k < len(cell) else "" for cell in row], widths) for k in range(height)]
    return "\n".join(lines)


def _wrapped(line: str, most: int) -> list[str]:
    return textwrap.wrap(line, most, subsequent_indent="    ", break_on_hyphens=False) or [""]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "   ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def html_table(head: Sequence[str], rows: Sequence[Sequence[Cell]], caption: str = "") -> str:
    """Return the table as HTML; text is escaped."""
    parts = ["<table>"]
    if caption:
        parts.append(f"<caption>{escape(caption)}</caption>")
    parts.append("<thead><tr>" + "".join(f'<th scope="col">{escape(title)}</th>' for title in head) + "</tr></thead>")
    parts.append("<tbody>")
    for row in rows:
        cells = ("<br>".join(f"<code>{escape(line)}</code>" for line in cell if line) for cell in row)
        parts.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    parts.append("</tbody></table>")
    return "\n".join(parts)


def in_notebook(*parts: str) -> str:
    """Return parts of HTML with the style that goes with them."""
    return "\n".join(['<div class="reelgrad">', _STYLE, *parts, "</div>"])


def as_number(text: str) -> float | None:
    """Return the number that a text is, or None if it is something else."""
    try:
        return float(text)
    except ValueError:
        return None


def counted(number: int, what: str) -> str:
    """Return "1 node", "2 nodes"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
