import assert from "node:assert/strict";
import { test } from "node:test";

import "./page.js";

const { number, placeChip } = await import("../src/chip.js");
const { contrast, legible, parseColour } = await import("../src/colour.js");

/** @import {Point} from "../src/types.js" */

const PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000", "#ffffff"];

test("every class colour reaches the contrast asked for on light and dark grounds", () => {
  for (const ground of ["#fff", "#f5f5f5", "#111111", "rgb(33, 33, 33)"]) {
    const under = parseColour(ground, [0, 0, 0]);
    for (const colour of PALETTE) {
      for (const ratio of [3, 4.5]) assert.ok(contrast(legible(parseColour(colour, [0, 0, 0]), under, ratio), under) >= ratio);
    }
  }
});

test("colours that stand out already stay as they are", () => {
  assert.deepEqual(legible([0, 114, 178], [255, 255, 255], 3), [0, 114, 178]);
});

test("the chip never covers the probe and stays on the stage, at any width", () => {
  /** @type {Point} */
  const size = [214, 48];
  for (const stage of /** @type {Point[]} */ ([[760, 600], [320, 300]])) {
    for (let x = 0; x <= stage[0]; x += 10) {
      for (let y = 0; y <= stage[1]; y += 10) {
        const chip = placeChip([x, y], size, stage, [x + 20, y - 20], 0);
        const covers = x >= chip.x - 8 && x <= chip.x + size[0] + 8 && y >= chip.y - 8 && y <= chip.y + size[1] + 8;
        assert.ok(!covers, `probe ${x}, ${y} is covered`);
        assert.ok(chip.x >= 0 && chip.y >= 0 && chip.x + size[0] <= stage[0] && chip.y + size[1] <= stage[1], `chip off stage for ${x}, ${y}`);
      }
    }
  }
});

test("the chip keeps its side while it fits", () => {
  assert.equal(placeChip([400, 300], [200, 48], [760, 600], null, 3).side, 3);
  assert.notEqual(placeChip([740, 300], [200, 48], [760, 600], null, 0).side, 0);
});

test("numbers have two decimals", () => {
  assert.deepEqual([0.187, 12, 0, 0.0012, 12345, Infinity].map(number), ["0.19", "12.00", "0.00", "0.0012", "1.2e+4", "–"]);
});
