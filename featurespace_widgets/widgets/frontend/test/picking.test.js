import assert from "node:assert/strict";
import { test } from "node:test";

import { nearestPlace } from "../src/picking.js";
import { Viewport } from "../src/viewport.js";

const viewport = new Viewport([0, 0, 2], 200, 200);
/** @type {import("../src/types.js").Point[]} */
const places = [[0, 0], [0.5, 0], [0.5, 0], [-0.5, 0.5]];
/** @param {import("../src/types.js").Point} at @param {number} reach */
const nearest = (at, reach) => nearestPlace(places.length, (i) => places[i], viewport.toScreen(at), reach, viewport);

test("the nearest place within reach is found, the later of equal ones", () => {
  assert.equal(nearest([0.01, 0.01], 10), 0);
  assert.equal(nearest([0.45, 0], 10), 2);
  assert.equal(nearest([-0.5, 0.45], 10), 3);
});

test("beyond reach there is none", () => {
  assert.equal(nearest([0, 0.9], 10), -1);
  assert.equal(nearestPlace(0, () => [0, 0], [0, 0], 10, viewport), -1);
});
