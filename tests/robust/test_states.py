"""Spoiled states of an explorer, as somebody may paste them: refused with a reason, or a view that works.

The long mode (``FSW_LONG=1 python -m pytest tests/robust/test_states.py -s``) tries 5,000.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter

import featurespace_widgets as fsw
from robust.scale import tries
from robust.test_messages import spoiled


def test_an_explorer_survives_any_state_that_is_pasted():
    chance, seen = random.Random(7), Counter()
    explorer = fsw.Explorer(fsw.load("mnist-2d"), classes=(3, 5, 8))
    explorer.view.through_sample(4)
    explorer.bookmark("here")
    section = copy.deepcopy(explorer.state)
    explorer.view.mode = "boundary"
    good = [section, copy.deepcopy(explorer.state)]
    for number in range(tries(150, 5000)):
        before = explorer.state
        try:
            explorer.restore(spoiled(copy.deepcopy(good[number % 2]), chance))
        except ValueError as error:
            said = str(error)
            assert explorer.state == before, said
            seen["refused"] += bool(said)
        else:
            json.dumps(explorer.state, allow_nan=False)
            seen["shown"] += 1
        explorer.view.move_to([0.1, 0.2])
        assert explorer.view.error == {}
    explorer.restore(good[0])
    assert explorer.view.mode == "section"
    explorer.close()
    print(f"\nstates: {seen.total()} tried, {dict(seen)}")
    assert min(seen["refused"], seen["shown"]) > 10
