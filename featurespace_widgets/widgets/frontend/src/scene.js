// The kernel's scene trait, decoded once per scene: binary views become typed arrays.

/** @import {Frame, Samples, Scene} from "./types.js" */

/**
 * Bytes as a typed array. Buffers arrive as DataViews at any byte offset, so they are copied to an aligned one.
 * @template {Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array} T
 * @param {{new (buffer: ArrayBuffer): T, from(list: ArrayLike<number>): T}} Type @param {any} source @returns {T}
 */
export function typed(Type, source) {
  if (source instanceof ArrayBuffer) return new Type(source);
  if (source instanceof DataView) return new Type(/** @type {ArrayBuffer} */ (source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength)));
  return Type.from(source ?? []);
}

/** @param {number[][]} rows @returns {Frame} */
export const frameFrom = (rows) => /** @type {Frame} */ (rows.map((row) => Float64Array.from(row)));

/** @param {any} raw the trait's value @returns {Scene | null} null while the kernel has sent nothing */
export function decodeScene(raw) {
  if (!raw?.boundary) return null;
  const { domain, boundary, section } = raw;
  return {
    ...raw,
    bias: typed(Float64Array, raw.bias),
    C: typed(Float64Array, raw.C),
    gram: { size: raw.m, values: typed(Float64Array, raw.gram) },
    norms: addNorms(new Map(), raw.norms, raw.K),
    domain: domain && {
      rows: typed(Float64Array, domain.rows),
      lower: typed(Float64Array, domain.lower),
      upper: typed(Float64Array, domain.upper),
      text: domain.text,
    },
    samples: decodeSamples(raw.samples),
    members: raw.members ?? [],
    boundary: {
      ...boundary,
      frame: frameFrom(boundary.frame),
      classes: Int32Array.from(boundary.classes),
      shadow: typed(Float64Array, boundary.shadow),
    },
    section: section ? { ...section, frame: frameFrom(section.frame) } : null,
  };
}

/**
 * Rows |w_i - w_j| of classes i, as the scene and later answers bring them.
 * @param {Map<number, Float32Array>} norms @param {any} raw @param {number} K
 */
export function addNorms(norms, raw, K) {
  if (!raw) return norms;
  const rows = typed(Float32Array, raw.rows);
  raw.classes.forEach((/** @type {number} */ k, /** @type {number} */ n) => norms.set(k, rows.subarray(n * K, (n + 1) * K)));
  return norms;
}

/** @param {any} raw @returns {Samples} */
function decodeSamples(raw) {
  return {
    count: raw?.count ?? 0,
    products: typed(Float32Array, raw?.products),
    squares: typed(Float32Array, raw?.squares),
    labels: typed(Uint16Array, raw?.labels),
    ids: typed(Uint32Array, raw?.ids),
  };
}

/**
 * Where the samples fall on a plane, and how far from it they are.
 * @typedef {{s: Float32Array, t: Float32Array, off: Float32Array}} Shadows
 */

/**
 * @param {{count: number, products: ArrayLike<number>, squares: ArrayLike<number>}} vectors by their inner products
 * @param {import("./types.js").Gram} gram @param {Frame} frame @returns {Shadows}
 */
export function projectSamples({ count, products, squares }, gram, [o, u, v]) {
  const m = gram.size;
  let [oo, ou, ov] = [0, 0, 0];
  for (let i = 0, at = 0; i < m; i++) {
    for (let j = 0; j < m; j++, at++) {
      oo += o[i] * gram.values[at] * o[j];
      ou += o[i] * gram.values[at] * u[j];
      ov += o[i] * gram.values[at] * v[j];
    }
  }
  const shadows = { s: new Float32Array(count), t: new Float32Array(count), off: new Float32Array(count) };
  for (let n = 0, at = 0; n < count; n++) {
    let [xo, s, t] = [0, -ou, -ov];
    for (let j = 0; j < m; j++, at++) {
      const value = products[at];
      xo += value * o[j];
      s += value * u[j];
      t += value * v[j];
    }
    shadows.s[n] = s;
    shadows.t[n] = t;
    shadows.off[n] = Math.sqrt(Math.max(0, squares[n] - 2 * xo + oo - s * s - t * t));
  }
  return shadows;
}
