// Exact cells of a plane: the upper envelope of K affine logits over a window, walked from neighbour to neighbour.
// A cell starts as the window; each vertex asks who wins there; a rival that wins cuts the cell; done when no vertex objects.

/** @import {Cell, Extent} from "./types.js" */

/** Below this share of the largest logit two classes count as tied: just above the rounding of a cut's own vertices. */
const ROUNDING = 2e-14;

/**
 * @typedef {object} Planes logits of the competing classes, in ascending class order
 * @property {Int32Array} index
 * @property {Float64Array} c
 * @property {Float64Array} a
 * @property {Float64Array} b
 */

/** @typedef {{x: number[], y: number[], edge: number[], settled: boolean[]}} Draft */

/**
 * @typedef {object} Walk what the cells of one window share
 * @property {Planes} planes
 * @property {Draft} frame the whole window
 * @property {number} tolerance lead below which a rival does not count
 * @property {number} shortest length below which an edge does not count
 * @property {Map<number, number[]>} edges rivals along the edges of each finished cell
 * @property {Map<number, number[]>} known finished cells next to one not yet walked
 * @property {Map<number, [number, number]>} agreed inner vertices where no class objected, by their three classes
 */

/**
 * @param {Float64Array} logits K x 3 (c, a, b) @param {Extent} extent
 * @param {ArrayLike<number> | null} classes the competing classes; null: all
 * @returns {Cell[]} in the order found, starting at the window's centre; ties go to the lowest class
 */
export function walkCells(logits, extent, classes = null) {
  const planes = gather(logits, classes);
  if (!planes.index.length) return [];
  const walk = begin(planes, extent);
  const [s0, s1, t0, t1] = extent;
  const queue = [winner(planes, (s0 + s1) / 2, (t0 + t1) / 2)];
  for (let v = 0; v < 4; v++) queue.push(winner(planes, walk.frame.x[v], walk.frame.y[v]));

  const seen = new Uint8Array(planes.index.length);
  /** @type {Cell[]} */
  const cells = [];
  for (let head = 0; head < queue.length; head++) {
    const i = queue[head];
    if (seen[i]) continue;
    seen[i] = 1;
    if (hasTwin(walk, i)) continue;
    const draft = tidy(carve(walk, i), walk.shortest);
    if (draft.x.length < 3) continue;
    const rivals = draft.edge.filter((j) => j >= 0);
    walk.edges.set(i, rivals);
    for (const j of rivals) {
      if (seen[j]) continue;
      const list = walk.known.get(j);
      if (list) list.push(i);
      else walk.known.set(j, [i]);
      queue.push(j);
    }
    cells.push(finished(planes, i, draft));
  }
  return cells;
}

/** @param {Planes} planes @param {Extent} extent @returns {Walk} */
function begin(planes, extent) {
  const [s0, s1, t0, t1] = extent;
  return {
    planes,
    frame: { x: [s0, s1, s1, s0], y: [t0, t0, t1, t1], edge: [-1, -1, -1, -1], settled: [false, false, false, false] },
    tolerance: ROUNDING * magnitude(planes, extent),
    shortest: 1e-13 * (s1 - s0 + t1 - t0),
    edges: new Map(),
    known: new Map(),
    agreed: new Map(),
  };
}

/** @param {Float64Array} logits @param {ArrayLike<number> | null} classes @returns {Planes} */
function gather(logits, classes) {
  const index = classes ? Int32Array.from(classes).sort() : Int32Array.from({ length: logits.length / 3 }, (_, k) => k);
  const planes = { index, c: new Float64Array(index.length), a: new Float64Array(index.length), b: new Float64Array(index.length) };
  for (let n = 0; n < index.length; n++) {
    const at = 3 * index[n];
    planes.c[n] = logits[at];
    planes.a[n] = logits[at + 1];
    planes.b[n] = logits[at + 2];
  }
  return planes;
}

/** @param {Planes} planes @param {Extent} extent */
function magnitude({ c, a, b }, [s0, s1, t0, t1]) {
  const s = Math.max(Math.abs(s0), Math.abs(s1));
  const t = Math.max(Math.abs(t0), Math.abs(t1));
  let largest = 0;
  for (let k = 0; k < c.length; k++) {
    largest = Math.max(largest, Math.abs(c[k]) + Math.abs(a[k]) * s + Math.abs(b[k]) * t);
  }
  return largest;
}

/** @param {Planes} planes @param {number} s @param {number} t */
function winner({ c, a, b }, s, t) {
  let best = 0;
  let top = -Infinity;
  for (let k = 0; k < c.length; k++) {
    const value = c[k] + a[k] * s + b[k] * t;
    if (value > top) {
      top = value;
      best = k;
    }
  }
  return best;
}

/**
 * How far i is above j at a point.
 * @param {Planes} planes @param {number} i @param {number} j @param {number} s @param {number} t
 */
const lead = ({ c, a, b }, i, j, s, t) => c[i] - c[j] + (a[i] - a[j]) * s + (b[i] - b[j]) * t;

/** Whether a finished class ties with this one all over the window: then that one owns both. @param {Walk} walk @param {number} i */
function hasTwin({ planes, frame, tolerance, edges }, i) {
  for (const j of edges.keys()) {
    let v = 0;
    while (v < 4 && Math.abs(lead(planes, i, j, frame.x[v], frame.y[v])) <= 2 * tolerance) v++;
    if (v === 4) return true;
  }
  return false;
}

/** The part of the window where no class is above i. @param {Walk} walk @param {number} i @returns {Draft} */
function carve(walk, i) {
  const { planes, tolerance } = walk;
  // Finished neighbours cut first; their neighbours are asked before all K, since cells that touch i touch them too.
  const rivals = new Set(walk.known.get(i));
  const near = new Set([...rivals].flatMap((j) => walk.edges.get(j) ?? []));
  let draft = { ...walk.frame, settled: [...walk.frame.settled] };
  for (const j of rivals) draft = cut(planes, draft, i, j);
  for (;;) {
    const vertex = draft.settled.indexOf(false);
    if (vertex < 0) return draft;
    const j = objector(walk, draft, vertex, i, near);
    if (j === i || rivals.has(j) || lead(planes, j, i, draft.x[vertex], draft.y[vertex]) <= tolerance) {
      draft.settled[vertex] = true;
    } else {
      rivals.add(j);
      draft = cut(planes, draft, i, j);
    }
  }
}

/**
 * The class that objects most to i at a vertex, or i.
 * @param {Walk} walk @param {Draft} draft @param {number} vertex @param {number} i @param {Set<number>} near
 */
function objector({ planes, tolerance, shortest, agreed }, { x, y, edge }, vertex, i, near) {
  const [s, t] = [x[vertex], y[vertex]];
  let [best, most] = [i, tolerance];
  for (const j of near) {
    const ahead = lead(planes, j, i, s, t);
    if (ahead > most) [best, most] = [j, ahead];
  }
  if (best !== i) return best;
  const [before, after] = [edge[(vertex || edge.length) - 1], edge[vertex]];
  const inner = before >= 0 && after >= 0;
  const key = inner ? tripleKey(i, before, after, planes.index.length) : -1;
  const met = agreed.get(key);
  if (met && Math.abs(met[0] - s) + Math.abs(met[1] - t) <= shortest) return i;
  const j = winner(planes, s, t);
  if (inner && lead(planes, j, i, s, t) <= tolerance) agreed.set(key, [s, t]);
  return j;
}

/** One number for three classes in any order. @param {number} i @param {number} j @param {number} k @param {number} K */
function tripleKey(i, j, k, K) {
  const low = Math.min(i, j, k);
  const high = Math.max(i, j, k);
  return (low * K + (i + j + k - low - high)) * K + high;
}

/**
 * The part of the draft where i is not below j; the new edge carries j.
 * @param {Planes} planes @param {Draft} draft @param {number} i @param {number} j @returns {Draft}
 */
function cut(planes, draft, i, j) {
  const { x, y, edge, settled } = draft;
  /** @type {Draft} */
  const out = { x: [], y: [], edge: [], settled: [] };
  const push = (/** @type {number} */ px, /** @type {number} */ py, /** @type {number} */ e, /** @type {boolean} */ done) => {
    out.x.push(px);
    out.y.push(py);
    out.edge.push(e);
    out.settled.push(done);
  };
  const n = x.length;
  let next = n ? lead(planes, i, j, x[0], y[0]) : 0;
  const first = next;
  for (let v = 0; v < n; v++) {
    const w = v + 1 < n ? v + 1 : 0;
    const here = next;
    next = w ? lead(planes, i, j, x[w], y[w]) : first;
    if (here >= 0) push(x[v], y[v], here === 0 && next < 0 ? j : edge[v], settled[v]);
    if ((here > 0 && next < 0) || (here < 0 && next > 0)) {
      const share = here / (here - next);
      push(x[v] + share * (x[w] - x[v]), y[v] + share * (y[w] - y[v]), here > 0 ? j : edge[v], false);
    }
  }
  return out;
}

/** Drops edges that rounding left with no length. @param {Draft} draft @param {number} shortest @returns {Draft} */
function tidy(draft, shortest) {
  const { x, y, edge, settled } = draft;
  const keep = x.map((_, v) => {
    const w = (v + 1) % x.length;
    return Math.abs(x[w] - x[v]) + Math.abs(y[w] - y[v]) > shortest;
  });
  if (keep.every(Boolean)) return draft;
  const kept = (/** @type {any[]} */ list) => list.filter((_, v) => keep[v]);
  return { x: kept(x), y: kept(y), edge: kept(edge), settled: kept(settled) };
}

/** @param {Planes} planes @param {number} i @param {Draft} draft @returns {Cell} */
function finished(planes, i, { x, y, edge }) {
  const polygon = new Float64Array(2 * x.length);
  for (let v = 0; v < x.length; v++) {
    polygon[2 * v] = x[v];
    polygon[2 * v + 1] = y[v];
  }
  return { classIndex: planes.index[i], polygon, neighbours: Int32Array.from(edge, (j) => (j < 0 ? -1 : planes.index[j])) };
}
