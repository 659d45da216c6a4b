"""The lessons that come with the package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["example"]

HERE = Path(__file__).parent


def example(name: str) -> Path:
    """File of a lesson that comes with the package, for ``Explorer(lesson=...)`` or to copy from.

    Raises
    ------
    ValueError
        If there is no such lesson; names those that there are.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> fsw.Explorer(lesson=fsw.lessons.example("predict-then-look")).lesson.plan.title
    'Predict, then look'
    """
    names = sorted(path.stem for path in HERE.glob("*.yaml"))
    if name not in names:
        raise ValueError(f"there is no lesson {name!r}; the lessons are {', '.join(names)}")
    return HERE / f"{name}.yaml"
