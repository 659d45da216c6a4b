"""A still picture of a slice, from the exact polygons: SVG as vectors, PNG by Pillow."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ..geometry.arrays import Array
from ..geometry.cells import Cell, polygon_area, window

__all__ = ["SlicePicture"]

WIDTH = 720  # of the SVG and of a PNG at scale 1, in pixels
CAPTION = 28
INK, QUIET, PAPER = "#1d2025", "#5b616b", "#ffffff"
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class SlicePicture:
    """What is drawn of a slice, in plane coordinates.

    Attributes
    ----------
    caption : str
    extent : (s0, s1, t0, t1)
    class_names, colours : K texts each, colours as ``#rrggbb``
    cells : list of Cell
    domain : (m, 2) array
        Convex polygon of the window's part that features can reach; the rest is shaded.
    samples : (n, 2) array
    labels : (n,) array
    strength : (n,) array
        Opacity of each sample in [0, 1].
    marks : list of (text, (2,) array)
        Corners of a section.
    probe : (2,) array
    """

    caption: str
    extent: tuple[float, float, float, float]
    class_names: Sequence[str]
    colours: Sequence[str]
    cells: list[Cell]
    domain: Array
    samples: Array
    labels: NDArray[np.int64]
    strength: Array
    marks: list[tuple[str, Array]]
    probe: Array

    @property
    def _scale(self) -> float:
        """Pixels of the SVG for one plane unit."""
        return WIDTH / (self.extent[1] - self.extent[0])

    @property
    def height(self) -> int:
        """Height of the drawing without its caption, in pixels of the SVG."""
        return round((self.extent[3] - self.extent[2]) * self._scale)

    def _pixels(self, points: Array) -> Array:
        """Plane coordinates (n, 2) to pixels of the SVG, downwards."""
        pixels: Array = (points - [self.extent[0], self.extent[3]]) * [self._scale, -self._scale]
        return pixels

    def _names(self) -> list[tuple[str, Array]]:
        """Class names and where they stand: cells too small for one stay without."""
        least = (self.extent[1] - self.extent[0]) * (self.extent[3] - self.extent[2]) / 150
        return [
            (self.class_names[cell.class_index], _centroid(cell.polygon))
            for cell in self.cells
            if polygon_area(cell.polygon) > least
        ]

    def svg(self) -> bytes:
        """The picture as SVG; each cell is a polygon with its class in ``data-class``."""
        root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {WIDTH} {self.height + CAPTION}",
                "width": str(WIDTH),
                "height": str(self.height + CAPTION),
                "font-family": "system-ui, sans-serif",
                "data-extent": " ".join(map(repr, self.extent)),
            },
        )

        def add(tag: str, text: str = "", **attributes: str) -> None:
            names = {
                name.replace("_", "-"): NOT_XML.sub("\ufffd", value) for name, value in attributes.items()
            }
            ElementTree.SubElement(root, tag, names).text = NOT_XML.sub("\ufffd", text) or None

        add("title", self.caption)
        add("rect", width="100%", height="100%", fill=PAPER)
        for cell in self.cells:
            add(
                "polygon",
                points=_points(self._pixels(cell.polygon)),
                fill=_tint(self.colours[cell.class_index]),
                stroke=INK,
                stroke_width="1.2",
                stroke_linejoin="round",
                data_class=str(cell.class_index),
                data_name=self.class_names[cell.class_index],
            )
        if self._has_outside():
            outline = f"M{_points(self._pixels(window(self.extent)))}Z"
            inner = f"M{_points(self._pixels(self.domain))}Z" if len(self.domain) >= 3 else ""
            add("path", d=outline + inner, fill=INK, fill_opacity="0.22", fill_rule="evenodd")
        for (x, y), label, strength in zip(
            self._pixels(self.samples), self.labels, self.strength, strict=True
        ):
            if 0 <= x <= WIDTH and 0 <= y <= self.height:
                add(
                    "circle", cx=f"{x:.2f}", cy=f"{y:.2f}", r="2.2", fill=self.colours[label],
                    fill_opacity=f"{strength:.3f}",
                )  # fmt: skip
        for text, where in self._names():
            ((x, y),) = self._pixels(where[None])
            add(
                "text", text, x=f"{x:.2f}", y=f"{y:.2f}", fill=INK, stroke=PAPER, stroke_width="3",
                paint_order="stroke", font_size="15", font_weight="600", text_anchor="middle",
                dominant_baseline="central",
            )  # fmt: skip
        for text, where in self.marks:
            ((x, y),) = self._pixels(where[None])
            add("rect", x=f"{x - 4:.2f}", y=f"{y - 4:.2f}", width="8", height="8", fill=PAPER, stroke=INK)
            add(
                "text", text, x=f"{x + 8:.2f}", y=f"{y:.2f}", fill=INK, stroke=PAPER, stroke_width="3",
                paint_order="stroke", font_size="12", dominant_baseline="central",
            )  # fmt: skip
        ((x, y),) = self._pixels(self.probe[None])
        ring = {"cx": f"{x:.4f}", "cy": f"{y:.4f}", "fill": "none"}
        add("circle", r="8", stroke=PAPER, stroke_width="5", **ring)
        add("circle", r="8", stroke=INK, stroke_width="2.4", data_part="probe", **ring)
        add("rect", y=str(self.height), width=str(WIDTH), height=str(CAPTION), fill=PAPER)
        add("text", self.caption, x="4", y=str(self.height + 19), fill=QUIET, font_size="12")
        content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
        return content

    def _has_outside(self) -> bool:
        """Whether features cannot reach a part of the window."""
        whole = polygon_area(window(self.extent)) * (1 - 1e-9)
        return len(self.domain) < 3 or polygon_area(self.domain) < whole

    def png(self, scale: int = 2) -> bytes:
        """The picture as PNG, `WIDTH` times `scale` pixels wide; drawn twice as large, for smooth edges."""
        zoom = 2 * scale
        size = (WIDTH * zoom, (self.height + CAPTION) * zoom)
        picture = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(picture, "RGBA")

        def at(points: Array) -> list[tuple[float, float]]:
            return [(float(x), float(y)) for x, y in self._pixels(points) * zoom]

        def write(where: Array, text: str, points: float, anchor: str, right: float = 0) -> None:
            ((x, y),) = at(where[None])
            draw.text(
                (x + right * zoom, y), text, INK, ImageFont.load_default(points * zoom), anchor,
                stroke_width=int(1.5 * zoom), stroke_fill=PAPER,
            )  # fmt: skip

        for cell in self.cells:
            draw.polygon(at(cell.polygon), _tint(self.colours[cell.class_index]))
        for cell in self.cells:
            outline = at(cell.polygon)
            draw.line([*outline, outline[0]], INK, round(1.2 * zoom), "curve")
        if self._has_outside():
            shade = Image.new("L", size, 56)
            if len(self.domain) >= 3:
                ImageDraw.Draw(shade).polygon(at(self.domain), 0)
            picture.paste(INK, mask=shade)
        for (x, y), label, strength in zip(at(self.samples), self.labels, self.strength, strict=True):
            r = 2.2 * zoom
            fill = (*ImageColor.getrgb(self.colours[label])[:3], round(255 * float(strength)))
            draw.ellipse((x - r, y - r, x + r, y + r), fill)
        for text, where in self._names():
            write(where, text, 15, "mm")
        for text, where in self.marks:
            ((x, y),) = at(where[None])
            r = 4 * zoom
            draw.rectangle((x - r, y - r, x + r, y + r), PAPER, INK, zoom)
            write(where, text, 12, "lm", 8)
        ((x, y),) = at(self.probe[None])
        for r, colour, width in ((10.5 * zoom, PAPER, 5 * zoom), (9.2 * zoom, INK, round(2.4 * zoom))):
            draw.ellipse((x - r, y - r, x + r, y + r), None, colour, width)
        draw.rectangle((0, self.height * zoom, *size), PAPER)
        font = ImageFont.load_default(12 * zoom)
        draw.text((4 * zoom, (self.height + 19) * zoom), self.caption, QUIET, font, "ls")
        stream = io.BytesIO()
        small = picture.resize((size[0] // 2, size[1] // 2), Image.Resampling.BOX)
        small.save(stream, "PNG", optimize=True)
        return stream.getvalue()


def _xml_text(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return NOT_XML.sub("\ufffd", text)


def _points(pixels: Array) -> str:
    return " ".join(f"{x:.12g},{y:.12g}" for x, y in pixels)


def _tint(colour: str) -> str:
    """A class colour, light enough for samples of the same class to stand out on it."""
    return "#" + "".join(f"{round(255 - 0.36 * (255 - part)):02x}" for part in ImageColor.getrgb(colour)[:3])


def _centroid(polygon: Array) -> Array:
    (s, t), (s1, t1) = polygon.T, np.roll(polygon, -1, axis=0).T
    cross = s * t1 - s1 * t
    centre: Array = np.array([((s + s1) * cross).sum(), ((t + t1) * cross).sum()]) / (3 * cross.sum())
    return centre
