import assert from "node:assert/strict";
import { test } from "node:test";

import { area, centroid, clipBy, contains, domainHalfPlanes, planeLogits, readPoint, satisfies, windowPolygon } from "../src/geometry.js";
import { normal, uniform } from "./helpers.js";

/** @import {Frame} from "../src/types.js" */

test("plane logits are C (o + s u + t v) + bias", () => {
  const random = uniform(1);
  const draw = (/** @type {number} */ n) => Float64Array.from({ length: n }, () => normal(random));
  const [C, bias] = [draw(12), draw(4)];
  /** @type {Frame} */
  const frame = [draw(3), draw(3), draw(3)];
  const logits = planeLogits(C, bias, frame);
  for (let k = 0; k < 4; k++) {
    let z = bias[k];
    for (let j = 0; j < 3; j++) z += C[3 * k + j] * (frame[0][j] + 2 * frame[1][j] - 3 * frame[2][j]);
    assert.ok(Math.abs(logits[3 * k] + 2 * logits[3 * k + 1] - 3 * logits[3 * k + 2] - z) < 1e-12);
  }
});

test("the domain is a polygon; a row that is constant on the plane holds everywhere or nowhere", () => {
  /** @type {Frame} */
  const frame = [Float64Array.of(1, 1, 2), Float64Array.of(1, 0, 0), Float64Array.of(0, 1, 0)];
  const rows = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  const bounds = { rows, lower: new Float64Array(3), upper: Float64Array.of(2, Infinity, Infinity) };
  const halfPlanes = domainHalfPlanes(bounds, frame);
  const polygon = clipBy(windowPolygon([-5, 5, -5, 5]), halfPlanes);
  assert.equal(area(polygon), 12); // -1 <= s <= 1, -1 <= t <= 5
  assert.deepEqual(centroid(polygon), [0, 2]);
  assert.ok(satisfies(halfPlanes, [0, 0]) && !satisfies(halfPlanes, [0, -1.1]));
  const nowhere = domainHalfPlanes({ ...bounds, upper: Float64Array.of(2, Infinity, 1) }, frame);
  assert.equal(clipBy(windowPolygon([-5, 5, -5, 5]), nowhere).length, 0);
  assert.ok(!satisfies(nowhere, [0, 0]));
});

test("a point is inside or outside a polygon", () => {
  const triangle = Float64Array.of(0, 0, 4, 0, 0, 4);
  assert.ok(contains(triangle, [1, 1]));
  assert.ok(!contains(triangle, [3, 3]));
});

test("reading: class, runner-up, margin and nearest boundary differ where they should", () => {
  const logits = Float64Array.of(5, 0, 0, 4, 0, 0, 3, 0, 0, 5, 0, 0);
  // Classes 0 and 3 have the same row.
  const norms = new Map([[0, Float32Array.of(1, 1, 100, 0)], [1, Float32Array.of(1, 1, 1, 1)], [2, Float32Array.of(100, 1, 1, 1)], [3, Float32Array.of(0, 1, 1, 1)]]);
  const all = readPoint(logits, norms, null, [0, 0]);
  assert.deepEqual(all, { classIndex: 0, runnerUp: 3, margin: 0, distance: 0.02, nearest: 2 });
  const unknown = readPoint(logits, new Map(), null, [0, 0]);
  assert.deepEqual([unknown.classIndex, unknown.margin, unknown.nearest, unknown.distance], [0, 0, -1, Infinity]);
  const some = readPoint(logits, norms, [2, 1], [0, 0]);
  assert.deepEqual(some, { classIndex: 1, runnerUp: 2, margin: 1, distance: 1, nearest: 2 });
});
