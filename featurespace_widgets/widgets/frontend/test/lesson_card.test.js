import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeModel, listeners, place } from "./page.js";

Object.assign(globalThis, { HTMLInputElement: window.HTMLInputElement, HTMLButtonElement: window.HTMLButtonElement });
const { default: lessonCard } = await import("../src/lesson_card.js");
const { default: imagePanel } = await import("../src/image_panel.js");
const { default: toolbar } = await import("../src/toolbar.js");

const EVIL = '<img src=x onerror="window.hacked = true"><script>window.hacked = true</script>';
const question = { kind: "choice", paragraphs: [[["plain", "Which?"]]], choices: ["3", EVIL], unit: "", given: "", settled: false, verdict: "", said: [] };
const content = {
  title: "A look", step: 1, open: 1, paragraphs: [[["plain", "Drag "], ["bold", EVIL]], [["code", "z_i"]]], question, notice: "", student: "", progress: "FSW1.a.b",
  steps: [{ title: "One", state: "done" }, { title: "Two", state: "open" }, { title: "Three", state: "locked" }],
};

/** @param {Record<string, any>} [more] */
function open(more = {}) {
  const model = new FakeModel({ content: { ...content, ...more }, file: {}, error: {} });
  const el = place();
  const destroy = lessonCard.render({ model, el });
  const find = (/** @type {string} */ selector) => /** @type {any} */ (el.querySelector(selector));
  const press = (/** @type {string} */ text) => /** @type {any} */ ([...el.querySelectorAll("button")].find((node) => node.textContent === text)).click();
  const submit = () => find("form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  return { model, el, destroy, find, press, submit };
}

test("steps, texts and choices are shown as text, whatever they hold", () => {
  const { el, find, destroy } = open();
  assert.deepEqual([...el.querySelectorAll(".fsw-step")].map((node) => [node.textContent, /** @type {any} */ (node).disabled]), [["✓", false], ["2", false], ["3", true]]);
  assert.equal(find("[aria-current=step]").value, "1");
  assert.equal(find(".fsw-lesson-text strong").textContent, EVIL);
  assert.equal(find(".fsw-lesson-text code").textContent, "z_i");
  assert.equal(el.querySelectorAll("img, script").length, 0);
  assert.equal(el.querySelectorAll("input[type=radio]").length, 2);
  destroy();
});

test("a choice is sent, kept while the card is drawn anew, and settled by the kernel", () => {
  const { model, find, submit, press, destroy } = open();
  find("input[value='3']").click();
  model.set("content", { ...content, notice: "Drawn again" });
  assert.equal(find("input[value='3']").checked, true);
  submit();
  assert.deepEqual(model.messages, [{ type: "answer", value: "3" }]);
  model.set("content", { ...content, open: 2, question: { ...question, given: "3", settled: true, verdict: "right", said: [[["plain", "Right."]]] } });
  assert.equal(find("input[value='3']").disabled, true);
  assert.match(find(".fsw-said-right").textContent, /✓Right\./);
  press("Next");
  press("Back");
  find(".fsw-step[value='0']").click();
  assert.deepEqual(model.messages.slice(1), [{ type: "go", value: 2 }, { type: "go", value: 0 }, { type: "go", value: 0 }]);
  destroy();
});

test("numbers and texts are typed; a new step begins empty", () => {
  const { model, find, submit, destroy } = open({ question: { ...question, kind: "number", choices: [], unit: "pixels" } });
  assert.equal(find(".fsw-unit").textContent, "pixels");
  find("form input").value = " 2.5 ";
  submit();
  assert.deepEqual(model.messages, [{ type: "answer", value: "2.5" }]);
  model.set("content", { ...content, step: 0, question: { ...question, kind: "text", choices: [] } });
  assert.equal(find("form textarea").value, "");
  model.set("content", { ...content, step: 0, question: null });
  assert.equal(find("form").hidden, true);
  destroy();
});

test("progress: a string to carry away, one to go on from, a name, a file", () => {
  const { model, find, press, destroy } = open();
  assert.equal(find(".fsw-progress").hidden, true);
  press("Progress");
  assert.equal(find(".fsw-progress").hidden, false);
  assert.equal(find("input[aria-label='Your progress']").value, "FSW1.a.b");
  find("input[aria-label='Go on from']").value = "FSW1.x.y";
  press("go on");
  const name = find("input[aria-label='Your name or number']");
  name.value = "Ada";
  name.dispatchEvent(new window.Event("change"));
  press("answers as a file");
  assert.deepEqual(model.messages, [{ type: "progress", value: "FSW1.x.y" }, { type: "student", value: "Ada" }, { type: "file" }]);
  destroy();
});

test("a wrong lesson is an error card and nothing else", () => {
  const { model, find, destroy } = open();
  model.set("content", {});
  model.set("error", { title: "This lesson cannot be used", received: EVIL });
  assert.equal(find(".fsw-lesson-body").hidden, true);
  assert.match(find("[role=alert]").textContent, /cannot be used/);
  assert.equal(find("img"), null);
  destroy();
});

test("a curtain hides image, facts and neighbours", () => {
  const content = { image: null, placeholder: "nothing", facts: [["seen as", "cat"]], neighbours: [] };
  const model = new FakeModel({ content, curtain: "Hidden until you have answered.", error: {} });
  const el = place();
  const destroy = imagePanel.render({ model, el });
  assert.equal(el.querySelector(".fsw-placeholder")?.textContent, "Hidden until you have answered.");
  assert.equal(el.querySelectorAll("dt").length, 0);
  model.set("curtain", "");
  assert.equal(el.querySelectorAll("dt").length, 1);
  destroy();
});

test("locked controls of the toolbar cannot be pressed", () => {
  const state = { models: [{ name: "a", label: "A" }], model: "a", class_names: ["cat", "dog", "fox"], colors: ["#000", "#111", "#222"], chosen: [0, 1], mode: "boundary", reset: 0, error: {} };
  const model = new FakeModel({ ...state, locked: ["model", "classes"] });
  const el = place();
  const destroy = toolbar.render({ model, el });
  const disabled = () => [...el.querySelectorAll(".fsw-toolbar > .fsw-select, .fsw-class, .fsw-segments button")].map((node) => /** @type {any} */ (node).disabled);
  assert.deepEqual(disabled(), [true, true, true, true, false, false]);
  model.set("chosen", [1, 2]);
  assert.deepEqual(disabled(), [true, true, true, true, false, false]);
  model.set("locked", ["mode"]);
  assert.deepEqual(disabled(), [false, false, false, false, true, true]);
  destroy();
});

test("destroying ends every listener", () => {
  const before = listeners.size;
  const { model, el, destroy } = open();
  assert.ok(listeners.size > before);
  destroy();
  assert.equal(listeners.size, before);
  assert.equal(model.listening, 0);
  assert.equal(el.children.length, 0);
});
