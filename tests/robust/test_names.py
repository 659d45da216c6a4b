"""Class names that try to be more than text, and pictures of one pixel and of 20 megapixels."""

from __future__ import annotations

import html.parser
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import featurespace_widgets as fsw
from featurespace_widgets.widgets.assets import bundle, style
from featurespace_widgets.widgets.panels import image_message

NAMES = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\u202egnitset \u2066rtl",
    "nul\x00 and \x1b[31m",
    "long " * 4000,
    "\"><svg onload=alert(1)> & ' ` ${1}",
)


class Tags(html.parser.HTMLParser):
    """All elements of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.append((tag, dict(attrs)))


def space(names):
    weight = np.random.default_rng(0).normal(size=(len(names), 4))
    return fsw.FeatureSpace(fsw.LinearHead(weight, class_names=names))


def page(names, path):
    tags = Tags()
    tags.feed(fsw.Explorer(space(names)).to_html(path, grid=2).read_text(encoding="utf-8"))
    return tags.seen


def test_class_names_stay_text(tmp_path):
    hostile, harmless = page(NAMES, tmp_path / "a.html"), page(tuple("abcdef"), tmp_path / "b.html")
    assert [tag for tag, _ in hostile] == [tag for tag, _ in harmless]
    view = fsw.SliceView(space(NAMES))
    view.save(tmp_path / "a.svg")
    tree = ElementTree.parse(tmp_path / "a.svg")
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert tags <= {"svg", "title", "rect", "polygon", "path", "circle", "text"}
    assert not [name for element in tree.iter() for name in element.attrib if name.startswith("on")]
    view.save(tmp_path / "a.json")
    view.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 1), (3, 4472, 4473)])
def test_images_of_one_pixel_and_of_twenty_megapixels_are_carried(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    message = image_message(image)
    got = np.frombuffer(message["pixels"], np.uint8).reshape(shape[1], shape[2], shape[0])
    assert (got.transpose(2, 0, 1) == image).all()


@pytest.mark.parametrize("name", ["image_panel", "slice_view", "standalone", "toolbar"])
def test_the_bundle_names_no_host(name):
    text = bundle(name) + style()
    hosts = {*re.findall(r"(?:https?|wss?)://[^\s\"'`)]+", text), *re.findall(r"[\"'(]//\w[^\"']+", text)}
    assert hosts <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
