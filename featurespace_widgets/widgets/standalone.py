"""A page of its own: the slice with the notebook's JavaScript, without kernel, server or network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..geometry.arrays import Array
from ..models.store import write_atomically
from ..pixels.preview import Preview
from .assets import bundle, style
from .panels import image_message
from .png import png_url
from .saving import checked_path
from .slice_view import SliceView

__all__ = ["Atlas", "make_atlas", "save_page"]

WIDGETS = ("toolbar", "slice_view", "image_panel")
FACTS = (
    ("away", "distance of the image's feature vector from the point: the page has images of a grid"),
    ("seen as", "what the model saw in the image when the page was saved"),
    ("residual", "distance of the image's features from its feature vector"),
    ("typical", "median distance between neighbouring training features"),
    ("source", "what the image was made from"),
)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'; script-src 'sha256-{hash}' blob:; base-uri 'none'; form-action 'none'">
<title>{title}</title>
<style>{style}
:root {{ color-scheme: light dark; --ground: #ffffff; --text: #1d2025; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ground: #111418; --text: #e6e8ec; }} }}
body {{ margin: 0; background: var(--ground); color: var(--text); font: 13px/1.4 system-ui, sans-serif; }}
main {{ max-width: 1280px; margin: auto; padding: 16px; box-sizing: border-box; }}
h1 {{ margin: 0 0 12px; font-size: 18px; overflow-wrap: anywhere; }}
/* Nothing is asked of a kernel here; the classes are those of the saved view. */
.fsw-numbers, .fsw-chips {{ display: none; }}
</style>
</head>
<body>
<main class="fsw-explorer">
<h1>{title}</h1>
<noscript>This page needs JavaScript.</noscript>
<p id="fsw-failure" role="alert"></p>
<div id="fsw-toolbar"></div>
<div class="fsw-explorer-body"><div id="fsw-slice_view"></div><div id="fsw-image_panel"></div></div>
</main>
<script id="fsw-state" type="application/json">{state}</script>
<script type="module">{script}</script>
</body>
</html>
"""


@dataclass(frozen=True, eq=False)
class Atlas:
    """Images of a grid of points on the boundary plane and on the section.

    Attributes
    ----------
    places : (n, 2) array
        Boundary-plane coordinates of the feature vectors.
    features : (n, d) array
        The first `flat` lie over the grid on the boundary plane, the rest on the section's.
    flat : int
    preview : Preview
        Of `features`.
    """

    places: Array
    features: Array
    flat: int
    preview: Preview

    def message(self, generators: Array) -> dict[str, Any]:
        """The atlas as the page reads it; equal images share one tile of the sheet."""
        pixels = [image_message(image) for image in self.preview.images]
        tiles: dict[bytes, int] = {}
        places = [tiles.setdefault(image["pixels"], len(tiles)) for image in pixels]
        height, width, channels = (pixels[0][key] for key in ("height", "width", "channels"))
        columns = int(np.ceil(np.sqrt(len(tiles))))
        stack = np.zeros((columns * columns, height, width, channels), np.uint8)
        for tile, number in tiles.items():
            stack[number] = np.frombuffer(tile, np.uint8).reshape(height, width, channels)
        rows = stack.reshape(columns, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
        return {
            "count": len(self.features),
            "flat": self.flat,
            "places": self.places.astype("<f8").tobytes(),
            "products": (self.features @ generators.T).astype("<f8").tobytes(),
            "squares": np.square(self.features).sum(axis=1).astype("<f8").tobytes(),
            "residuals": [f"{residual:.2f}" for residual in self.preview.residuals],
            "seen": self.preview.seen.tolist(),
            "tiles": places,
            "sheet": png_url(rows.reshape(columns * height, columns * width, channels)),
            "columns": columns,
            "width": width,
            "height": height,
            "typical": f"{self.preview.yardstick:.2f}",
            "source": f"atlas, {self.preview.source}",
            "facts": FACTS,
        }


def make_atlas(view: SliceView, grid: int) -> Atlas | None:
    """Images at ``grid * grid`` points of the boundary plane and of the section; None without images.

    Points over which no feature vector of the domain was found are left out.
    """
    space, built = view.space, view.built
    if space.decoder is None and space.pictured is None:
        return None
    boundary = built.boundary
    over = _points(built.extent(boundary), boundary.domain_shadow(built.extent(boundary)), grid)
    if space.bank is None:
        lifted = boundary.from_plane(over)
    else:
        result = space.lift_result(boundary, over)
        found = np.asarray(result.verdicts) == "yes"
        over, lifted = over[found], result.points[found]
    pose = view.pose_shown if view.mode == "section" else view.default_pose("section")
    section = built.plane("section", pose["frame"])
    window = built.extent(section)
    on = section.from_plane(_points(window, section.domain_polygon(window), grid))
    if space.domain is not None:
        on = on[((on >= space.domain.lb) & (on <= space.domain.ub)).all(axis=1)]
    features = np.vstack([lifted, on])
    if not len(features):
        return None
    places = np.vstack([over, boundary.to_plane(on)]) if len(on) else over
    return Atlas(places, features, len(over), space.preview(features))


def save_page(view: SliceView, path: str | PathLike[str], grid: int = 15) -> Path:
    """Save the view as one HTML file that works alone; see `Explorer.to_html`."""
    if not isinstance(grid, int | np.integer) or not 2 <= grid <= 64:
        raise ValueError(f"grid must be a whole number from 2 to 64 points a side, received {grid!r}")
    target = checked_path(path, (".html", ".htm"))
    atlas = make_atlas(view, int(grid))
    state = {
        "scene": view.scene,
        "pose": view.pose_shown,
        "poses": {mode: view.default_pose(mode) for mode in ("boundary", "section")},
        "atlas": None if atlas is None else atlas.message(view.built.generators),
        "modules": {name: bundle(name) for name in WIDGETS},
    }
    script = bundle("standalone")
    page = PAGE.format(
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        title=html.escape(view.space.title),
        style=style(),
        state=_script_json(state),
        script=script,
    )
    write_atomically(target, page.encode("utf-8", "replace"))
    return target


def _points(extent: list[float], polygon: Array, grid: int) -> Array:
    """Grid points (n, 2) of the part of a window that a polygon covers at most."""
    box = np.array(extent).reshape(2, 2)
    if len(polygon):
        box = np.column_stack([polygon.min(axis=0), polygon.max(axis=0)])
    steps = (np.arange(grid) + 0.5) / grid
    s, t = (low + steps * (high - low) for low, high in box)
    return np.stack(np.meshgrid(s, t), axis=-1).reshape(-1, 2)


def _script_json(state: dict[str, Any]) -> str:
    """JSON that can stand in a script element, whatever the class names hold."""
    text = json.dumps(state, default=_plain, allow_nan=False)
    return text.replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} has no place in a saved page")
