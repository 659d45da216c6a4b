"""Errors as cards: what happened, what was received, what is allowed, what to do."""

from __future__ import annotations

__all__ = ["error_card"]


def error_card(title: str, error: Exception) -> dict[str, str]:
    """A card for the widgets' `error` trait."""
    if isinstance(error, ValueError):
        return {
            "title": title,
            "received": str(error),
            "allowed": "",
            "todo": "The last view is kept; choose again.",
        }
    return {
        "title": title,
        "received": f"{type(error).__name__}: {error}",
        "allowed": "",
        "todo": "The last view is kept. If it happens again, run the cell again.",
    }
