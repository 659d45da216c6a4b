// The window onto the plane: centre and span in plane units, width and height in CSS pixels.

/** @import {Extent, Point} from "./types.js" */

export class Viewport {
  /** @param {[number, number, number]} view centre and units over the width @param {number} width @param {number} height */
  constructor([cs, ct, span], width, height) {
    this.cs = cs;
    this.ct = ct;
    this.span = span;
    this.width = width;
    this.height = height;
    this.scale = width / span;
  }

  /** @param {Point} point @returns {Point} */
  toScreen([s, t]) {
    return [this.width / 2 + (s - this.cs) * this.scale, this.height / 2 - (t - this.ct) * this.scale];
  }

  /** @param {Point} pixel @returns {Point} */
  toPlane([x, y]) {
    return [this.cs + (x - this.width / 2) / this.scale, this.ct - (y - this.height / 2) / this.scale];
  }

  /** @returns {Extent} the part of the plane that is visible */
  get extent() {
    const [ds, dt] = [this.span / 2, this.height / this.scale / 2];
    return [this.cs - ds, this.cs + ds, this.ct - dt, this.ct + dt];
  }

  /** A polygon in screen coordinates. @param {ArrayLike<number>} polygon @returns {Float64Array} */
  polygon(polygon) {
    const out = new Float64Array(polygon.length);
    for (let i = 0; i < out.length; i += 2) {
      out[i] = this.width / 2 + (polygon[i] - this.cs) * this.scale;
      out[i + 1] = this.height / 2 - (polygon[i + 1] - this.ct) * this.scale;
    }
    return out;
  }
}

/**
 * The view that shows a whole extent in a stage of this shape.
 * @param {Extent} extent @param {number} aspect height / width @returns {[number, number, number]}
 */
export const viewOf = ([s0, s1, t0, t1], aspect) => [(s0 + s1) / 2, (t0 + t1) / 2, Math.max(s1 - s0, (t1 - t0) / aspect)];
