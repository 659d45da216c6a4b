// Undo, redo, bookmarks and the view as code; absent where no kernel keeps them.

import { button, control, copyText, element, group, listen, onChange, option, tell } from "./host.js";

/** @import {Model} from "./types.js" */

export class HistoryTools {
  /** @param {Model} model @param {AbortSignal} signal */
  constructor(model, signal) {
    this.model = model;
    this.undo = tool("↶", "Undo");
    this.redo = tool("↷", "Redo");
    this.star = tool("☆", "Bookmark this view");
    this.show = tool("</>", "This view as code");
    this.select = control("select", "fsw-select", "Go to a bookmark");
    this.root = element("div", "fsw-history", this.undo, this.redo, this.star, this.select, this.show);
    group(this.root, "History");
    this.text = element("textarea", "");
    this.text.readOnly = true;
    this.text.ariaLabel = "This view as Python";
    this.copy = tool("copy", "Copy the code");
    this.code = element("div", "fsw-code", this.text, this.copy);
    this.code.hidden = true;
    this.root.hidden = model.get("bookmarks") === undefined;
    this.#listen(signal);
    this.#draw();
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    for (const name of ["undoable", "redoable", "bookmarks"]) onChange(this.model, name, signal, () => this.#draw());
    onChange(this.model, "code", signal, () => { this.text.value = this.model.get("code") ?? ""; });
    listen(this.undo, "click", () => tell(this.model, { type: "undo" }), signal);
    listen(this.redo, "click", () => tell(this.model, { type: "redo" }), signal);
    listen(this.star, "click", () => tell(this.model, { type: "bookmark" }), signal);
    listen(this.show, "click", () => this.#toggle(), signal);
    listen(this.copy, "click", () => copyText(this.text, this.copy), signal);
    listen(this.select, "change", () => {
      if (this.select.value) tell(this.model, { type: "go", name: this.select.value });
      this.select.value = "";
    }, signal);
  }

  #toggle() {
    this.code.hidden = !this.code.hidden;
    this.show.ariaExpanded = String(!this.code.hidden);
    this.copy.textContent = "copy";
    if (!this.code.hidden) tell(this.model, { type: "code" });
  }

  #draw() {
    const names = /** @type {string[]} */ (this.model.get("bookmarks") ?? []);
    this.undo.disabled = !this.model.get("undoable");
    this.redo.disabled = !this.model.get("redoable");
    this.select.hidden = !names.length;
    this.select.replaceChildren(option("", "bookmarks"), ...names.map((name) => option(name, name)));
  }
}

/** A small button with a name. @param {string} text @param {string} label */
export const tool = (text, label) => button("fsw-button", text, label);
