"""What a person sees of the tabs below the explorer's slice."""

from __future__ import annotations

from browser.conftest import SCREENSHOTS
from browser.lab import NotebookPage, wait_until


class Tabs:
    """What a person sees of the tabs below the first explorer."""

    def __init__(self, notebook: NotebookPage) -> None:
        self.notebook = notebook
        notebook.run_all()
        self.root = notebook.page.locator(".fsw-charts").first

    def open(self, title: str):
        """Click a tab; returns its panel."""
        self.root.get_by_role("tab", name=title, exact=True).click()
        panel = self.root.locator(".fsw-chart-panel:visible")
        panel.scroll_into_view_if_needed()
        return panel

    def answered(self, title: str):
        """Open a tab and wait, as long as a search takes, for its whole answer; returns its panel."""
        panel, name = self.open(title), f"{title}'s answer"
        ready = f"(lambda panel: panel.answer is not None and panel._settled)(explorer.tabs.panel({title!r}))"
        wait_until(lambda: self.notebook.kernel_value(ready), name, pause=self.notebook.page.wait_for_timeout)
        return panel

    def show(self, name: str, what: str = ".fsw-charts"):
        """Pictures in both themes, for a person to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        for theme in ("dark", "light"):
            self.notebook.set_theme(theme)
            self.notebook.page.wait_for_timeout(400)
            self.notebook.page.locator(what).first.screenshot(path=SCREENSHOTS / f"panel-{name}-{theme}.png")
