// Colours as [r, g, b] in 0..255, mixing, and WCAG contrast.

/** @typedef {[number, number, number]} Rgb */

/** Reads #rgb, #rrggbb and rgb(...); anything else is the fallback. @param {string} text @param {Rgb} fallback @returns {Rgb} */
export function parseColour(text, fallback) {
  const value = text.trim();
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(value)?.[1];
  if (hex) {
    const full = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
    return [parseInt(full.slice(0, 2), 16), parseInt(full.slice(2, 4), 16), parseInt(full.slice(4, 6), 16)];
  }
  const parts = /^rgba?\(([^)]+)\)$/.exec(value)?.[1].split(/[\s,/]+/).map(Number);
  return parts && parts.length >= 3 ? [parts[0], parts[1], parts[2]] : fallback;
}

/** @param {Rgb} colour @param {number} [alpha] */
export const css = ([r, g, b], alpha = 1) => `rgba(${Math.round(r)},${Math.round(g)},${Math.round(b)},${alpha})`;

/** @param {Rgb} from @param {Rgb} to @param {number} share @returns {Rgb} */
export const mix = (from, to, share) => [
  from[0] + share * (to[0] - from[0]),
  from[1] + share * (to[1] - from[1]),
  from[2] + share * (to[2] - from[2]),
];

/** @param {Rgb} colour relative luminance, 0 to 1 */
export function luminance(colour) {
  const [r, g, b] = colour.map((value) => {
    const x = value / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {Rgb} one @param {Rgb} other */
export function contrast(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

/**
 * The colour moved towards black or white, as little as needed to stand out from its ground.
 * @param {Rgb} colour @param {Rgb} ground @param {number} ratio @returns {Rgb}
 */
export function legible(colour, ground, ratio) {
  /** @type {Rgb} */
  const end = luminance(ground) > 0.18 ? [0, 0, 0] : [255, 255, 255];
  let share = 0;
  while (share < 1 && contrast(mix(colour, end, share), ground) < ratio) share += 0.04;
  return mix(colour, end, Math.min(share, 1));
}
