"""What holds for every test: nothing reads or writes the person's own Jupyter and IPython folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A loaded machine is slow now and then; that is no failing example.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def _private_jupyter() -> Iterator[None]:
    with (
        # Kernels write to these folders until they are gone, hence the tolerance.
        tempfile.TemporaryDirectory(prefix="fsw-tests-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, os.path.join(folder, name.lower()))
        yield
