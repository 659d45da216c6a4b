// A partition as many convex polygons: a class may have thousands of them, drawn as one region.

import { fillPath, strokePath } from "./canvas.js";
import { css, mix } from "./colour.js";
import { contains } from "./polygon.js";
import { hatch, hatchAngle, trace, veil } from "./regions.js";
import { typed } from "./scene.js";

/** @import {Point, Polygon} from "./types.js" */
/** @import {Theme} from "./theme.js" */
/** @import {Viewport} from "./viewport.js" */

/** @typedef {{classIndex: number, polygon: Polygon}} Piece */

/**
 * What one pane shows; coordinates are those of its plane.
 * @typedef {object} Plan
 * @property {number} key another one for another plane
 * @property {string} title
 * @property {string} note below the drawing
 * @property {[number, number, number]} view that shows the whole of it: centre and width
 * @property {Piece[]} pieces
 * @property {Float64Array} edges boundaries between classes, x0, y0, x1, y1, ...
 * @property {Polygon[]} hatched
 * @property {Polygon | null} domain
 * @property {Float64Array[]} lines
 * @property {{label: string, at: Point}[]} corners
 * @property {{classIndex: number, at: Point, room: number}[]} spots where names fit
 */

/** @param {any} raw a pane of the kernel @returns {Plan} */
export function decodePlan(raw) {
  const classes = typed(Uint16Array, raw.classes);
  const pieces = polygons(raw.counts, raw.points).map((polygon, i) => ({ classIndex: classes[i], polygon }));
  const domain = typed(Float64Array, raw.domain);
  return {
    key: raw.key,
    title: raw.title,
    note: raw.note ?? "",
    view: raw.view,
    pieces,
    edges: typed(Float64Array, raw.edges),
    hatched: polygons(raw.hatchedCounts, raw.hatchedPoints),
    domain: domain.length ? domain : null,
    lines: (raw.lines ?? []).map((/** @type {any} */ line) => typed(Float64Array, line)),
    corners: raw.corners ?? [],
    spots: raw.spots ?? [],
  };
}

/** @param {any} counts vertices of each @param {any} points @returns {Polygon[]} */
function polygons(counts, points) {
  const all = typed(Float64Array, points);
  let at = 0;
  return Array.from(typed(Uint16Array, counts), (count) => all.subarray(at, (at += 2 * count)));
}

/** @param {Plan} plan @param {Point} point @returns {number} its class, -1 outside all pieces */
export const classAt = (plan, point) => plan.pieces.find(({ polygon }) => contains(polygon, point))?.classIndex ?? -1;

/** @param {CanvasRenderingContext2D} ctx @param {Plan} plan @param {Viewport} viewport @param {Theme} theme */
export function drawPlan(ctx, plan, viewport, theme) {
  const origin = viewport.toScreen([0, 0]);
  for (const classIndex of new Set(plan.pieces.map((piece) => piece.classIndex))) {
    const paint = theme.paint(classIndex);
    const shapes = plan.pieces.filter((piece) => piece.classIndex === classIndex).map(({ polygon }) => viewport.polygon(polygon));
    ctx.beginPath(); // one path, so that no seams show between pieces
    for (const shape of shapes) trace(ctx, shape);
    fillPath(ctx, paint.fill);
    ctx.beginPath();
    for (const shape of shapes) hatch(ctx, shape, hatchAngle(classIndex), origin);
    strokePath(ctx, paint.hatch, 1);
  }
  ctx.beginPath();
  for (let i = 0; i < plan.edges.length; i += 4) line(ctx, plan.edges.subarray(i, i + 4), viewport);
  strokePath(ctx, css(mix(theme.text, theme.ground, 0.25)), 1.2);
  drawDisagreement(ctx, plan.hatched, viewport, theme);
  if (plan.domain) veil(ctx, viewport.polygon(plan.domain), viewport, theme);
  ctx.beginPath();
  for (const path of plan.lines) line(ctx, path, viewport);
  strokePath(ctx, css(theme.text), 1.4, [2, 3]);
}

/** Crossed lines in the ink of the text. @param {CanvasRenderingContext2D} ctx @param {Polygon[]} hatched @param {Viewport} viewport @param {Theme} theme */
function drawDisagreement(ctx, hatched, viewport, theme) {
  const origin = viewport.toScreen([0, 0]);
  ctx.beginPath();
  for (const shape of hatched.map((polygon) => viewport.polygon(polygon))) {
    for (const angle of [Math.PI / 4, -Math.PI / 4]) hatch(ctx, shape, angle, origin, 6);
  }
  strokePath(ctx, css(theme.text, 0.6), 1);
}

/** @param {CanvasRenderingContext2D} ctx @param {Float64Array} path @param {Viewport} viewport */
function line(ctx, path, viewport) {
  const shape = viewport.polygon(path);
  ctx.moveTo(shape[0], shape[1]);
  for (let i = 2; i < shape.length; i += 2) ctx.lineTo(shape[i], shape[i + 1]);
}
