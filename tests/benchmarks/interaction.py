"""How fast it feels: ``python tests/benchmarks/interaction.py``.

Import time beyond ipywidgets and anywidget, the first paint of `explore()`, frames of a drag in JupyterLab
in Chromium (5,000 samples; 10 classes of 64 features, and 1000 classes of 1280), the time from a move to its
decoded image on screen, and sizes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser.chromium import FLAGS, find_chromium
from browser.lab import Lab, NotebookPage

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "featurespace_widgets" / "widgets" / "static"
REPEATS = 7

FIRST = "import featurespace_widgets as fsw"
OPEN = "explorer = fsw.explore()\nexplorer"
LARGE = """import numpy as np
from featurespace_widgets.models.bank import Bank
small = fsw.load("fashion-mnist")
both = [np.concatenate(pair) for pair in zip(
    (small.bank.features, small.bank.labels, small.bank.images),
    (small.test_bank.features, small.test_bank.labels, small.test_bank.images))]
networks = {"classifier": small.classifier, "decoder": small.decoder}
space = fsw.FeatureSpace(small.head, small.domain, Bank(*both), **networks)
large = fsw.Explorer(space)
large"""
MANY = """import numpy as np
from scipy.optimize import Bounds
rng = np.random.default_rng(0)
means = np.maximum(rng.normal(size=(1000, 1280)), 0)
rows, labels = means - means.mean(axis=0), np.arange(5000) % 1000
features = np.maximum(means[labels] + 0.3 * rng.normal(size=(5000, 1280)), 0).astype(np.float32)
domain = Bounds(0, np.inf)
large = fsw.Explorer(
    fsw.FeatureSpace.from_arrays(rows, -0.5 * np.square(means).sum(axis=1), features, labels, domain=domain))
large"""

FIRST_PAINT = """async () => {
    const { commands } = window.jupyterapp;
    const painted = () => document.querySelector('.fsw-slice')?.fsw?.state()?.cells?.length;
    const start = performance.now();
    commands.execute('notebook:run-cell');
    while (!painted()) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""

# One move at a time; each is timed from its pointer event until the panel shows its image and facts.
IMAGES = """async ([index, moves]) => {
    const root = document.querySelectorAll('.fsw-explorer')[index];
    const stage = root.querySelector('.fsw-stage'), facts = root.querySelector('.fsw-facts');
    const state = root.querySelector('.fsw-slice').fsw.state();
    const box = stage.getBoundingClientRect(), scale = box.width / state.pose.view[2];
    const at = [box.width / 2 + (state.pose.probe[0] - state.pose.view[0]) * scale,
                box.height / 2 - (state.pose.probe[1] - state.pose.view[1]) * scale];
    const fire = (type, x, y, buttons) => stage.dispatchEvent(new PointerEvent(type, {
        pointerId: 4711, buttons, button: type === 'pointermove' ? -1 : 0, isPrimary: true,
        pointerType: 'mouse', bubbles: true,
        clientX: box.left + x, clientY: box.top + y }));
    fire('pointerdown', ...at, 1);
    const times = [];
    for (let k = 1; k <= moves; k++) {
        await new Promise(done => setTimeout(done, 120));   // the last answer has come: a fresh move
        const start = performance.now();
        const shown = new Promise(done => {
            const watch = new MutationObserver(() => {
                watch.disconnect();
                requestAnimationFrame(() => done(performance.now()));
            });
            watch.observe(facts, { childList: true });
        });
        fire('pointermove', at[0] + 80 * Math.sin(k / 7), at[1] + 60 * Math.sin(k / 5), 1);
        times.push(await shown - start);
    }
    fire('pointerup', ...at, 0);
    return times;
}"""


def seconds(code: str) -> float:
    """Wall time of a fresh Python that runs some code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def import_times() -> None:
    """Ours and the rival in turn, in fresh interpreters."""
    base, ours = [], []
    for _ in range(REPEATS):
        base.append(seconds("import ipywidgets, anywidget"))
        ours.append(seconds("import ipywidgets, anywidget, featurespace_widgets"))
    extra = median(ours) - median(base)
    print(f"import ipywidgets, anywidget            {median(base):7.3f} s")
    print(f"with featurespace_widgets               {median(ours):7.3f} s   +{extra:.3f} s  (at most 0.3)")


def line(title: str, values: list[float], limit: float | None = None) -> None:
    """Print the median and the 95th percentile in milliseconds."""
    p50, p95 = np.quantile(values, (0.5, 0.95))
    print(
        f"{title:38s} p50 {p50:7.1f} ms   p95 {p95:7.1f} ms"
        + (f"   (p95 at most {limit:g})" if limit else "")
    )


def browser_times() -> None:
    """First paint, frames and images in JupyterLab."""
    path = find_chromium()
    if path is None:
        sys.exit("this benchmark needs Chromium, Chrome or Edge")
    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            for title, first in (("torch not yet imported", FIRST), ("torch imported", f"{FIRST}, torch")):
                notebook = NotebookPage(lab, browser, lab.put([first, OPEN], "first.ipynb"))
                notebook.command("notebook:run-cell-and-select-next")
                notebook.wait_for_kernel("'fsw' in globals()")
                paint = notebook.page.evaluate(FIRST_PAINT) / 1000
                print(f"first paint, {title:25s} {paint:7.2f} s")
                notebook.close()
            notebook = drawn(lab, browser, LARGE)
            line("decoded image after a move", notebook.page.evaluate(IMAGES, [0, 100]), 80)
            drags(notebook, "")
            notebook.close()
            drags(drawn(lab, browser, MANY), ", K=1000")
            browser.close()
    finally:
        lab.stop()


def drawn(lab: Lab, browser: Browser, cell: str) -> NotebookPage:
    """A notebook whose explorer is drawn and in sight."""
    notebook = NotebookPage(lab, browser, lab.put([FIRST, cell], "large.ipynb"))
    notebook.run_all()
    slice_view = notebook.page.locator(".fsw-slice").first
    notebook.wait_for(lambda: slice_view.evaluate("root => !!root.fsw.state()?.cells.length"), "drawn")
    slice_view.scroll_into_view_if_needed()
    return notebook


def drags(notebook: NotebookPage, title: str) -> None:
    """Drag the probe, then an anchor of the section."""
    drag(notebook, f"drag of the probe{title}")
    notebook.page.locator(".fsw-slice").first.focus()
    notebook.page.keyboard.press("m")
    notebook.wait_for_kernel("large.view.mode", lambda mode: mode == "section")
    drag(notebook, f"drag of an anchor{title}", handle=2)


def drag(notebook: NotebookPage, title: str, handle: int | None = None) -> None:
    """Drag for 300 frames; print what a frame computes and draws, and the distance between frames."""
    slice_view, stage = (notebook.page.locator(name).first for name in (".fsw-slice", ".fsw-stage"))
    pose = slice_view.evaluate("root => root.fsw.state().pose")
    box = stage.bounding_box()
    place = pose["probe"] if handle is None else pose["handles"][handle]
    scale = box["width"] / pose["view"][2]
    x = box["width"] / 2 + (place[0] - pose["view"][0]) * scale
    y = box["height"] / 2 - (place[1] - pose["view"][1]) * scale
    angles = np.linspace(0, 8 * np.pi, 300)
    path = [(x, y), *zip(x + 70 * np.sin(angles), y + 50 * np.sin(2 * angles), strict=True)]
    notebook.drag_by_frame(stage, [(float(a), float(b)) for a, b in path])
    stats = slice_view.evaluate("root => root.fsw.stats()")
    for what, p50, p95, limit in (
        ("work a frame", "p50", "p95", "   (p95 at most 16)"),
        ("between frames", "gapP50", "gapP95", ""),
        ("kernel answer", "rtP50", "rtP95", ""),
    ):
        print(f"{title + ': ' + what:42s} p50 {stats[p50]:7.1f} ms   p95 {stats[p95]:7.1f} ms{limit}")


def sizes() -> None:
    """Bundle and wheel."""
    for path in sorted(STATIC.iterdir()):
        print(f"{path.name:38s} {path.stat().st_size / 1000:9.1f} kB")
    total = sum(path.stat().st_size for path in STATIC.iterdir())
    print(f"{'bundle in all':38s} {total / 1000:9.1f} kB   (below 80)")
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, str(ROOT)]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        wheel = next(Path(folder).glob("*.whl"))
        print(f"{'wheel':38s} {wheel.stat().st_size / 1e6:9.2f} MB   (below 10)")


if __name__ == "__main__":
    import_times()
    browser_times()
    sizes()
