"""The built browser bundle, given as text: anywidget keeps closed widgets alive when given paths."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["bundle", "style"]


@cache
def bundle(name: str) -> str:
    """Text of one built ES module."""
    return (files(__package__) / "static" / f"{name}.js").read_text(encoding="utf-8")


@cache
def style() -> str:
    """Text of the shared style sheet."""
    return (files(__package__) / "static" / "widget.css").read_text(encoding="utf-8")
