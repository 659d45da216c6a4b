"""A slow and lossy link to the kernel: the hand is followed at once, and the last image is the right one.

The page's WebSockets are replaced before JupyterLab starts. Every message waits; requests and
answers may overtake one another, and some are lost.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser

from browser.conftest import NOTEBOOKS
from browser.lab import Lab, NotebookPage
from browser.test_explorer import VIEW, Person, check_image

SLOW_SOCKET = r"""
window.slow = { delay: 0, jitter: 0, drop: 0, lost: 0, asked: 0, open: null, most: 0, seed: 1 };
const POSE = /"pose":\s*\{[^]*?"id":\s*(\d+)/, ANSWER = /"answer":\s*\{[^]*?"id":\s*(-?\d+)/;
window.WebSocket = class extends window.WebSocket {
    random() {
        slow.seed = (slow.seed * 48271) % 2147483647;
        return slow.seed / 2147483647;
    }
    /** The id of the pose or the answer that a message carries, null for other messages. */
    id(data, mark) {
        const text = typeof data === 'string' ? data : new TextDecoder('latin1').decode(data);
        const found = text.includes('"comm_msg"') && text.match(mark);
        return found ? Number(found[1]) : null;
    }
    later(id, call) {
        const wait = slow.delay + (id === null ? 0 : this.random() * slow.jitter);
        if (wait) setTimeout(call, wait); else call();
    }
    send(data) {
        const id = this.id(data, POSE), now = performance.now();
        if (id !== null) {
            slow.asked += 1;
            // A request without answer for as long as a silent kernel is given may be asked again.
            slow.most = Math.max(slow.most, slow.open && now - slow.open.at < 4500 ? 2 : 1);
            slow.open = { id, at: now };
        }
        if (id !== null && slow.drop && this.random() < slow.drop) slow.lost += 1;
        else this.later(id, () => super.send(data));
    }
    get onmessage() { return super.onmessage; }
    set onmessage(handler) {
        super.onmessage = handler && ((event) => {
            const id = this.id(event.data, ANSWER);
            if (id !== null && slow.drop && this.random() < slow.drop) { slow.lost += 1; return; }
            this.later(id, () => {
                if (id !== null && id === slow.open?.id) slow.open = null;
                handler.call(this, event);
            });
        });
    }
};
"""

DRAG = """async (stage, points) => {
    // One pointer move a frame; how far the probe on screen is from the hand right after each.
    const box = stage.getBoundingClientRect(), root = stage.closest('.fsw-slice');
    const fire = (type, [x, y], buttons) => stage.dispatchEvent(new PointerEvent(type, {
        pointerId: 4711, button: 0, buttons, pointerType: 'mouse', isPrimary: true, bubbles: true,
        cancelable: true, clientX: box.left + x, clientY: box.top + y }));
    const frame = () => new Promise(requestAnimationFrame);
    let worst = 0, frames = 0;
    fire('pointerdown', points[0], 1);
    for (const point of points.slice(1)) {
        fire('pointermove', point, 1);
        await frame();
        frames += 1;
        const { probe, view } = root.fsw.state().pose;
        const scale = box.width / view[2];
        const x = box.width / 2 + (probe[0] - view[0]) * scale;
        const y = box.height / 2 - (probe[1] - view[1]) * scale;
        worst = Math.max(worst, Math.hypot(x - point[0], y - point[1]));
    }
    fire('pointerup', points.at(-1), 0);
    return { worst, frames };
}"""


@pytest.fixture(scope="module")
def person(chromium: Browser, lab: Lab) -> Iterator[Person]:
    path = lab.put(NOTEBOOKS / "01_explore.ipynb", "slow.ipynb")
    # The synthetic pointer of the other tests is the one whose capture the page ignores.
    notebook = NotebookPage(lab, chromium, path, SLOW_SOCKET)
    yield Person(notebook)
    notebook.page.evaluate("slow.delay = slow.jitter = slow.drop = 0")
    assert not notebook.problems, "\n".join(notebook.problems)
    notebook.close()


@pytest.mark.parametrize(
    ("delay", "jitter", "drop"), [(0, 0, 0), (150, 0, 0), (500, 0, 0), (40, 60, 0.2)],
    ids=["at once", "150 ms", "500 ms", "lossy and out of order"],
)  # fmt: skip
def test_the_point_follows_the_hand_and_the_last_image_is_not_stale(person: Person, delay, jitter, drop):
    notebook, page = person.notebook, person.notebook.page
    page.evaluate("slow.open = null; slow.most = slow.asked = slow.lost = 0")
    page.evaluate(
        "([delay, jitter, drop]) => Object.assign(slow, { delay, jitter, drop })", [delay, jitter, drop]
    )
    start = person.pixel(person.state()["pose"]["probe"])
    box = person.stage.bounding_box()
    centre, turn = np.array([box["width"], box["height"]]) / 2, np.linspace(0, 4 * np.pi, 150)
    circle = centre + 120 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    points = [list(start), *np.linspace(start, circle[0], 20).tolist(), *circle.tolist()]
    followed = person.stage.evaluate(DRAG, points)
    assert followed["frames"] == len(points) - 1
    assert followed["worst"] < 1.5  # pixels
    wanted = person.state()["pose"]["probe"]
    notebook.page.wait_for_timeout(2 * (delay + jitter))
    for _ in range(90):  # what is lost is asked again after five seconds, and after ten
        answered = person.slice.evaluate("root => root.fsw.state().pose.probe")
        probe = notebook.kernel_value(f"{VIEW}.probe.st.tolist()")
        final = notebook.kernel_value(f"{VIEW}.pose['final']")
        if final and np.allclose(probe, wanted, atol=1e-6) and page.evaluate("slow.open === null"):
            break
        page.wait_for_timeout(500)
    np.testing.assert_allclose(answered, wanted)
    np.testing.assert_allclose(probe, wanted, atol=1e-6)
    page.wait_for_timeout(2 * (delay + jitter) + 300)
    check_image(person)
    traffic = page.evaluate("slow")
    print({key: traffic[key] for key in ("asked", "lost", "most")})
    assert traffic["most"] == 1
    assert traffic["asked"] >= 2
    assert traffic["lost"] >= 1 or not drop
    if delay == 500:
        assert notebook.kernel_value(f"{VIEW}.pose['slow']") is True
