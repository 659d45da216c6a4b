// What the kernel draws over the slice by name: paths and sets of feature vectors, put on the plane of the moment.

import { fillPath, strokePath } from "./canvas.js";
import { css } from "./colour.js";
import { projectSamples, typed } from "./scene.js";
import { write } from "./markers.js";

/** @import {Scene} from "./types.js" */
/** @import {Shadows} from "./scene.js" */
/** @import {Plane, ViewState} from "./state.js" */
/** @import {Theme} from "./theme.js" */
/** @import {Viewport} from "./viewport.js" */

/**
 * @typedef {object} Overlay
 * @property {string} name
 * @property {"path" | "points"} kind
 * @property {string} label
 * @property {number} version of the scene whose generating vectors the products are with
 * @property {number} count
 * @property {Float64Array} products count x m
 * @property {Float64Array} squares
 */

/** @param {any} raw the trait's value @returns {Overlay[]} */
export const decodeOverlays = (raw) =>
  Object.entries(raw ?? {}).map(([name, item]) => ({
    ...item,
    name,
    products: typed(Float64Array, item.products),
    squares: typed(Float64Array, item.squares),
  }));

export class OverlayLayer {
  constructor() {
    /** @type {Overlay[]} */
    this.overlays = [];
    /** @type {Plane | null} the plane that `shadows` are on */
    this.plane = null;
    /** @type {{overlay: Overlay, shadows: Shadows}[]} */
    this.shadows = [];
  }

  /** @param {any} raw */
  adopt(raw) {
    this.overlays = decodeOverlays(raw);
    this.plane = null;
  }

  /** Where the overlays of this scene lie on its plane, worked out once per plane. @param {{scene: Scene, plane: Plane}} state */
  on({ scene, plane }) {
    if (this.plane !== plane) {
      const current = this.overlays.filter(({ version }) => version === scene.version);
      this.shadows = current.map((overlay) => ({ overlay, shadows: projectSamples(overlay, scene.gram, plane.frame) }));
      this.plane = plane;
    }
    return this.shadows;
  }

  /** @param {CanvasRenderingContext2D} ctx @param {ViewState} state @param {Viewport} viewport @param {Theme} theme */
  draw(ctx, state, viewport, theme) {
    for (const { overlay, shadows } of this.on(state)) {
      const places = Array.from(shadows.s, (s, n) => viewport.toScreen([s, shadows.t[n]]));
      // The boundary plane stands for whole fibres: nothing lies off it.
      const near = Array.from(shadows.off, (off) => (state.mode === "section" ? Math.max(0.3, Math.exp(-off / state.scene.spread)) : 1));
      if (overlay.kind === "path") drawPath(ctx, places, near, theme);
      else places.forEach(([x, y], n) => diamond(ctx, x, y, near[n], theme));
      const [x, y] = places[places.length - 1];
      if (overlay.label) write(ctx, overlay.label, x + 10, y - 9, theme);
    }
    ctx.globalAlpha = 1;
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {import("./types.js").Point[]} places @param {number[]} near @param {Theme} theme */
function drawPath(ctx, places, near, theme) {
  ctx.lineCap = ctx.lineJoin = "round";
  for (const [style, width] of /** @type {[string, number][]} */ ([[theme.halo, 5], [css(theme.text), 2]])) {
    for (let n = 1; n < places.length; n++) {
      ctx.globalAlpha = (near[n] + near[n - 1]) / 2;
      ctx.beginPath();
      ctx.moveTo(...places[n - 1]);
      ctx.lineTo(...places[n]);
      strokePath(ctx, style, width);
    }
  }
  const last = places.length - 1;
  diamond(ctx, ...places[last], near[last], theme);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} near @param {Theme} theme */
function diamond(ctx, x, y, near, theme) {
  ctx.globalAlpha = near;
  ctx.beginPath();
  ctx.moveTo(x, y - 5.5);
  ctx.lineTo(x + 5.5, y);
  ctx.lineTo(x, y + 5.5);
  ctx.lineTo(x - 5.5, y);
  ctx.closePath();
  fillPath(ctx, css(theme.text));
  strokePath(ctx, css(theme.ground), 1.5);
}
