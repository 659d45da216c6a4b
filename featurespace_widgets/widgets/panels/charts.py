"""Small bqplot charts that read in light and dark: their ink is the host's."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import ArrayLike, NDArray

with warnings.catch_warnings():  # its scales warn of traitlets while they are imported
    warnings.simplefilter("ignore", DeprecationWarning)
    import bqplot

__all__ = [
    "POINT",
    "TEST",
    "TRAIN",
    "Curves",
    "bars",
    "bqplot",
    "curves",
    "figure",
    "key",
    "ribbon",
    "side_by_side",
    "stylesheet",
    "table",
    "ticks",
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
  overflow: hidden; position: relative; }
.fsw-charts .fsw-ribbon i { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px;
  background: var(--fsw-ink); }
.fsw-charts .fsw-thumbs { display: flex; flex-flow: row wrap; gap: 8px; overflow: visible; }
.fsw-charts .fsw-thumbs > .widget-toggle-button { width: 72px; height: 80px; margin: 0; padding: 60px 2px 0;
  font-size: 11px; line-height: 16px; color: inherit;
  background: var(--fsw-thumb) no-repeat center 4px / 56px 56px;
  image-rendering: pixelated; border: 1px solid var(--fsw-rule); border-radius: 4px; box-shadow: none; }
.fsw-charts .fsw-thumbs > .widget-toggle-button.mod-active { font-weight: 600;
  border: 2px solid var(--fsw-ink); }
.fsw-charts .fsw-ribbon div { background: color-mix(in srgb, var(--class) 35%, transparent);
  border-left: 3px solid var(--class); box-sizing: border-box; min-width: 0; overflow: hidden; }
.fsw-charts .fsw-ribbon span { display: block; padding: 0 6px; font-size: 12px; line-height: 20px;
  white-space: nowrap; }
.fsw-charts a[download] { color: var(--jp-content-link-color, LinkText); text-decoration: underline; }
.fsw-charts .fsw-note { font-size: 12px; line-height: 16px; opacity: 0.8; max-width: 100ch; }
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


@dataclass(frozen=True)
class Curves:
    """A chart of curves, with its legend in `box`."""

    box: Any
    marks: list[Any]
    axes: list[Any]

    def plot(self, lines: Sequence[tuple[ArrayLike, ArrayLike]], lowest: float | None = 0.0) -> None:
        """Show (x, y) for each curve; y from `lowest`, or from the least of them where None."""
        for mark, (x, y) in zip(self.marks, lines, strict=True):
            with mark.hold_sync():
                mark.x, mark.y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        spans = [np.concatenate([np.ravel(line[k]) for line in lines]) for k in (0, 1)]
        starts = 0.0, float(spans[1].min()) if lowest is None else lowest
        for axis, start, span in zip(self.axes, starts, spans, strict=True):
            end = max(float(span.max()), start + 1e-9)
            axis.scale.min, axis.scale.max, axis.tick_values = start, end, ticks(start, end)


def ticks(start: float, end: float) -> NDArray[np.float64]:
    """Three to seven round numbers between two."""
    rough = (end - start) / 6
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough)
    values: NDArray[np.float64] = np.round(
        np.arange(np.ceil(start / step - 1e-9), end / step + 1e-9) * step, 12
    )
    return values


def curves(
    title: str,
    labels: tuple[str, str],
    styles: Sequence[tuple[str, str]],
    legend: Sequence[tuple[str, str]] = (),
) -> Curves:
    """A chart with one curve for each (colour, line style)."""
    scales = bqplot.LinearScale(), bqplot.LinearScale()
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
    chart = figure(title, marks, scales, labels, height=220)
    chart.layout.flex = "0 0 auto"
    box = ipywidgets.VBox([chart, ipywidgets.HTML(key(legend))])
    box.layout.flex, box.layout.min_width = "1 1 340px", "0"
    return Curves(box, marks, list(chart.axes))


def ribbon(
    title: str,
    ends: ArrayLike,
    classes: ArrayLike,
    names: Sequence[str],
    colours: Sequence[str],
    at: float | None = None,
) -> str:
    """Classes along a way as a strip, as HTML: ``classes[k]`` from ``ends[k]`` to ``ends[k + 1]``.

    A line stands at the share `at` of the way.
    """
    ends, classes = np.asarray(ends, dtype=float), np.asarray(classes, dtype=int)
    whole = ends[-1] - ends[0]
    parts = "".join(
        f'<div style="width: {100 * (last - first) / whole:.4f}%; --class: {colours[k]}"'
        f' title="{escape(names[k])}: {first:.3g} to {last:.3g}"><span>{escape(names[k])}</span></div>'
        for k, first, last in zip(classes, ends[:-1], ends[1:], strict=True)
    )
    line = "" if at is None else f'<i style="left: {100 * at:.2f}%"></i>'
    return f'<div class="fsw-ribbon-title">{escape(title)}</div><div class="fsw-ribbon">{parts}{line}</div>'


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
