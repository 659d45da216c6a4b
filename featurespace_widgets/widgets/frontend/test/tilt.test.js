import assert from "node:assert/strict";
import { test } from "node:test";

import { beginTilt, distanceFrom, inner, onPlane, orthonormalised, plus, project, tiltTo, unitRow } from "../src/geometry.js";
import { normal, uniform } from "./helpers.js";

/** @import {Frame, Gram, Point} from "../src/types.js" */

/**
 * Five random vectors in R^7 by their Gram matrix, the plane through the first three, and those as handles.
 * @param {number} seed
 */
function family(seed) {
  const random = uniform(seed);
  const [size, d] = [5, 7];
  const vectors = Array.from({ length: size }, () => Array.from({ length: d }, () => normal(random)));
  const values = Float64Array.from({ length: size * size }, (_, n) =>
    vectors[Math.floor(n / size)].reduce((sum, x, i) => sum + x * vectors[n % size][i], 0),
  );
  /** @type {Gram} */
  const gram = { size, values };
  const members = vectors.map((_, k) => unitRow(size, k));
  const frame = orthonormalised(gram, [members[0], plus(members[1], -1, members[0]), plus(members[2], -1, members[0])]);
  const handles = members.slice(0, 3).map((c) => project(gram, frame, c));
  return { gram, frame, members, handles };
}

/** @param {Gram} gram @param {Frame} frame */
function assertOrthonormal(gram, [, u, v]) {
  for (const [x, y, value] of /** @type {[Float64Array, Float64Array, number][]} */ ([[u, u, 1], [v, v, 1], [u, v, 0]])) {
    assert.ok(Math.abs(inner(gram, x, y) - value) < 1e-10);
  }
}

/** @param {Point} a @param {Point} b */
const near = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) < 1e-9;

for (const dragged of [0, 1, 2]) {
  test(`dragging handle ${dragged}: the others stay, the frame stays orthonormal`, () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { gram, frame, members, handles } = family(seed);
      const fixed = handles.map((handle) => onPlane(frame, handle));
      const tilt = beginTilt(gram, frame, handles, dragged, members);
      const random = uniform(seed);
      for (let move = 0; move < 25; move++) {
        /** @type {Point} */
        const pointer = [handles[dragged][0] + normal(random), handles[dragged][1] + normal(random)];
        const turned = tiltTo(tilt, pointer);
        assertOrthonormal(gram, turned);
        handles.forEach((handle, i) => {
          if (i === dragged) return;
          assert.ok(distanceFrom(gram, turned, fixed[i]) < 1e-7, "still in the plane");
          assert.ok(near(project(gram, turned, fixed[i]), handle), "at the same place");
        });
        assert.ok(near(project(gram, turned, onPlane(turned, pointer)), pointer), "the handle lies under the pointer");
      }
    }
  });

  test(`dragging handle ${dragged}: no jump at the start, each member met at its shadow`, () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { gram, frame, members, handles } = family(seed);
      const tilt = beginTilt(gram, frame, handles, dragged, members);
      const start = tiltTo(tilt, handles[dragged]);
      frame.forEach((row, i) => row.forEach((value, j) => assert.ok(Math.abs(value - start[i][j]) < 1e-9)));
      for (const member of members.slice(3)) {
        const turned = tiltTo(tilt, project(gram, frame, member));
        assert.ok(distanceFrom(gram, turned, member) < 1e-6, "the plane contains the member");
      }
    }
  });
}

test("the plane turns continuously with the pointer", () => {
  const { gram, frame, members, handles } = family(4);
  const tilt = beginTilt(gram, frame, handles, 2, members);
  let before = tiltTo(tilt, handles[2]);
  for (let step = 1; step <= 400; step++) {
    const angle = (2 * Math.PI * step) / 400;
    const now = tiltTo(tilt, [handles[2][0] + 0.3 * Math.sin(angle), handles[2][1] + 0.3 * (1 - Math.cos(angle))]);
    assert.ok(inner(gram, now[1], before[1]) > 0.97 && inner(gram, now[2], before[2]) > 0.97);
    before = now;
  }
});

test("coinciding and collinear handles turn nothing into NaN", () => {
  const { gram, frame, members } = family(2);
  for (const handles of /** @type {Point[][]} */ ([[[0, 0], [0, 0], [0, 0]], [[0, 0], [1, 0], [2, 0]]])) {
    const turned = tiltTo(beginTilt(gram, frame, handles, 2, members), [0.5, 0.25]);
    assertOrthonormal(gram, turned);
  }
});
