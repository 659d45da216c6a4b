// The image at the probe, its facts, and the nearest training images.

import { atEnd, button, element, errorPlace, lifetime, listen, onChange } from "./host.js";
import { paintPicture, pictureCanvas } from "./pixels.js";

/** @import {RenderProps} from "./types.js" */
/** @import {Picture} from "./pixels.js" */

/**
 * @typedef {object} Content
 * @property {string} [title]
 * @property {Picture | null} [image]
 * @property {string} [placeholder]
 * @property {[string, string, string?][]} [facts] label, value, note
 * @property {(Picture & {label: string, color: string})[]} [neighbours]
 * @property {string} [neighbours_title]
 * @property {string} [alt]
 * @property {boolean} [busy]
 */

/** @param {RenderProps} props */
function render({ model, el, signal }) {
  const life = lifetime(signal);
  const title = element("h3", "fsw-title");
  const canvas = element("canvas", "fsw-image");
  canvas.role = "img";
  const placeholder = element("div", "fsw-image fsw-placeholder");
  const facts = element("dl", "fsw-facts");
  const neighbours = element("div", "fsw-neighbours");
  const moreTitle = element("h3", "fsw-title");
  const more = element("section", "fsw-card", moreTitle, neighbours);
  const blendTitle = element("h3", "fsw-title");
  const blend = element("div", "fsw-blend");
  const blendCard = element("section", "fsw-card", blendTitle, blend);
  const optimised = new Optimised(model, life.signal);
  const root = element(
    "div", "fsw-panel",
    errorPlace(model, life.signal, ""),
    element("section", "fsw-card", title, element("div", "fsw-image-row", canvas, placeholder, facts)),
    optimised.root,
    more,
    blendCard,
  );
  el.append(root);

  function draw() {
    /** @type {Content} */
    const content = model.get("content") ?? {};
    const curtain = model.get("curtain");
    const image = curtain ? null : content.image;
    title.textContent = content.title || "Image at the point";
    canvas.hidden = !image;
    placeholder.hidden = !!image;
    placeholder.textContent = curtain || content.placeholder || "No image yet";
    if (image) paintPicture(canvas, image);
    canvas.ariaLabel = content.alt || "Image at the point";
    facts.replaceChildren(...(curtain ? [] : content.facts ?? []).map(factRow));
    more.hidden = !!curtain || !content.neighbours?.length;
    moreTitle.textContent = content.neighbours_title || "Nearest training images";
    neighbours.replaceChildren(...(content.neighbours ?? []).map(neighbourFigure));
    root.toggleAttribute("data-busy", !!content.busy);
    root.ariaBusy = String(!!content.busy);
  }

  function drawBlend() {
    const { title, items } = model.get("carriers") ?? {};
    blendCard.hidden = !!model.get("curtain") || !items?.length;
    blendTitle.textContent = title ?? "";
    blend.replaceChildren(...(items ?? []).map(neighbourFigure));
  }

  for (const name of ["content", "curtain"]) onChange(model, name, life.signal, draw);
  for (const name of ["carriers", "curtain"]) onChange(model, name, life.signal, drawBlend);
  atEnd(life.signal, () => root.remove());
  draw();
  drawBlend();
  return () => life.abort();
}

/** The image that an optimisation comes to, shown while it runs; absent before the point rests. */
class Optimised {
  /** @param {import("./types.js").Model} model @param {AbortSignal} signal */
  constructor(model, signal) {
    this.model = model;
    this.canvas = element("canvas", "fsw-optimised");
    this.canvas.role = "img";
    this.facts = element("dl", "fsw-reached");
    this.bar = element("progress", "fsw-bar");
    this.bar.ariaLabel = "Optimising";
    this.note = element("span", "fsw-hint");
    this.button = button("fsw-tool", "");
    this.root = element(
      "section", "fsw-card",
      element("h3", "fsw-title", "Optimised image"),
      element("div", "fsw-image-row", this.canvas, this.facts),
      element("div", "fsw-progress-row", this.bar, this.note, this.button),
    );
    listen(this.button, "click", () => model.send?.({ type: model.get("optimised")?.running ? "cancel" : "again" }), signal);
    for (const name of ["optimised", "curtain"]) onChange(model, name, signal, () => this.#draw());
    this.#draw();
  }

  #draw() {
    const { image, alt, facts, running, share, note } = this.model.get("optimised") ?? {};
    this.root.hidden = !!this.model.get("curtain") || (!image && !note);
    if (image) paintPicture(this.canvas, image);
    this.canvas.hidden = !image;
    this.canvas.ariaLabel = alt ?? "";
    this.facts.replaceChildren(...(facts ?? []).map(factRow));
    this.bar.value = share ?? 0;
    this.bar.hidden = !running;
    this.note.textContent = note ?? "";
    this.button.textContent = running ? "cancel" : "again";
    this.button.hidden = !running && !note;
  }
}

/** @param {[string, string, string?]} fact */
function factRow([label, value, note]) {
  const row = element("div", "", element("dt", "", label), element("dd", "", value));
  if (note) row.title = note;
  return row;
}

/** @param {Picture & {label: string, color: string}} neighbour */
function neighbourFigure(neighbour) {
  const caption = element("figcaption", "", neighbour.label);
  const figure = element("figure", "", pictureCanvas(neighbour, "fsw-thumb", neighbour.label), caption);
  figure.style.setProperty("--fsw-class", neighbour.color);
  return figure;
}

export default { render };
