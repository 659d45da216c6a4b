"""Importing the package costs next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys

IMPORT = """
import json, sys, time
import anywidget, ipywidgets
start = time.process_time()
import featurespace_widgets as fsw
names = dir(fsw)
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "names": names, "modules": sorted(sys.modules)}))
"""


def test_import_is_fast_and_loads_neither_torch_nor_charts():
    found = json.loads(subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True).stdout)
    assert not {"torch", "bqplot", "pandas", "scipy"} & set(found["modules"])
    assert found["seconds"] < 0.3
    assert {"Explorer", "FeatureSpace", "SliceView", "available", "explore", "load"} <= set(found["names"])


def test_every_public_name_resolves():
    script = "import featurespace_widgets as fsw; [getattr(fsw, name) for name in fsw.__all__]"
    subprocess.run([sys.executable, "-c", script], check=True)
