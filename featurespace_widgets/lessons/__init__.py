"""For teaching: lessons of the explorer, answers of a class, exercises and pictures of the notebooks."""

from .collect import ClassAnswers, collect
from .examples import example
from .exercises import EXERCISES, Exercise, check
from .gallery import write_gallery
from .strip import strip

__all__ = ["EXERCISES", "ClassAnswers", "Exercise", "check", "collect", "example", "strip", "write_gallery"]
