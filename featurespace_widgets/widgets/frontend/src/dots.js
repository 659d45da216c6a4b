// Samples as small dots. One path per class and shade keeps thousands of them within a frame.

import { css } from "./colour.js";

/** @import {Plane} from "./state.js" */
/** @import {Scene} from "./types.js" */
/** @import {Theme} from "./theme.js" */
/** @import {Viewport} from "./viewport.js" */

const RADIUS = 2.3;
/** Opacity by distance from the plane, near to far. */
const SHADES = [0.85, 0.6, 0.4, 0.24, 0.12];

/**
 * In a section all samples, faded by their distance from it; on the boundary plane those of its classes, whose side is exact.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Plane} plane @param {boolean} fading
 * @param {Viewport} viewport @param {Theme} theme
 */
export function drawSamples(ctx, scene, plane, fading, viewport, theme) {
  const { labels, count } = scene.samples;
  const { s, t, off } = plane.shadows;
  const { width, height, scale, cs, ct } = viewport;
  const drawn = new Uint8Array(scene.K).fill(plane.classes ? 0 : 1);
  for (const k of plane.classes ?? []) drawn[k] = 1;
  /** @type {Map<number, number[]>} class and shade -> x, y, x, y, ... */
  const batches = new Map();
  for (let n = 0; n < count; n++) {
    const k = labels[n];
    if (!drawn[k]) continue;
    const x = width / 2 + (s[n] - cs) * scale;
    const y = height / 2 - (t[n] - ct) * scale;
    if (x < -RADIUS || y < -RADIUS || x > width + RADIUS || y > height + RADIUS) continue;
    const shade = fading ? shadeOf(off[n] / scene.spread) : 0;
    const key = k * SHADES.length + shade;
    const batch = batches.get(key);
    if (batch) batch.push(x, y);
    else batches.set(key, [x, y]);
  }
  // Far dots first, near ones on top.
  const order = [...batches].sort(([a], [b]) => (b % SHADES.length) - (a % SHADES.length));
  for (const [key, places] of order) {
    const shade = key % SHADES.length;
    ctx.fillStyle = css(theme.paint((key - shade) / SHADES.length).dot, SHADES[shade]);
    ctx.beginPath();
    for (let i = 0; i < places.length; i += 2) {
      ctx.moveTo(places[i] + RADIUS, places[i + 1]);
      ctx.arc(places[i], places[i + 1], RADIUS, 0, 2 * Math.PI);
    }
    ctx.fill();
  }
}

/** @param {number} ratio distance / typical distance */
const shadeOf = (ratio) => (ratio < 0.35 ? 0 : ratio < 0.7 ? 1 : ratio < 1 ? 2 : ratio < 1.4 ? 3 : 4);
