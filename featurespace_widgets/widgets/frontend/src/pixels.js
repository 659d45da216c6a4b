// Raw pixels of the kernel, (H, W, C) bytes, onto a canvas of the same size; CSS scales it.

import { element } from "./host.js";
import { typed } from "./scene.js";

/** @typedef {{width: number, height: number, channels: number, pixels: any}} Picture */

/** @param {Picture} picture @returns {Uint8ClampedArray<ArrayBuffer>} RGBA */
export function toRgba({ width, height, channels, pixels }) {
  const bytes = typed(Uint8Array, pixels);
  const out = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) out[4 * i + c] = bytes[i * channels + (channels >= 3 ? c : 0)];
    out[4 * i + 3] = channels === 4 ? bytes[i * channels + 3] : 255;
  }
  return out;
}

/** @param {HTMLCanvasElement} canvas @param {Picture} picture */
export function paintPicture(canvas, picture) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d")?.putImageData(new ImageData(toRgba(picture), picture.width, picture.height), 0, 0);
}

/** @param {Picture} picture @param {string} className @param {string} alt */
export function pictureCanvas(picture, className, alt) {
  const canvas = element("canvas", className);
  canvas.role = "img";
  canvas.ariaLabel = alt;
  paintPicture(canvas, picture);
  return canvas;
}
