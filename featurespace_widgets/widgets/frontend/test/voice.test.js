// The live region speaks the last thing said, and only once things have come to rest.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { JSDOM } from "jsdom";

test("what is taken back before it was spoken stays unspoken", async () => {
  const { window } = new JSDOM("<body></body>");
  Object.assign(globalThis, { window: globalThis, document: window.document });
  mock.timers.enable({ apis: ["setTimeout"] });
  const { Voice } = await import("../src/voice.js");
  const voice = new Voice();
  voice.say("Probe");
  mock.timers.tick(500);
  assert.equal(voice.node.textContent, "Probe");
  voice.say("Handle 1");
  voice.say("Probe");
  mock.timers.tick(500);
  assert.equal(voice.node.textContent, "Probe");
  mock.timers.reset();
});
