// Pointer gestures on the stage: drag probe or handle, pan, pinch, wheel, click and double click.

import { listen } from "./host.js";

/** @import {Point} from "./types.js" */

/**
 * What the gestures act on. Points are stage pixels.
 * @typedef {object} Gestures
 * @property {(at: Point, reach: number) => number | null} pick what lies there: -1 probe, 0 to 2 a handle, null ground
 * @property {(thing: number | null) => void} grab
 * @property {(thing: number, to: Point) => void} drag
 * @property {() => void} release
 * @property {(dx: number, dy: number) => void} pan
 * @property {(at: Point, factor: number) => void} zoom
 * @property {(at: Point) => void} click
 * @property {(at: Point) => void} doubleClick
 */

/** Pixels of movement that still count as a click. */
const STILL = 4;
const REACH = { mouse: 14, pen: 18, touch: 26 };

/** @param {HTMLElement} stage @param {Gestures} gestures @param {AbortSignal} signal */
export function listenPointer(stage, gestures, signal) {
  /** @type {Map<number, Point>} */
  const down = new Map();
  /** @type {number | null} */
  let held = null;
  /** @type {Point} */
  let start = [0, 0];
  let moved = false;
  let pinched = false;

  const at = (/** @type {MouseEvent} */ event) => {
    const box = stage.getBoundingClientRect();
    return /** @type {Point} */ ([event.clientX - box.left, event.clientY - box.top]);
  };

  /** @param {PointerEvent} event */
  function press(event) {
    if (event.button || isControl(event)) return;
    stage.setPointerCapture?.(event.pointerId);
    down.set(event.pointerId, at(event));
    if (down.size > 1) {
      gestures.release();
      [held, pinched] = [null, true];
      return;
    }
    [start, moved, pinched] = [at(event), false, false];
    held = gestures.pick(start, REACH[/** @type {keyof typeof REACH} */ (event.pointerType)] ?? REACH.mouse);
    gestures.grab(held);
  }

  /** @param {PointerEvent} event */
  function move(event) {
    const before = down.get(event.pointerId);
    if (!before) {
      stage.style.cursor = gestures.pick(at(event), REACH.mouse) === null ? "" : "grab";
      return;
    }
    const now = at(event);
    down.set(event.pointerId, now);
    moved ||= Math.hypot(now[0] - start[0], now[1] - start[1]) > STILL;
    if (down.size > 1) pinch(event.pointerId, before, now);
    else if (held !== null) gestures.drag(held, now);
    else if (moved && !pinched) gestures.pan(now[0] - before[0], now[1] - before[1]);
  }

  /** @param {number} id @param {Point} before @param {Point} now */
  function pinch(id, before, now) {
    const [, other] = [...down].find(([key]) => key !== id) ?? [];
    if (!other) return;
    const spread = (/** @type {Point} */ p) => Math.max(1, Math.hypot(p[0] - other[0], p[1] - other[1]));
    gestures.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    gestures.zoom([(now[0] + other[0]) / 2, (now[1] + other[1]) / 2], spread(before) / spread(now));
  }

  /** @param {PointerEvent} event */
  function lift(event) {
    if (!down.delete(event.pointerId) || down.size) return;
    if (!moved && !pinched && held === null && event.type === "pointerup") gestures.click(at(event));
    gestures.release();
    held = null;
  }

  /** @param {WheelEvent} event */
  function wheel(event) {
    if (isControl(event)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    gestures.zoom(at(event), Math.exp(Math.min(Math.max(event.deltaY * lines, -240), 240) * 0.0016));
  }

  listen(stage, "pointerdown", press, signal);
  listen(stage, "pointermove", move, signal);
  listen(stage, "pointerup", lift, signal);
  listen(stage, "pointercancel", lift, signal);
  stage.addEventListener("wheel", wheel, { signal, passive: false });
  listen(stage, "dblclick", (event) => void (isControl(event) || gestures.doubleClick(at(event))), signal);
}

/** Buttons and cards over the stage keep their own clicks. @param {Event} event */
const isControl = (event) => event.target instanceof Element && event.target.closest("button, .fsw-help, .fsw-error") !== null;
