// Convex polygons and half-planes of the plane. A half-plane is (nx, ny, h): nx s + ny t <= h.

/** @import {Extent, Frame, Point, Polygon} from "./types.js" */

/** @param {Extent} extent @returns {Polygon} counter-clockwise */
export const windowPolygon = ([s0, s1, t0, t1]) => Float64Array.of(s0, t0, s1, t0, s1, t1, s0, t1);

/** @param {Polygon} polygon @returns {number} signed, positive when counter-clockwise */
export function area(polygon) {
  let twice = 0;
  for (let i = 0; i < polygon.length; i += 2) {
    const j = (i + 2) % polygon.length;
    twice += polygon[i] * polygon[j + 1] - polygon[j] * polygon[i + 1];
  }
  return twice / 2;
}

/** @param {Polygon} polygon @returns {Point} the centroid of its area */
export function centroid(polygon) {
  let [x, y, twice] = [0, 0, 0];
  const [x0, y0] = polygon; // measured from a vertex, so that a far window loses no digits
  for (let i = 0; i < polygon.length; i += 2) {
    const j = (i + 2) % polygon.length;
    const [ax, ay, bx, by] = [polygon[i] - x0, polygon[i + 1] - y0, polygon[j] - x0, polygon[j + 1] - y0];
    const cross = ax * by - bx * ay;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
    twice += cross;
  }
  return twice ? [x0 + x / (3 * twice), y0 + y / (3 * twice)] : [x0, y0];
}

/** @param {Polygon} polygon @param {Point} point */
export function contains(polygon, [x, y]) {
  let inside = false;
  for (let i = 0, j = polygon.length - 2; i < polygon.length; j = i, i += 2) {
    const above = polygon[i + 1] > y;
    if (above === polygon[j + 1] > y) continue;
    const crossing = polygon[i] + ((y - polygon[i + 1]) / (polygon[j + 1] - polygon[i + 1])) * (polygon[j] - polygon[i]);
    if (x < crossing) inside = !inside;
  }
  return inside;
}

/** @param {Polygon} polygon @param {number} nx @param {number} ny @param {number} h @returns {Polygon} */
function clip(polygon, nx, ny, h) {
  const n = polygon.length;
  let least = Infinity;
  for (let i = 0; i < n; i += 2) least = Math.min(least, h - nx * polygon[i] - ny * polygon[i + 1]);
  if (least >= 0) return polygon; // most half-planes of a domain cut nothing
  /** @type {number[]} */
  const out = [];
  for (let i = 0; i < n; i += 2) {
    const j = (i + 2) % n;
    const here = h - nx * polygon[i] - ny * polygon[i + 1];
    const next = h - nx * polygon[j] - ny * polygon[j + 1];
    if (here >= 0) out.push(polygon[i], polygon[i + 1]);
    if ((here > 0 && next < 0) || (here < 0 && next > 0)) {
      const share = here / (here - next);
      out.push(polygon[i] + share * (polygon[j] - polygon[i]), polygon[i + 1] + share * (polygon[j + 1] - polygon[i + 1]));
    }
  }
  return Float64Array.from(out);
}

/** @param {Polygon} polygon @param {Float64Array} halfPlanes h x 3 @returns {Polygon} empty where nothing is left */
export function clipBy(polygon, halfPlanes) {
  let left = polygon;
  for (let i = 0; i < halfPlanes.length && left.length; i += 3) {
    left = clip(left, halfPlanes[i], halfPlanes[i + 1], halfPlanes[i + 2]);
  }
  return left.length < 6 ? new Float64Array(0) : left;
}

/** @param {Float64Array} halfPlanes @param {Point} point @param {number} slack */
export function satisfies(halfPlanes, [s, t], slack = 1e-9) {
  for (let i = 0; i < halfPlanes.length; i += 3) {
    const reach = Math.abs(halfPlanes[i]) + Math.abs(halfPlanes[i + 1]) + Math.abs(halfPlanes[i + 2]);
    if (halfPlanes[i] * s + halfPlanes[i + 1] * t > halfPlanes[i + 2] + slack * (1 + reach)) return false;
  }
  return true;
}

/**
 * What lower <= rows c <= upper says about the points of a plane.
 * @param {{rows: Float64Array, lower: Float64Array, upper: Float64Array}} domain @param {Frame} frame
 * @returns {Float64Array}
 */
export function domainHalfPlanes({ rows, lower, upper }, [o, u, v]) {
  /** @type {number[]} */
  const out = [];
  const m = o.length;
  for (let r = 0; r < lower.length; r++) {
    let [at, a, b, scale] = [0, 0, 0, 0];
    for (let j = 0; j < m; j++) {
      const value = rows[r * m + j];
      at += value * o[j];
      a += value * u[j];
      b += value * v[j];
      scale += Math.abs(value * o[j]) + Math.abs(value * u[j]) + Math.abs(value * v[j]);
    }
    // A row that rounds to a constant either holds on the whole plane or nowhere.
    const flat = Math.abs(a) + Math.abs(b) <= 1e-12 * scale;
    for (const [sign, bound] of [[1, upper[r]], [-1, -lower[r]]]) {
      const h = bound - sign * at;
      if (!Number.isFinite(bound) || (flat && h >= -1e-9 * (1 + scale))) continue;
      out.push(flat ? 0 : sign * a, flat ? 0 : sign * b, h);
    }
  }
  return Float64Array.from(out);
}
