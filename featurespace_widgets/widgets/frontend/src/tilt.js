// Turning the section plane by one handle. The plane turns about the line through the other two handles, whose screen
// positions stay; the dragged handle stays under the pointer. Where the plane turns to is read off the family's members:
// at the shadow of a member the plane contains that member, between shadows it blends them.

import { inner, length, onPlane, orthonormalised, plus, project, unit } from "./linear.js";

/** @import {Frame, Gram, Point} from "./types.js" */

/**
 * @typedef {object} Tilt
 * @property {Gram} gram
 * @property {Float64Array} pivot a point of the axis
 * @property {Point} pivotAt where it is in the plane
 * @property {Point} along the axis direction in plane coordinates
 * @property {Float64Array} axis the same as coefficients
 * @property {Float64Array} side unit vector of the plane across the axis, updated as the plane turns
 * @property {{vector: Float64Array, at: Point}[]} family
 * @property {number} scale typical length, to tell zero from small
 */

/**
 * @param {Gram} gram @param {Frame} frame @param {Point[]} handles the three handles @param {number} dragged which one moves
 * @param {Float64Array[]} members coefficient vectors of the family @returns {Tilt}
 */
export function beginTilt(gram, frame, handles, dragged, members) {
  const plane = orthonormalised(gram, frame);
  const [first, second] = handles.filter((_, i) => i !== dragged);
  const span = Math.hypot(second[0] - first[0], second[1] - first[1]);
  /** @type {Point} */
  const along = span > 0 ? [(second[0] - first[0]) / span, (second[1] - first[1]) / span] : [1, 0];
  const [, u, v] = plane;
  const combine = (/** @type {number} */ a, /** @type {number} */ b) => u.map((value, i) => a * value + b * v[i]);
  const fixed = [first, second].map((handle) => onPlane(plane, handle));
  const anchor = onPlane(plane, handles[dragged]);
  const scale = Math.max(span, length(gram, plus(anchor, -1, fixed[0])), Number.MIN_VALUE);
  const others = members.filter((c) => fixed.every((end) => length(gram, plus(c, -1, end)) > 1e-9 * scale));
  return {
    gram,
    pivot: fixed[0],
    pivotAt: first,
    along,
    axis: combine(along[0], along[1]),
    side: combine(-along[1], along[0]),
    family: [anchor, ...others].map((vector) => ({ vector, at: project(gram, plane, vector) })),
    scale,
  };
}

/**
 * @param {Tilt} tilt @param {Point} pointer in plane coordinates @returns {Frame} the plane turned for this pointer
 */
export function tiltTo(tilt, pointer) {
  const { gram, pivot, pivotAt, along, axis } = tilt;
  const offset = plus(blend(tilt.family, pointer), -1, pivot);
  const across = plus(offset, -inner(gram, offset, axis), axis);
  if (length(gram, across) > 1e-9 * tilt.scale) {
    const side = unit(gram, across);
    // Of the two directions across the axis keep the one that does not mirror the picture.
    tilt.side = inner(gram, side, tilt.side) < 0 ? side.map((value) => -value) : side;
  }
  const { side } = tilt;
  const u = axis.map((value, i) => along[0] * value - along[1] * side[i]);
  const v = axis.map((value, i) => along[1] * value + along[0] * side[i]);
  const o = pivot.map((value, i) => value - pivotAt[0] * u[i] - pivotAt[1] * v[i]);
  return [o, u, v];
}

/**
 * Shepard's interpolation: at a shadow exactly that member, elsewhere weights 1 / distance^2.
 * @param {{vector: Float64Array, at: Point}[]} family @param {Point} pointer
 */
function blend(family, [s, t]) {
  const out = new Float64Array(family[0].vector.length);
  let total = 0;
  for (const { vector, at } of family) {
    const square = (at[0] - s) ** 2 + (at[1] - t) ** 2;
    if (square < Number.MIN_VALUE) return vector;
    const weight = 1 / square;
    total += weight;
    for (let i = 0; i < out.length; i++) out[i] += weight * vector[i];
  }
  return out.map((value) => value / total);
}
