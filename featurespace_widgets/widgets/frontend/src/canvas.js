// Drawing in CSS pixels, however many the screen has for each.

/** A cleared context; null where the host has no canvas. @param {HTMLCanvasElement} canvas @param {number} width @param {number} height in CSS pixels */
export function clearedContext(canvas, width, height) {
  const ctx = canvas.getContext("2d");
  if (!ctx) return null;
  const ratio = canvas.width / (width || 1);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return ctx;
}

/** @param {CanvasRenderingContext2D} ctx @param {string | CanvasPattern} style @param {number} width @param {number[]} [dash] */
export function strokePath(ctx, style, width, dash = []) {
  ctx.strokeStyle = style;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} ctx @param {string | CanvasPattern} style */
export function fillPath(ctx, style) {
  ctx.fillStyle = style;
  ctx.fill();
}

/** A new path: one circle. @param {CanvasRenderingContext2D} ctx @param {import("./types.js").Point} centre @param {number} radius */
export function circle(ctx, [x, y], radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
}
