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
