"""Messages of any shape from a browser: an error card or a TraitError, and the view works on.

The long mode (``FSW_LONG=1 python -m pytest tests/robust/test_messages.py -s``) delivers 100,000 and more.
"""

from __future__ import annotations

import copy
import json
import random
import warnings
from collections import Counter

import numpy as np
import pytest
import traitlets

import featurespace_widgets as fsw
from robust.scale import tries

ODD = (
    None, True, False, 0, -1, 7, 2**63, -(10**30), 0.5, float("nan"), float("inf"), 1e308, -0.0, 5e-324, "",
    "section", "boundary", "<script>alert(1)</script>", "\u202egnitset", "x" * 5000, "\x00", b"\x00\xff", [],
    {}, [[]], [1, 2], [0, 1, 2], [0.5] * 3, [[0.0] * 3] * 3, {"a": 1}, ["0", "1"], [None, None], [[1, [2]]],
)  # fmt: skip


def odd(chance: random.Random, depth: int = 0):
    kind = chance.randrange(8)
    if depth < 3 and kind == 0:
        return [odd(chance, depth + 1) for _ in range(chance.randrange(5))]
    if depth < 3 and kind == 1:
        return {chance.choice(["id", "version", "mode", "x", ""]): odd(chance, depth + 1) for _ in range(3)}
    return chance.uniform(-9, 9) if kind == 2 else copy.deepcopy(chance.choice(ODD))


def spoiled(good, chance: random.Random):
    """A message in which some parts are left out, added, or something else."""
    if isinstance(good, (list, tuple)) and good and chance.random() < 0.6:
        parts = list(good)
        place = chance.randrange(len(parts))
        parts[place] = spoiled(parts[place], chance)
        return parts[: chance.randrange(len(parts) + 1)] if chance.random() < 0.2 else parts
    if isinstance(good, dict) and chance.random() < 0.95:
        parts = dict(good)
        for name in chance.sample(sorted(parts), min(len(parts), chance.randrange(3))):
            if chance.random() < 0.2:
                del parts[name]
            else:
                parts[name] = spoiled(parts[name], chance)
        return parts
    return odd(chance)


def update(widget, state) -> str:
    """Deliver a state as a comm does; the kernel logs a TraitError and goes on."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of traitlets, for odd texts
            widget.set_state(state)  # _handle_msg hides what it raises
    except traitlets.TraitError:
        return "refused"
    return "card" if widget.error else "taken"


def works(view, chance: random.Random) -> None:
    """A drag after all that is answered, and rightly."""
    point = [chance.uniform(-1, 1), chance.uniform(-1, 1)]
    good = {**view.default_pose(view.mode), "probe": point, "id": 12345, "after": view._kernel_id}
    assert update(view, {"pose": good}) == "taken", view.error
    assert view.answer["id"] == 12345
    assert view.probe.st.tolist() == point
    if view.probe.features is not None:
        assert view.answer["classIndex"] == int(view.space.head.logits(view.probe.features)[0].argmax())


@pytest.fixture
def plain():
    weight = np.random.default_rng(0).normal(size=(4, 5))
    return fsw.FeatureSpace(fsw.LinearHead(weight))


def test_a_view_survives_any_pose_and_state(plain):
    chance, seen, view = random.Random(0), Counter(), fsw.SliceView(plain)
    for number in range(tries(6000, 60_000)):
        after = view._kernel_id
        good = {**view.default_pose(chance.choice(["boundary", "section"])), "id": number + 1, "after": after}
        state = {"pose": spoiled(good, chance)}
        if chance.random() < 0.3:
            state[chance.choice(view.keys)] = odd(chance)
        seen[update(view, state)] += 1
        json.dumps([view.answer, view.error], allow_nan=False, default=repr)
        if number % 100 == 0:
            works(view, chance)
    works(view, chance)
    print(f"\nposes and states: {seen.total()} tried, {dict(seen)}")
    assert min(seen["card"], seen["taken"], seen["refused"]) > 100


def test_a_view_survives_any_custom_message():
    chance, view = random.Random(1), fsw.SliceView(fsw.load("mnist-2d"))
    good, count, cards = {"type": "through", "sample": 3, "handle": 1}, tries(2000, 20_000), 0
    for number in range(count):
        content = spoiled(good, chance)
        if content == good and number % 50:  # pulling the plane is slow, and is tested elsewhere
            content = odd(chance)
        view.error = {}
        # Called as they are: ipywidgets hides what they raise.
        for callback in list(view._msg_callbacks.callbacks):
            callback(view, content, [])
        cards += bool(view.error)
    works(view, chance)
    print(f"\ncustom messages: {count} tried, {cards} answered with a card")
    assert cards > 100


def test_an_explorer_survives_any_state_of_its_widgets():
    chance, seen = random.Random(2), Counter()
    explorer = fsw.Explorer(fsw.load("mnist-2d"))
    toolbar, view, panel = explorer.toolbar, explorer.view, explorer.panel
    for number in range(tries(3000, 30_000)):
        widget = chance.choice([toolbar, toolbar, panel])
        name = chance.choice([n for n in widget.keys if not n.startswith("_")])
        good = copy.deepcopy(getattr(widget, name)) if widget is toolbar and name == "chosen" else None
        seen[update(widget, {name: spoiled(good, chance)})] += 1
        if number % 100 == 0:
            works(view, chance)
    works(view, chance)
    explorer.close()
    print(f"\nstates of toolbar and image panel: {seen.total()} tried, {dict(seen)}")
    assert view.mode in ("boundary", "section")
    assert seen["refused"] > 100


@pytest.mark.parametrize("problem", [MemoryError("out of memory"), RuntimeError("CUDA"), ZeroDivisionError()])
def test_what_a_model_raises_is_a_card_and_nothing_is_lost(plain, problem):
    view, failing = fsw.SliceView(plain), [False]

    def answerer(_probe, _final):
        if failing[0]:
            raise problem
        return {}

    view.on_probe(answerer)
    view.move_to([0.1, 0.2])
    failing[0] = True
    view.move_to([0.3, 0.4])
    assert type(problem).__name__ in view.error["received"]
    assert view.probe.st.tolist() == [0.1, 0.2]
    failing[0] = False
    works(view, random.Random(3))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_a_browser_cannot_read_are_a_card(plain, number):
    view = fsw.SliceView(plain)
    view.on_probe(lambda _probe, _final: {"landing": [number, 0.0, 0.0]})
    view.move_to([0.3, 0.4])
    assert view.error
    json.dumps(view.answer, allow_nan=False)
