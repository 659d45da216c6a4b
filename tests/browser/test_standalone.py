"""The saved page, opened from a file without network: live geometry, the nearest images of its atlas."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

import featurespace_widgets as fsw
from browser.conftest import SCREENSHOTS
from browser.lab import wait_until
from featurespace_widgets.widgets.standalone import make_atlas

GRID = 7
STATE = "document.querySelector('.fsw-slice')?.fsw.state()"


@pytest.fixture(scope="module")
def explorer():
    return fsw.Explorer(fsw.load("fashion-mnist"), classes=(2, 4, 6))


@pytest.fixture
def open_page(chromium: Browser, tmp_path) -> Iterator[Callable[..., Page]]:
    """Open a saved explorer; the test fails when the page logs an error or asks for anything."""
    problems: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_(explorer: fsw.Explorer, theme: str = "light", **more: Any) -> Page:
        path = explorer.to_html(tmp_path / "page.html", grid=GRID)
        window = {"viewport": {"width": 1200, "height": 800}} | more
        context = chromium.new_context(color_scheme=theme, offline=True, **window)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        wait(page, f"{STATE}?.cells.length")
        return page

    yield open_
    for context in contexts:
        context.close()
    problems += [url for url in asked if url.split(":")[0] not in ("file", "data", "blob")]
    assert not problems, "\n".join(problems)


def wait(page: Page, script: str) -> None:
    """Playwright's own waiting evaluates text within the page, which the page's policy forbids."""
    wait_until(lambda: page.evaluate(script), script, pause=page.wait_for_timeout)


def drag(page: Page, start, goal) -> None:
    box = page.locator(".fsw-stage").bounding_box()
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + (start[0] + goal[0]) / 2, box["y"] + (start[1] + goal[1]) / 2)
    page.mouse.move(box["x"] + goal[0], box["y"] + goal[1])
    page.mouse.up()


def pixel(page: Page, point) -> np.ndarray:
    s, t, span = page.evaluate(STATE)["pose"]["view"]
    box = page.locator(".fsw-stage").bounding_box()
    scale = box["width"] / span
    return np.array([box["width"] / 2 + (point[0] - s) * scale, box["height"] / 2 - (point[1] - t) * scale])


def facts(page: Page) -> dict[str, str]:
    rows = page.locator(".fsw-facts > div")
    return {row.locator("dt").inner_text(): row.locator("dd").inner_text() for row in rows.all()}


def image(page: Page) -> np.ndarray:
    data = page.locator("canvas.fsw-image").evaluate("canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("L"))


def check(page: Page, explorer: fsw.Explorer) -> None:
    """Read-out and image are those of NumPy at the pose on screen."""
    state, space, built = page.evaluate(STATE), explorer.space, explorer.view.built
    pose, atlas = state["pose"], make_atlas(explorer.view, GRID)
    plane = built.plane(pose["mode"], pose["frame"])
    logits = space.head.logits(plane.from_plane([pose["probe"]]))[0]
    order = sorted(plane.classes, key=lambda k: -logits[k])
    assert state["chip"]["classIndex"] == order[0]
    assert state["chip"]["margin"] == pytest.approx(logits[order[0]] - logits[order[1]], rel=1e-5, abs=1e-5)
    if pose["mode"] == "section":
        away = np.linalg.norm(atlas.features - plane.from_plane([pose["probe"]]), axis=1)
    else:
        away = np.linalg.norm(plane.to_plane(atlas.features[: atlas.flat]) - pose["probe"], axis=1)
    nearest = int(away.argmin())
    shown, expected = facts(page), space.preview(atlas.features[[nearest]])
    assert page.locator(".fsw-panel .fsw-title").first.inner_text() == "Nearest image of the atlas"
    assert shown["away"] == f"{away[nearest]:.2f}"
    assert shown["seen as"] == space.head.class_names[expected.seen[0]]
    assert float(shown["residual"]) == pytest.approx(expected.residuals[0], abs=0.011)
    np.testing.assert_allclose(image(page), 255 * expected.images[0, 0], atol=1.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_dragging_the_point_changes_read_out_and_image(explorer, open_page, theme):
    page = open_page(explorer, theme)
    check(page, explorer)
    before, picture, margin = page.evaluate(STATE), image(page), page.locator(".fsw-chip").inner_text()
    start = pixel(page, before["pose"]["probe"])
    goal = start + np.array([-150, 160])
    drag(page, start, goal)
    after = page.evaluate(STATE)
    np.testing.assert_allclose(pixel(page, after["pose"]["probe"]), goal, atol=1.5)
    assert after["chip"]["classIndex"] != before["chip"]["classIndex"]
    wait(page, f"document.querySelector('.fsw-chip').innerText !== {json.dumps(margin)}")
    assert np.abs(image(page).astype(int) - picture).mean() > 5
    check(page, explorer)
    ground = page.locator(".fsw-slice").evaluate("node => getComputedStyle(node).backgroundColor")
    assert (sum(int(part) for part in ground[4:-1].split(",")) < 150) == (theme == "dark")
    assert "kernel" not in page.locator("body").inner_text().lower()
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"standalone-{theme}.png")


def test_a_finger_drags_on_a_phone_that_wants_no_motion(explorer, open_page):
    """320 pixels across: nothing sticks out, the page stays where it is, nothing is animated."""
    phone = {"viewport": {"width": 320, "height": 480}, "has_touch": True, "reduced_motion": "reduce"}
    page = open_page(explorer, "dark", **phone)
    assert page.evaluate(
        "[...document.body.querySelectorAll('*')].every(e => e.getClientRects().length === 0"
        " || e.getBoundingClientRect().right <= innerWidth + 1)"
    )
    moving = "[...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e);"
    moving += " return parseFloat(s.transitionDuration) > 0 || s.animationName !== 'none'; }).length"
    assert page.evaluate(moving) == 0
    start = pixel(page, page.evaluate(STATE)["pose"]["probe"])
    box = page.locator(".fsw-stage").bounding_box()
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, at: list[np.ndarray]) -> None:
        points = [{"x": box["x"] + float(x), "y": box["y"] + float(y)} for x, y in at]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", [start])
    for step in range(1, 11):
        touch("touchMove", [start + step * np.array([6, -4])])
    touch("touchEnd", [])
    np.testing.assert_allclose(
        pixel(page, page.evaluate(STATE)["pose"]["probe"]), start + np.array([60, -40]), atol=1.5
    )
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.documentElement.scrollHeight > innerHeight"), "it could have scrolled"
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "standalone-phone.png")


def test_a_handle_tilts_the_section_and_the_nearest_image_follows(explorer, open_page):
    page = open_page(explorer)
    page.locator(".fsw-segments button", has_text="Section").click()
    wait(page, f"{STATE}.pose.mode === 'section' && {STATE}.cells.length > 1")
    check(page, explorer)
    before = page.evaluate(STATE)["pose"]
    handle = pixel(page, before["handles"][2])
    drag(page, handle, handle + np.array([70, 50]))
    after = page.evaluate(STATE)["pose"]
    assert not np.allclose(after["frame"], before["frame"], atol=1e-6)
    check(page, explorer)
    page.get_by_role("button", name="Start over").click()
    wait(page, f"{STATE}.pose.handles[2][0] === {before['handles'][2][0]!r}")
    check(page, explorer)


def test_names_with_markup_stay_text_and_a_bare_head_has_no_panel(open_page):
    names = ["</script><script>document.title='taken'</script>", "<img src=x onerror=alert(1)>", "a & b"]
    space = fsw.FeatureSpace.from_arrays(np.eye(3), np.zeros(3), class_names=names)
    page = open_page(fsw.Explorer(space))
    assert page.title() == space.title
    assert page.locator(".fsw-panel").count() == 0
    assert page.locator("img").count() == 0
    chip = page.locator(".fsw-chip strong").inner_text()
    assert chip in names


def test_the_file_names_no_host(explorer, tmp_path):
    text = explorer.to_html(tmp_path / "page.html", grid=3).read_text("utf-8")
    addresses = {word for word in text.replace('"', " ").replace("'", " ").split() if "://" in word}
    assert not addresses


@pytest.mark.parametrize(
    ("path", "grid", "message"),
    [
        ("page.pdf", 5, r"must end in \.html"),
        ("no/page.html", 5, "no folder"),
        ("page.html", 1, "grid must be"),
    ],
)
def test_what_cannot_be_saved_is_said(explorer, tmp_path, path, grid, message):
    with pytest.raises(ValueError, match=message):
        explorer.to_html(tmp_path / path, grid=grid)
    assert not list(tmp_path.iterdir())
