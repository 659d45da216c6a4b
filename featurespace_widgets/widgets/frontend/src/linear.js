// Vectors as coefficient rows: all lengths and angles come from the Gram matrix of the generating vectors.

/** @import {Frame, Gram, Point} from "./types.js" */

/** @param {Gram} gram @param {ArrayLike<number>} x @returns {Float64Array} G x */
export function gramTimes(gram, x) {
  const { size, values } = gram;
  const out = new Float64Array(size);
  for (let i = 0, at = 0; i < size; i++) {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += values[at++] * x[j];
    out[i] = sum;
  }
  return out;
}

/** @param {ArrayLike<number>} x @param {ArrayLike<number>} y */
export function dot(x, y) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}

/** @param {Gram} gram @param {ArrayLike<number>} x @param {ArrayLike<number>} y */
export const inner = (gram, x, y) => dot(x, gramTimes(gram, y));

/** @param {Gram} gram @param {ArrayLike<number>} x */
export const length = (gram, x) => Math.sqrt(Math.max(0, inner(gram, x, x)));

/**
 * x + scale * y
 * @param {Float64Array} x @param {number} scale @param {Float64Array} y
 */
export const plus = (x, scale, y) => x.map((value, i) => value + scale * y[i]);

/** @param {number} size @param {number} column @returns {Float64Array} */
export function unitRow(size, column) {
  const row = new Float64Array(size);
  row[column] = 1;
  return row;
}

/** @param {Frame} frame @param {Point} point @returns {Float64Array} coefficients of the plane point */
export const onPlane = ([o, u, v], [s, t]) => o.map((value, i) => value + s * u[i] + t * v[i]);

/**
 * Orthogonal projection of a vector to the plane, in plane coordinates.
 * @param {Gram} gram @param {Frame} frame @param {Float64Array} x @returns {Point}
 */
export function project(gram, [o, u, v], x) {
  const offset = gramTimes(gram, plus(x, -1, o));
  return [dot(offset, u), dot(offset, v)];
}

/**
 * Distance of a vector from the plane.
 * @param {Gram} gram @param {Frame} frame @param {Float64Array} x
 */
export const distanceFrom = (gram, frame, x) => length(gram, plus(x, -1, onPlane(frame, project(gram, frame, x))));

/**
 * The same plane with u and v made orthonormal (Gram-Schmidt); removes drift after many small turns.
 * @param {Gram} gram @param {Frame} frame @returns {Frame}
 */
export function orthonormalised(gram, [o, u, v]) {
  const first = unit(gram, u);
  return [o, first, unit(gram, plus(v, -inner(gram, v, first), first))];
}

/** @param {Gram} gram @param {Float64Array} x */
export function unit(gram, x) {
  const size = length(gram, x);
  return x.map((value) => value / size);
}

/**
 * The K x 3 numbers (c, a, b) that describe the whole picture: logit k at (s, t) is c + a s + b t.
 * @param {Float64Array} C K x m @param {Float64Array} bias @param {Frame} frame @returns {Float64Array}
 */
export function planeLogits(C, bias, [o, u, v]) {
  const m = o.length;
  const out = new Float64Array(bias.length * 3);
  for (let k = 0, at = 0; k < bias.length; k++) {
    let c = bias[k];
    let a = 0;
    let b = 0;
    for (let j = 0; j < m; j++, at++) {
      const value = C[at];
      c += value * o[j];
      a += value * u[j];
      b += value * v[j];
    }
    out[3 * k] = c;
    out[3 * k + 1] = a;
    out[3 * k + 2] = b;
  }
  return out;
}
