// The colours of a drawing, from the host's CSS variables and the scene's class colours.

import { css, legible, luminance, mix, parseColour } from "./colour.js";

/** @import {Rgb} from "./colour.js" */

/**
 * @typedef {object} ClassPaint
 * @property {string} fill of the region
 * @property {string} hatch
 * @property {string} ink strokes: at least 3:1 on the fill and on the ground
 * @property {Rgb} dot samples: nearer to the class colour, but never lost on the fill
 * @property {string} text at least 4.5:1 on the fill
 * @property {string} solid the class colour itself
 */

export class Theme {
  /** @type {Map<number, ClassPaint>} */
  #paints;

  /** @param {Element} root @param {string[]} colors class colours */
  constructor(root, colors) {
    const style = getComputedStyle(root);
    // Computed colours are plain rgb, whatever notation the host's variables use.
    this.ground = parseColour(style.backgroundColor, [255, 255, 255]);
    this.dark = luminance(this.ground) < 0.18;
    this.text = parseColour(style.color, this.dark ? [230, 230, 235] : [30, 32, 36]);
    this.quiet = mix(this.text, this.ground, 0.4);
    this.halo = css(this.ground, 0.82);
    this.font = style.fontFamily || "sans-serif";
    this.key = [this.ground, this.text, this.font].join();
    this.colors = colors;
    this.#paints = new Map();
  }

  /**
   * The host's present theme; the known one, with its colours worked out, where nothing has changed.
   * @param {Element} root @param {string[]} colors @param {Theme | null} known
   */
  static read(root, colors, known) {
    const theme = new Theme(root, colors);
    return known && known.key === theme.key && known.colors === colors ? known : theme;
  }

  /** @param {number} k @returns {ClassPaint} */
  paint(k) {
    const known = this.#paints.get(k);
    if (known) return known;
    const colour = parseColour(this.colors[k] ?? "", [128, 128, 128]);
    const fill = mix(this.ground, colour, this.dark ? 0.24 : 0.17);
    const ink = legible(legible(colour, fill, 3), this.ground, 3);
    const made = {
      fill: css(fill),
      hatch: css(mix(fill, ink, this.dark ? 0.26 : 0.24)),
      ink: css(ink),
      dot: /** @type {Rgb} */ (legible(colour, fill, 2.1).map(Math.round)),
      text: css(legible(colour, fill, 4.5)),
      solid: css(colour),
    };
    this.#paints.set(k, made);
    return made;
  }
}
