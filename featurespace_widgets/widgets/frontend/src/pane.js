// One plane with its partition and a cursor: hover, drag or arrow keys move it; wheel, drag and keys move the window.

import { circle, clearedContext, fillPath, strokePath } from "./canvas.js";
import { css } from "./colour.js";
import { element, keepKeys, listen } from "./host.js";
import { listenKeys } from "./keys.js";
import { write } from "./markers.js";
import { drawNames } from "./names.js";
import { classAt, drawPlan } from "./pieces.js";
import { listenPointer } from "./pointer.js";
import { Theme } from "./theme.js";
import { Viewport } from "./viewport.js";

/** @import {Point} from "./types.js" */
/** @import {Plan} from "./pieces.js" */

const ASPECT = 0.86;

/** @typedef {[number, number, number]} View centre and units over the width */
/** @typedef {{moved: (at: Point) => void, viewed: (view: View) => void}} PaneActions */

export class Pane {
  /** @param {PaneActions} actions @param {AbortSignal} signal */
  constructor(actions, signal) {
    this.actions = actions;
    this.ground = element("canvas", "fsw-canvas");
    this.overlay = element("canvas", "fsw-canvas");
    this.title = element("h4", "");
    this.note = element("div", "fsw-pane-note");
    this.stage = keepKeys(element("div", "fsw-stage fsw-pane-stage", this.ground, this.overlay));
    this.stage.tabIndex = 0;
    this.stage.role = "application";
    this.root = element("section", "fsw-pane", this.title, this.stage, this.note);
    /** @type {Plan | null} */
    this.plan = null;
    /** @type {View} */
    this.view = [0, 0, 1];
    /** @type {{at: Point, own: boolean} | null} */
    this.cursor = null;
    /** @type {Theme | null} */
    this.theme = null;
    /** @type {string[]} */
    this.classNames = [];
    /** @type {string[]} */
    this.colors = [];
    this.width = 0;
    this.height = 0;
    this.#listen(signal);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const nothing = () => {};
    const move = (/** @type {Point} */ at) => this.#moveTo(this.viewport.toPlane(at));
    listenPointer(this.stage, {
      pick: () => null, grab: nothing, drag: nothing, release: nothing, click: move, doubleClick: nothing,
      pan: (dx, dy) => this.#look([this.view[0] - dx / this.viewport.scale, this.view[1] + dy / this.viewport.scale, this.view[2]]),
      zoom: (at, factor) => this.#zoom(this.viewport.toPlane(at), factor),
    }, signal);
    listenKeys(this.stage, {
      step: (dx, dy) => this.#step(dx, dy),
      zoom: (factor) => this.#zoom(this.cursor?.at ?? [this.view[0], this.view[1]], factor),
      fit: () => this.reset(true),
      cycle: nothing, toggleMode: nothing, pullNearest: nothing, help: nothing,
    }, signal);
    listen(this.stage, "pointermove", (event) => {
      if (event.buttons || event.pointerType === "touch") return;
      const box = this.stage.getBoundingClientRect();
      move([event.clientX - box.left, event.clientY - box.top]);
    }, signal);
  }

  get viewport() {
    return new Viewport(this.view, this.width || 1, this.height || 1);
  }

  /** @param {Plan} plan @param {string[]} classNames @param {string[]} colors */
  show(plan, classNames, colors) {
    const fresh = this.plan?.key !== plan.key;
    [this.plan, this.classNames, this.colors] = [plan, classNames, colors];
    this.title.textContent = plan.title;
    this.note.textContent = plan.note;
    this.stage.ariaLabel = `${plan.title}. Arrow keys move the cursor, plus and minus zoom, 0 shows all.`;
    if (fresh) this.reset(false);
    this.draw();
  }

  /** Shows the whole extent. @param {boolean} tell whether the kernel hears of it */
  reset(tell) {
    if (!this.plan) return;
    this.view = this.plan.view;
    if (tell) this.#look(this.view);
  }

  /** @param {View} view */
  #look(view) {
    this.view = view;
    this.draw();
    this.actions.viewed(view);
  }

  /** @param {Point} about @param {number} factor */
  #zoom([s, t], factor) {
    const [cs, ct, span] = this.view;
    this.#look([s + (cs - s) * factor, t + (ct - t) * factor, span * factor]);
  }

  /** @param {number} dx @param {number} dy in stage widths */
  #step(dx, dy) {
    const [s, t] = this.cursor?.at ?? [this.view[0], this.view[1]];
    this.#moveTo([s + dx * this.view[2], t + dy * this.view[2]]);
  }

  /** @param {Point} at */
  #moveTo(at) {
    if (!this.plan) return;
    this.point(at, true);
    this.actions.moved(at);
  }

  /** @param {Point | null} at @param {boolean} own whether a person moves it here */
  point(at, own) {
    this.cursor = at && { at, own };
    this.#drawOverlay();
  }

  /** Class under the cursor, -1 where there is none. */
  get pointed() {
    return this.plan && this.cursor ? classAt(this.plan, this.cursor.at) : -1;
  }

  /** Fits the canvases to the width they have. @returns {boolean} whether anything changed */
  fit() {
    const width = Math.floor(this.stage.clientWidth);
    const height = Math.round(width * ASPECT);
    const ratio = window.devicePixelRatio || 1;
    if (!width || (width === this.width && height === this.height && this.ground.width === Math.round(width * ratio))) return false;
    [this.width, this.height] = [width, height];
    this.stage.style.height = `${height}px`;
    for (const canvas of [this.ground, this.overlay]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    return true;
  }

  draw() {
    this.theme = Theme.read(this.stage, this.colors, this.theme);
    const ctx = clearedContext(this.ground, this.width, this.height);
    if (!ctx || !this.plan) return;
    const { viewport, theme, plan } = this;
    drawPlan(ctx, plan, viewport, theme);
    ctx.font = `600 13px ${theme.font}`;
    drawNames(ctx, plan.spots.flatMap(({ classIndex, at, room }) => {
      const text = this.classNames[classIndex];
      const fits = ctx.measureText(text).width / 2 < room * viewport.scale && room * viewport.scale > 12;
      return fits ? [{ text, at: viewport.toScreen(at), classIndex }] : [];
    }), theme);
    this.#drawCorners(ctx);
    this.#drawOverlay();
  }

  /** @param {CanvasRenderingContext2D} ctx */
  #drawCorners(ctx) {
    const { viewport, theme } = this;
    if (!theme) return;
    for (const { label, at } of this.plan?.corners ?? []) {
      const [x, y] = viewport.toScreen(at);
      ctx.beginPath();
      ctx.roundRect(x - 5, y - 5, 10, 10, 3);
      fillPath(ctx, css(theme.ground));
      strokePath(ctx, css(theme.text), 1.6);
      write(ctx, label, x + 10, y, theme);
    }
  }

  #drawOverlay() {
    const ctx = clearedContext(this.overlay, this.width, this.height);
    if (!ctx || !this.cursor || !this.theme) return;
    const [x, y] = this.viewport.toScreen(this.cursor.at);
    circle(ctx, [x, y], 7);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      ctx.moveTo(x + 4 * dx, y + 4 * dy);
      ctx.lineTo(x + 11 * dx, y + 11 * dy);
    }
    strokePath(ctx, this.theme.halo, 4);
    strokePath(ctx, css(this.theme.text), this.cursor.own ? 2 : 1.5);
  }
}
