"""The answers of a class: gathered from files and strings, damaged ones reported."""

from __future__ import annotations

import json

import pytest

from featurespace_widgets.lessons import collect
from featurespace_widgets.widgets.lesson.progress import Given, Progress


def progress(student, right):
    answers = {
        1: Given("How many?", "0" * 8, "2" if right else "3", right, 1 if right else 3, True),
        3: Given("What do you think?", "1" * 8, "=cmd|' /C calc'!A0", None, 1, False),
    }
    return Progress("A look", student, 2, answers)


def test_a_folder_of_a_class(tmp_path):
    (tmp_path / "ada.json").write_text(progress("Ada", True).to_json())
    (tmp_path / "group 2").mkdir()
    (tmp_path / "group 2" / "bo.txt").write_text(progress("Bo", False).to_text() + "\n")
    (tmp_path / "cut.json").write_text(progress("Cy", True).to_json()[:-200])
    (tmp_path / "forged.json").write_text(
        progress("Di", False).to_json().replace('"right": false', '"right": true')
    )
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)))
    (tmp_path / "huge.json").write_bytes(b" " * 1_000_001)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "notes.md").write_text("no answers")
    found = collect(tmp_path)
    assert {source for source, _ in found.damaged} == {
        "cut.json", "empty.txt", "binary.txt", "huge.json", "deep.json", "list.json",
    }  # fmt: skip
    rows = {(row["student"], row["step"]): row for row in found.rows}
    assert set(rows) == {("Ada", 2), ("Ada", 4), ("Bo", 2), ("Bo", 4), ("Di", 2), ("Di", 4)}
    assert rows["Di", 2]["right"] is False  # what stands beside the string does not count
    assert rows["Bo", 2]["source"].endswith("bo.txt")
    assert found.summary() == [
        {
            "lesson": "A look", "step": 2, "question": "How many?", "answers": 3, "right": 1,
            "mean_tries": pytest.approx(7 / 3),
        },
        {
            "lesson": "A look", "step": 4, "question": "What do you think?", "answers": 3, "right": None,
            "mean_tries": 1.0,
        },
    ]  # fmt: skip


def test_strings_json_and_a_frame(tmp_path):
    text = progress("Ada", True).to_text()
    found = collect([text, text[:-1], "", text])
    assert len(found.rows) == 4
    assert [source for source, _ in found.damaged] == ["text 2", "text 3"]
    written = json.loads(found.to_json(tmp_path / "class.json"))
    assert json.loads((tmp_path / "class.json").read_text()) == written
    assert written["answers"] == list(found.rows)
    assert written["damaged"][0]["source"] == "text 2"
    frame = found.to_frame()
    assert list(frame["given"]) == ["2", "=cmd|' /C calc'!A0"] * 2
    assert len(collect([]).to_frame()) == 0


def test_no_folder():
    with pytest.raises(ValueError, match="expected a folder"):
        collect("nowhere")
