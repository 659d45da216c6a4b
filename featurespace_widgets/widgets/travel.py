"""The part of the explorer that remembers: undo and redo, states, bookmarks, code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalogue import available
from .history import History, Standing, code_of, read_state, restore_state

if TYPE_CHECKING:
    from ..space import FeatureSpace
    from .panels import Toolbar
    from .slice_view import SliceView

__all__ = ["Travel"]


class Travel:
    """What `Explorer` has beside showing: going back, and going again to where one was."""

    view: SliceView
    toolbar: Toolbar
    _spaces: dict[str, FeatureSpace | None]

    if TYPE_CHECKING:  # what the explorer answers

        @property
        def space(self) -> FeatureSpace:
            """The space on screen."""

        def space_of(self, name: str) -> FeatureSpace:
            """One of `models`."""

        def _show_choice(self) -> None: ...

    def _begin_history(self, state: dict[str, Any] | None) -> None:
        self._history, self._travelling = History(), False
        self._bookmarks: dict[str, dict[str, Any]] = {}
        self.toolbar.on_msg(self._asked)
        if state is not None:
            self.restore(state)
        self._remember()
        self.view.observe(self._remember, "answer")

    @property
    def state(self) -> dict[str, Any]:
        """What is on screen, as one small dict of plain values; ``Explorer(state=...)`` shows it again.

        Examples
        --------
        >>> import featurespace_widgets as fsw
        >>> explorer = fsw.Explorer(fsw.load("mnist-2d"), classes=(3, 5, 8))
        >>> fsw.Explorer(fsw.load("mnist-2d"), state=explorer.state).view.classes
        (3, 5, 8)
        """
        with self.view.lock:
            return read_state(self.view, self._name())

    def restore(self, state: dict[str, Any]) -> None:
        """Show what `state` described.

        Raises
        ------
        ValueError
            If it is no such dict, or of a model that is not here; nothing changes then.
        """
        name = state.get("model") if isinstance(state, dict) else None
        if isinstance(state, dict) and name not in list(self._spaces):  # whatever it is, also a list
            raise ValueError(f"the state's model must be one of {', '.join(self._spaces)}, received {name!r}")
        with self.view.lock:
            before = self.space
            try:
                if name is not None and self.space_of(str(name)) is not before:
                    self.view.show(self.space_of(str(name)))
                restore_state(self.view, state)
            except (ValueError, TypeError) as error:
                if self.space is not before:
                    self.view.show(before)
                raise ValueError(str(error)) from error
            self.follow_view()

    def undo(self) -> None:
        """Go back to where the point, the plane, the classes or the model were before."""
        self._travel(-1)

    def redo(self) -> None:
        """Take back an `undo`."""
        self._travel(1)

    @property
    def bookmarks(self) -> dict[str, dict[str, Any]]:
        """The states that were given a name; `restore` goes to one."""
        return dict(self._bookmarks)

    def bookmark(self, name: str) -> None:
        """Give what is on screen a name; the same name again replaces it."""
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"a bookmark needs a name, received {name!r}")
        self._bookmarks[name] = self.state
        self.toolbar.bookmarks = list(self._bookmarks)

    def to_code(self) -> str:
        """Lines of Python that rebuild what is on screen."""
        bundled = self._name() in available()
        only = len(self._spaces) == 1
        load = "" if bundled and not only else "space, "
        return code_of(self.state, load)

    def forget(self) -> None:
        """Begin the history here: nothing before can be undone."""
        self._history = History()
        self._remember()

    def _name(self) -> str:
        """The name of the space on screen."""
        return next(name for name, space in self._spaces.items() if space is self.space)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the spaces that can be picked."""
        return tuple(self._spaces)

    def follow_view(self) -> None:
        """Bring the toolbar to what the view shows."""
        self.toolbar.model = self._name()
        self._show_choice()
        self.toolbar.mode = self.view.mode

    def _remember(self, *_: Any) -> None:
        pose = self.view.pose_shown
        if pose.get("final", True) and not self._travelling:
            self._history.record(Standing(self.view.built, pose))
            self._tell_history()

    def _travel(self, step: int) -> None:
        with self.view.lock:
            place = self._history.go(step)
            if place is None:
                return
            self._travelling = True
            try:
                kept = {key: value for key, value in place.pose.items() if key not in ("id", "version")}
                self.view.restore(place.scene, place.pose["mode"], kept)
            finally:
                self._travelling = False
            self.follow_view()
            self._tell_history()

    def _tell_history(self) -> None:
        self.toolbar.undoable, self.toolbar.redoable = (self._history.can_go(step) for step in (-1, 1))

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """A button of the toolbar."""
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "undo":
            self.undo()
        elif kind == "redo":
            self.redo()
        elif kind == "bookmark":
            names = self.space.head.class_names
            shown = ", ".join(names[k] for k in self.view.classes)
            self.bookmark(f"{len(self._bookmarks) + 1}: {shown}"[:60])
        elif kind == "go" and str(content.get("name")) in self._bookmarks:
            self.restore(self._bookmarks[str(content["name"])])
        elif kind == "code":
            self.toolbar.code = self.to_code()
