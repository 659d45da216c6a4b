// Undo, redo, bookmarks and the view as code; absent where no kernel keeps them.

import { button, copyText, element, onChange, option } from "./host.js";
import { KernelLink } from "./kernel_link.js";

/** @import {Model} from "./types.js" */

export class HistoryTools {
  /** @param {Model} model @param {AbortSignal} signal */
  constructor(model, signal) {
    this.model = model;
    this.undo = tool("↶", "Undo");
    this.redo = tool("↷", "Redo");
    this.star = tool("☆", "Bookmark this view");
    this.show = tool("</>", "This view as code");
    this.select = element("select", "fsw-select");
    this.select.ariaLabel = "Go to a bookmark";
    this.select.dataset.lmSuppressShortcuts = "true";
    this.root = element("div", "fsw-history", this.undo, this.redo, this.star, this.select, this.show);
    this.root.role = "group";
    this.root.ariaLabel = "History";
    this.text = element("textarea", "");
    this.text.readOnly = true;
    this.text.ariaLabel = "This view as Python";
    this.copy = tool("copy", "Copy the code");
    this.code = element("div", "fsw-code", this.text, this.copy);
    this.code.hidden = true;
    this.root.hidden = model.get("bookmarks") === undefined;
    this.link = new KernelLink(model, this.root);
    this.#listen(signal);
    this.#draw();
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    for (const name of ["undoable", "redoable", "bookmarks"]) onChange(this.model, name, signal, () => this.#draw());
    onChange(this.model, "code", signal, () => { this.text.value = this.model.get("code") ?? ""; });
    this.undo.addEventListener("click", () => this.link.send({ type: "undo" }), { signal });
    this.redo.addEventListener("click", () => this.link.send({ type: "redo" }), { signal });
    this.star.addEventListener("click", () => this.link.send({ type: "bookmark" }), { signal });
    this.show.addEventListener("click", () => this.#toggle(), { signal });
    this.copy.addEventListener("click", () => copyText(this.text, this.copy), { signal });
    this.select.addEventListener("change", () => {
      if (this.select.value) this.link.send({ type: "go", name: this.select.value });
      this.select.value = "";
    }, { signal });
  }

  #toggle() {
    this.code.hidden = !this.code.hidden;
    this.show.ariaExpanded = String(!this.code.hidden);
    this.copy.textContent = "copy";
    if (!this.code.hidden) this.link.send({ type: "code" });
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
