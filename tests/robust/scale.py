"""How much is tried: seconds in the normal run; ``FSW_LONG=1 python -m pytest tests/robust -s`` tries all."""

from __future__ import annotations

import os

LONG = os.environ.get("FSW_LONG") == "1"


def tries(quick: int, long: int) -> int:
    return long if LONG else quick
