"""What the README, the continuous integration and Binder say agrees with the project."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Names on conda-forge that differ from those on PyPI.
CONDA_NAMES = {"torch": "pytorch-cpu"}


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_readme_gives_two_commands_and_ci_runs_the_one_for_the_tests():
    commands = [block.strip() for block in code_blocks("sh")]
    assert len(commands) == 2
    ci = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if ".venv" in line]
    assert commands[1] == " && ".join(ci)


def test_readme_examples_run(tmp_path):
    script = tmp_path / "readme.py"
    script.write_text("\n".join(code_blocks("python")))
    run = subprocess.run(
        [sys.executable, "-W", "error", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_readme_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_binder_installs_every_dependency_with_the_same_bound():
    listed = re.findall(r"^  - (\S+)$", (ROOT / "binder" / "environment.yml").read_text(), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"] + project["optional-dependencies"]["lab"]:
        name, bound = requirement.split(">=")
        assert f"{CONDA_NAMES.get(name, name)}>={bound}" in listed
