"""A lesson in a real JupyterLab: answers open the next step, the progress string brings them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from browser.conftest import SCREENSHOTS
from browser.lab import NotebookPage

LESSON = """import featurespace_widgets as fsw
explorer = fsw.Explorer(lesson=fsw.lessons.example("predict-then-look"))
explorer"""

BROKEN = '''import featurespace_widgets as fsw
fsw.Explorer(fsw.load("mnist-2d"), lesson="""title: My lesson
steps:
- text: Drag the <b>point</b>.
  question:
    kind: choice
    text: Which digit?
    choices: ["3", "5"]
    answer: 8
- txt: The end.
""")'''

HOSTILE = """import featurespace_widgets as fsw
evil = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>'
question = {"kind": "choice", "text": evil, "choices": [evil, "b"], "answer": "b", "wrong": evil}
lesson = {"title": evil, "steps": [{"title": evil, "text": evil + f" **{evil}**", "question": question}]}
explorer = fsw.Explorer(fsw.load("mnist-2d"), lesson=lesson)
explorer"""


class Student:
    """What a student sees and does."""

    def __init__(self, notebook: NotebookPage) -> None:
        self.notebook = notebook
        notebook.run_all()
        self.explorer = notebook.page.locator(".fsw-explorer").first
        self.card = self.explorer.locator(".fsw-lesson")
        self.card.scroll_into_view_if_needed()

    def sees(self, text: str) -> None:
        self.notebook.wait_for(self.card.inner_text, text, lambda shown: text in shown)

    def press(self, name: str) -> None:
        self.card.get_by_role("button", name=name, exact=True).click()

    def choose(self, choice: str) -> None:
        self.card.get_by_role("radio", name=choice, exact=True).check()
        self.press("Answer")

    def show(self, name: str) -> None:
        """Pictures in both themes, for a person to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        for theme in ("dark", "light"):
            self.notebook.set_theme(theme)
            self.notebook.page.wait_for_timeout(400)
            self.card.scroll_into_view_if_needed()
            self.explorer.screenshot(path=SCREENSHOTS / f"lesson-{name}-{theme}.png")


@pytest.fixture
def student(open_notebook: Callable[[Sequence[str]], NotebookPage]) -> Callable[[str], Student]:
    return lambda source: Student(open_notebook([source]))


def test_a_student_answers_goes_on_and_comes_back(student: Callable[[str], Student]):
    one = student(LESSON)
    notebook, card = one.notebook, one.card
    one.sees("The sheet of digits")
    one.show("start")
    chips = one.explorer.locator(".fsw-class")
    assert chips.count() == 10
    assert all(chips.nth(k).is_disabled() for k in range(10))
    one.press("Next")
    one.sees("How much is there?")
    assert card.get_by_role("button", name="Next", exact=True).is_disabled()
    number = card.locator("form input")
    number.fill("3")
    number.press("Enter")
    one.sees("You have 2 more tries")
    number.fill("2")
    number.press("Enter")
    one.sees("Two numbers are a point")
    # the keyboard goes on from there
    notebook.page.keyboard.press("Enter")
    one.sees("Predict the image")

    stage = one.explorer.locator(".fsw-stage")
    assert one.explorer.locator(".fsw-placeholder").inner_text() == "Hidden until you have answered."
    assert one.explorer.locator(".fsw-charts").count() == 0
    before = notebook.kernel_value("explorer.view.probe.st")
    box = stage.bounding_box()
    assert box
    at = one.explorer.locator(".fsw-slice").evaluate("root => root.fsw.state().pose")
    scale = box["width"] / at["view"][2]
    x = box["width"] / 2 + (at["probe"][0] - at["view"][0]) * scale
    y = box["height"] / 2 - (at["probe"][1] - at["view"][1]) * scale
    notebook.drag_by_mouse(stage, [(x, y), (x + 40, y + 10), (x + 80, y + 20)])
    stage.click(position={"x": 40, "y": 40})
    notebook.wait_for_kernel("explorer.view.pose_shown['view'][0]", lambda s: abs(s - at["view"][0]) > 1e-6)
    np.testing.assert_allclose(notebook.kernel_value("explorer.view.probe.st"), before)
    one.show("question")

    truth = notebook.kernel_value("explorer.space.preview(explorer.view.probe.features[None]).seen[0]")
    wrong = next(name for name in "358" if name != str(truth))
    one.choose(wrong)
    one.sees("Whose dots lie around the point?")
    one.show("wrong")
    one.choose(str(truth))
    one.sees("Now look at the picture")
    notebook.wait_for(one.explorer.locator("canvas.fsw-image").is_visible, "the image is shown")
    one.press("Next")
    one.sees("Who is next?")
    notebook.wait_for(
        lambda: one.explorer.locator("rect.bar:visible").count(), "the margins", lambda n: n == 18
    )
    one.press("Progress")
    card.get_by_label("Your name or number").fill("Ada")
    card.get_by_label("Your name or number").press("Tab")
    text = notebook.wait_for_kernel(
        "[explorer.lesson.student, explorer.lesson.progress]", lambda v: v[0] == "Ada"
    )[1]
    notebook.wait_for(
        card.get_by_label("Your progress").input_value, "the string", lambda shown: shown == text
    )
    one.show("progress")
    with notebook.page.expect_download() as download:
        one.press("answers as a file")
    assert download.value.suggested_filename == "Predict--then-look-Ada.json"
    handed_in = json.loads(download.value.path().read_text())
    assert [row["given"] for row in handed_in["answers"]] == ["2", str(truth)]

    notebook.restart()
    again = Student(notebook)
    again.sees("The sheet of digits")
    again.press("Progress")
    again.card.get_by_label("Go on from").fill(text[:-1])
    again.press("go on")
    again.sees("damaged")
    again.card.get_by_label("Go on from").fill(f" {text[:50]}\n{text[50:]} ")
    again.press("go on")
    again.sees("Who is next?")
    assert notebook.kernel_value("explorer.lesson.progress") == text
    np.testing.assert_allclose(notebook.kernel_value("explorer.view.probe.st"), before, atol=1e-6)
    again.press("Step 3: Predict the image, done")
    again.sees("Right.")


def test_a_broken_lesson_is_a_card(student: Callable[[str], Student]):
    one = student(BROKEN)
    one.sees("This lesson cannot be used")
    one.sees("step 1, field question.answer, line 8: must be one of 3, 5, received '8'")
    one.sees("step 2, field text, line 9: is missing")
    one.show("broken")


def test_a_hostile_lesson_is_only_text(student: Callable[[str], Student]):
    one = student(HOSTILE)
    one.sees("<script>")
    one.choose('<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>')
    one.sees("You have 2 more tries")
    assert one.card.locator("img, script").count() == 0
    assert one.notebook.page.evaluate("window.hacked") is None
