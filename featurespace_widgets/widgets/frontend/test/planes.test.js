import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { FakeModel, frames, listeners, observers, place, sent } from "./page.js";

const { default: views } = await import("../src/views.js");
const { blend, shares } = await import("../src/planes.js");
const { classAt, decodePlan } = await import("../src/pieces.js");

/** Two halves of a window around three corners. @param {number} key @param {string} title */
const pane = (key, title) => ({
  key,
  title,
  view: [0, 0, 4],
  note: "Exact.",
  classes: sent(Uint16Array.of(0, 2)),
  counts: sent(Uint16Array.of(4, 3)),
  points: sent(Float64Array.of(-2, -2, 0, -2, 0, 2, -2, 2, 0, -2, 2, -2, 0, 2)),
  edges: sent(Float64Array.of(0, -2, 0, 2)),
  hatchedCounts: sent(new Uint16Array(0)),
  hatchedPoints: sent(new Float64Array(0)),
  domain: sent(new Float64Array(0)),
  lines: [],
  spots: [],
  corners: [{ label: "a", at: [0, 0] }, { label: "b", at: [1, 0] }, { label: "c", at: [0, 1] }],
});

/** @type {FakeModel} */
let model;
/** @type {any} */
let root;
/** @type {() => void} */
let destroy;

/** @param {Record<string, any>} [state] */
function open(state = {}) {
  model = new FakeModel({
    kind: "planes", panes: [pane(1, "Pixel plane"), pane(1, "Feature slice")], class_names: ["cat", "dog", "fox"],
    colors: ["#0072B2", "#E69F00", "#009E73"], images: [], same_plane: false, cursor: {}, views: [], answer: {}, error: {}, ...state,
  });
  const el = place();
  destroy = views.render({ model, el, signal: /** @type {any} */ (undefined) });
  root = el.querySelector(".fsw-planes");
}

/** @param {number} index @param {string} key */
function press(index, key) {
  const event = new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  root.querySelectorAll(".fsw-pane-stage")[index].dispatchEvent(event);
  return event;
}

/** @param {number} index @param {number} x @param {number} y */
function hover(index, x, y) {
  const event = Object.assign(new window.MouseEvent("pointermove", { clientX: x, clientY: y, bubbles: true }), { pointerId: 1, pointerType: "mouse" });
  root.querySelectorAll(".fsw-pane-stage")[index].dispatchEvent(event);
}

const caption = () => root.querySelector(".fsw-pane-caption").textContent;

beforeEach(() => destroy?.());

test("shares are barycentric and blends clip to what a pixel can be", () => {
  const corners = /** @type {[number, number][]} */ ([[0, 0], [2, 0], [0, 4]]);
  assert.deepEqual(shares(corners, [2, 0]), [0, 1, 0]);
  assert.deepEqual(shares(corners, [0.5, 1]), [0.5, 0.25, 0.25]);
  const image = (/** @type {number} */ value) => ({ width: 1, height: 1, channels: 1, pixels: sent(/** @type {any} */ (Uint8Array.of(value))) });
  const images = [image(10), image(100), image(200)];
  assert.deepEqual([...blend(images, [0.5, 0.25, 0.25]).pixels], [80]);
  assert.deepEqual([...blend(images, [-1, -1, 3]).pixels], [255]);
  assert.deepEqual([...blend(images, [3, 0, -2]).pixels], [0]);
});

test("the class of a point is that of the polygon that holds it", () => {
  const plan = decodePlan(pane(1, "x"));
  assert.deepEqual([classAt(plan, [-1, 0]), classAt(plan, [0.5, 0]), classAt(plan, [1.9, 1.9])], [0, 2, -1]);
});

test("hovering moves the cursor, asks the kernel one thing at a time, and the newest wins", () => {
  open();
  hover(0, 375, 258);
  assert.deepEqual(model.get("cursor"), { id: 1, pane: 0, at: [0.5, 0] });
  assert.match(caption(), /Pixel plane: fox/);
  hover(0, 300, 258);
  hover(0, 150, 258);
  assert.equal(model.get("cursor").id, 1, "one request in flight");
  model.set("answer", { id: 1, pane: 1, at: [0.5, 0], text: "lands 3.00 off" });
  assert.deepEqual(model.get("cursor"), { id: 2, pane: 0, at: [-1, 0] });
  assert.equal(root.fsw[1].cursor, null, "an answer to an older question is not shown");
  model.set("answer", { id: 2, pane: 1, at: [0.5, 0], text: "lands 2.00 off" });
  assert.deepEqual(root.fsw[1].cursor, { at: [0.5, 0], own: false });
  assert.match(caption(), /Pixel plane: cat.*Feature slice: fox.*lands 2.00 off/);
});

test("arrow keys move the cursor and are not seen by the notebook", () => {
  open();
  let seen = 0;
  root.parentElement.addEventListener("keydown", () => seen++, { signal: new AbortController().signal });
  assert.equal(press(1, "ArrowRight").defaultPrevented, true);
  assert.deepEqual(model.get("cursor"), { id: 1, pane: 1, at: [0.04, 0] });
  assert.equal(seen, 0);
  assert.match(root.querySelectorAll(".fsw-pane-stage")[1].getAttribute("aria-label"), /^Feature slice\. Arrow keys/);
});

test("on one plane the cursors are at the same place at once", () => {
  open({ same_plane: true });
  hover(0, 450, 258);
  assert.deepEqual(root.fsw[1].cursor, { at: [1, 0], own: false });
});

test("zooming tells the windows once things rest, a new plane shows the whole again", async () => {
  open();
  press(0, "+");
  press(0, "+");
  assert.equal(model.saves, 0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const spans = model.get("views").map((/** @type {number[]} */ view) => view[2]);
  assert.ok(Math.abs(spans[0] - 4 / 1.25 ** 2) < 1e-12 && spans[1] === 4);
  model.set("panes", [pane(1, "Pixel plane"), pane(1, "Feature slice")]);
  assert.equal(root.fsw[0].view[2], spans[0]);
  hover(0, 450, 258);
  model.set("panes", [pane(2, "Pixel plane"), pane(2, "Feature slice")]);
  assert.equal(root.fsw[0].view[2], 4);
  assert.equal(root.fsw[0].cursor, null);
});

test("the kernel can set both cursors", () => {
  open();
  model.set("answer", { id: -1, pane: 0, at: [1, 0], from: [-1, 0], text: "nearest blend" });
  assert.deepEqual([root.fsw[0].cursor.at, root.fsw[1].cursor.at], [[1, 0], [-1, 0]]);
  assert.match(caption(), /nearest blend/);
});

test("a missing pane is hidden, an error is a card, and nothing is left behind", async () => {
  open({ panes: [pane(1, "one")], error: { title: "This point could not be computed", received: "x" } });
  assert.equal(root.querySelectorAll(".fsw-pane")[1].hidden, true);
  assert.equal(root.querySelector(".fsw-error strong").textContent, "This point could not be computed");
  const before = listeners.size;
  assert.ok(before > 0);
  destroy();
  await frames();
  assert.equal(model.listening, 0);
  assert.equal(observers.size, 0);
});
