// What the chip says about the probe: class, runner-up, margin and distance to the nearest decision boundary.

/** @import {Point, Reading} from "./types.js" */

/**
 * @param {Float64Array} logits K x 3 @param {Map<number, Float32Array>} norms rows |w_i - w_j| by i; without its row a class has no distance
 * @param {ArrayLike<number> | null} classes the competing classes; null: all
 * @param {Point} point @returns {Reading}
 */
export function readPoint(logits, norms, classes, [s, t]) {
  const K = logits.length / 3;
  const count = classes ? classes.length : K;
  const at = (/** @type {number} */ n) => (classes ? classes[n] : n);
  const value = (/** @type {number} */ k) => logits[3 * k] + logits[3 * k + 1] * s + logits[3 * k + 2] * t;
  let [classIndex, top] = [-1, -Infinity];
  for (let n = 0; n < count; n++) {
    const z = value(at(n));
    if (z > top || (z === top && at(n) < classIndex)) [classIndex, top] = [at(n), z];
  }
  const row = norms.get(classIndex);
  let [runnerUp, margin, nearest, distance] = [-1, Infinity, -1, Infinity];
  for (let n = 0; n < count; n++) {
    const k = at(n);
    if (k === classIndex) continue;
    const gap = top - value(k);
    if (gap < margin) [runnerUp, margin] = [k, gap];
    const norm = row?.[k] ?? 0;
    if (norm > 0 && gap / norm < distance) [nearest, distance] = [k, gap / norm];
  }
  return { classIndex, runnerUp, margin, distance, nearest };
}
