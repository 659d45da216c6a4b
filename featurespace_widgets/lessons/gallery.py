"""Pages without a kernel for a course's site: the main picture of each lesson, and an index."""

from __future__ import annotations

import html
from os import PathLike
from pathlib import Path

import numpy as np

from ..catalogue import load
from ..models.store import write_atomically
from ..space import FeatureSpace
from ..widgets.slice_view import SliceView
from ..widgets.standalone import save_page

__all__ = ["write_gallery"]

# Lesson, model, classes, whether the picture is a section.
PICTURES = (
    ("02_the_plane", "The plane that is the feature space", "mnist-2d", (3, 5, 8), True),
    ("03_partition_and_polytopes", "Partition and polytopes", "fashion-mnist", (2, 4, 6), True),
    ("04_what_is_certified", "What is certified, and what is not", "fashion-mnist", (0, 2, 6), False),
    ("05_hulls_and_extrapolation", "Convex hulls and extrapolation", "fashion-mnist", (5, 7, 9), False),
    ("06_back_to_pixels", "Back to pixels", "fashion-mnist", (0, 3, 8), False),
    ("07_morphing", "Morphing", "fashion-mnist", (0, 2, 4), False),
    ("08_ambiguity", "Ambiguity", "fashion-mnist", (2, 4, 6), False),
    ("09_adversarial", "Adversarial images", "fashion-mnist", (7, 9), False),
    ("10_your_own_model", "Your own model", "mnist", (3, 5, 8), False),
)

INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Feature space: pictures of the lessons</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 640px; margin: 32px auto; padding: 0 16px; font: 15px/1.6 system-ui, sans-serif; }}
</style>
</head>
<body>
<h1>Pictures of the lessons</h1>
<p>Each page is live: drag the point, tilt the plane. Nothing is installed, nothing is sent anywhere.</p>
<ol start="2">
{items}
</ol>
</body>
</html>
"""


def write_gallery(folder: str | PathLike[str], *, grid: int = 15) -> list[Path]:
    """Write a page for each lesson and ``index.html`` into a folder; returns their paths.

    The pages need no server: they open from a file, from any static host, and inside an iframe.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    grid : int
        Images a side of each page's atlas; see `Explorer.to_html`.

    Raises
    ------
    ValueError
        If the path is a file, or for another grid.

    Examples
    --------
    >>> import tempfile
    >>> from featurespace_widgets.lessons import write_gallery
    >>> pages = write_gallery(tempfile.mkdtemp(), grid=2)
    >>> pages[-1].name, len(pages)
    ('index.html', 10)
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise ValueError(f"folder must be a folder for the pages, received the file {str(folder)!r}")
    target.mkdir(parents=True, exist_ok=True)
    spaces: dict[str, FeatureSpace] = {}
    pages = []
    for name, _, model, classes, section in PICTURES:
        space = spaces.setdefault(model, load(model)) if model not in spaces else spaces[model]
        view = SliceView(space, classes=classes)
        if section:
            means = [space.features[space.labels == k].mean(axis=0) for k in classes]
            view.show(anchors=np.array(means))
        pages.append(save_page(view, target / f"{name}.html", grid))
        view.close()
    items = "\n".join(
        f'<li><a href="{name}.html">{html.escape(title)}</a></li>' for name, title, *_ in PICTURES
    )
    index = target / "index.html"
    write_atomically(index, INDEX.format(items=items).encode())
    return [*pages, index]
