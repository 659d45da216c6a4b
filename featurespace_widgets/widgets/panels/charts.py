"""Small bqplot charts that read in light and dark: their ink is the host's."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets

with warnings.catch_warnings():  # its scales warn of traitlets while they are imported
    warnings.simplefilter("ignore", DeprecationWarning)
    import bqplot

__all__ = [
    "POINT",
    "TEST",
    "TRAIN",
    "bars",
    "bqplot",
    "curves",
    "figure",
    "key",
    "ribbon",
    "side_by_side",
    "stylesheet",
    "table",
]

TRAIN, TEST, POINT = "#3f90da", "#e08a00", "#d6336c"  # mid tones, 3:1 on white and on black

_STYLE = """<style>
.fsw-charts { --fsw-ink: var(--jp-ui-font-color1, var(--vscode-editor-foreground, #1d2025));
  --fsw-rule: color-mix(in srgb, var(--fsw-ink) 22%, transparent); color: var(--fsw-ink); margin-top: 12px; }
@media (prefers-color-scheme: dark) {
  body:not([data-jp-theme-light]) .fsw-charts {
    --fsw-ink: var(--jp-ui-font-color1, var(--vscode-editor-foreground, #e6e8ec)); }
}
.fsw-charts .jupyter-widget-tab > .lm-TabBar > .lm-TabBar-content { flex-wrap: wrap; }
.fsw-charts .jupyter-widget-tab > .lm-TabBar .lm-TabBar-tab { flex: 0 0 auto; min-width: 0; }
.fsw-charts .bqplot text { fill: var(--fsw-ink) !important; font-size: 12px; }
.fsw-charts .bqplot text.mainheading { font-size: 13px !important; font-weight: 600; }
.fsw-charts .bqplot .axis :is(path, line) { stroke: var(--fsw-rule) !important; }
.fsw-charts .bqplot .plotarea_background { fill: transparent !important; }
.fsw-charts .fsw-says:not(:has(.widget-html-content:empty)) { max-width: 70ch; padding: 12px 0; }
.fsw-charts .fsw-chart-panel { position: relative; min-height: 40px; }
.fsw-charts .fsw-busy { position: absolute; top: 0; right: 0; z-index: 1; border-radius: 4px;
  background: var(--jp-layout-color1, var(--vscode-editor-background, Canvas)); }
.fsw-charts .fsw-chart-row { display: flex; flex-flow: row wrap; gap: 16px; }
.fsw-charts .fsw-chart-facts { display: flex; flex-wrap: wrap; gap: 4px 24px; margin: 4px 0;
  line-height: 20px; }
.fsw-charts .fsw-chart-facts span { font-size: 11px; opacity: 0.72; }
.fsw-charts .fsw-chart-facts b { display: block; font-weight: 400; font-variant-numeric: tabular-nums; }
.fsw-charts .fsw-table { border-collapse: collapse; font-size: 12px; line-height: 20px;
  font-variant-numeric: tabular-nums; }
.fsw-charts .fsw-table caption { text-align: left; font-weight: 600; font-size: 13px; line-height: 24px;
  white-space: nowrap; }
.fsw-charts .fsw-table :is(th, td) { padding: 0 12px 0 0; text-align: right; }
.fsw-charts .fsw-table :is(th, td):first-child { text-align: left; }
.fsw-charts .fsw-table th { font-weight: 400; opacity: 0.72; border-bottom: 1px solid var(--fsw-rule); }
.fsw-charts .fsw-table td { border-bottom: 1px solid color-mix(in srgb, var(--fsw-rule) 40%, transparent); }
.fsw-charts .fsw-ribbon-title { font-size: 12px; line-height: 16px; margin-top: 8px; }
.fsw-charts .fsw-ribbon { display: flex; height: 20px; max-width: 720px; border-radius: 4px;
  overflow: hidden; }
.fsw-charts .fsw-ribbon div { background: color-mix(in srgb, var(--class) 35%, transparent);
  border-left: 3px solid var(--class); box-sizing: border-box; min-width: 0; overflow: hidden; }
.fsw-charts .fsw-ribbon span { padding: 0 6px; font-size: 12px; line-height: 20px; white-space: nowrap; }
.fsw-charts .fsw-note { font-size: 12px; line-height: 16px; opacity: 0.8; max-width: 80ch; }
</style>"""


def stylesheet() -> Any:
    """The charts' style sheet as a widget without size."""
    sheet = ipywidgets.HTML(_STYLE)
    sheet.layout.display = "none"
    return sheet


def figure(
    title: str,
    marks: Sequence[Any],
    scales: tuple[Any, Any],
    labels: tuple[str, str],
    *,
    left: int = 64,
    height: int = 260,
) -> Any:
    """A figure with an x and a y axis."""
    x, y = scales
    grid = {"grid_lines": "none", "tick_format": "~g"}
    across = bqplot.Axis(scale=x, label=labels[0], **grid)
    if isinstance(y, bqplot.OrdinalScale):
        up = bqplot.Axis(scale=y, side="left", grid_lines="none")
    else:
        up = bqplot.Axis(scale=y, label=labels[1], side="left", label_offset="44px", **grid)
    layout = ipywidgets.Layout(
        width="auto", height=f"{height}px", flex="1 1 340px", min_width="280px", max_width="720px"
    )
    margin = {"top": 34, "bottom": 44, "left": left, "right": 16}
    return bqplot.Figure(
        title=title, marks=list(marks), axes=[across, up], fig_margin=margin, layout=layout,
        background_style={"fill": "transparent"}, padding_x=0.0, padding_y=0.02,
    )  # fmt: skip


def bars(title: str, label: str) -> tuple[Any, Any]:
    """A figure of horizontal bars, one a class, and its mark; set with ``mark.x, mark.y, mark.colors``."""
    names, values = bqplot.OrdinalScale(), bqplot.LinearScale(min=0.0)
    mark = bqplot.Bars(
        x=["a"], y=[0.0], scales={"x": names, "y": values}, orientation="horizontal", color_mode="group",
        padding=0.25,
    )  # fmt: skip
    return figure(title, [mark], (values, names), (label, ""), left=104, height=300), mark


def curves(title: str, labels: tuple[str, str], styles: Sequence[tuple[str, str]]) -> tuple[Any, list[Any]]:
    """A figure of curves, one for each (colour, line style); set with ``mark.x, mark.y``."""
    scales = bqplot.LinearScale(min=0.0), bqplot.LinearScale()
    marks = [
        bqplot.Lines(
            x=[0.0],
            y=[0.0],
            scales={"x": scales[0], "y": scales[1]},
            colors=[colour],
            line_style=style,
            stroke_width=2.0,
        )
        for colour, style in styles
    ]
    return figure(title, marks, scales, labels, height=220), marks


def ribbon(
    title: str, ends: Sequence[float], classes: Sequence[int], names: Sequence[str], colours: Sequence[str]
) -> str:
    """Classes along a way as a strip: ``classes[k]`` from ``ends[k]`` to ``ends[k + 1]``, as HTML."""
    whole = ends[-1] - ends[0]
    parts = "".join(
        f'<div style="width: {100 * (last - first) / whole:.4f}%; --class: {colours[k]}"'
        f' title="{escape(names[k])}: {first:.3g} to {last:.3g}"><span>{escape(names[k])}</span></div>'
        for k, first, last in zip(classes, ends[:-1], ends[1:], strict=True)
    )
    return f'<div class="fsw-ribbon-title">{escape(title)}</div><div class="fsw-ribbon">{parts}</div>'


def key(colours: Sequence[tuple[str, str]]) -> str:
    """What colours stand for, as HTML: (label, colour)."""
    return "".join(
        f'<span style="color: {colour}">&#9632;</span> {escape(label)} &ensp;' for label, colour in colours
    )


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    """A table of numbers, as HTML; the first column is text."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    below = f'<div class="fsw-note">{escape(note)}</div>' if note else ""
    return (
        f'<table class="fsw-table"><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>{below}"
    )


def side_by_side(*widgets: Any) -> Any:
    """Widgets in a row that wraps where there is no room."""
    row = ipywidgets.Box(list(widgets))
    row.add_class("fsw-chart-row")
    return row
