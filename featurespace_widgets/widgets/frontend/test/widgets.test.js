import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeModel, listeners, place } from "./page.js";

const { default: toolbar, choose } = await import("../src/toolbar.js");
const { default: imagePanel } = await import("../src/image_panel.js");
const { toRgba } = await import("../src/pixels.js");

/** @param {number} K @param {Record<string, any>} [state] */
function openToolbar(K, state = {}) {
  const class_names = Array.from({ length: K }, (_, k) => `class ${k}`);
  const models = [{ name: "a", label: "Model A" }, { name: "b", label: "Model B" }];
  const model = new FakeModel({ models, model: "a", class_names, colors: class_names.map(() => "#F0E442"), chosen: [0, 1], mode: "boundary", message: "", reset: 0, error: {}, ...state });
  const el = place();
  const destroy = toolbar.render({ model, el });
  const find = (/** @type {string} */ selector) => /** @type {any} */ (el.querySelector(selector));
  const pressed = () => [...el.querySelectorAll(".fsw-class[aria-pressed=true]")].map((chip) => Number(/** @type {any} */ (chip).value));
  return { model, el, destroy, find, pressed };
}

test("two or three classes: a fourth drops the oldest, fewer than two are refused", () => {
  assert.deepEqual(choose([0, 1], 2), { chosen: [0, 1, 2], message: "" });
  assert.deepEqual(choose([0, 1, 2], 5), { chosen: [1, 2, 5], message: "" });
  assert.deepEqual(choose([0, 1, 2], 1), { chosen: [0, 2], message: "" });
  const refused = choose([0, 1], 1);
  assert.deepEqual(refused.chosen, [0, 1]);
  assert.match(refused.message, /needs two classes/);
});

test("chips, mode, model and reset write their traits", () => {
  const { model, find, pressed, destroy } = openToolbar(5);
  assert.deepEqual(pressed(), [0, 1]);
  find(".fsw-class[value='4']").click();
  assert.deepEqual(model.get("chosen"), [0, 1, 4]);
  assert.deepEqual(pressed(), [0, 1, 4]);
  find(".fsw-segments button[value=section]").click();
  assert.equal(model.get("mode"), "section");
  assert.equal(find(".fsw-segments button[value=section]").getAttribute("aria-pressed"), "true");
  find(".fsw-select").value = "b";
  find(".fsw-select").dispatchEvent(new window.Event("change"));
  assert.equal(model.get("model"), "b");
  find(".fsw-toolbar > .fsw-button").click();
  assert.equal(model.get("reset"), 1);
  assert.equal(model.saves, 4);
  destroy();
});

test("undo, redo, bookmarks and code ask the kernel", () => {
  const { model, find, destroy } = openToolbar(5, { bookmarks: [], undoable: false, redoable: false, code: "" });
  const press = (/** @type {string} */ label) => find(`button[aria-label="${label}"]`).click();
  assert.equal(find("button[aria-label=Undo]").disabled, true);
  model.set("undoable", true);
  assert.equal(find("button[aria-label=Undo]").disabled, false);
  press("Undo");
  press("Bookmark this view");
  model.set("bookmarks", ["1: a, b"]);
  const list = find(".fsw-history select");
  assert.equal(list.hidden, false);
  list.value = "1: a, b";
  list.dispatchEvent(new window.Event("change"));
  assert.equal(find(".fsw-code").hidden, true);
  press("This view as code");
  model.set("code", "state = {}");
  assert.equal(find(".fsw-code").hidden, false);
  assert.equal(find(".fsw-code textarea").value, "state = {}");
  assert.deepEqual(model.messages, [{ type: "undo" }, { type: "bookmark" }, { type: "go", name: "1: a, b" }, { type: "code" }]);
  destroy();
});

test("without a kernel there is no history to offer", () => {
  const { find, destroy } = openToolbar(5);
  assert.equal(find(".fsw-history").hidden, true);
  destroy();
});

test("the kernel's changes show", () => {
  const { model, find, pressed, destroy } = openToolbar(5);
  model.set("chosen", [2, 3]);
  assert.deepEqual(pressed(), [2, 3]);
  model.set("message", "Loading…");
  assert.equal(find(".fsw-message").textContent, "Loading…");
  model.set("error", { title: "Unknown model" });
  assert.match(find("[role=alert]").textContent, /Unknown model/);
  destroy();
});

test("a thousand classes: chosen chips and a finder", () => {
  const { model, el, find, destroy } = openToolbar(1000);
  assert.equal(el.querySelectorAll(".fsw-class").length, 2);
  const finder = find(".fsw-finder");
  assert.equal(finder.hidden, false);
  finder.value = "CLASS 77";
  finder.dispatchEvent(new window.Event("change"));
  assert.deepEqual(model.get("chosen"), [0, 1, 77]);
  finder.value = "zebra";
  finder.dispatchEvent(new window.Event("change"));
  assert.match(find(".fsw-message").textContent, /No class is called “zebra”/);
  destroy();
});

test("panel: image, facts, neighbours, placeholder, error", () => {
  const picture = { width: 2, height: 1, channels: 1, pixels: new DataView(Uint8Array.of(9, 200).buffer) };
  const content = {
    id: 1, title: "Image", image: picture, placeholder: "", facts: [["seen as", "cat", "by the model"], ["residual", "3.26", ""]],
    neighbours: [{ ...picture, label: "cat", color: "#0072B2" }], alt: "a cat", busy: true,
  };
  const model = new FakeModel({ content, error: {} });
  const el = place();
  const destroy = imagePanel.render({ model, el });
  const rows = [...el.querySelectorAll(".fsw-facts > div")].map((row) => [...row.children].map((cell) => cell.textContent));
  assert.deepEqual(rows, [["seen as", "cat"], ["residual", "3.26"]]);
  assert.equal(el.querySelector("canvas.fsw-image")?.getAttribute("aria-label"), "a cat");
  assert.equal(el.querySelectorAll("figure").length, 1);
  assert.equal(el.querySelector(".fsw-panel")?.getAttribute("aria-busy"), "true");
  model.set("content", { image: null, placeholder: "No decoder" });
  assert.equal(/** @type {any} */ (el.querySelector("canvas.fsw-image")).hidden, true);
  assert.equal(el.querySelector(".fsw-placeholder")?.textContent, "No decoder");
  model.set("error", { title: "Too large" });
  assert.match(el.querySelector("[role=alert]")?.textContent ?? "", /Too large/);
  destroy();
  assert.equal(model.listening, 0);
});

test("panel: the optimised image with its progress, cancel and again; nothing shows behind a curtain", () => {
  const picture = { width: 1, height: 1, channels: 1, pixels: new DataView(new ArrayBuffer(1)) };
  const optimised = { image: picture, alt: "Optimised", running: true, share: 0.25, note: "", facts: [["residual", "0.50"]] };
  const carriers = { title: "Blend", items: [{ ...picture, label: "70 %", color: "#009E73" }] };
  const model = new FakeModel({ content: {}, error: {}, optimised, carriers });
  const el = place();
  const destroy = imagePanel.render({ model, el });
  const [, card, , blend] = /** @type {any} */ (el.querySelectorAll(".fsw-card"));
  assert.match(card.textContent, /residual0\.50/);
  assert.equal(card.querySelector("progress").value, 0.25);
  card.querySelector("button").click();
  model.set("optimised", { ...optimised, running: false, note: "cancelled" });
  assert.ok(card.querySelector("progress").hidden);
  card.querySelector("button").click();
  assert.deepEqual(model.messages, [{ type: "cancel" }, { type: "again" }]);
  assert.match(blend.textContent, /Blend.*70 %/);
  model.set("curtain", "Answer first");
  assert.ok(card.hidden && blend.hidden);
  model.set("curtain", "");
  model.set("optimised", {});
  model.set("carriers", {});
  assert.ok(card.hidden && blend.hidden);
  destroy();
});

test("grey, colour and transparent pixels become RGBA", () => {
  const bytes = (/** @type {number[]} */ ...list) => new DataView(Uint8Array.from(list).buffer);
  const one = { width: 1, height: 1 };
  assert.deepEqual([...toRgba({ ...one, channels: 1, pixels: bytes(7) })], [7, 7, 7, 255]);
  assert.deepEqual([...toRgba({ ...one, channels: 3, pixels: bytes(1, 2, 3) })], [1, 2, 3, 255]);
  assert.deepEqual([...toRgba({ ...one, channels: 4, pixels: bytes(1, 2, 3, 4) })], [1, 2, 3, 4]);
});

test("destroying ends every listener", () => {
  const before = listeners.size;
  const { model, el, destroy } = openToolbar(5);
  assert.ok(listeners.size > before);
  destroy();
  assert.equal(listeners.size, before);
  assert.equal(model.listening, 0);
  assert.equal(el.children.length, 0);
});
