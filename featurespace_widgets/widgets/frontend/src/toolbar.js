// The quiet row on top: model, classes, mode, reset.

import { contrast, css, legible, parseColour } from "./colour.js";
import { HistoryTools, tool } from "./history.js";
import { atEnd, button, control, element, errorPlace, group, holdKeys, lifetime, listen, onChange, onTheme, option } from "./host.js";

/** @import {Model, RenderProps} from "./types.js" */

/** Above this many classes only the chosen ones have a chip; others are found by typing. */
const MAX_CHIPS = 24;
const MODES = [["boundary", "Boundary plane"], ["section", "Section"]];
let instances = 0;

/**
 * Two or three classes, in order of choice: a fourth replaces the oldest, a single one is refused.
 * @param {number[]} chosen @param {number} index the class clicked @returns {{chosen: number[], message: string}}
 */
export function choose(chosen, index) {
  if (!chosen.includes(index)) return { chosen: [...chosen, index].slice(-3), message: "" };
  if (chosen.length <= 2) return { chosen, message: "A boundary needs two classes: add another one first." };
  return { chosen: chosen.filter((k) => k !== index), message: "" };
}

/** @param {RenderProps} props */
function render({ model, el, signal }) {
  const life = lifetime(signal);
  const toolbar = new Toolbar(model, life.signal);
  el.append(toolbar.root);
  atEnd(life.signal, () => toolbar.root.remove());
  return () => life.abort();
}

class Toolbar {
  /** @param {Model} model @param {AbortSignal} signal */
  constructor(model, signal) {
    this.model = model;
    this.select = control("select", "fsw-select", "Model");
    this.chips = element("div", "fsw-chips");
    group(this.chips, "Classes");
    this.finder = control("input", "fsw-finder", "Add a class");
    this.finder.placeholder = "add a class…";
    this.names = element("datalist", "");
    this.names.id = `fsw-names-${++instances}`;
    this.finder.setAttribute("list", this.names.id);
    this.modes = element("div", "fsw-segments");
    group(this.modes, "What is drawn");
    this.reset = tool("⟲", "Start over");
    this.history = new HistoryTools(model, signal);
    this.message = element("span", "fsw-message");
    this.message.role = "status";
    this.root = element(
      "div", "fsw-toolbar",
      this.select, this.chips, this.finder, this.names, element("span", "fsw-spacer"), this.modes, this.history.root, this.reset,
      this.message, this.history.code, errorPlace(model, signal, "fsw-toolbar-error"),
    );
    // Keys typed here are no shortcuts of the notebook.
    holdKeys(this.root, signal);
    this.#listen(signal);
    this.#drawModels();
    this.#drawNames();
    this.#drawChips();
    this.#drawModes();
    this.#drawLocks();
    this.#say(model.get("message") ?? "");
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { model } = this;
    for (const name of ["models", "model"]) onChange(model, name, signal, () => this.#drawModels());
    onChange(model, "class_names", signal, () => this.#drawNames());
    for (const name of ["class_names", "colors", "chosen"]) onChange(model, name, signal, () => this.#drawChips());
    onChange(model, "mode", signal, () => this.#drawModes());
    for (const name of ["locked", "class_names", "colors", "chosen", "mode"]) onChange(model, name, signal, () => this.#drawLocks());
    onChange(model, "message", signal, () => this.#say(model.get("message") ?? ""));
    listen(this.select, "change", () => this.#save("model", this.select.value), signal);
    listen(this.reset, "click", () => this.#save("reset", (model.get("reset") ?? 0) + 1), signal);
    listen(this.finder, "change", () => this.#find(), signal);
    listen(this.chips, "click", (event) => this.#clicked(event, (value) => this.#choose(Number(value))), signal);
    listen(this.modes, "click", (event) => this.#clicked(event, (value) => this.#save("mode", value)), signal);
    // Inks depend on the ground.
    onTheme(signal, () => {
      this.#drawChips();
      this.#drawLocks();
    });
  }

  /** @param {string} name @param {unknown} value */
  #save(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** @param {Event} event @param {(value: string) => void} act */
  #clicked(event, act) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button?.value) act(button.value);
  }

  /** @param {number} index */
  #choose(index) {
    const before = this.model.get("chosen") ?? [];
    const { chosen, message } = choose(before, index);
    this.#say(message);
    if (chosen !== before) this.#save("chosen", chosen);
  }

  #find() {
    const typed = this.finder.value.trim().toLowerCase();
    if (!typed) return;
    const names = /** @type {string[]} */ (this.model.get("class_names") ?? []).map((name) => name.toLowerCase());
    const exact = names.indexOf(typed);
    const index = exact >= 0 ? exact : names.findIndex((name) => name.startsWith(typed));
    if (index < 0) return this.#say(`No class is called “${this.finder.value.trim()}”.`);
    this.finder.value = "";
    if (!(this.model.get("chosen") ?? []).includes(index)) this.#choose(index);
  }

  #drawModels() {
    const models = /** @type {{name: string, label: string}[]} */ (this.model.get("models") ?? []);
    this.select.replaceChildren(...models.map(({ name, label }) => option(name, label)));
    this.select.value = this.model.get("model") ?? "";
    this.select.hidden = !models.length;
  }

  #drawNames() {
    const names = /** @type {string[]} */ (this.model.get("class_names") ?? []);
    this.finder.hidden = names.length <= MAX_CHIPS;
    this.names.replaceChildren(...(this.finder.hidden ? [] : names).map((name) => option(name, "")));
  }

  #drawChips() {
    const names = /** @type {string[]} */ (this.model.get("class_names") ?? []);
    const chosen = /** @type {number[]} */ (this.model.get("chosen") ?? []);
    const shown = names.length <= MAX_CHIPS ? names.map((_, k) => k) : chosen;
    const focused = this.chips.contains(document.activeElement) ? /** @type {HTMLButtonElement} */ (document.activeElement).value : null;
    const colors = this.model.get("colors") ?? [];
    const ground = parseColour(getComputedStyle(this.root).backgroundColor, [255, 255, 255]);
    this.chips.replaceChildren(...shown.map((k) => classChip(k, names[k], parseColour(colors[k] ?? "", [128, 128, 128]), ground, chosen.includes(k))));
    if (focused !== null) /** @type {HTMLElement | null} */ (this.chips.querySelector(`button[value="${focused}"]`))?.focus();
  }

  #drawModes() {
    const mode = this.model.get("mode");
    const focused = this.modes.contains(document.activeElement);
    this.modes.replaceChildren(...MODES.map(([value, label]) => pressable(value, label, value === mode)));
    if (focused) /** @type {HTMLElement | null} */ (this.modes.querySelector("[aria-pressed=true]"))?.focus();
  }

  /** What a lesson holds fast. */
  #drawLocks() {
    const locked = /** @type {string[]} */ (this.model.get("locked") ?? []);
    /** @type {[string, (HTMLButtonElement | HTMLSelectElement | HTMLInputElement)[]][]} */
    const controls = [
      ["model", [this.select]], ["classes", [this.finder, ...this.chips.querySelectorAll("button")]], ["mode", [...this.modes.querySelectorAll("button")]],
    ];
    for (const [name, nodes] of controls) {
      const fast = locked.includes(name);
      for (const node of nodes) [node.disabled, node.title] = [fast, fast ? "Locked in this step of the lesson" : ""];
    }
  }

  /** @param {string} text */
  #say(text) {
    this.message.textContent = text;
  }
}

/** @param {string} value @param {string} label @param {boolean} pressed */
function pressable(value, label, pressed) {
  const node = button("", label);
  node.value = value;
  node.ariaPressed = String(pressed);
  return node;
}

/**
 * @param {number} k @param {string} name @param {import("./colour.js").Rgb} colour @param {import("./colour.js").Rgb} ground
 * @param {boolean} pressed
 */
function classChip(k, name, colour, ground, pressed) {
  const chip = pressable(String(k), name, pressed);
  chip.className = "fsw-class";
  chip.style.setProperty("--fsw-class", css(colour));
  chip.style.setProperty("--fsw-edge", css(legible(colour, ground, 3)));
  chip.style.setProperty("--fsw-on", contrast(colour, [255, 255, 255]) >= contrast(colour, [20, 22, 26]) ? "#fff" : "#14161a");
  return chip;
}

export default { render };
