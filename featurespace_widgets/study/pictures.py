"""Where a study's images come from when they are files: a folder of pictures, or an array."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["PictureFolder", "read_images"]


class PictureFolder:
    """The pictures below a folder, read when they are asked for.

    A picture's label is that of the class its own folder is named after; -1 elsewhere.

    Parameters
    ----------
    folder : path
    channels : 1 or 3
        Grey or colour, as the model takes them.
    class_names : sequence of str

    Raises
    ------
    ValueError
        If there is no picture.
    """

    def __init__(
        self, folder: str | os.PathLike[str], channels: int = 3, class_names: Sequence[str] = ()
    ) -> None:
        known = Image.registered_extensions()
        self.files = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in known)
        if not self.files:
            raise ValueError(f"{folder} holds no pictures")
        self.mode = "L" if channels == 1 else "RGB"
        self.labels = {name: label for label, name in enumerate(class_names)}

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[NDArray[np.uint8], int]:
        file = self.files[row]
        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert(self.mode))
        image = np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))
        return image, self.labels.get(file.parent.name, -1)


def read_images(source: str | os.PathLike[str], channels: int, class_names: Sequence[str] = ()) -> Any:
    """Images of a ``.npy`` file (n, C, H, W), memory-mapped, or the pictures below a folder.

    Raises
    ------
    ValueError
        If it is neither.
    """
    path = Path(source)
    if path.is_dir():
        return PictureFolder(path, channels, class_names)
    if path.suffix == ".npy" and path.is_file():
        images = np.load(path, mmap_mode="r")
        if images.ndim != 4:
            raise ValueError(f"{path} must hold images (n, C, H, W), received shape {images.shape}")
        return images
    raise ValueError(f"{path} is neither a folder of pictures nor a .npy file of images (n, C, H, W)")
