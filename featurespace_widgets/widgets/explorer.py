"""The Explorer: pick a model and classes, drag the point, see its image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from ..catalogue import available, load
from ..geometry.arrays import Array
from ..space import FeatureSpace
from .cards import error_card
from .closing import close_parts
from .forgotten import note_shown
from .lesson.conductor import Conductor, begin_lesson
from .palette import class_colours
from .panels import ImagePanel, PanelTabs, Toolbar
from .pictures import image_message, shrunk
from .saving import save_image, save_slice, with_picture
from .settled import Settled
from .slice_view import Probe, SliceView
from .standalone import save_page
from .travel import Travel

__all__ = ["Explorer", "explore"]

NEIGHBOURS = 6
HURRIED = 64  # pixels a side of images while the point is dragged over a slow link


class Explorer(Travel, ipywidgets.VBox):
    """Toolbar, slice view and image panel around one or several feature spaces.

    Parameters
    ----------
    space_or_spaces : FeatureSpace or sequence of them, optional
        By default the bundled models, loaded when they are picked.
    classes : 2 or 3 class indices, optional
        Chosen at the start.
    state : dict, optional
        What `state` of another explorer gave; it says the classes, too.
    lesson : path, str or dict, optional
        A YAML file, YAML text of several lines, or its content; see `featurespace_widgets.lessons`. What
        is wrong with it stands on a card, and the explorer works without it.

    Attributes
    ----------
    view : SliceView
    panel : ImagePanel
    toolbar : Toolbar
    tabs : PanelTabs
        Charts of the point, below.
    lesson : Conductor or None
        The lesson that runs.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> question = {"kind": "number", "text": "How many features?", "answer": {"quantity": "features"}}
    >>> plan = {"title": "A look", "steps": [{"text": "Drag.", "question": question}, {"text": "Well done."}]}
    >>> explorer = fsw.Explorer(fsw.load("mnist-2d"), lesson=plan)
    >>> explorer.lesson.answer(2)
    True
    >>> explorer.lesson.go(1)
    """

    def __init__(
        self,
        space_or_spaces: FeatureSpace | Sequence[FeatureSpace] | None = None,
        *,
        classes: Sequence[int] | None = None,
        state: dict[str, Any] | None = None,
        lesson: str | PathLike[str] | dict[str, Any] | None = None,
    ) -> None:
        self._spaces, self._labels = _catalogue(space_or_spaces)
        self._looks = 0
        name = next(iter(self._spaces))
        space = self.space_of(name)
        self.view = SliceView(space, classes=classes)
        self.panel = ImagePanel()
        self.toolbar = Toolbar(
            models=[{"name": key, "label": label} for key, label in self._labels.items()], model=name
        )
        self._show_choice()
        self.view.on_probe(self._look)
        self.settled = Settled(self.view, self.panel)
        self.tabs = PanelTabs(self.view, self._others)
        self._look_again()
        self.toolbar.observe(self._pick_model, "model")
        self.toolbar.observe(self._pick_classes, "chosen")
        self.toolbar.observe(self._pick_mode, "mode")
        self.toolbar.observe(self._reset, "reset")
        self.view.observe(self._follow_mode, "pose")
        self.view.observe(self._follow_classes, "scene")
        self._begin_history(state)
        body = ipywidgets.HBox([self.view, self.panel])
        body.add_class("fsw-explorer-body")
        super().__init__([self.toolbar, body, self.tabs])
        self.add_class("fsw-explorer")
        self.lesson: Conductor | None = None
        if lesson is not None:
            self.lesson = begin_lesson(self, lesson)

    def close(self) -> None:
        """Close the explorer with all its widgets and end its thread."""
        if self.comm is not None:
            self.tabs.stop()
            self.settled.stop()
            close_parts(self)
        super().close()

    @property
    def space(self) -> FeatureSpace:
        """The space on screen."""
        return self.view.space

    def save(self, path: str | PathLike[str], *, what: Literal["slice", "image"] = "slice") -> Path:
        """Save what is on screen; the file appears whole or not at all.

        Parameters
        ----------
        path : path of the file
            Its suffix says what is written: ``.svg`` or ``.png`` for a picture of the slice from the
            exact polygons, ``.npz`` or ``.json`` for its data (see `widgets.saving.slice_data`).
        what : {"slice", "image"}
            "image" saves the image of the panel as ``.png``.

        Raises
        ------
        ValueError
            For an unknown suffix, a folder that is not there, or where no image is shown.

        Examples
        --------
        >>> import tempfile
        >>> import featurespace_widgets as fsw
        >>> folder = tempfile.mkdtemp()
        >>> fsw.Explorer(fsw.load("mnist-2d")).save(f"{folder}/slice.svg").name
        'slice.svg'
        """
        if what not in ("slice", "image"):
            raise ValueError(f"what must be 'slice' or 'image', received {what!r}")
        return save_image(self.panel.content, path) if what == "image" else save_slice(self.view, path)

    def to_html(self, path: str | PathLike[str], *, grid: int = 15) -> Path:
        """Save the slice as one HTML file that needs no Python, server or network; returns the path.

        Dragging, tilting, margins and cells are live as in the notebook. Images come from an atlas:
        previews at ``grid * grid`` points of the boundary plane (lifted) and of the section. The page
        shows the one nearest to the point, says so, and states how far away its feature vector lies,
        its residual and what the model sees in it. With the default grid the bundled models take 0.6
        to 0.8 MB and less than a second.

        Parameters
        ----------
        path : path of the file, ending in ``.html`` or ``.htm``
        grid : int
            Points a side, 2 to 64; the file grows with its square.

        Raises
        ------
        ValueError
            For another suffix, a folder that is not there or another grid.

        Examples
        --------
        >>> import tempfile
        >>> import featurespace_widgets as fsw
        >>> folder = tempfile.mkdtemp()
        >>> fsw.Explorer(fsw.load("mnist-2d")).to_html(f"{folder}/digits.html", grid=2).name
        'digits.html'
        """
        return save_page(self.view, path, grid)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and a still picture for viewers that show no widgets."""
        note_shown(self)
        return with_picture(super()._repr_mimebundle_(**options), self.view)

    def space_of(self, name: str) -> FeatureSpace:
        """One of `models`, loaded if it is not yet."""
        space = self._spaces[name]
        if space is None:
            space = self._spaces[name] = load(name)
        return space

    def _others(self) -> dict[str, Callable[[], FeatureSpace]]:
        """The models beside the one on screen, by what they are called, with what loads them."""
        shown = [name for name, space in self._spaces.items() if space is not self.space]
        return {self._labels[name]: partial(self.space_of, name) for name in shown}

    # the toolbar

    def _show_choice(self) -> None:
        head = self.space.head
        with self.toolbar.hold_sync():
            self.toolbar.class_names = list(head.class_names)
            self.toolbar.colors = class_colours(head.num_classes, self.view.classes)
            self.toolbar.chosen = list(self.view.classes)
            self.toolbar.error = {}

    def _pick_model(self, change: dict[str, Any]) -> None:
        try:
            if change["new"] not in self._spaces:
                raise ValueError(f"unknown model {change['new']!r}; available are {', '.join(self._spaces)}")
            space = self.space_of(change["new"])
            if space is not self.space:
                self.view.show(space)
        except Exception as error:
            self.toolbar.model = change["old"]
            self.toolbar.error = error_card("This model cannot be shown", error)
            return
        self._show_choice()

    def _pick_classes(self, change: dict[str, Any]) -> None:
        if tuple(change["new"]) == self.view.classes:
            return
        try:
            self.view.show(classes=change["new"])
        except Exception as error:  # whatever the browser sent, or the model raised
            self.toolbar.chosen = list(self.view.classes)
            self.toolbar.error = error_card("These classes cannot be shown", error)
            return
        self._show_choice()

    def _pick_mode(self, change: dict[str, Any]) -> None:
        try:
            self.view.mode = change["new"]
        except ValueError as error:
            self.toolbar.error = error_card("This mode is not known", error)
            self.toolbar.mode = self.view.mode

    def _follow_classes(self, _change: dict[str, Any]) -> None:
        """Whoever chose other classes, the toolbar shows them."""
        if any(space is self.space for space in self._spaces.values()):
            self._show_choice()

    def _follow_mode(self, change: dict[str, Any]) -> None:
        self.toolbar.mode = self.view.mode

    def _reset(self, _change: dict[str, Any]) -> None:
        if self.lesson is None:
            self.view.show()
        else:
            self.lesson.start_over()

    # the image panel

    def _look_again(self) -> None:
        """Show the image of where the probe stands."""
        self.view.move_to(self.view.probe.st)

    def _look(self, probe: Probe, final: bool) -> dict[str, Any]:
        """Fill the panel for a probe; returns what the slice shows of the image."""
        self._looks += 1
        content: dict[str, Any] = {"id": self._looks, "title": "Image at the point", "busy": False}
        names = self.space.head.class_names
        if probe.features is None:
            reason = "No feature vector of the domain lies over this point."
            if probe.verdict == "undecided":
                reason = "No feature vector was found over this point (undecided)."
            self.panel.content = {
                **content,
                "image": None,
                "placeholder": reason,
                "facts": [],
                "neighbours": [],
                "alt": reason,
            }
            return {"message": reason}
        point = f"{names[probe.class_index]} {100 * self._probability(probe.features):.0f} %"
        facts: list[list[str]] = [["point", point, "class and softmax share of the feature vector"]]
        answer: dict[str, Any] = {}
        image = None
        if self.space.pictured is not None or self.space.decoder is not None:
            view = self.space.preview(probe.features[None])
            seen = int(view.seen[0])
            image = self._picture(view.images[0])
            decoded = view.source == "decoder"
            lifted = decoded and self.view.plane.is_boundary_plane
            facts += [
                ["seen as", names[seen], "what the model sees in the image"],
                ["residual", f"{view.residuals[0]:.2f}", "distance of the image's features from the point"],
                [
                    "typical",
                    f"{view.yardstick:.2f}",
                    "median distance between neighbouring training features",
                ],
                [
                    "source",
                    "decoder, lifted" if lifted else view.source.removeprefix("nearest "),
                    "what the image was made from" if decoded else f"the {view.source}: none was made here",
                ],
            ]
            answer = {"landing": self.view.landing(view.landed[0]), "seen": seen}
            kind = "Decoded image" if decoded else view.source.capitalize()
            alt = f"{kind} of the point, seen by the model as {names[seen]}"
        else:
            alt = "This model has neither a decoder nor images"
        if probe.verdict == "no":
            facts.append(["domain", "outside", "no image can have these features"])
        neighbours = self._neighbours(probe)
        self.panel.content = {
            **content,
            "image": image,
            "placeholder": "" if image else "no images",
            "facts": facts,
            "neighbours": neighbours,
            "neighbours_title": (
                "Nearest training images" if self.space.pictured is self.space.bank else "Nearest examples"
            ),
            "alt": alt,
        }
        return answer

    def _probability(self, features: Array) -> float:
        """Softmax share of the winning class."""
        logits = self.space.head.logits(features)[0]
        return float(1.0 / np.exp(logits - logits.max()).sum())

    def _picture(self, image: NDArray[Any], **more: Any) -> dict[str, Any]:
        return image_message(shrunk(image, HURRIED) if self.view.hurried else image, **more)

    def _neighbours(self, probe: Probe) -> list[dict[str, Any]]:
        samples = self.space.pictured
        if samples is None or samples.images is None or probe.features is None:
            return []
        head, (_, rows) = self.space.head, self.space.nearest_images(probe.features[None], NEIGHBOURS)
        colours = class_colours(head.num_classes, self.view.classes)
        labels = self.space.labels if samples.labels is None else samples.labels
        return [
            self._picture(
                samples.images[row], label=head.class_names[labels[row]], color=colours[labels[row]]
            )
            for row in rows[0]
        ]


def _catalogue(
    given: FeatureSpace | Sequence[FeatureSpace] | None,
) -> tuple[dict[str, FeatureSpace | None], dict[str, str]]:
    """Spaces by name (None: bundled, not loaded yet) and their labels."""
    if given is None:
        from ..models.store import read_card

        names = available()
        cards = {name: read_card(name) for name in names}
        labels = {
            name: f"{card['title']} · {card['feature_dim']} features · {100 * card['test_accuracy']:.1f} %"
            for name, card in cards.items()
        }
        return dict.fromkeys(names), labels
    spaces = [given] if isinstance(given, FeatureSpace) else list(given)
    wrong = [type(space).__name__ for space in spaces if not isinstance(space, FeatureSpace)]
    if wrong or not spaces:
        raise ValueError(
            f"Explorer takes a FeatureSpace or several, received {', '.join(wrong) or 'an empty list'}; "
            "make one with fsw.load(name) or fsw.FeatureSpace.from_arrays(weight, bias, ...)"
        )
    by_name: dict[str, FeatureSpace | None] = {f"space {k}": space for k, space in enumerate(spaces, 1)}
    titles = [space.title for space in spaces]
    labels = {
        name: title if titles.count(title) == 1 else f"{title} ({name})"
        for name, title in zip(by_name, titles, strict=True)
    }
    return by_name, labels


def explore() -> Explorer:
    """Open the explorer on the bundled models, Fashion-MNIST first.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> explorer = fsw.explore()
    >>> explorer.space.head
    LinearHead(10 classes, 64 features)
    """
    return Explorer()
