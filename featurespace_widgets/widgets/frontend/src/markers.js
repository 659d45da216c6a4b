// What lies above the partition and moves with the pointer: polytope outline, members, handles, landing, probe.

import { circle, fillPath, strokePath } from "./canvas.js";
import { clipBy } from "./polygon.js";
import { css } from "./colour.js";
import { trace } from "./regions.js";

/** @import {Answer, Cell, Point} from "./types.js" */
/** @import {ViewState} from "./state.js" */
/** @import {Theme} from "./theme.js" */
/** @import {Viewport} from "./viewport.js" */

const PROBE_RADIUS = 8;

/**
 * The polytope of the probe's class: its cell within the domain.
 * @param {CanvasRenderingContext2D} ctx @param {Cell | undefined} cell @param {ViewState} state @param {Viewport} viewport @param {Theme} theme
 */
export function drawPolytope(ctx, cell, state, viewport, theme) {
  if (!cell) return;
  const inside = state.inDomain;
  const polygon = inside ? clipBy(cell.polygon, state.plane.halfPlanes) : cell.polygon;
  ctx.beginPath();
  trace(ctx, viewport.polygon(polygon));
  ctx.lineJoin = "round";
  strokePath(ctx, theme.paint(cell.classIndex).ink, inside ? 3 : 1.5);
}

/**
 * Members as squares, nearest to the plane first; a label that would cover an earlier one is left out.
 * @param {CanvasRenderingContext2D} ctx @param {ViewState} state @param {Viewport} viewport @param {Theme} theme
 */
export function drawMembers(ctx, state, viewport, theme) {
  const { scene, plane, handles, selected } = state;
  const places = handles.map((handle) => viewport.toScreen(handle));
  /** @type {Box[]} */
  const taken = places.map(([x, y]) => ({ left: x - 9, right: x + 9, middle: y }));
  const label = (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ gap) => {
    ctx.font = `12px ${theme.font}`;
    const { width } = ctx.measureText(text);
    const left = x < viewport.width && x + gap + width > viewport.width ? x - gap - width : x + gap;
    const box = { left, right: left + width, middle: y };
    if (taken.some((other) => overlap(box, other))) return;
    taken.push(box);
    write(ctx, text, left, y, theme);
  };
  places.forEach(([x, y], i) => {
    square(ctx, x, y, 8.5, theme, i === selected);
    ctx.font = `600 11px ${theme.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = css(theme.text);
    ctx.fillText(String(i + 1), x, y + 0.5);
    label(state.handleLabel(i), x, y, 14);
  });
  const nearest = [...plane.members].sort((a, b) => a.off - b.off);
  for (const member of nearest) {
    const [x, y] = viewport.toScreen(member.at);
    if (places.some(([hx, hy]) => Math.hypot(hx - x, hy - y) < 10)) continue;
    ctx.globalAlpha = state.mode === "section" ? Math.max(0.35, Math.exp(-member.off / scene.spread)) : 1;
    square(ctx, x, y, 5.5, theme, false);
    label(member.label, x, y, 11);
  }
  ctx.globalAlpha = 1;
}

/** @typedef {{left: number, right: number, middle: number}} Box */

/** @param {Box} a @param {Box} b */
const overlap = (a, b) => Math.abs(a.middle - b.middle) < 14 && a.left < b.right + 4 && b.left < a.right + 4;

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} half @param {Theme} theme @param {boolean} selected */
function square(ctx, x, y, half, theme, selected) {
  ctx.beginPath();
  ctx.roundRect(x - half, y - half, 2 * half, 2 * half, 3);
  fillPath(ctx, css(theme.ground));
  strokePath(ctx, css(theme.text), selected ? 2.6 : 1.6);
}

/** Text with a halo. @param {CanvasRenderingContext2D} ctx @param {string} text @param {number} x @param {number} y @param {Theme} theme */
export function write(ctx, text, x, y, theme) {
  ctx.font = `12px ${theme.font}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 3;
  ctx.strokeStyle = theme.halo;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = css(theme.text);
  ctx.fillText(text, x, y);
}

/**
 * Where the image of the probe really lands: a cross tied to the probe; its ring is the distance off the plane.
 * @param {CanvasRenderingContext2D} ctx @param {NonNullable<Answer["landing"]>} landing @param {ViewState} state
 * @param {Viewport} viewport @param {Theme} theme
 */
export function drawLanding(ctx, [s, t, off], state, viewport, theme) {
  const [x, y] = viewport.toScreen([s, t]);
  const [px, py] = viewport.toScreen(state.probe);
  const ring = Math.min(8 + (14 * off) / state.scene.spread, 60);
  ctx.beginPath();
  ctx.moveTo(px, py);
  ctx.lineTo(x, y);
  strokePath(ctx, css(theme.text), 1, [3, 3]);
  ctx.globalAlpha = 0.55;
  circle(ctx, [x, y], ring);
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.beginPath();
  for (const rise of [4.5, -4.5]) {
    ctx.moveTo(x - 4.5, y - rise);
    ctx.lineTo(x + 4.5, y + rise);
  }
  strokePath(ctx, theme.halo, 5);
  strokePath(ctx, css(theme.text), 2.2);
}

/** @param {CanvasRenderingContext2D} ctx @param {Point} place on the screen @param {number} classIndex @param {boolean} selected @param {Theme} theme */
export function drawProbe(ctx, [x, y], classIndex, selected, theme) {
  if (selected) {
    circle(ctx, [x, y], PROBE_RADIUS + 5);
    strokePath(ctx, css(theme.text, 0.35), 1.5);
  }
  circle(ctx, [x, y], PROBE_RADIUS);
  fillPath(ctx, theme.paint(classIndex).solid);
  strokePath(ctx, css(theme.ground), 4);
  circle(ctx, [x, y], PROBE_RADIUS + 1);
  strokePath(ctx, css(theme.text), 1.4);
}
