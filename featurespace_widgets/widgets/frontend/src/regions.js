// Drawing the partition: fills, hatching, boundaries, the domain's edge.

import { fillPath, strokePath } from "./canvas.js";
import { css, mix } from "./colour.js";
import { clipBy, windowPolygon } from "./polygon.js";

/** @import {Cell, Point} from "./types.js" */
/** @import {Theme} from "./theme.js" */
/** @import {Viewport} from "./viewport.js" */

const HATCH_GAP = 11;

/** @param {CanvasRenderingContext2D} ctx @param {ArrayLike<number>} polygon in screen coordinates */
export function trace(ctx, polygon) {
  for (let i = 0; i < polygon.length; i += 2) {
    if (i) ctx.lineTo(polygon[i], polygon[i + 1]);
    else ctx.moveTo(polygon[i], polygon[i + 1]);
  }
  ctx.closePath();
}

/** @param {CanvasRenderingContext2D} ctx @param {Cell[]} cells @param {Viewport} viewport @param {Theme} theme */
export function drawCells(ctx, cells, viewport, theme) {
  for (const cell of cells) {
    const paint = theme.paint(cell.classIndex);
    const polygon = viewport.polygon(cell.polygon);
    ctx.beginPath();
    trace(ctx, polygon);
    fillPath(ctx, paint.fill);
    ctx.beginPath();
    hatch(ctx, polygon, hatchAngle(cell.classIndex), viewport.toScreen([0, 0]));
    strokePath(ctx, paint.hatch, 1);
  }
  ctx.beginPath();
  for (const { classIndex, polygon, neighbours } of cells) boundaries(ctx, viewport.polygon(polygon), neighbours, classIndex);
  strokePath(ctx, css(mix(theme.text, theme.ground, 0.25)), 1.2);
}

/** Golden-angle steps keep the directions of any few classes apart. @param {number} classIndex radians */
export const hatchAngle = (classIndex) => ((0.3 + classIndex * 0.381966) % 1) * Math.PI;

/**
 * Parallel lines through a convex polygon, each cut to it exactly; tied to the plane's origin so that they pan along.
 * @param {CanvasRenderingContext2D} ctx @param {Float64Array} polygon @param {number} angle @param {Point} origin @param {number} [gap]
 */
export function hatch(ctx, polygon, angle, origin, gap = HATCH_GAP) {
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const level = (/** @type {number} */ i) => dx * (polygon[i + 1] - origin[1]) - dy * (polygon[i] - origin[0]);
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < polygon.length; i += 2) {
    low = Math.min(low, level(i));
    high = Math.max(high, level(i));
  }
  for (let at = Math.ceil(low / gap) * gap; at < high; at += gap) {
    let ends = 0;
    for (let i = 0; i < polygon.length && ends < 2; i += 2) {
      const j = (i + 2) % polygon.length;
      const [a, b] = [level(i) - at, level(j) - at];
      if (a < 0 === b < 0) continue;
      const share = a / (a - b);
      const x = polygon[i] + share * (polygon[j] - polygon[i]);
      const y = polygon[i + 1] + share * (polygon[j + 1] - polygon[i + 1]);
      if (ends++) ctx.lineTo(x, y);
      else ctx.moveTo(x, y);
    }
  }
}

/** Inner edges, each once. @param {CanvasRenderingContext2D} ctx @param {Float64Array} polygon @param {Int32Array} neighbours @param {number} own */
function boundaries(ctx, polygon, neighbours, own) {
  for (let e = 0; e < neighbours.length; e++) {
    if (neighbours[e] < own) continue;
    const j = (2 * e + 2) % polygon.length;
    ctx.moveTo(polygon[2 * e], polygon[2 * e + 1]);
    ctx.lineTo(polygon[j], polygon[j + 1]);
  }
}

/**
 * Veils what lies outside the domain and draws its edge.
 * @param {CanvasRenderingContext2D} ctx @param {Float64Array} halfPlanes @param {Viewport} viewport @param {Theme} theme
 */
export function drawDomain(ctx, halfPlanes, viewport, theme) {
  if (!halfPlanes.length) return;
  const [s0, s1, t0, t1] = viewport.extent;
  const rim = (s1 - s0) * 0.02; // the window's own edge must not look like the domain's
  veil(ctx, viewport.polygon(clipBy(windowPolygon([s0 - rim, s1 + rim, t0 - rim, t1 + rim]), halfPlanes)), viewport, theme);
}

/**
 * Veils all but a polygon and draws its edge.
 * @param {CanvasRenderingContext2D} ctx @param {Float64Array} inside on the screen @param {Viewport} viewport @param {Theme} theme
 */
export function veil(ctx, inside, viewport, theme) {
  ctx.beginPath();
  ctx.rect(0, 0, viewport.width, viewport.height);
  trace(ctx, inside);
  ctx.fillStyle = css(theme.dark ? mix(theme.ground, [0, 0, 0], 0.4) : mix(theme.ground, theme.text, 0.2), 0.56);
  ctx.fill("evenodd");
  ctx.beginPath();
  trace(ctx, inside);
  strokePath(ctx, css(theme.quiet), 1.5, [6, 4]);
}
