"""Exports that are killed while they are written: the old file or the new one, never a part.

The long mode (``FSW_LONG=1 python -m pytest tests/robust/test_writing.py -s``) kills 60 times.
Extraction is killed in `tests/study/killed_extraction.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from robust.scale import tries


def test_killed_exports_are_old_or_new(tmp_path):
    kills = tries(8, 60)
    program = Path(__file__).with_name("killed_writing.py")
    run = subprocess.run(
        [sys.executable, program, tmp_path, str(kills)], capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    print(f"\nexports: {found}")
    assert found["struck"] == kills
    assert found["read"] == 4 * kills
