import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeModel, frames, place, pointerEvent, smallScene } from "./page.js";

const { default: sliceView } = await import("../src/slice_view.js");
const { KernelLink } = await import("../src/kernel_link.js");

test("a message that the host refuses is no error, and tells that the kernel is gone", () => {
  const model = new FakeModel({});
  const link = new KernelLink(model, place());
  assert.equal(link.notice(false), "");
  assert.match(link.notice(true), /not answering/);
  model.send = () => { throw new Error("Cannot send"); };
  link.send({ type: "undo" });
  assert.ok(link.gone);
  assert.match(link.notice(true), /run the cell again/);
});

test("a view whose host has marked it as disconnected says so, goes on drawing and asks no more", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const model = new FakeModel({ scene: smallScene(), pose: {}, answer: {}, error: {}, stats: {} });
  const el = place();
  const destroy = sliceView.render({ model, el });
  await frames();
  const root = /** @type {any} */ (el.querySelector(".fsw-slice"));
  const notice = root.querySelector(".fsw-notice");
  assert.ok(notice.hidden);
  el.classList.add("jupyter-widgets-disconnected");
  context.mock.timers.tick(20_000);
  assert.match(notice.textContent, /run the cell again/);
  assert.equal(notice.hidden, false);
  const before = root.fsw.state().pose.probe;
  const fire = (/** @type {string} */ type, /** @type {number} */ x, /** @type {number} */ y) =>
    root.querySelector(".fsw-stage").dispatchEvent(pointerEvent(type, { pointerId: 1, pointerType: "mouse", clientX: x, clientY: y, button: 0, bubbles: true }));
  fire("pointerdown", 300, 234);
  fire("pointermove", 330, 234);
  assert.notDeepEqual(root.fsw.state().pose.probe, before);
  assert.equal(model.saves, 1);
  assert.deepEqual(model.messages, []);
  destroy();
});
