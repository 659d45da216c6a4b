import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { FakeModel, frames, listeners, observers, place, pointerEvent, sent, sights, smallScene } from "./page.js";

const { shadesOf } = await import("../src/dots.js");
const { default: sliceView } = await import("../src/slice_view.js");

/** @type {FakeModel} */
let model;
/** @type {any} */
let root;
/** @type {() => void} */
let destroy;

/** @param {Record<string, any>} [state] */
async function open(state = {}) {
  model = new FakeModel({ scene: smallScene(), pose: {}, answer: {}, error: {}, stats: {}, ...state });
  const el = place();
  destroy = sliceView.render({ model, el });
  root = el.querySelector(".fsw-slice");
  await frames();
}

/** @param {string} key @param {Record<string, boolean>} [modifiers] */
function press(key, modifiers = {}) {
  const event = new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...modifiers });
  root.dispatchEvent(event);
  return event;
}

/** @param {string} type @param {number} x @param {number} y @param {number} [pointerId] */
function point(type, x, y, pointerId = 1) {
  const event = pointerEvent(type, { pointerId, pointerType: "mouse", clientX: x, clientY: y, button: 0, bubbles: true });
  root.querySelector(".fsw-stage").dispatchEvent(event);
}

/** The kernel answers the newest pose. */
const acknowledge = () => model.set("answer", { id: model.get("pose").id, classIndex: 2, landing: null });

beforeEach(() => destroy?.());

test("an empty pose becomes the boundary plane's default and is sent", async () => {
  await open();
  const pose = model.get("pose");
  assert.deepEqual([pose.id, pose.mode, pose.probe, pose.final], [1, "boundary", [0, 0], true]);
  assert.deepEqual(pose.view, [0, 0, 4 / 0.78]);
  assert.deepEqual(pose.frame, [[0, 0, 0], [1, 0, 0], [0, 1, 0]]);
  assert.equal(model.saves, 1);
  const { cells, chip } = root.fsw.state();
  assert.deepEqual(cells.map((/** @type {any} */ cell) => cell.classIndex).sort(), [0, 1]);
  assert.deepEqual(chip, { classIndex: 0, margin: 0, distance: 0 });
});

test("a kernel's pose is adopted, the view's own is not", async () => {
  await open();
  model.set("pose", { id: -4, mode: "section", probe: [0.5, 0.25], frame: [[0, 0, 0], [0, 0, 1], [1, 0, 0]], handles: [[0, 0], [1, 1], [2, 0]], view: [0, 0, 3], final: true });
  const { pose, chip } = root.fsw.state();
  assert.deepEqual([pose.mode, pose.probe, pose.handles[1], pose.view], ["section", [0.5, 0.25], [1, 1], [0, 0, 3]]);
  assert.deepEqual(chip, { classIndex: 2, margin: 0.25, distance: 0.25 / Math.fround(Math.SQRT2) });
});

test("what a lesson locks does not move; looking around is free", async () => {
  await open({ locked: ["point", "mode"] });
  acknowledge();
  const drag = () => {
    point("pointerdown", 300, 234);
    point("pointermove", 350, 234);
    point("pointerup", 350, 234);
  };
  drag();
  point("pointerdown", 10, 10);
  point("pointerup", 10, 10);
  for (const key of ["ArrowLeft", "m", "p", "0"]) press(key);
  const { pose } = root.fsw.state();
  assert.deepEqual([pose.probe, pose.mode, model.messages.length], [[0, 0], "boundary", 0]);
  assert.notEqual(pose.view[0], 0, "the ground was dragged instead");
  assert.match(root.querySelector(".fsw-hint").textContent, /stands still/);
  model.set("locked", []);
  press("ArrowLeft");
  assert.ok(root.fsw.state().pose.probe[0] < 0);
});

test("a pose says which of the kernel's poses it goes on from", async () => {
  await open();
  acknowledge();
  press("ArrowRight");
  assert.equal(model.get("pose").after, 0);
  const { pose } = root.fsw.state();
  model.set("pose", { ...pose, id: -5, after: -5, mode: "section", handles: [[0, 0], [1, 0], [0, 1]] });
  press("ArrowRight");
  assert.deepEqual([model.get("pose").after, model.get("pose").mode], [-5, "section"]);
  model.set("scene", { ...smallScene(), version: 2 });
  press("ArrowRight");
  assert.equal(model.get("pose").after, -5, "the scene alone is no place");
});

test("a drag sends one pose at a time, the last one final", async () => {
  await open();
  acknowledge();
  point("pointerdown", 300, 234);
  point("pointermove", 350, 234);
  assert.equal(model.saves, 2);
  point("pointermove", 400, 234);
  point("pointermove", 450, 234);
  point("pointerup", 450, 234);
  assert.equal(model.saves, 2, "the kernel has not answered yet");
  assert.equal(model.get("pose").final, false);
  acknowledge();
  assert.equal(model.saves, 3);
  assert.equal(model.get("pose").final, true);
  assert.ok(Math.abs(model.get("pose").probe[0] - (150 * 4) / 0.78 / 600) < 1e-12);
});

test("a click moves the probe, a drag of the ground pans, the wheel zooms about the pointer", async () => {
  await open();
  point("pointerdown", 450, 100);
  point("pointerup", 450, 100);
  const clicked = root.fsw.state().pose.probe;
  assert.ok(clicked[0] > 1 && clicked[1] > 1);
  point("pointerdown", 100, 300);
  point("pointermove", 200, 300);
  point("pointerup", 200, 300);
  const { probe, view } = root.fsw.state().pose;
  assert.deepEqual(probe, clicked);
  assert.ok(view[0] < -0.8);
  const wheel = new window.WheelEvent("wheel", { deltaY: -100, clientX: 0, clientY: 0, bubbles: true, cancelable: true });
  root.querySelector(".fsw-stage").dispatchEvent(wheel);
  assert.ok(wheel.defaultPrevented);
  const zoomed = root.fsw.state().pose.view;
  assert.ok(zoomed[2] < view[2]);
  assert.ok(Math.abs(zoomed[0] - zoomed[2] / 2 - (view[0] - view[2] / 2)) < 1e-12, "the corner stays");
});

test("two pointers pinch", async () => {
  await open();
  const before = root.fsw.state().pose.view[2];
  point("pointerdown", 100, 100, 1);
  point("pointerdown", 200, 100, 2);
  point("pointermove", 300, 100, 2);
  point("pointerup", 300, 100, 2);
  point("pointerup", 100, 100, 1);
  assert.ok(Math.abs(root.fsw.state().pose.view[2] - before / 2) < 1e-9);
});

test("keys move, turn, change the mode, and do not leak; Tab passes", async () => {
  await open();
  let leaked = 0;
  const ended = new AbortController();
  document.body.addEventListener("keydown", () => leaked++, { signal: ended.signal });
  const span = root.fsw.state().pose.view[2];
  assert.ok(press("ArrowRight").defaultPrevented);
  press("ArrowUp", { shiftKey: true });
  const [s, t] = root.fsw.state().pose.probe;
  assert.ok(Math.abs(s - 0.01 * span) < 1e-12 && Math.abs(t - 0.05 * span) < 1e-12);
  press("m");
  assert.equal(root.fsw.state().pose.mode, "section");
  press("h");
  press("h");
  press("ArrowUp");
  const { handles } = root.fsw.state().pose;
  assert.ok(handles[1][1] > 0 && handles[0][0] === 0 && handles[2][1] === 1);
  model.set("pose", { ...root.fsw.state().pose, id: -3, view: [50, 50, 1] });
  press("0");
  const fitted = root.fsw.state().pose;
  assert.deepEqual(fitted.handles, handles, "fitting the view moves nothing");
  for (const [s, t] of fitted.handles) assert.ok(Math.abs(s - fitted.view[0]) < fitted.view[2] / 2 && Math.abs(t - fitted.view[1]) < 0.39 * fitted.view[2]);
  press("b");
  assert.equal(leaked, 0);
  press("Tab");
  assert.equal(leaked, 1);
  assert.equal(root.dataset.lmSuppressShortcuts, "true");
  ended.abort();
});

test("a double click and p pull the plane through a sample", async () => {
  await open();
  press("p");
  const scale = (600 * 0.78) / 4;
  const click = new window.MouseEvent("dblclick", { clientX: 300, clientY: 234 - scale, bubbles: true });
  root.querySelector(".fsw-stage").dispatchEvent(click);
  assert.deepEqual(model.messages, [{ type: "through", sample: 72, handle: 0 }, { type: "through", sample: 71, handle: 0 }]);
});

test("the chip says what is exact, the class among all, and that the domain is left", async () => {
  await open();
  acknowledge();
  await frames();
  const chip = root.querySelector(".fsw-chip");
  assert.match(chip.textContent, /cat.*side exact for 2 classes.*among all 3: fox/);
  press("m");
  model.set("pose", { ...root.fsw.state().pose, id: -9, frame: [[-3, 0, 0], [0, 1, 0], [0, 0, 1]], probe: [1, 0] });
  await frames();
  assert.match(chip.textContent, /dog.*exact for all 3.*margin 1\.00 · 0\.71 to fox.*outside the domain \(x ≥ −1\)/);
});

test("overlays lie on the plane of the moment and wait for their scene", async () => {
  const walk = { kind: "path", label: "walk", version: 1, count: 2, products: sent(Float64Array.of(1, 0, 0, 0.5, 2, 3)), squares: sent(Float64Array.of(1, 13.25)) };
  await open({ overlays: { walk } });
  assert.deepEqual(root.fsw.state().overlays, [{ name: "walk", at: [[1, 0, 0], [0.5, 2, 3]] }]);
  press("m"); // the section lies in the other two directions
  assert.deepEqual(root.fsw.state().overlays[0].at, [[0, 0, 1], [2, 3, 0.5]]);
  model.set("overlays", { walk: { ...walk, version: 2 } });
  assert.deepEqual(root.fsw.state().overlays, [], "products with vectors of a scene that has not come");
  model.set("scene", { ...smallScene(), version: 2 });
  assert.equal(root.fsw.state().overlays.length, 1);
  model.set("overlays", {});
  assert.deepEqual(root.fsw.state().overlays, []);
});

/** @param {string} label @returns {any} the control in the drawer with this name */
const control = (label) => root.querySelector(`.fsw-drawer [aria-label^="${label}"]`);

/** @param {any} node @param {string} value @param {string} [type] */
function choose(node, value, type = "change") {
  node.value = value;
  node.dispatchEvent(new window.Event(type, { bubbles: true }));
}

test("the drawer asks the kernel for corners, planes and samples", async () => {
  await open({ options: {} });
  const drawer = root.querySelector(".fsw-drawer");
  assert.ok(drawer.hidden);
  root.querySelector('[aria-label="Plane, regions and samples"]').click();
  assert.ok(!drawer.hidden);
  control("Corner 2").click();
  choose(control("Put the corner on"), "hull");
  choose(control("Put the corner on"), "mean:2");
  choose(control("Plane along"), "principal");
  control("Pick a training sample").click();
  const picture = { width: 1, height: 1, channels: 1, pixels: new Uint8Array(1).buffer };
  model.set("thumbs", { label: 0, from: 0, total: 3, items: [{ ...picture, row: 41 }, { ...picture, row: 43 }] });
  control("Put corner on sample 43").click();
  control("Later samples").click();
  assert.deepEqual(model.messages, [
    { type: "corner", kind: "hull", label: 0, handle: 1 },
    { type: "corner", kind: "mean", label: 2, handle: 1 },
    { type: "plane", kind: "principal" },
    { type: "thumbs", label: 0, from: 0 },
    { type: "through", sample: 43, handle: 1 },
    { type: "thumbs", label: 0, from: 2 },
  ]);
});

test("regions and thickness are kept as options; the null slider moves the point and no probe", async () => {
  await open({ options: { thickness: 1, regions: ["cell"] }, scene: { ...smallScene(), nullDims: 4 } });
  acknowledge();
  control("The hull of").click();
  assert.deepEqual(model.get("options").regions, ["cell", "hull"]);
  control("The cell of").click();
  assert.deepEqual(model.get("options").regions, ["hull"]);
  choose(control("Thickness"), "0.5", "input");
  assert.deepEqual(model.get("options"), { thickness: 0.5, regions: ["hull"] });
  const { probe } = root.fsw.state().pose;
  choose(control("Way along null"), "0.5", "input");
  const { pose } = root.fsw.state();
  assert.deepEqual([pose.shift, pose.probe], [0.5, probe]);
  assert.equal(model.get("pose").shift, 0.5);
  const key = new window.KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true });
  control("Way along null").dispatchEvent(key);
  assert.deepEqual(root.fsw.state().pose.probe, probe, "arrows belong to the slider there");
  assert.ok(!key.defaultPrevented);
});

test("a head without null directions offers no way along them", async () => {
  await open({ options: {}, scene: { ...smallScene(), nullDims: 0 } });
  assert.ok(control("Way along null").closest("label").hidden);
});

test("the certificate stands on the chip until the point moves", async () => {
  await open();
  acknowledge();
  model.set("certified", { id: model.get("pose").id, hullVerdict: "outside", hullDistance: 0.5, adjacent: ["dog", "fox"] });
  await frames();
  const chip = root.querySelector(".fsw-chip");
  assert.match(chip.textContent, /outside the hull of cat, 0\.50 away.*touches dog, fox/);
  press("ArrowRight");
  acknowledge();
  await frames();
  assert.doesNotMatch(chip.textContent, /hull/);
});

test("many classes: the distance is written once the kernel's row of the class has come", async () => {
  const { norms, ...scene } = smallScene();
  await open({ scene: { ...scene, norms: { classes: [], rows: sent(new Float32Array(0)) } } });
  press("ArrowRight");
  await frames();
  const chip = root.querySelector(".fsw-chip");
  assert.match(chip.textContent, /distance …/);
  const rows = sent(Float32Array.of(0, Math.SQRT2, Math.SQRT2));
  model.set("answer", { id: model.get("pose").id, version: 0, classIndex: 0, landing: null, norms: { classes: [0], rows } });
  await frames();
  assert.match(chip.textContent, /distance …/, "a row of an earlier scene");
  model.set("answer", { id: model.get("pose").id, version: 1, classIndex: 0, landing: null, norms: { classes: [0], rows } });
  await frames();
  assert.match(chip.textContent, /to dog/);
});

test("out of sight nothing is drawn; back in sight the newest state is", async () => {
  await open();
  acknowledge();
  await frames();
  const [sight] = [...sights].slice(-1);
  sight.act([{ isIntersecting: false }]);
  const { frames: before } = root.fsw.stats();
  press("ArrowRight");
  await frames();
  assert.equal(root.fsw.stats().frames, before);
  sight.act([{ isIntersecting: true }]);
  await frames();
  assert.ok(root.fsw.stats().frames > before);
});

test("the kernel hears when nobody looks; a view that is in sight says otherwise", async () => {
  await open();
  const [own] = [...sights].slice(-1);
  own.act([{ isIntersecting: true }]);
  const [around] = [...sights].slice(-1);
  assert.notEqual(around, own);
  around.act([{ isIntersecting: true }]);
  assert.equal(model.get("seen"), true);
  around.act([{ isIntersecting: false }]);
  assert.equal(model.get("seen"), false);
  around.act([{ isIntersecting: true }]);
  assert.equal(model.get("seen"), true);
  model.set("seen", false); // another page looks away
  assert.equal(model.get("seen"), true);
});

test("a thin slab hides what is far from the plane, a thick one shows it stronger", () => {
  const scene = /** @type {any} */ ({ samples: { count: 3, labels: Uint16Array.of(0, 0, 0) }, spread: 1 });
  const plane = /** @type {any} */ ({ shadows: { off: Float32Array.of(0, 0.5, 1.5) }, classes: null });
  assert.deepEqual([...shadesOf(scene, plane, 1)], [0, 1, 4]);
  assert.deepEqual([...shadesOf(scene, plane, 0.2)], [0, 255, 255]);
  assert.deepEqual([...shadesOf(scene, plane, 2)], [0, 0, 2]);
});

test("empty scene, error and late scene", async () => {
  await open({ scene: {}, error: { title: "No head", received: "2 layers", allowed: "a linear layer", todo: "Name it." } });
  assert.match(root.querySelector(".fsw-notice").textContent, /Preparing/);
  assert.match(root.querySelector("[role=alert]").textContent, /No head.*2 layers.*a linear layer.*Name it/);
  model.set("error", {});
  assert.equal(root.querySelector("[role=alert]"), null);
  model.set("scene", smallScene());
  await frames();
  assert.equal(root.querySelector(".fsw-notice").hidden, true);
  assert.equal(root.fsw.cells().length, 2);
});

test("stats are written when asked for", async () => {
  await open();
  acknowledge();
  root.dispatchEvent(new window.Event("fsw-stats"));
  const { frames: drawn, roundTrips } = model.get("stats");
  assert.ok(drawn > 0);
  assert.equal(roundTrips, 1);
});

test("destroying ends every listener", async () => {
  const before = listeners.size;
  await open();
  assert.ok(listeners.size > before && model.listening === 9 && observers.size === 3);
  destroy();
  assert.equal(listeners.size, before);
  assert.equal(model.listening, 0);
  assert.equal(observers.size, 0);
  assert.equal(root.isConnected, false);
});

test("the host's signal ends it too", async () => {
  const controller = new AbortController();
  model = new FakeModel({ scene: smallScene(), pose: {}, answer: {}, error: {} });
  sliceView.render({ model, el: place(), signal: controller.signal });
  controller.abort();
  assert.equal(model.listening, 0);
});
