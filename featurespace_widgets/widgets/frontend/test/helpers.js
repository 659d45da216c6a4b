// Reproducible random numbers and small checks shared by the tests.

/** @param {number} seed @returns {() => number} uniform in [0, 1) (mulberry32) */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

/** @param {() => number} random @returns {number} standard normal */
export const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** @param {number} seed @param {number} K @returns {Float64Array} K x 3 logits of a plane */
export function randomLogits(seed, K) {
  const random = uniform(seed);
  return Float64Array.from({ length: 3 * K }, () => normal(random));
}

/** @param {Float64Array} logits @param {number} k @param {number} s @param {number} t */
export const logit = (logits, k, s, t) => logits[3 * k] + logits[3 * k + 1] * s + logits[3 * k + 2] * t;

/** @param {Float64Array} logits @param {number} s @param {number} t @param {number[]} [classes] */
export function topLogit(logits, s, t, classes) {
  const all = classes ?? Array.from({ length: logits.length / 3 }, (_, k) => k);
  return Math.max(...all.map((k) => logit(logits, k, s, t)));
}
