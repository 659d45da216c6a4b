// What hands do to a slice view: pointer gestures and keys, put into changes of its state.

import { nearestPlace } from "./picking.js";

/** @import {Point} from "./types.js" */

const SAMPLE_REACH = 10;

export class Hands {
  /** @param {import("./slice_view.js").SliceView} view */
  constructor(view) {
    this.view = view;
    this.pressed = false;
    this.held = false; // a thing, not the ground
  }

  /** @returns {import("./pointer.js").Gestures} */
  gestures() {
    const point = (/** @type {Point} */ at) => this.view.viewport().toPlane(at);
    return {
      pick: (at, reach) => this.#pick(at, reach),
      grab: (thing) => this.#grab(thing),
      drag: (thing, to) => this.#moveThing(thing, point(to)),
      release: () => this.#release(),
      pan: (dx, dy) => this.view.change((state) => state.panBy(-dx / this.view.viewport().scale, dy / this.view.viewport().scale)),
      zoom: (at, factor) => this.view.change((state) => state.zoomAbout(point(at), factor)),
      click: (at) => this.#moveThing(-1, point(at)),
      doubleClick: (at) => this.view.pullThrough(this.#sampleAt(at)),
    };
  }

  /** @returns {import("./keys.js").KeyActions} */
  keyActions() {
    return {
      step: (dx, dy) => this.#step(dx, dy),
      cycle: () => this.#cycle(),
      zoom: (factor) => this.view.change((state) => state.zoomAbout([state.view[0], state.view[1]], factor)),
      fit: () => this.view.fit(),
      toggleMode: () => this.view.locked("mode") || this.view.change((state) => state.setMode(state.mode === "section" ? "boundary" : "section")),
      pullNearest: () => this.view.pullThrough(this.view.state?.nearestSample() ?? -1),
      help: (open) => this.view.stage.toggleHelp(open),
    };
  }

  /** @param {Point} at @param {number} reach @returns {number | null} */
  #pick(at, reach) {
    if (!this.view.state || this.view.locked("point")) return null;
    const places = [this.view.state.probe, ...this.view.state.handles];
    const found = nearestPlace(places.length, (i) => places[i], at, reach, this.view.viewport());
    return found < 0 ? null : found - 1;
  }

  /** @param {number | null} thing */
  #grab(thing) {
    this.pressed = true;
    if (!this.view.state || thing === null) return;
    this.held = true;
    this.view.state.selected = thing;
    if (thing >= 0) this.view.state.beginTurn(thing);
    this.view.redraw(false);
  }

  /** @param {number} thing @param {Point} to */
  #moveThing(thing, to) {
    if (this.view.locked("point")) return;
    if (thing < 0) this.view.change((state) => state.moveProbe(to), false);
    else this.view.change((state) => state.turnTo(to));
  }

  #release() {
    const moved = this.held;
    this.pressed = this.held = false;
    this.view.state?.endTurn();
    if (moved) this.view.offer();
  }

  /** @param {number} dx @param {number} dy in stage widths */
  #step(dx, dy) {
    const { state } = this.view;
    if (!state) return;
    const [from, span] = [state.selected < 0 ? state.probe : state.handles[state.selected], state.view[2]];
    // A run of key presses turns from one frozen plane, like one drag.
    if (state.selected >= 0 && state.turning?.handle !== state.selected) state.beginTurn(state.selected);
    this.#moveThing(state.selected, [from[0] + dx * span, from[1] + dy * span]);
  }

  #cycle() {
    const { state } = this.view;
    if (!state) return;
    state.endTurn();
    state.selected = state.selected + 1 < state.handles.length ? state.selected + 1 : -1;
    this.view.stage.voice.say(state.selected < 0 ? "Probe" : `Handle ${state.selected + 1} ${state.handleLabel(state.selected)}`);
    this.view.redraw(false);
  }

  /** @param {Point} at @returns {number} position of the sample under the pointer, -1 if none */
  #sampleAt(at) {
    if (!this.view.state) return -1;
    const { s, t } = this.view.state.plane.shadows;
    return nearestPlace(s.length, (n) => [s[n], t[n]], at, SAMPLE_REACH, this.view.viewport());
  }
}
