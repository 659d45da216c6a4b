// The slice view: connects scene, state, drawing, input and kernel. Every pointer move is drawn from local state on the
// next animation frame; the kernel hears of it when the scheduler allows.

import { chipText } from "./chip.js";
import { Drawer, readOptions } from "./drawer.js";
import { Drawing } from "./drawing.js";
import { Hands } from "./hands.js";
import { atEnd, errorPlace, lifetime, listen, onChange, onTheme } from "./host.js";
import { KernelLink } from "./kernel_link.js";
import { listenKeys } from "./keys.js";
import { listenPointer } from "./pointer.js";
import { addNorms, decodeScene } from "./scene.js";
import { Scheduler } from "./scheduler.js";
import { tellSight } from "./sight.js";
import { Stage } from "./stage.js";
import { ViewState } from "./state.js";
import { FrameTimes } from "./timing.js";
import { Viewport } from "./viewport.js";

/** @import {Answer, Certified, Model, Options, Pose, RenderProps} from "./types.js" */

const TICK = 500;
const KEPT_IDS = 100;

export class SliceView {
  #drawing;
  #groundDirty;
  #hands;
  #poseId;
  /** @type {Set<number>} ids of this view's own poses */
  #sent;
  #times;

  /** @param {Model} model @param {HTMLElement} el @param {AbortSignal} signal */
  constructor(model, el, signal) {
    this.model = model;
    this.link = new KernelLink(model, el);
    this.signal = signal;
    this.stage = new Stage(errorPlace(model, signal, "fsw-error-slot"));
    this.#drawing = new Drawing(this.stage);
    this.#hands = new Hands(this);
    this.#times = new FrameTimes();
    /** @type {Scheduler<Omit<Pose, "id" | "after">>} */
    this.scheduler = new Scheduler();
    this.#sent = new Set();
    this.#poseId = 0;
    this.after = 0; // the kernel's pose that this view goes on from
    /** @type {ViewState | null} */
    this.state = null;
    /** @type {Answer | null} */
    this.answer = null;
    /** @type {Certified | null} what the kernel found after a release */
    this.certified = null;
    this.options = readOptions(model.get("options"));
    this.frame = 0;
    this.#groundDirty = true;
    this.seen = true; // whether any of it is on the screen
    this.told = false; // whether the kernel hears of it
    this.drawer = new Drawer(this.stage, this.#drawerActions(), signal, model.get("options") !== undefined);
    el.append(this.stage.root);
    this.#listen();
    this.#adoptOverlays();
    this.#adoptScene();
    this.stage.fit();
    this.redraw();
  }

  #listen() {
    const { model, signal, stage } = this;
    onChange(model, "scene", signal, () => this.#adoptScene());
    onChange(model, "overlays", signal, () => this.#adoptOverlays());
    onChange(model, "pose", signal, () => this.#adoptPose());
    onChange(model, "options", signal, () => this.#adoptOptions());
    onChange(model, "certified", signal, () => this.#adoptCertified());
    onChange(model, "thumbs", signal, () => this.drawer.showThumbs(this.model.get("thumbs")));
    onChange(model, "answer", signal, () => this.#adoptAnswer());
    onChange(model, "locked", signal, () => this.#status());
    listenPointer(stage.stage, this.#hands.gestures(), signal);
    listenKeys(stage.root, this.#hands.keyActions(), signal);
    listen(stage.fitButton, "click", () => this.fit(), signal);
    listen(stage.helpButton, "click", () => stage.toggleHelp(), signal);
    stage.root.addEventListener("fsw-stats", () => this.#reportStats(), { signal });
    const redraw = () => this.redraw();
    listen(stage.root, "focus", redraw, signal);
    listen(stage.root, "blur", redraw, signal);
    const resized = new ResizeObserver(() => stage.fit() && this.#resized());
    resized.observe(stage.root);
    onTheme(signal, redraw);
    const watched = new IntersectionObserver((entries) => this.#see(entries[entries.length - 1].isIntersecting));
    watched.observe(stage.root);
    const clock = setInterval(() => this.#tick(), TICK);
    atEnd(signal, () => {
      resized.disconnect();
      watched.disconnect();
      clearInterval(clock);
      cancelAnimationFrame(this.frame);
      stage.root.remove();
    });
  }

  // From the kernel

  #adoptScene() {
    const scene = decodeScene(this.model.get("scene"));
    this.scheduler.clear();
    this.answer = null;
    this.state = null;
    if (scene) {
      const pose = this.model.get("pose") ?? {};
      const foreign = pose.mode && !this.#sent.has(pose.id);
      this.state = new ViewState(scene, foreign ? pose : {}, this.#aspect());
      if (foreign) this.#notice(pose);
      else this.offer();
      this.#adoptAnswer();
    }
    this.stage.chip.node.hidden = !scene;
    this.#status();
    this.redraw();
  }

  #adoptPose() {
    const pose = this.model.get("pose") ?? {};
    if (!this.state || !pose.mode || this.#sent.has(pose.id)) return;
    const selected = this.state.selected;
    this.state = new ViewState(this.state.scene, pose, this.#aspect());
    this.state.selected = Math.min(selected, this.state.handles.length - 1);
    this.#notice(pose);
    this.scheduler.clear();
    this.#status();
    this.redraw();
  }

  #adoptAnswer() {
    const answer = this.model.get("answer");
    if (typeof answer?.id !== "number") return;
    if (this.state && answer.version === this.state.scene.version) addNorms(this.state.scene.norms, answer.norms, this.state.scene.K);
    if (answer.id === this.#poseId) this.answer = answer;
    const next = this.scheduler.answer(answer.id, performance.now());
    if (next) this.#send(next);
    this.#status();
    this.redraw(false);
  }

  #adoptOverlays() {
    this.#drawing.overlays.adopt(this.model.get("overlays"));
    this.redraw(false);
  }

  // To the kernel

  offer() {
    if (!this.state) return;
    const request = this.scheduler.offer({ ...this.state.pose(), final: !this.#hands.held, slow: this.scheduler.slow }, performance.now());
    if (request) this.#send(request);
  }

  /** @param {{id: number, payload: Omit<Pose, "id" | "after">}} request */
  #send({ id, payload }) {
    this.#sent.add(id);
    this.#sent.delete(id - KEPT_IDS);
    this.#poseId = id;
    this.link.pose({ id, after: this.after, ...payload });
  }

  /** A pose that somebody else set is the newest one. @param {Pose} pose */
  #notice({ id, after }) {
    this.#poseId = id;
    this.after = after;
    this.scheduler.notice(id);
  }

  /** @param {number} sample position in the sample arrays */
  pullThrough(sample) {
    if (!this.state || sample < 0 || this.locked("point") || (this.locked("mode") && this.state.mode !== "section")) return;
    const handle = Math.max(this.state.selected, 0);
    this.link.send({ type: "through", sample: this.state.scene.samples.ids[sample], handle });
  }

  /** Out of sight nothing is drawn and nothing asked again. @param {boolean} seen */
  #see(seen) {
    this.seen = seen;
    if (!seen) return;
    this.redraw();
    const { root } = this.stage; // now in its place
    if (!this.told) tellSight(this.model, root.closest(".fsw-explorer") ?? root, this.signal);
    this.told = true;
  }

  #tick() {
    if (!this.seen || document.hidden) return;
    const retry = this.link.gone ? null : this.scheduler.tick(performance.now());
    if (retry) {
      this.link.direct = true;
      this.#send(retry);
    }
    this.#status();
  }

  /** What a lesson holds fast. @param {"mode" | "point"} what */
  locked(what) {
    return (this.model.get("locked") ?? []).includes(what);
  }

  fit() {
    this.change((state) => state.fit());
  }

  // The drawer below the stage

  /** @returns {import("./drawer.js").DrawerActions} */
  #drawerActions() {
    return {
      options: (changed) => this.#setOptions({ ...this.options, ...changed }),
      ask: (request) => request.type === "thumbs" || !this.locked("mode") ? this.link.send(request) : undefined,
      offset: (share) => this.locked("point") || this.change((state) => state.moveAlongNull(share), false),
    };
  }

  /** @param {Options} options */
  #setOptions(options) {
    this.model.set("options", options);
    this.model.save_changes();
  }

  #adoptOptions() {
    this.options = readOptions(this.model.get("options"));
    this.drawer.update(this.state, this.options, this.answer);
    this.redraw();
  }

  #adoptCertified() {
    this.certified = this.model.get("certified") ?? null;
    this.redraw(false);
  }

  /** @param {(state: ViewState) => void} act @param {boolean} ground whether plane or view may change */
  change(act, ground = true) {
    if (!this.state) return;
    act(this.state);
    this.offer();
    this.redraw(ground);
  }

  // Drawing

  #aspect() {
    return this.stage.height / this.stage.width || 0.78;
  }

  viewport() {
    const view = this.state?.view ?? [0, 0, 1];
    return new Viewport(/** @type {[number, number, number]} */ (view), this.stage.width, this.stage.height);
  }

  #resized() {
    if (this.state) this.state.aspect = this.#aspect();
    // Setting a canvas' size clears it: draw before the browser paints.
    this.#groundDirty = true;
    this.#draw(performance.now());
  }

  redraw(ground = true) {
    this.#groundDirty ||= ground;
    if (this.seen && !this.frame && !this.signal.aborted) this.frame = requestAnimationFrame(() => this.#draw(performance.now()));
  }

  /** @param {number} now */
  #draw(now) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.stage.width) return;
    if (this.#groundDirty) this.#drawGround();
    this.#groundDirty = false;
    this.#drawOverlay();
    this.#times.record(now, performance.now(), this.#hands.pressed);
  }

  #drawGround() {
    this.#drawing.drawGround(this.state, this.viewport(), this.options);
  }

  #drawOverlay() {
    const { state, stage, answer } = this;
    const drawing = this.#drawing;
    if (!state || !drawing.theme) return;
    const viewport = this.viewport();
    const reading = state.reading();
    const certified = this.certified?.id === answer?.id ? this.certified : null;
    drawing.drawOverlay(state, viewport, reading, answer, certified, this.options);
    const landing = answer?.landing;
    const text = chipText(state, reading, answer, certified);
    stage.chip.write(text, drawing.theme.paint(reading.classIndex).text);
    stage.chip.place(viewport.toScreen(state.probe), stage.width, stage.height, landing ? viewport.toScreen([landing[0], landing[1]]) : null);
    stage.voice.say([text.name, text.detail, text.scope, ...text.notes].join(", "));
  }

  #status() {
    const { stage, state, scheduler, link } = this;
    const hint = `${this.locked("point") ? "the point stands still in this step" : "drag the point"} · ${state?.mode === "section" ? "drag a handle to tilt the plane" : "drag the ground to pan"} · wheel to zoom · ? for keys`;
    stage.hint.textContent = state ? this.answer?.message || hint : "";
    const trips = scheduler.roundTrips;
    const parts = [];
    const rate = this.#times.rate;
    if (rate) parts.push(`${rate} fps`);
    if (link.gone) parts.push("no kernel");
    else if (scheduler.silent) parts.push("kernel silent");
    else if (trips.length) parts.push(`kernel ${Math.round(this.#times.summary(trips.slice(-20)).rtP50)} ms`);
    stage.numbers.textContent = parts.join(" · ");
    stage.showNotice(state ? link.notice(scheduler.silent) : "Preparing the slice…");
    stage.root.toggleAttribute("data-empty", !state);
    this.drawer.update(state, this.options, this.answer);
  }

  // For the page and its tests

  #reportStats() {
    this.model.set("stats", this.stats());
    this.model.save_changes();
  }

  stats() {
    return this.#times.summary(this.scheduler.roundTrips);
  }

  viewState() {
    const { state } = this;
    if (!state) return null;
    const { classIndex, margin, distance } = state.reading();
    return { pose: { id: this.#poseId, ...state.pose(), final: !this.#hands.held }, chip: { classIndex, margin, distance }, cells: this.cellList(), overlays: this.overlayList() };
  }

  /** Named overlays in plane coordinates. */
  overlayList() {
    const shown = this.state ? this.#drawing.overlays.on(this.state) : [];
    return shown.map(({ overlay: { name }, shadows: { s, t, off } }) => ({ name, at: Array.from(s, (x, n) => [x, t[n], off[n]]) }));
  }

  cellList() {
    return this.#drawing.cells.map(({ classIndex, polygon }) => ({
      classIndex,
      polygon: Array.from({ length: polygon.length / 2 }, (_, v) => [polygon[2 * v], polygon[2 * v + 1]]),
    }));
  }
}

/** @param {RenderProps} props */
function render({ model, el, signal }) {
  const life = lifetime(signal);
  const view = new SliceView(model, el, life.signal);
  const hooks = { stats: () => view.stats(), state: () => view.viewState(), cells: () => view.cellList() };
  Object.assign(view.stage.root, { fsw: hooks });
  return () => life.abort();
}

export default { render };
