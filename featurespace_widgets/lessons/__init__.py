"""Beside the notebooks: exercises that check answers, rows of images, pages without a kernel."""

from .exercises import EXERCISES, Exercise, check
from .gallery import write_gallery
from .strip import strip

__all__ = ["EXERCISES", "Exercise", "check", "strip", "write_gallery"]
