"""Class colours: Okabe-Ito to 8 classes, Petroff to 10, beyond that grey except for the chosen ones."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["class_colours"]

_OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b5a300", "#5a5a5a")
_PETROFF = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581",
    "#92dadd",
)  # fmt: skip
_GREY = "#8c8c8c"
_HIGHLIGHT = (_OKABE_ITO[0], _OKABE_ITO[5], _OKABE_ITO[2])


def class_colours(count: int, chosen: Sequence[int]) -> list[str]:
    """One colour a class; with more than ten classes only the chosen ones are coloured."""
    if count <= len(_PETROFF):
        return list((_OKABE_ITO if count <= len(_OKABE_ITO) else _PETROFF)[:count])
    colours = [_GREY] * count
    for index, colour in zip(chosen, _HIGHLIGHT, strict=False):
        colours[index] = colour
    return colours
