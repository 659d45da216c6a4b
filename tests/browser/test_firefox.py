"""A second browser engine: the saved page in Firefox, dragged with its own mouse."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import featurespace_widgets as fsw
from browser.conftest import SCREENSHOTS
from browser.firefox import Firefox, find_firefox
from browser.lab import wait_until

STATE = "document.querySelector('.fsw-slice')?.fsw.state() ?? null"
STAGE = "document.querySelector('.fsw-stage').getBoundingClientRect()"
PICTURE = """(() => {
    const canvas = document.querySelector('canvas.fsw-image');
    return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
})()"""


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    path = find_firefox()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Firefox is installed", pytrace=False)
        pytest.skip("no Firefox is installed")
    browser = Firefox(path, tmp_path / "profile")
    yield browser
    browser.close()


def test_dragging_the_point_changes_class_and_image(firefox: Firefox, tmp_path: Path):
    explorer = fsw.Explorer(fsw.load("mnist"), classes=(3, 5, 8))
    firefox.goto(explorer.to_html(tmp_path / "page.html", grid=7).as_uri())
    before = wait_until(lambda: firefox.evaluate(STATE), "the slice", lambda state: state and state["cells"])
    image, box = np.array(firefox.evaluate(PICTURE), float), firefox.evaluate(STAGE)
    s, t, span = before["pose"]["view"]
    scale = box["width"] / span

    def pixel(point) -> np.ndarray:
        away = scale * (np.asarray(point) - [s, t]) * [1, -1]
        return np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]) + away

    other = next(cell for cell in before["cells"] if cell["classIndex"] != before["chip"]["classIndex"])
    start, goal = pixel(before["pose"]["probe"]), pixel(np.mean(other["polygon"], axis=0))
    firefox.drag([tuple(start), tuple((start + goal) / 2), tuple(goal)])
    after = firefox.evaluate(STATE)
    assert pixel(after["pose"]["probe"]) == pytest.approx(goal, abs=1.5)
    assert after["chip"]["classIndex"] == other["classIndex"]
    logits = explorer.space.head.logits(explorer.view.plane.from_plane([after["pose"]["probe"]]))[
        0, [3, 5, 8]
    ]
    assert after["chip"]["margin"] == pytest.approx(np.diff(np.sort(logits))[-1], rel=1e-5, abs=1e-5)
    wait_until(
        lambda: np.abs(np.array(firefox.evaluate(PICTURE), float) - image).mean(), "another image",
        lambda change: change > 5,
    )  # fmt: skip
    SCREENSHOTS.mkdir(exist_ok=True)
    (SCREENSHOTS / "firefox.png").write_bytes(base64.b64decode(firefox.screenshot()))
