// One frame of the slice view: ground (cells, domain, samples) only where plane or window changed, the rest each time.

import { walkCells } from "./cells.js";
import { DotLayer } from "./dots.js";
import { drawLanding, drawMembers, drawPolytope, drawProbe } from "./markers.js";
import { drawNames, placeNames } from "./names.js";
import { OverlayLayer } from "./overlays.js";
import { drawCertified } from "./certified.js";
import { drawCells, drawDomain } from "./regions.js";
import { Theme } from "./theme.js";

/** @import {Answer, Cell, Certified, Options, Reading} from "./types.js" */
/** @import {Stage} from "./stage.js" */
/** @import {ViewState} from "./state.js" */
/** @import {Viewport} from "./viewport.js" */

export class Drawing {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.dots = new DotLayer();
    this.overlays = new OverlayLayer();
    /** @type {Cell[]} */
    this.cells = [];
    /** @type {import("./names.js").Name[]} */
    this.names = [];
    /** @type {Theme | null} */
    this.theme = null;
  }

  /** @param {ViewState | null} state @param {Viewport} viewport @param {Options} options */
  drawGround(state, viewport, options) {
    const { stage } = this;
    const ctx = stage.context(stage.ground);
    if (!state) return;
    const { scene, plane } = state;
    this.theme = Theme.read(stage.root, scene.colors, this.theme);
    this.cells = walkCells(plane.logits, viewport.extent, plane.classes);
    if (!ctx) return;
    const markers = [...plane.members.map((member) => member.at), ...state.handles].map((at) => viewport.toScreen(at));
    this.names = placeNames(ctx, this.cells, plane.halfPlanes, scene.classNames, viewport, this.theme, markers);
    drawCells(ctx, this.cells, viewport, this.theme);
    drawDomain(ctx, plane.halfPlanes, viewport, this.theme);
    const dots = stage.context(stage.dots);
    if (dots) this.dots.draw(dots, scene, plane, viewport, this.theme, options.thickness);
  }

  /**
   * @param {ViewState} state @param {Viewport} viewport @param {Reading} reading @param {Answer | null} answer
   * @param {Certified | null} certified @param {Options} options
   */
  drawOverlay(state, viewport, reading, answer, certified, options) {
    const { stage, theme } = this;
    const ctx = stage.context(stage.overlay);
    if (!ctx || !theme) return;
    const cell = this.cells.find(({ classIndex }) => classIndex === reading.classIndex);
    if (options.regions.includes("cell")) drawPolytope(ctx, cell, state, viewport, theme);
    drawCertified(ctx, state, viewport, reading, answer, certified, options, theme);
    drawNames(ctx, this.names, theme);
    drawMembers(ctx, state, viewport, theme);
    this.overlays.draw(ctx, state, viewport, theme);
    if (answer?.landing) drawLanding(ctx, answer.landing, state, viewport, theme);
    drawProbe(ctx, viewport.toScreen(state.probe), reading.classIndex, state.selected < 0 && stage.root.matches(":focus-visible"), theme);
  }
}
