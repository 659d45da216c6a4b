// The drawer below the stage: where the section's corners stand, which certified regions and samples are drawn, and the
// way along null directions. Closed until somebody opens it.

import { number } from "./chip.js";
import { button, control, element, group, holdKeys, listen, option } from "./host.js";
import { pictureCanvas } from "./pixels.js";

/** @import {Answer, Options} from "./types.js" */
/** @import {Stage} from "./stage.js" */
/** @import {ViewState} from "./state.js" */
/** @import {Picture} from "./pixels.js" */

/**
 * @typedef {object} DrawerActions
 * @property {(changed: Partial<Options>) => void} options
 * @property {(request: Record<string, unknown>) => void} ask the kernel
 * @property {(share: number) => void} offset along null directions, -1 to 1
 */

/** @typedef {{label: number, from: number, total: number, items: (Picture & {row: number})[]}} Thumbs */

const REGIONS = [
  ["cell", "cell", "The cell of the point's class, within the domain"],
  ["hull", "class hull", "The hull of the class's training features: its section, on a boundary plane its shadow"],
  ["ball", "ball", "The largest ball around the point without a decision boundary: its section, on a boundary plane its shadow"],
];
const CORNERS = [["point", "the point"], ["hull", "its hull projection"], ["flip", "its nearest boundary"], ["tie", "the closest tie"]];
const PLANES = [["principal", "principal directions"], ["pair", "class-pair directions"], ["means", "class means"]];

/** @param {any} raw @returns {Options} */
export const readOptions = (raw) => ({ thickness: raw?.thickness ?? 1, regions: raw?.regions ?? ["cell"] });

export class Drawer {
  /** @param {Stage} stage @param {DrawerActions} actions @param {AbortSignal} signal @param {boolean} kernel whether one can be asked */
  constructor(stage, actions, signal, kernel) {
    this.actions = actions;
    this.corner = 0;
    /** @type {import("./types.js").Scene | null} */
    this.scene = null;
    this.corners = segments("Corner of the section", ["1", "2", "3"]);
    this.place = control("select", "fsw-select", "Put the corner on");
    this.planes = control("select", "fsw-select", "Plane along");
    fill(this.planes, "plane along…", [["", PLANES]]);
    this.browse = button("fsw-tool", "samples…", "Pick a training sample by its image");
    this.regions = element("div", "fsw-segments", ...REGIONS.map(([value, text, title]) => toggle(value, text, title)));
    this.thickness = slider("Thickness of the sample cloud", 0.05, 2, 0.05);
    this.null = slider("Way along null directions, which change no margin", -1, 1, 0.02);
    this.nullText = element("output", "fsw-null");
    this.thumbs = element("div", "fsw-shelf");
    this.thumbs.hidden = true;
    this.classes = control("select", "fsw-select", "Samples of class");
    this.samples = element("div", "fsw-thumb-row");
    this.earlier = button("fsw-tool", "‹", "Earlier samples");
    this.later = button("fsw-tool", "›", "Later samples");
    this.thumbs.append(this.classes, this.earlier, this.samples, this.later);
    this.thick = labelled("cloud", this.thickness);
    this.far = labelled("null", this.null, this.nullText);
    this.plane = element("div", "fsw-drawer-group", this.corners, this.place, this.browse, this.planes);
    this.plane.hidden = !kernel;
    if (!kernel) this.regions.querySelector("[value=hull]")?.remove(); // only the kernel knows it
    this.root = stage.drawer;
    this.root.hidden = true;
    this.root.append(this.plane, this.regions, this.thick, this.far, this.thumbs);
    this.#listen(stage, signal);
  }

  /** @param {Stage} stage @param {AbortSignal} signal */
  #listen(stage, signal) {
    /** @type {(node: HTMLElement, event: "click" | "change" | "input" | "dblclick", act: (event: Event) => void) => void} */
    const on = (node, event, act) => listen(node, event, act, signal);
    on(stage.drawerButton, "click", () => {
      this.root.hidden = !this.root.hidden;
      stage.drawerButton.ariaExpanded = String(!this.root.hidden);
    });
    on(this.corners, "click", (event) => {
      this.corner = Number(pressed(event) ?? this.corner);
      this.#showCorner();
    });
    on(this.place, "change", () => {
      const [kind, label] = this.place.value.split(":");
      this.place.value = "";
      if (kind) this.actions.ask({ type: "corner", kind, label: Number(label ?? 0), handle: this.corner });
    });
    on(this.planes, "change", () => {
      if (this.planes.value) this.actions.ask({ type: "plane", kind: this.planes.value });
      this.planes.value = "";
    });
    on(this.browse, "click", () => {
      this.thumbs.hidden = !this.thumbs.hidden;
      this.browse.ariaExpanded = String(!this.thumbs.hidden);
      if (!this.thumbs.hidden) this.#page(0);
    });
    on(this.classes, "change", () => this.#page(0));
    on(this.earlier, "click", () => this.#page(-1));
    on(this.later, "click", () => this.#page(1));
    on(this.samples, "click", (event) => {
      const row = pressed(event);
      if (row !== null) this.actions.ask({ type: "through", sample: Number(row), handle: this.corner });
    });
    on(this.regions, "click", (event) => {
      const name = pressed(event);
      const shown = [...this.regions.children].filter((node) => (node.ariaPressed === "true") !== (/** @type {HTMLButtonElement} */ (node).value === name));
      if (name) this.actions.options({ regions: shown.map((node) => /** @type {HTMLButtonElement} */ (node).value) });
    });
    on(this.thickness, "input", () => this.actions.options({ thickness: Number(this.thickness.value) }));
    on(this.null, "input", () => this.actions.offset(Number(this.null.value)));
    on(this.null, "dblclick", () => this.actions.offset(0));
    // Arrow keys move the sliders here, not the probe.
    holdKeys(this.root, signal);
    this.#showCorner();
  }

  /** @param {ViewState | null} state @param {Options} options @param {Answer | null} answer */
  update(state, options, answer) {
    if (!state) return;
    if (this.scene !== state.scene) this.#adoptScene(state.scene);
    for (const node of /** @type {Iterable<HTMLButtonElement>} */ (this.regions.children)) node.ariaPressed = String(options.regions.includes(node.value));
    this.thickness.value = String(options.thickness);
    this.thick.hidden = state.mode !== "section";
    if (document.activeElement !== this.null) this.null.value = String(state.shift);
    const { shifted } = answer ?? {};
    this.nullText.textContent = state.shift && shifted ? `${number(shifted.at)} of ${number(shifted.low)} … ${number(shifted.high)}` : "";
  }

  /** @param {import("./types.js").Scene} scene */
  #adoptScene(scene) {
    this.scene = scene;
    const means = scene.members.map(({ column, classIndex }) => [`mean:${classIndex}`, scene.members[column].label]);
    fill(this.place, "put it on…", [["", CORNERS], ["class means", means]]);
    const before = this.classes.value;
    fill(this.classes, "", [["", scene.members.map(({ classIndex }) => [String(classIndex), scene.classNames[classIndex]])]]);
    if ([...this.classes.options].some(({ value }) => value === before)) this.classes.value = before;
    this.browse.disabled = !scene.samples.count;
    this.far.hidden = this.plane.hidden || !scene.nullDims; // both need the kernel
  }

  #showCorner() {
    [...this.corners.children].forEach((node, i) => void (node.ariaPressed = String(i === this.corner)));
  }

  /** @param {-1 | 0 | 1} step */
  #page(step) {
    const from = step ? (this.shown?.from ?? 0) + step * Math.max(this.shown?.items.length ?? 0, 1) : 0;
    this.actions.ask({ type: "thumbs", label: Number(this.classes.value || 0), from: Math.max(0, from) });
  }

  /** @param {Thumbs | undefined} thumbs */
  showThumbs(thumbs) {
    if (!thumbs?.items) return;
    this.shown = thumbs;
    this.samples.replaceChildren(...thumbs.items.map((item) => {
      const node = button("fsw-sample", "", `Put corner on sample ${item.row}`);
      node.value = String(item.row);
      node.append(item.pixels ? pictureCanvas(item, "fsw-thumb", `sample ${item.row}`) : String(item.row));
      return node;
    }));
    this.earlier.disabled = thumbs.from === 0;
    this.later.disabled = thumbs.from + thumbs.items.length >= thumbs.total;
  }
}

/** Value of the button that was clicked. @param {Event} event */
function pressed(event) {
  const node = event.target instanceof Element ? event.target.closest("button") : null;
  return node ? node.value : null;
}

/** @param {string} value @param {string} text @param {string} title */
function toggle(value, text, title) {
  const node = button("", text, title);
  node.value = value;
  return node;
}

/** @param {string} label @param {string[]} texts */
function segments(label, texts) {
  const node = element("div", "fsw-segments", ...texts.map((text, i) => toggle(String(i), text, `Corner ${text}`)));
  group(node, label);
  return node;
}

/** @param {HTMLSelectElement} select @param {string} first text of the entry that means nothing @param {[string, string[][]][]} groups */
function fill(select, first, groups) {
  const parts = groups.filter(([, entries]) => entries.length).flatMap(([label, entries]) => {
    if (!label) return entries.map(([value, text]) => option(value, text));
    const group = element("optgroup", "", ...entries.map(([value, text]) => option(value, text)));
    group.label = label;
    return [group];
  });
  select.replaceChildren(...(first ? [option("", first)] : []), ...parts);
}

/** @param {string} label @param {number} min @param {number} max @param {number} step */
function slider(label, min, max, step) {
  const node = control("input", "fsw-slider", label);
  return Object.assign(node, { type: "range", min, max, step, title: label });
}

/** @param {string} text @param {HTMLElement[]} nodes */
const labelled = (text, ...nodes) => element("label", "fsw-drawer-group", element("span", "", text), ...nodes);
