"""The explorer's notebook in a real JupyterLab: what a person does, checked against the mathematics."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator

from browser.conftest import SCREENSHOTS
from browser.lab import NotebookPage

VIEW = "explorer.view"


class Person:
    """What a person sees and does in one explorer of the notebook."""

    def __init__(self, notebook: NotebookPage, *, run: bool = True, number: int = 0) -> None:
        self.notebook = notebook
        if run:
            notebook.run_all()
        self.root = notebook.page.locator(".fsw-explorer").nth(number)
        self.slice = self.root.locator(".fsw-slice")
        self.stage = self.root.locator(".fsw-stage")
        self.slice.scroll_into_view_if_needed()
        notebook.wait_for(self.state, "the slice is drawn", lambda state: bool(state and state["cells"]))
        self.settled()

    def state(self):
        return self.slice.evaluate("root => root.fsw.state()")

    def pixel(self, point):
        """Stage pixel of a plane point."""
        centre_s, centre_t, span = self.state()["pose"]["view"]
        box = self.stage.bounding_box()
        scale = box["width"] / span
        return (
            box["width"] / 2 + (point[0] - centre_s) * scale,
            box["height"] / 2 - (point[1] - centre_t) * scale,
        )

    def settled(self):
        """Wait until the kernel has answered the pose on screen; returns the state."""
        state = self.state()
        pose = self.notebook.wait_for_kernel(
            f"[{VIEW}.pose, {VIEW}.answer.get('id')]",
            lambda got: (
                got[1] == got[0]["id"] and np.allclose(got[0]["probe"], self.state()["pose"]["probe"])
            ),
        )
        assert pose[0]["mode"] == self.state()["pose"]["mode"]
        return self.state() if state else None

    def image(self):
        """Pixels of the panel's image as shown."""
        return pixels(self.root.locator("canvas.fsw-image"))

    def check_chip(self):
        """The browser's class, margin and distance are those of NumPy at the probe."""
        state = self.settled()
        expected = self.notebook.kernel_value(CHIP)
        chip = state["chip"]
        assert chip["classIndex"] == expected["classIndex"]
        assert chip["margin"] == pytest.approx(expected["margin"], rel=1e-5, abs=1e-5)
        assert chip["distance"] == pytest.approx(expected["distance"], rel=1e-5, abs=1e-5)
        return chip

    def check_cells(self):
        """The browser's cells are those of the kernel's exact walk on the visible window."""
        state = self.settled()
        s, t, span = state["pose"]["view"]
        box = self.stage.bounding_box()
        high = span * box["height"] / box["width"]
        extent = [s - span / 2, s + span / 2, t - high / 2, t + high / 2]
        expected = self.notebook.kernel_value(
            f"[[c.class_index, c.polygon] for c in {VIEW}.plane.cells({extent!r})]"
        )
        drawn = {cell["classIndex"]: area(cell["polygon"]) for cell in state["cells"]}
        wanted = {index: area(polygon) for index, polygon in expected}
        small = 1e-6 * span * high
        assert {k for k in drawn if drawn[k] > small} == {k for k in wanted if wanted[k] > small}
        for index in wanted:
            assert drawn.get(index, 0.0) == pytest.approx(wanted[index], rel=1e-4, abs=span * high * 1e-4)


CHIP = f"""(lambda view, np: (lambda z, names: (lambda order: {{
    "classIndex": int(names[order[0]]),
    "margin": float(z[order[0]] - z[order[1]]),
    "distance": float(min((z[order[0]] - z[k]) / view.space.head.pair_norms[names[order[0]], names[k]]
                          for k in order[1:])),
}})(np.argsort(-z)))(
    view.space.head.logits(view.plane.from_plane([view.pose["probe"]]))[0][list(view.plane.classes)],
    list(view.plane.classes),
))({VIEW}, __import__("numpy"))""".replace("\n", " ")


def area(polygon) -> float:
    s, t = np.array(polygon).T
    return abs(0.5 * float(np.sum(s * np.roll(t, -1) - t * np.roll(s, -1))))


def pixels(canvas: Locator) -> np.ndarray:
    """RGB pixels of a canvas element."""
    data = canvas.evaluate("canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGB"))


@pytest.fixture
def person(open_notebook: Callable[[str], NotebookPage]) -> Person:
    return Person(open_notebook("01_explore.ipynb"))


def test_the_probe_follows_the_mouse_and_so_does_all_that_depends_on_it(person: Person):
    notebook = person.notebook
    before, image = person.check_chip(), person.image()
    person.check_cells()
    start = person.pixel(person.state()["pose"]["probe"])
    goal = (start[0] - 160, start[1] + 190)
    notebook.drag_by_mouse(
        person.stage, [start, (start[0] - 60, start[1] + 70), (start[0] - 120, start[1] + 150), goal]
    )
    after = person.check_chip()
    assert person.pixel(person.state()["pose"]["probe"]) == pytest.approx(goal, abs=1.5)
    assert after["classIndex"] != before["classIndex"]
    assert np.abs(person.image().astype(int) - image).mean() > 5
    check_image(person)
    chip = person.root.locator(".fsw-chip").inner_text()
    assert notebook.kernel_value(f"{VIEW}.space.head.class_names")[after["classIndex"]] in chip


def check_image(person: Person):
    """The pixels on screen are the decoder's at the lifted probe, and the facts are true."""
    decoded = np.array(
        person.notebook.kernel_value(f"{VIEW}.space.decode({VIEW}.probe.features)[0, 0].astype(float)")
    )
    np.testing.assert_allclose(person.image()[:, :, 0] / 255, decoded, atol=0.01)
    seen = person.notebook.kernel_value(
        f"{VIEW}.space.head.class_names[{VIEW}.space.preview({VIEW}.probe.features).seen[0]]"
    )
    facts = person.root.locator(".fsw-facts").inner_text()
    assert seen in facts
    over = person.notebook.kernel_value(f"{VIEW}.plane.to_plane({VIEW}.probe.features)[0]")
    assert over == pytest.approx(person.state()["pose"]["probe"], abs=1e-6)
    shown = person.root.locator(".fsw-neighbours canvas")
    assert shown.count() == 6
    nearest = person.notebook.kernel_value(
        f"{VIEW}.space.bank.images[{VIEW}.space.nearest({VIEW}.probe.features)[1][0, 0], 0].astype(int)"
    )
    np.testing.assert_allclose(pixels(shown.first)[:, :, 0], nearest, atol=1)


def test_the_keyboard_moves_the_probe_and_the_notebook_hears_nothing(person: Person):
    notebook = person.notebook
    cells = notebook.page.locator(".jp-Cell").count()
    person.slice.focus()
    before = person.state()["pose"]
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp", "b", "a", "x"):
        notebook.page.keyboard.press(key)
    pose = person.settled()["pose"]
    span = before["view"][2]
    assert pose["probe"][0] == pytest.approx(before["probe"][0] + 0.02 * span, rel=1e-6)
    assert pose["probe"][1] == pytest.approx(before["probe"][1] + 0.05 * span, rel=1e-6)
    assert notebook.page.locator(".jp-Cell").count() == cells
    person.check_chip()
    notebook.page.keyboard.press("+")
    assert person.state()["pose"]["view"][2] < span
    notebook.page.keyboard.press("0")
    spoken = person.root.locator("[aria-live]").first
    assert notebook.wait_for(lambda: spoken.inner_text(), "the chip is spoken")


def test_another_model_and_other_classes(person: Person):
    notebook = person.notebook
    person.root.locator("select").first.select_option("mnist")
    notebook.wait_for_kernel("explorer.space.card['name']", lambda name: name == "mnist")
    notebook.wait_for(
        lambda: person.root.locator("button.fsw-class").first.inner_text(), "digits", lambda x: x == "0"
    )
    person.check_chip()
    person.check_cells()
    check_image(person)
    chosen = notebook.kernel_value(f"{VIEW}.classes")
    wanted = [k for k in range(10) if k not in chosen][:3]
    for index in wanted:
        person.root.locator("button.fsw-class").nth(index).click()
    notebook.wait_for_kernel(f"{VIEW}.classes", lambda classes: sorted(classes) == wanted)
    person.check_chip()
    person.check_cells()
    assert sorted(cell["classIndex"] for cell in person.state()["cells"]) == wanted
    pressed = person.root.locator("button.fsw-class[aria-pressed=true]").all_inner_texts()
    assert sorted(pressed) == [str(k) for k in wanted]


def section(person: Person):
    person.slice.focus()
    person.notebook.page.keyboard.press("m")
    person.notebook.wait_for_kernel(f"{VIEW}.mode", lambda mode: mode == "section")
    person.settled()


def test_an_anchor_tilts_the_plane_by_mouse_and_by_keyboard(person: Person):
    notebook = person.notebook
    section(person)
    person.check_chip()
    person.check_cells()
    assert notebook.kernel_value("explorer.toolbar.mode") == "section"
    pose = person.state()["pose"]
    others = notebook.kernel_value(f"{VIEW}.plane.from_plane({pose['handles'][:2]!r})")
    normal = notebook.kernel_value(f"{VIEW}.plane.basis")
    start = person.pixel(pose["handles"][2])
    goal = (start[0] + 70, start[1] + 50)
    notebook.drag_by_mouse(person.stage, [start, (start[0] + 30, start[1] + 20), goal])
    after = person.settled()["pose"]
    assert person.pixel(after["handles"][2]) == pytest.approx(goal, abs=1.5)
    assert notebook.kernel_value(f"{VIEW}.plane.distance({others!r})") == pytest.approx([0, 0], abs=1e-6)
    turned = np.array(notebook.kernel_value(f"{VIEW}.plane.basis"))
    assert np.linalg.svd(np.array(normal) @ turned.T)[1].min() < 0.9999  # another plane
    person.check_chip()
    person.check_cells()

    person.slice.focus()
    for _ in range(3):
        notebook.page.keyboard.press("h")
    selected = np.array(person.state()["pose"]["handles"])
    notebook.page.keyboard.press("Shift+ArrowUp")
    notebook.page.keyboard.press("Shift+ArrowUp")
    moved = np.array(person.settled()["pose"]["handles"])
    assert (np.abs(moved - selected).max(axis=1) > 1e-6).sum() == 1
    person.check_chip()
    person.check_cells()


@pytest.mark.parametrize("by", ["double click", "key"])
def test_the_section_is_pulled_through_a_sample(person: Person, by: str):
    notebook = person.notebook
    section(person)
    if by == "key":
        notebook.page.keyboard.press("p")
    else:
        sample = f"{VIEW}.space.features[{VIEW}.space.nearest({VIEW}.probe.features)[1][0, :1]]"
        nearest = notebook.kernel_value(f"{VIEW}.plane.to_plane({sample})[0]")
        x, y = person.pixel(nearest)
        box = person.stage.bounding_box()
        notebook.page.mouse.dblclick(box["x"] + x, box["y"] + y)
    label = notebook.wait_for_kernel(
        f"[x for x in {VIEW}.scene['section']['labels'] if x.startswith('sample')]"
    )[0]
    row = int(label.split()[1])
    distance = notebook.kernel_value(f"{VIEW}.plane.distance({VIEW}.space.features[[{row}]])[0]")
    assert distance == pytest.approx(0, abs=1e-6)
    person.check_cells()


def test_dragging_never_has_two_requests_in_flight_and_ends_on_the_last_pose(person: Person):
    start = person.pixel(person.state()["pose"]["probe"])
    turns = np.linspace(0, 4 * np.pi, 120)
    path = [
        start,
        *zip(start[0] + 90 * np.sin(turns), start[1] + 60 * np.sin(2 * turns), strict=True),
        (200.0, 300.0),
    ]
    person.notebook.drag_by_frame(person.stage, path)
    state = person.settled()
    assert person.pixel(state["pose"]["probe"]) == pytest.approx((200.0, 300.0), abs=1.5)
    person.check_chip()
    check_image(person)
    stats = person.slice.evaluate("root => root.fsw.stats()")
    assert stats["frames"] > 60
    assert 0 < stats["roundTrips"] <= stats["frames"]


def test_the_wheel_zooms_about_the_pointer_and_the_ground_pans(person: Person):
    notebook = person.notebook
    box = person.stage.bounding_box()
    before = person.state()["pose"]["view"]
    notebook.page.mouse.move(box["x"] + 40, box["y"] + 40)
    notebook.page.mouse.wheel(0, -300)
    zoomed = notebook.wait_for(person.state, "zoomed", lambda s: s["pose"]["view"][2] < before[2])["pose"][
        "view"
    ]
    corner = [
        before[0] + (40 / box["width"] - 0.5) * before[2],
        zoomed[0] + (40 / box["width"] - 0.5) * zoomed[2],
    ]
    assert corner[0] == pytest.approx(corner[1], abs=1e-6 * before[2])
    notebook.drag_by_mouse(person.stage, [(30, 30), (60, 30), (90, 60)])
    panned = person.settled()["pose"]["view"]
    assert panned[0] == pytest.approx(
        zoomed[0] - 60 * zoomed[2] / box["width"], rel=1e-3, abs=0.02 * zoomed[2]
    )
    person.check_cells()


def test_the_kernel_optimises_for_nobody_that_looks_away(person: Person):
    notebook = person.notebook
    person.root.evaluate("root => (root.style.display = 'none')")
    notebook.wait_for_kernel(f"{VIEW}.seen", lambda seen: not seen)
    notebook.kernel_value(f"{VIEW}.move_to([1.0, 0.5])")
    notebook.page.wait_for_timeout(800)
    assert notebook.kernel_value("explorer.panel.optimised") == {}
    person.root.evaluate("root => (root.style.display = '')")
    notebook.wait_for_kernel(f"{VIEW}.seen")
    notebook.wait_for_kernel("explorer.panel.optimised.get('running')", lambda running: running is False)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_themes_look_right(person: Person, theme: str):
    """The ground follows the theme; the pictures are for a person to look at."""
    notebook = person.notebook
    light = pixels(person.stage.locator("canvas").first).mean()
    notebook.set_theme(theme)
    mean = notebook.wait_for(
        lambda: pixels(person.stage.locator("canvas").first).mean(),
        "the ground has the theme's brightness",
        lambda value: value < 0.6 * light if theme == "dark" else value > 150,
    )
    assert mean > 0
    person.slice.scroll_into_view_if_needed()
    SCREENSHOTS.mkdir(exist_ok=True)
    notebook.page.screenshot(path=SCREENSHOTS / f"explorer-boundary-{theme}.png")
    section(person)
    notebook.page.screenshot(path=SCREENSHOTS / f"explorer-section-{theme}.png")


def test_an_error_is_shown_as_a_card_and_the_view_stays_alive(person: Person):
    notebook = person.notebook
    person.root.locator("select").first.evaluate(
        """select => { select.add(new Option('gone', 'gone')); select.value = 'gone';
           select.dispatchEvent(new Event('change', { bubbles: true })); }"""
    )
    card = person.root.locator(".fsw-toolbar, .fsw-error").filter(has_text="unknown model")
    notebook.wait_for(lambda: card.count(), "a card names the model")
    assert notebook.kernel_value("explorer.space.card['name']") == "fashion-mnist"
    person.check_chip()
