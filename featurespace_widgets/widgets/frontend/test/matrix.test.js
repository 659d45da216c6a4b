import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { FakeModel, place } from "./page.js";

const { default: views } = await import("../src/views.js");

const entry = (/** @type {string} */ text, /** @type {number} */ shade, mark = "") => ({ text, shade, mark, said: `says ${text}` });

/** @type {FakeModel} */
let model;
/** @type {any} */
let root;
/** @type {() => void} */
let destroy;

function open() {
  const entries = [
    [null, entry("1.5", 0.2), entry("no", 0, "no")],
    [entry("1.5", 0.2), null, entry("?", 0, "undecided")],
    [entry("no", 0, "no"), entry("?", 0, "undecided"), null],
  ];
  model = new FakeModel({ kind: "matrix", label: "who meets", table: { names: ["cat", "dog", "<b>fox"], entries }, chosen: [0, 1], picked: [] });
  const el = place();
  destroy = views.render({ model, el, signal: /** @type {any} */ (undefined) });
  root = el.querySelector(".fsw-matrix");
}

/** @param {number} i @param {number} j */
const at = (i, j) => root.querySelectorAll("tr")[i + 1].querySelectorAll("td")[j];

/** @param {Element} node @param {string} key */
const press = (node, key) => node.dispatchEvent(new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

beforeEach(() => destroy?.());

test("verdicts look different, and the pair on the slice is framed", () => {
  open();
  assert.deepEqual([at(0, 1), at(0, 2), at(1, 2)].map((node) => node.dataset.mark), [undefined, "no", "undecided"]);
  assert.equal(at(0, 1).getAttribute("aria-label"), "cat and dog: says 1.5");
  assert.equal(root.querySelectorAll("th")[2].textContent, "<b>fox");
  assert.deepEqual([at(0, 1), at(1, 0), at(1, 2)].map((node) => node.hasAttribute("data-chosen")), [true, true, false]);
  model.set("chosen", [1, 2]);
  assert.deepEqual([at(0, 1), at(2, 1)].map((node) => node.hasAttribute("data-chosen")), [false, true]);
});

test("a click picks a pair, the diagonal does not, the same pair twice is told twice", () => {
  open();
  at(1, 2).click();
  assert.deepEqual(model.get("picked"), [1, 2, 1]);
  at(1, 1).click();
  assert.equal(model.saves, 1);
  at(1, 2).click();
  assert.deepEqual(model.get("picked"), [1, 2, 2]);
});

test("one stop for Tab; arrows walk, Enter picks, and what is under the hand is said", () => {
  open();
  assert.equal(root.querySelectorAll("[tabindex='0']").length, 1);
  at(0, 1).focus();
  press(at(0, 1), "ArrowDown");
  press(at(1, 1), "ArrowRight");
  assert.equal(document.activeElement, at(1, 2));
  assert.equal(root.parentElement.querySelector(".fsw-pane-note").textContent, "dog and <b>fox: says ?");
  press(at(1, 2), "Enter");
  assert.deepEqual(model.get("picked").slice(0, 2), [1, 2]);
  model.set("table", { ...model.get("table") });
  assert.equal(document.activeElement, at(1, 2), "a new table keeps the place");
  destroy();
  assert.equal(model.listening, 0);
});
