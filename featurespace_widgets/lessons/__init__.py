"""What the notebooks need beside the package itself: exercises that check answers, and rows of images."""

from .exercises import EXERCISES, Exercise, check
from .strip import strip

__all__ = ["EXERCISES", "Exercise", "check", "strip"]
