// Keyboard operation of the slice view.

import { listen } from "./host.js";

/**
 * @typedef {object} KeyActions
 * @property {(dx: number, dy: number) => void} step in stage widths
 * @property {() => void} cycle
 * @property {(factor: number) => void} zoom
 * @property {() => void} fit
 * @property {() => void} toggleMode
 * @property {() => void} pullNearest
 * @property {(open?: boolean) => void} help
 */

const STEP = 0.01;
const BIG_STEP = 0.05;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** @param {HTMLElement} root @param {KeyActions} actions @param {AbortSignal} signal */
export function listenKeys(root, actions, signal) {
  /** @type {Record<string, () => void>} */
  const commands = {
    h: actions.cycle,
    "+": () => actions.zoom(1 / 1.25),
    "=": () => actions.zoom(1 / 1.25),
    "-": () => actions.zoom(1.25),
    0: actions.fit,
    m: actions.toggleMode,
    p: actions.pullNearest,
    "?": () => actions.help(),
    Escape: () => actions.help(false),
  };

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.key === "Tab") return;
    event.stopPropagation(); // the host's shortcuts must not see it
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const size = event.shiftKey ? BIG_STEP : STEP;
    const act = arrow ? () => actions.step(arrow[0] * size, arrow[1] * size) : commands[event.key];
    if (!act) return; // a button inside keeps Enter and Space
    event.preventDefault();
    act();
  }

  listen(root, "keydown", press, signal);
}
