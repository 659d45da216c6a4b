// A page without a browser for the view tests: jsdom, the parts it lacks, a model, and a small scene.

import { JSDOM } from "jsdom";

const dom = new JSDOM("<!doctype html><body></body>", { pretendToBeVisual: true });
const { window } = dom;

/** @type {Set<object>} observers that still watch */
export const observers = new Set();
class Observer {
  constructor(/** @type {() => void} */ act) {
    this.act = act;
  }
  observe() {
    observers.add(this);
    this.act();
  }
  disconnect() {
    observers.delete(this);
  }
}

/** Tells views whether they are on the screen. */
class Sight extends Observer {
  observe() {
    observers.add(this);
    sights.add(this);
  }
}
/** @type {Set<any>} */
export const sights = new Set();

/** Listeners added and not yet removed, by way of their signal. */
export const listeners = new Set();
const add = window.EventTarget.prototype.addEventListener;
window.EventTarget.prototype.addEventListener = /** @this {any} @param {string} type @param {any} act @param {any} options */ function (type, act, options) {
  const entry = { type, act };
  if (type !== "abort") {
    listeners.add(entry);
    add.call(options.signal, "abort", () => listeners.delete(entry));
  }
  return add.call(this, type, act, options);
};

/** @param {string} type @param {MouseEventInit & {pointerId: number, pointerType: string}} init @returns {Event} */
export const pointerEvent = (type, { pointerId, pointerType, ...init }) => Object.assign(new window.MouseEvent(type, init), { pointerId, pointerType });

window.HTMLCanvasElement.prototype.getContext = () => null;
Object.defineProperty(window.HTMLElement.prototype, "clientWidth", { get: () => 600 });
Object.assign(globalThis, {
  window,
  document: window.document,
  Element: window.Element,
  AbortController: window.AbortController,
  MutationObserver: Observer,
  ResizeObserver: Observer,
  IntersectionObserver: Sight,
  getComputedStyle: window.getComputedStyle,
  requestAnimationFrame: window.requestAnimationFrame,
  cancelAnimationFrame: window.cancelAnimationFrame,
});

/** The widget model's part that the views use, with a record of what was saved. */
export class FakeModel {
  /** @param {Record<string, any>} state */
  constructor(state) {
    this.state = state;
    /** @type {Map<string, Set<Function>>} */
    this.handlers = new Map();
    this.saves = 0;
    /** @type {unknown[]} */
    this.messages = [];
  }
  /** @param {string} name */
  get(name) {
    return this.state[name];
  }
  /** @param {string} name @param {unknown} value */
  set(name, value) {
    this.state[name] = value;
    for (const act of [...(this.handlers.get(`change:${name}`) ?? [])]) act();
  }
  save_changes() {
    this.saves++;
  }
  /** @param {unknown} content */
  send(content) {
    this.messages.push(content);
  }
  /** @param {string} event @param {Function} act */
  on(event, act) {
    if (!this.handlers.has(event)) this.handlers.set(event, new Set());
    this.handlers.get(event)?.add(act);
  }
  /** @param {string} event @param {Function} act */
  off(event, act) {
    this.handlers.get(event)?.delete(act);
  }
  get listening() {
    return [...this.handlers.values()].reduce((sum, set) => sum + set.size, 0);
  }
}

/** A node to render into. @returns {HTMLElement} */
export function place() {
  const el = window.document.createElement("div");
  window.document.body.append(el);
  return el;
}

/** Numbers as the kernel sends them: a view at an odd byte offset. @param {Float64Array | Float32Array | Uint16Array | Uint32Array} array */
export function sent(array) {
  const bytes = new Uint8Array(array.byteLength + 3);
  bytes.set(new Uint8Array(array.buffer), 3);
  return new DataView(bytes.buffer, 3, array.byteLength);
}

/** Three classes in the plane with one sample each; coefficients are coordinates in R^3. */
export function smallScene() {
  return {
    version: 1,
    title: "three",
    classNames: ["cat", "dog", "fox"],
    colors: ["#0072B2", "#E69F00", "#F0E442"],
    chosen: [0, 1, 2],
    K: 3,
    m: 3,
    bias: sent(new Float64Array(3)),
    C: sent(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)),
    gram: sent(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)),
    norms: { classes: [0, 1, 2], rows: sent(Float32Array.from({ length: 9 }, (_, n) => (n % 4 ? Math.SQRT2 : 0))) },
    domain: { rows: sent(Float64Array.of(1, 0, 0)), lower: sent(Float64Array.of(-1)), upper: sent(Float64Array.of(Infinity)), text: "x ≥ −1" },
    samples: {
      count: 3,
      products: sent(Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 2)),
      squares: sent(Float32Array.of(1, 1, 4)),
      labels: sent(Uint16Array.of(0, 1, 2)),
      ids: sent(Uint32Array.of(70, 71, 72)),
    },
    members: [0, 1, 2].map((k) => ({ label: `mean ${k}`, classIndex: k, column: k })),
    boundary: { frame: [[0, 0, 0], [1, 0, 0], [0, 1, 0]], classes: [0, 1], exactAll: false, shadow: sent(new Float64Array(0)), extent: [-2, 2, -2, 2] },
    section: { frame: [[0, 0, 0], [0, 1, 0], [0, 0, 1]], handles: [[0, 0], [1, 0], [0, 1]], labels: ["o", "dog", "fox"], extent: [-2, 2, -2, 2] },
    spread: 1,
  };
}

/** Lets queued animation frames run. */
export const frames = () => new Promise((resolve) => setTimeout(resolve, 50));
