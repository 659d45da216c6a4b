// Regions that are certified to have the point's class, beside its cell: the ball around it and the hull of its class.

import { circle, fillPath, strokePath } from "./canvas.js";
import { css } from "./colour.js";
import { trace } from "./regions.js";

/** @import {Answer, Certified, Options, Reading} from "./types.js" */
/** @import {ViewState} from "./state.js" */
/** @import {Theme} from "./theme.js" */
/** @import {Viewport} from "./viewport.js" */

/**
 * Radius of the ball that is drawn around the point. On a section the plane cuts the ball in this very disc; on the
 * boundary plane the disc is its shadow, and the radius is that of the kernel's lifted point.
 * @param {ViewState} state @param {Reading} reading @param {Answer | null} answer
 */
export const ballRadius = (state, reading, answer) => (state.mode === "section" ? reading.distance : (answer?.radius ?? 0));

/**
 * @param {CanvasRenderingContext2D} ctx @param {ViewState} state @param {Viewport} viewport @param {Reading} reading
 * @param {Answer | null} answer @param {Certified | null} certified what the kernel found for this very point
 * @param {Options} options @param {Theme} theme
 */
export function drawCertified(ctx, state, viewport, reading, answer, certified, options, theme) {
  const { ink } = theme.paint(reading.classIndex);
  const tint = css(theme.text, 0.07);
  if (options.regions.includes("hull") && certified?.hull?.length) {
    ctx.beginPath();
    trace(ctx, viewport.polygon(certified.hull));
    fillPath(ctx, tint);
    strokePath(ctx, ink, 2, [2, 3]);
  }
  const radius = ballRadius(state, reading, answer);
  if (options.regions.includes("ball") && radius > 0 && Number.isFinite(radius)) {
    circle(ctx, viewport.toScreen(state.probe), radius * viewport.scale);
    fillPath(ctx, tint);
    strokePath(ctx, ink, 1.6, [7, 4]);
  }
}
