"""The gallery's pages, opened from files and inside a frame of another page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from browser.lab import wait_until
from featurespace_widgets.__main__ import main
from featurespace_widgets.lessons import write_gallery

CELLS = "document.querySelector('.fsw-slice')?.fsw.state()?.cells.length"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return write_gallery(tmp_path_factory.mktemp("gallery"), grid=2)


@pytest.fixture
def page(chromium: Browser):
    context = chromium.new_context(offline=True)
    page, problems = context.new_page(), []
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert not problems


def test_the_index_leads_to_live_pages(pages, page):
    page.goto(pages[-1].as_uri())
    links = page.get_by_role("link").all_inner_texts()
    assert len(links) == len(pages) - 1 == 9
    for title in links:
        page.goto(pages[-1].as_uri())
        page.get_by_role("link", name=title, exact=True).click()
        wait_until(lambda: page.evaluate(CELLS), title, pause=page.wait_for_timeout)


def test_a_page_lives_inside_a_course_sites_frame(pages, page, tmp_path):
    site = tmp_path / "course.html"
    site.write_text(f'<h1>Course</h1><iframe src="{pages[0].as_uri()}" width="900" height="700"></iframe>')
    page.goto(site.as_uri())
    frame = wait_until(
        lambda: next((f for f in page.frames if f.url == pages[0].as_uri()), None),
        "the frame", pause=page.wait_for_timeout,
    )  # fmt: skip
    wait_until(lambda: frame.evaluate(CELLS), "cells", pause=page.wait_for_timeout)
    slice_ = frame.get_by_role("application").first
    before = frame.evaluate("document.querySelector('.fsw-slice').fsw.state().pose.probe")
    slice_.focus()
    page.keyboard.press("ArrowRight")
    wait_until(
        lambda: frame.evaluate("document.querySelector('.fsw-slice').fsw.state().pose.probe") != before,
        "the move", pause=page.wait_for_timeout,
    )  # fmt: skip


def test_a_file_in_the_way_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["gallery", str(tmp_path / "file")]) == 2
    assert "must be a folder" in capsys.readouterr().err
