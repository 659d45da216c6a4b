// The state of one slice view and what a person can do to it. No DOM: gestures and keys call these, drawing reads them.

import { distanceFrom, onPlane, planeLogits, project, unitRow } from "./linear.js";
import { domainHalfPlanes, satisfies } from "./polygon.js";
import { readPoint } from "./reading.js";
import { frameFrom, projectSamples } from "./scene.js";
import { beginTilt, tiltTo } from "./tilt.js";
import { quantile } from "./timing.js";
import { viewOf } from "./viewport.js";

/** @import {Frame, Mode, Point, Pose, Scene} from "./types.js" */
/** @import {Shadows} from "./scene.js" */
/** @import {Tilt} from "./tilt.js" */

/**
 * Everything that follows from the scene and the plane alone.
 * @typedef {object} Plane
 * @property {Frame} frame
 * @property {Float64Array} logits K x 3
 * @property {Int32Array | null} classes the classes drawn; null: all
 * @property {Float64Array} halfPlanes where the domain has a point on (section) or over (boundary) the plane
 * @property {Shadows} shadows
 * @property {{label: string, classIndex: number, at: Point, off: number}[]} members
 */

const ZOOM_IN = 1e-4;
const ZOOM_OUT = 30;

export class ViewState {
  /** @param {Scene} scene @param {Partial<Pose>} pose @param {number} aspect height / width of the stage */
  constructor(scene, pose, aspect) {
    this.scene = scene;
    this.aspect = aspect;
    /** @type {Mode} */
    this.mode = pose.mode === "section" && scene.section ? "section" : "boundary";
    /** @type {Partial<Record<Mode, [number, number, number]>>} the view last used in the other mode */
    this.views = {};
    this.frame = this.home.frame;
    /** @type {Point[]} */
    this.handles = this.#homeHandles();
    const turned = pose.frame?.length === 3 && pose.frame.every((row) => row.length === scene.gram.size);
    if (this.mode === "section" && turned) this.frame = frameFrom(/** @type {number[][]} */ (pose.frame));
    if (this.mode === "section" && pose.handles?.length === 3) this.handles = pose.handles;
    /** @type {Pose["view"]} */
    this.view = pose.view ?? viewOf(this.home.extent, aspect);
    this.probe = pose.probe ?? this.#homeProbe();
    /** How far the point is moved along null directions: a share of what they allow. */
    this.shift = pose.shift ?? 0;
    /** -1: the probe; 0 to 2: a handle. What the arrow keys move. */
    this.selected = -1;
    /** @type {{tilt: Tilt, handle: number} | null} */
    this.turning = null;
    this.plane = this.#derive();
  }

  /** The plane of this mode as the kernel gave it. */
  get home() {
    return this.mode === "section" && this.scene.section ? this.scene.section : this.scene.boundary;
  }

  /** @returns {Omit<Pose, "id" | "after" | "final">} */
  pose() {
    const { mode, probe, frame, handles, view, shift } = this;
    const { version } = this.scene;
    return { version, mode, probe, frame: frame.map((row) => Array.from(row)), handles: mode === "section" ? handles : [], view, shift };
  }

  reading() {
    return readPoint(this.plane.logits, this.scene.norms, this.plane.classes, this.probe);
  }

  get inDomain() {
    return satisfies(this.plane.halfPlanes, this.probe);
  }

  /** @param {Point} point */
  moveProbe(point) {
    this.probe = point;
  }

  /** Freezes the plane and the members' shadows for one drag of a handle. @param {number} handle */
  beginTurn(handle) {
    const { scene, frame, handles } = this;
    const members = scene.members.map((member) => unitRow(scene.gram.size, member.column));
    this.turning = { tilt: beginTilt(scene.gram, frame, handles, handle, members), handle };
  }

  /** @param {Point} point */
  turnTo(point) {
    if (!this.turning) return;
    const { tilt, handle } = this.turning;
    this.frame = tiltTo(tilt, point);
    this.handles = this.handles.map((old, i) => (i === handle ? point : old));
    this.plane = this.#derive();
  }

  endTurn() {
    this.turning = null;
  }

  /** @param {number} ds @param {number} dt */
  panBy(ds, dt) {
    this.view = [this.view[0] + ds, this.view[1] + dt, this.view[2]];
  }

  /** Zooms so that one point stays where it is. @param {Point} point @param {number} factor above 1 shows more */
  zoomAbout([s, t], factor) {
    const [cs, ct, span] = this.view;
    const [s0, s1] = this.home.extent;
    const next = Math.min(Math.max(span * factor, (s1 - s0) * ZOOM_IN), (s1 - s0) * ZOOM_OUT);
    const ratio = next / span;
    this.view = [s + (cs - s) * ratio, t + (ct - t) * ratio, next];
  }

  /** Changes between boundary plane and section; the probe is projected to the new plane. @param {Mode} mode */
  setMode(mode) {
    if (mode === this.mode || (mode === "section" && !this.scene.section)) return;
    const probe = onPlane(this.frame, this.probe);
    this.views[this.mode] = this.view;
    this.mode = mode;
    this.frame = this.home.frame;
    this.handles = this.#homeHandles();
    this.selected = -1;
    this.turning = null;
    this.probe = project(this.scene.gram, this.frame, probe);
    this.view = this.views[mode] ?? viewOf(this.home.extent, this.aspect);
    this.plane = this.#derive();
  }

  /** @param {number} share -1 to 1 */
  moveAlongNull(share) {
    this.shift = share;
  }

  /** Shows the chosen classes' samples, the handles and the probe as they lie on the present plane. */
  fit() {
    const { scene, plane } = this;
    const { s, t } = plane.shadows;
    const wanted = plane.classes ?? scene.chosen;
    const near = Array.from(s.keys()).filter((n) => wanted.includes(scene.samples.labels[n]));
    const span = (/** @type {Float32Array} */ values, /** @type {number} */ axis) => {
      const among = near.map((n) => values[n]);
      const ends = [...this.handles, this.probe].map((at) => at[axis]);
      if (among.length) ends.push(quantile(among, 0.01), quantile(among, 0.99));
      const [low, high] = [Math.min(...ends), Math.max(...ends)];
      return [low - 0.08 * (high - low), high + 0.08 * (high - low)];
    };
    const extent = /** @type {import("./types.js").Extent} */ ([...span(s, 0), ...span(t, 1)]);
    this.view = viewOf(extent[1] > extent[0] || extent[3] > extent[2] ? extent : this.home.extent, this.aspect);
  }

  /** What a handle stands on; a handle that was dragged stands on nothing with a name. @param {number} handle */
  handleLabel(handle) {
    const { section } = this.scene;
    const moved = section?.handles[handle].some((value, i) => value !== this.handles[handle][i]);
    return section && !moved ? section.labels[handle] : "";
  }

  /** @returns {number} position in the sample arrays of the sample nearest to the probe, -1 without samples */
  nearestSample() {
    const { s, t, off } = this.plane.shadows;
    const [ps, pt] = this.probe;
    let [best, least] = [-1, Infinity];
    for (let n = 0; n < s.length; n++) {
      const away = (s[n] - ps) ** 2 + (t[n] - pt) ** 2 + (this.mode === "section" ? off[n] ** 2 : 0);
      if (away < least) [best, least] = [n, away];
    }
    return best;
  }

  /** @returns {Point[]} */
  #homeHandles() {
    return this.home === this.scene.section ? this.scene.section.handles.map((at) => [at[0], at[1]]) : [];
  }

  /** @returns {Point} */
  #homeProbe() {
    const [s0, s1, t0, t1] = this.home.extent;
    return [(s0 + s1) / 2, (t0 + t1) / 2];
  }

  /** @returns {Plane} */
  #derive() {
    const { scene, frame, mode } = this;
    const { C, bias, gram, domain, boundary } = scene;
    const section = mode === "section";
    const shown = section ? scene.members : scene.members.filter((member) => boundary.classes.includes(member.classIndex));
    return {
      frame,
      logits: planeLogits(C, bias, frame),
      classes: section ? null : boundary.classes,
      halfPlanes: section ? (domain ? domainHalfPlanes(domain, frame) : new Float64Array(0)) : boundary.shadow,
      shadows: projectSamples(scene.samples, gram, frame),
      members: shown.map(({ label, classIndex, column }) => {
        const vector = unitRow(gram.size, column);
        return { label, classIndex, at: project(gram, frame, vector), off: distanceFrom(gram, frame, vector) };
      }),
    };
  }
}
