"""Everything works without a network: tests run again where the only interface is loopback.

JupyterLab, its kernel and Chromium run there, too: a request for anything else has no way out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/browser/test_explorer.py::test_the_probe_follows_the_mouse_and_so_does_all_that_depends_on_it",
    "tests/widgets/test_saving.py",
)
# A new namespace has its loopback switched off.
INSIDE = """
import fcntl, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 0x41))  # SIOCSIFFLAGS: up and running
assert [name for _, name in socket.if_nameindex()] == ["lo"]
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def test_all_works_where_only_loopback_exists():
    unshare = shutil.which("unshare")
    user = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["--user", "--map-root-user"]
    if not unshare or subprocess.run([unshare, *user, "--net", "true"], capture_output=True).returncode:
        reason = "no network namespace can be made here"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    run = subprocess.run(
        [unshare, *user, "--net", sys.executable, "-c", INSIDE, *TESTS],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    print("\nonly loopback:", run.stdout.strip().splitlines()[-1])
