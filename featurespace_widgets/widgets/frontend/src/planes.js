// Two planes side by side with a linked cursor, and the image under it: a blend of three images, made here.

import { atEnd, element, errorPlace, lifetime, onChange, onTheme } from "./host.js";
import { Pane } from "./pane.js";
import { decodePlan } from "./pieces.js";
import { paintPicture } from "./pixels.js";
import { typed } from "./scene.js";
import { Scheduler } from "./scheduler.js";
import { Voice } from "./voice.js";

/** @import {Model, Point, RenderProps} from "./types.js" */
/** @import {Picture} from "./pixels.js" */

const LOOK_AFTER = 200;
const TICK = 500;

/**
 * Shares of three corners whose sum is one.
 * @param {Point[]} corners @param {Point} at @returns {[number, number, number]}
 */
export function shares([a, b, c], [s, t]) {
  const twice = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
  const second = ((s - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (t - a[1])) / twice;
  const third = ((b[0] - a[0]) * (t - a[1]) - (s - a[0]) * (b[1] - a[1])) / twice;
  return [1 - second - third, second, third];
}

/**
 * The blend of three images of one shape, clipped to what a pixel can be.
 * @param {Picture[]} images @param {number[]} weights @returns {Picture}
 */
export function blend(images, weights) {
  const bytes = images.map(({ pixels }) => typed(Uint8Array, pixels));
  const pixels = new Uint8ClampedArray(bytes[0].length); // rounds and clips
  for (let i = 0; i < pixels.length; i++) pixels[i] = weights[0] * bytes[0][i] + weights[1] * bytes[1][i] + weights[2] * bytes[2][i];
  return { ...images[0], pixels };
}

class Planes {
  #caption;
  #looking;

  /** @param {Model} model @param {HTMLElement} el @param {AbortSignal} signal */
  constructor(model, el, signal) {
    this.model = model;
    /** @type {Scheduler<{pane: number, at: Point}>} */
    this.scheduler = new Scheduler();
    this.panes = [0, 1].map((index) => new Pane({ moved: (at) => this.#moved(index, at), viewed: () => this.#viewed(index) }, signal));
    this.canvas = element("canvas", "fsw-image");
    this.canvas.role = "img";
    this.#caption = element("div", "fsw-pane-caption");
    this.column = element("div", "fsw-pane-image", this.canvas, this.#caption);
    this.voice = new Voice();
    this.root = element("div", "fsw-planes", errorPlace(model, signal, ""), ...this.panes.map((pane) => pane.root), this.column, this.voice.node);
    this.#looking = 0;
    this.said = ""; // by the kernel, of the cursor
    el.append(this.root);
    onChange(model, "panes", signal, () => this.#show());
    onChange(model, "images", signal, () => this.#paint());
    onChange(model, "answer", signal, () => this.#answered());
    const fit = () => this.panes.forEach((pane) => pane.fit() && pane.draw());
    const resized = new ResizeObserver(fit);
    resized.observe(this.root);
    onTheme(signal, () => this.panes.forEach((pane) => pane.draw()));
    const clock = setInterval(() => this.#send(this.scheduler.tick(performance.now())), TICK);
    atEnd(signal, () => {
      resized.disconnect();
      clearInterval(clock);
      clearTimeout(this.#looking);
      this.root.remove();
    });
    this.#show();
    fit();
  }

  #show() {
    const raw = this.model.get("panes") ?? [];
    const [names, colors] = [this.model.get("class_names") ?? [], this.model.get("colors") ?? []];
    this.panes.forEach((pane, i) => {
      pane.root.hidden = !raw[i];
      if (!raw[i]) return;
      const plan = decodePlan(raw[i]);
      if (pane.plan && pane.plan.key !== plan.key) this.#forget();
      pane.show(plan, names, colors);
    });
    this.#paint();
  }

  /** Other planes: what the cursor pointed at is no more. */
  #forget() {
    this.scheduler.clear();
    this.said = "";
    for (const pane of this.panes) pane.point(null, false);
  }

  // The cursor

  /** @param {number} index @param {Point} at */
  #moved(index, at) {
    this.panes.forEach((pane, i) => i !== index && pane.point(this.model.get("same_plane") ? at : null, false));
    this.said = "";
    this.#send(this.scheduler.offer({ pane: index, at }, performance.now()));
    this.#paint();
  }

  /** @param {import("./scheduler.js").Request<{pane: number, at: Point}> | null} request */
  #send(request) {
    if (!request) return;
    this.model.set("cursor", { id: request.id, ...request.payload });
    this.model.save_changes();
  }

  /** The kernel says where the cursor's image or point lies in the other plane; below zero it moved the cursor itself. */
  #answered() {
    const answer = this.model.get("answer") ?? {};
    if (typeof answer.id !== "number") return;
    const foreign = answer.id < 0;
    const newest = foreign || (answer.id === this.scheduler.lastId && !this.scheduler.waiting);
    if (!foreign) this.#send(this.scheduler.answer(answer.id, performance.now()));
    if (!newest) return;
    if (foreign) this.panes[1 - answer.pane].point(answer.from, false);
    if (answer.at) this.panes[answer.pane].point(answer.at, false);
    this.said = answer.text ?? "";
    this.#paint();
  }

  /** @param {number} index of the pane whose window was moved */
  #viewed(index) {
    const other = this.panes[1 - index];
    if (this.model.get("same_plane")) {
      other.view = this.panes[index].view;
      other.draw();
    }
    clearTimeout(this.#looking);
    this.#looking = window.setTimeout(() => {
      this.model.set("views", this.panes.map((pane) => pane.view));
      this.model.save_changes();
    }, LOOK_AFTER);
  }

  // The image and the words

  #paint() {
    /** @type {Picture[]} */
    const images = this.model.get("images") ?? [];
    const [first] = this.panes;
    const cursor = first.cursor ?? this.panes[1].cursor;
    this.column.hidden = !images.length && !cursor;
    this.canvas.hidden = images.length !== 3 || !first.cursor;
    const lines = this.panes.flatMap((pane) => (pane.pointed >= 0 && pane.plan ? [`${pane.plan.title}: ${pane.classNames[pane.pointed]}`] : []));
    const corners = first.plan?.corners ?? [];
    if (first.cursor && corners.length === 3) {
      const weights = shares(corners.map(({ at }) => at), first.cursor.at);
      if (!this.canvas.hidden) paintPicture(this.canvas, blend(images, weights));
      lines.unshift(weights.map((weight, i) => `${weight.toFixed(2)} × ${corners[i].label}`).join(" + "));
    }
    if (cursor && this.said) lines.push(this.said);
    this.canvas.ariaLabel = `Image under the cursor: ${lines.join(", ")}`;
    this.#caption.replaceChildren(...(cursor ? lines : ["Move the cursor over a plane."]).map((text) => element("div", "", text)));
    this.voice.say(lines.join(", "));
  }
}

/** @param {RenderProps} props */
function render({ model, el, signal }) {
  const life = lifetime(signal);
  const planes = new Planes(model, el, life.signal);
  Object.assign(planes.root, { fsw: planes.panes });
  return () => life.abort();
}

export default { render };
