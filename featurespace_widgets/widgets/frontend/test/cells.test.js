import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { area, contains, walkCells } from "../src/geometry.js";
import { logit, randomLogits, topLogit, uniform } from "./helpers.js";

/** @import {Cell, Extent} from "../src/types.js" */

/** @type {Extent} */
const WINDOW = [-3, 3, -2, 2];

/** @param {Extent} extent */
const windowArea = ([s0, s1, t0, t1]) => (s1 - s0) * (t1 - t0);

/** @param {Float64Array} polygon @returns {[number, number][]} */
const vertices = (polygon) => Array.from({ length: polygon.length / 2 }, (_, v) => [polygon[2 * v], polygon[2 * v + 1]]);

/**
 * Everything that makes a partition exact, checked from the logits alone.
 * @param {Float64Array} logits @param {Extent} extent @param {Cell[]} cells @param {number[]} [classes]
 */
function assertPartition(logits, extent, cells, classes) {
  const total = cells.reduce((sum, cell) => sum + area(cell.polygon), 0);
  assert.ok(Math.abs(total - windowArea(extent)) < 1e-9 * windowArea(extent), `areas sum to ${total}`);
  assert.equal(new Set(cells.map((cell) => cell.classIndex)).size, cells.length, "each class once");
  const byClass = new Map(cells.map((cell) => [cell.classIndex, cell]));
  const [s0, s1, t0, t1] = extent;
  for (const { classIndex, polygon, neighbours } of cells) {
    assert.ok(area(polygon) > 0, "counter-clockwise");
    const corners = vertices(polygon);
    assert.equal(neighbours.length, corners.length);
    corners.forEach(([s, t], v) => {
      const scale = 1 + Math.abs(topLogit(logits, s, t, classes));
      assert.ok(topLogit(logits, s, t, classes) - logit(logits, classIndex, s, t) < 1e-9 * scale, "argmax at each vertex");
      const [s2, t2] = corners[(v + 1) % corners.length];
      const [ms, mt] = [(s + s2) / 2, (t + t2) / 2];
      const other = neighbours[v];
      if (other < 0) {
        const border = Math.min(Math.abs(ms - s0), Math.abs(ms - s1), Math.abs(mt - t0), Math.abs(mt - t1));
        assert.ok(border < 1e-9, "an edge without neighbour lies on the window");
      } else {
        assert.ok(Math.abs(logit(logits, classIndex, ms, mt) - logit(logits, other, ms, mt)) < 1e-9 * scale, "tie on an edge");
        const back = byClass.get(other);
        assert.ok(!back || back.neighbours.includes(classIndex) || Math.hypot(s2 - s, t2 - t) < 1e-7, "edge seen from both sides");
      }
    });
  }
}

for (const K of [2, 3, 5, 10, 100, 1000]) {
  test(`random logits, K=${K}`, () => {
    for (let seed = 1; seed <= (K < 1000 ? 20 : 3); seed++) {
      const logits = randomLogits(seed, K);
      assertPartition(logits, WINDOW, walkCells(logits, WINDOW));
    }
  });
}

test("hundreds of visible cells", () => {
  const random = uniform(5);
  const logits = new Float64Array(3 * 1000);
  for (let k = 0; k < 1000; k++) {
    const [x, y] = [6 * random() - 3, 4 * random() - 2];
    logits.set([-(x * x + y * y), 2 * x, 2 * y], 3 * k); // Voronoi cells
  }
  const cells = walkCells(logits, WINDOW);
  assert.equal(cells.length, 1000);
  assertPartition(logits, WINDOW, cells);
});

test("only the listed classes compete", () => {
  const logits = randomLogits(7, 30);
  const classes = [21, 3, 11];
  const cells = walkCells(logits, WINDOW, classes);
  assert.ok(cells.every((cell) => classes.includes(cell.classIndex)));
  assertPartition(logits, WINDOW, cells, classes);
});

test("equal planes: the lowest index wins", () => {
  const logits = Float64Array.of(0, 1, 0, 0, 1, 0, 0, -1, 0, 0, -1, 0);
  const cells = walkCells(logits, WINDOW);
  assert.deepEqual(cells.map((cell) => cell.classIndex).sort(), [0, 2]);
  assertPartition(logits, WINDOW, cells);
  const same = walkCells(new Float64Array(12), WINDOW);
  assert.deepEqual(same.map((cell) => cell.classIndex), [0]);
});

test("planes that differ by rounding only", () => {
  const logits = randomLogits(3, 40);
  for (let k = 0; k < 20; k++) {
    for (let i = 0; i < 3; i++) logits[3 * (20 + k) + i] = logits[3 * k + i] * (1 + 2.3e-16 * (k % 3));
  }
  assertPartition(logits, WINDOW, walkCells(logits, WINDOW));
});

test("four classes meet at one vertex", () => {
  const logits = Float64Array.of(0, 1, 1, 0, -1, 1, 0, -1, -1, 0, 1, -1);
  const cells = walkCells(logits, WINDOW);
  assert.equal(cells.length, 4);
  for (const cell of cells) assert.equal(area(cell.polygon), 6);
  assertPartition(logits, WINDOW, cells);
});

test("many classes touch in one vertex without area beyond it", () => {
  const spokes = 12;
  const logits = new Float64Array(3 * (spokes + 1)); // the last class ties at the origin and wins nowhere
  for (let k = 0; k < spokes; k++) {
    const angle = (2 * Math.PI * k) / spokes;
    logits.set([0, Math.cos(angle), Math.sin(angle)], 3 * k);
  }
  const cells = walkCells(logits, WINDOW);
  assert.equal(cells.length, spokes);
  assertPartition(logits, WINDOW, cells);
});

test("a boundary along the window's edge and a class between two that never wins", () => {
  const edge = Float64Array.of(0, 0, 0, -3, 1, 0); // class 1 wins beyond s = 3
  assert.deepEqual(walkCells(edge, WINDOW).map((cell) => cell.classIndex), [0]);
  const between = Float64Array.of(0, 1, 0, 0, 0, 0, 0, -1, 0); // class 1 ties on s = 0 only
  const cells = walkCells(between, WINDOW);
  assert.deepEqual(cells.map((cell) => cell.classIndex).sort(), [0, 2]);
  assertPartition(between, WINDOW, cells);
});

test("far and tiny windows keep their digits", () => {
  const logits = randomLogits(9, 50);
  for (const extent of /** @type {Extent[]} */ ([[1e3, 1.1e3, -1e3, -0.9e3], [0.1, 0.1001, 0.2, 0.2001], [-1e5, 1e5, -1e5, 1e5]])) {
    assertPartition(logits, extent, walkCells(logits, extent));
  }
});

test("cells agree with the kernel's", () => {
  const { cases } = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
  assert.ok(cases.length > 0);
  for (const { logits, extent, cells } of cases) {
    const ours = walkCells(Float64Array.from(logits.flat()), extent);
    assert.deepEqual(ours.map((c) => c.classIndex).sort((a, b) => a - b), cells.map((/** @type {any} */ c) => c.classIndex).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b));
    for (const cell of cells) {
      const mine = /** @type {Cell} */ (ours.find((c) => c.classIndex === cell.classIndex));
      const theirs = Float64Array.from(cell.polygon.flat());
      const size = Math.max(...extent.map(Math.abs));
      assert.ok(Math.abs(area(mine.polygon) - Math.abs(area(theirs))) < 1e-9 * size * size, "areas agree");
      for (const [from, to] of [[mine.polygon, theirs], [theirs, mine.polygon]]) {
        for (const [s, t] of vertices(from)) {
          const miss = Math.min(...vertices(to).map(([a, b]) => Math.hypot(a - s, b - t)));
          assert.ok(miss < 1e-9 * size, `vertex ${s}, ${t} is ${miss} from its partner`);
        }
      }
    }
  }
});

test("every point is inside the cell of its class", () => {
  const logits = randomLogits(11, 60);
  const cells = walkCells(logits, WINDOW);
  const random = uniform(2);
  for (let n = 0; n < 500; n++) {
    const [s, t] = [6 * random() - 3, 4 * random() - 2];
    const owner = cells.find((cell) => contains(cell.polygon, [s, t]));
    assert.ok(owner && topLogit(logits, s, t) - logit(logits, owner.classIndex, s, t) < 1e-12);
  }
});
