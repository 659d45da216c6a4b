// Samples as small dots on a canvas of their own. Stamping pixels by hand keeps thousands of them, in any number of
// colours and shades, within a frame; the same through canvas paths costs ten times as much without a graphics card.

/** @import {Plane} from "./state.js" */
/** @import {Scene} from "./types.js" */
/** @import {Theme} from "./theme.js" */
/** @import {Viewport} from "./viewport.js" */

const RADIUS = 2.3;
/** Opacity by distance from the plane, near to far. */
const SHADES = [0.85, 0.6, 0.4, 0.24, 0.12];
const HIDDEN = 255;
/** Dots sit on quarters of a pixel. */
const PHASES = 4;

/** Image and brush last used, kept because a new image of megabytes for each frame is work for the garbage collector. */
export class DotLayer {
  #brush;

  constructor() {
    /** @type {ImageData | null} */
    this.image = null;
    this.pixels = new Uint32Array(0);
    this.#brush = makeBrush(RADIUS, 1);
  }

  /**
   * In a section all samples, faded by their distance from it; on the boundary plane those of its classes, whose side is exact.
   * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Plane} plane @param {Viewport} viewport @param {Theme} theme
   * @param {number} [thickness] of the slab whose samples are seen, in multiples of their spread; 0 hides all off the plane
   */
  draw(ctx, scene, plane, viewport, theme, thickness = 1) {
    const { width: across, height: down } = ctx.canvas;
    const ratio = across / viewport.width;
    if (this.image?.width !== across || this.image.height !== down) {
      this.image = ctx.createImageData(across, down);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.#brush = makeBrush(RADIUS * ratio, across);
    }
    this.pixels.fill(0);
    const { reach } = this.#brush;
    const { labels } = scene.samples;
    const { s, t } = plane.shadows;
    const shades = shadesOf(scene, plane, thickness);
    const scale = viewport.scale * ratio;
    // Far dots first, near ones on top.
    for (let shade = SHADES.length - 1; shade >= 0; shade--) {
      for (let n = 0; n < shades.length; n++) {
        if (shades[n] !== shade) continue;
        const x = Math.round(PHASES * (across / 2 + (s[n] - viewport.cs) * scale));
        const y = Math.round(PHASES * (down / 2 - (t[n] - viewport.ct) * scale));
        const column = Math.floor(x / PHASES);
        const line = Math.floor(y / PHASES);
        if (!(column >= reach && line >= reach && column + reach < across && line + reach < down)) continue;
        const phase = (y - PHASES * line) * PHASES + x - PHASES * column;
        stamp(this.pixels, this.#brush.phases[phase], line * across + column, theme.paint(labels[n]).dot, SHADES[shade]);
      }
    }
    ctx.putImageData(this.image, 0, 0);
  }
}

/** Beyond this distance, in thicknesses, samples are not drawn where the slab is thinner than usual. */
const FARTHEST = 2;

/** @param {Scene} scene @param {Plane} plane @param {number} thickness @returns {Uint8Array} the shade of each sample, or HIDDEN */
export function shadesOf({ samples, spread }, { shadows, classes }, thickness) {
  const shades = new Uint8Array(samples.count);
  for (let n = 0; n < shades.length; n++) {
    if (classes) shades[n] = classes.includes(samples.labels[n]) ? 0 : HIDDEN;
    else {
      const ratio = shadows.off[n] / (spread * thickness);
      const far = thickness < 1 && ratio > FARTHEST ? HIDDEN : 4;
      shades[n] = ratio < 0.35 ? 0 : ratio < 0.7 ? 1 : ratio < 1 ? 2 : ratio < 1.4 ? 3 : far;
    }
  }
  return shades;
}

/**
 * The pixels a disc covers, as steps from its centre pixel in an image of this width, for each phase of its centre.
 * @typedef {{steps: Int32Array, cover: Float64Array}} Disc
 * @typedef {{reach: number, phases: Disc[]}} Brush
 */

/** @param {number} radius in pixels @param {number} width of the image @returns {Brush} */
function makeBrush(radius, width) {
  const reach = Math.ceil(radius + 1);
  const phases = Array.from({ length: PHASES * PHASES }, (_, phase) => {
    const [cx, cy] = [(phase % PHASES) / PHASES, Math.floor(phase / PHASES) / PHASES];
    const [steps, cover] = [[], []].map((list) => /** @type {number[]} */ (list));
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const inside = radius + 0.5 - Math.hypot(dx + 0.5 - cx, dy + 0.5 - cy);
        if (inside <= 0) continue;
        steps.push(dy * width + dx);
        cover.push(Math.min(inside, 1));
      }
    }
    return { steps: Int32Array.from(steps), cover: Float64Array.from(cover) };
  });
  return { reach, phases };
}

/**
 * Source-over blending of one dot into packed ABGR pixels.
 * @param {Uint32Array} pixels @param {Disc} disc @param {number} centre index of its pixel
 * @param {number[]} colour @param {number} opacity
 */
function stamp(pixels, { steps, cover }, centre, [r, g, b], opacity) {
  const plain = (b << 16) | (g << 8) | r;
  for (let i = 0; i < steps.length; i++) {
    const at = centre + steps[i];
    const alpha = cover[i] * opacity;
    const old = pixels[at];
    if (!old) {
      pixels[at] = ((255 * alpha) << 24) | plain;
      continue;
    }
    const under = ((old >>> 24) / 255) * (1 - alpha);
    const total = alpha + under;
    const mine = alpha / total;
    const rest = 1 - mine;
    pixels[at] =
      ((255 * total) << 24) |
      ((b * mine + ((old >>> 16) & 255) * rest) << 16) |
      ((g * mine + ((old >>> 8) & 255) * rest) << 8) |
      (r * mine + (old & 255) * rest);
  }
}
