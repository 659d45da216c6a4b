import assert from "node:assert/strict";
import { test } from "node:test";

import { Scheduler } from "../src/scheduler.js";
import { uniform } from "./helpers.js";

test("one request in flight, the newest state wins", () => {
  const scheduler = new Scheduler();
  assert.deepEqual(scheduler.offer("a", 0), { id: 1, payload: "a" });
  assert.equal(scheduler.offer("b", 1), null);
  assert.equal(scheduler.offer("c", 2), null);
  assert.deepEqual(scheduler.answer(1, 50), { id: 2, payload: "c" });
  assert.equal(scheduler.answer(2, 90), null);
  assert.deepEqual(scheduler.roundTrips, [50, 40]);
});

test("stale and foreign answers free nothing", () => {
  const scheduler = new Scheduler();
  scheduler.offer("a", 0);
  scheduler.offer("b", 1);
  assert.equal(scheduler.answer(7, 2), null);
  assert.equal(scheduler.answer(-3, 2), null);
  assert.deepEqual(scheduler.answer(1, 3), { id: 2, payload: "b" });
  assert.equal(scheduler.answer(1, 4), null);
  assert.equal(scheduler.offer("c", 5), null);
});

test("a kernel without answer for 5 s is silent; the newest is asked again, more and more rarely", () => {
  const scheduler = new Scheduler();
  scheduler.offer("a", 0);
  scheduler.offer("b", 10);
  assert.equal(scheduler.tick(4999), null);
  assert.equal(scheduler.silent, false);
  assert.deepEqual(scheduler.tick(5000), { id: 2, payload: "b" });
  assert.equal(scheduler.silent, true);
  assert.equal(scheduler.tick(14999), null);
  assert.deepEqual(scheduler.tick(15000), { id: 3, payload: "b" });
  assert.equal(scheduler.answer(1, 15001), null, "the late answer shows life");
  assert.equal(scheduler.silent, false);
  assert.equal(scheduler.offer("c", 15002), null);
  assert.deepEqual(scheduler.answer(3, 15003), { id: 4, payload: "c" });
});

test("an idle scheduler is never silent", () => {
  const scheduler = new Scheduler();
  assert.equal(scheduler.tick(1e6), null);
  scheduler.offer("a", 0);
  scheduler.answer(1, 10);
  assert.equal(scheduler.tick(1e6), null);
  assert.equal(scheduler.silent, false);
});

test("ids stay above those of other views; a new scene forgets the old requests", () => {
  const scheduler = new Scheduler();
  scheduler.notice(41);
  scheduler.notice(-5);
  assert.equal(scheduler.offer("a", 0)?.id, 42);
  scheduler.clear();
  assert.equal(scheduler.offer("b", 1)?.id, 43);
  assert.equal(scheduler.answer(42, 2), null);
});

test("random traffic: never two in flight, and the last state always arrives", () => {
  const random = uniform(3);
  const scheduler = new Scheduler();
  let [now, state, flying, delivered] = [0, 0, 0, 0];
  const send = (/** @type {{id: number, payload: number} | null} */ request) => {
    if (!request) return;
    assert.equal(flying, 0);
    flying = request.id;
    delivered = request.payload;
  };
  for (let step = 0; step < 5000; step++) {
    now += 10 * random();
    if (random() < 0.7) send(scheduler.offer(++state, now));
    else if (flying) {
      const id = flying;
      flying = 0;
      send(scheduler.answer(id, now));
    }
  }
  while (flying) {
    const id = flying;
    flying = 0;
    send(scheduler.answer(id, now));
  }
  assert.equal(delivered, state);
});

test("a link is slow while most of its newest answers take long", () => {
  const scheduler = new Scheduler();
  let now = 0;
  const ask = (/** @type {number} */ wait) => {
    const id = scheduler.offer("here", now)?.id ?? 0;
    scheduler.answer(id, (now += wait));
  };
  assert.equal(scheduler.slow, false, "nothing is known yet");
  for (let n = 0; n < 20; n++) ask(n % 3 ? 400 : 30);
  assert.equal(scheduler.slow, true);
  for (let n = 0; n < 20; n++) ask(n % 3 ? 30 : 400);
  assert.equal(scheduler.slow, false, "it recovers");
});
