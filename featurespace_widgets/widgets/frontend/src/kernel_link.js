// The way to the kernel, and whether there still is one.

import { tell } from "./host.js";

/** @import {Model, Pose} from "./types.js" */

/** How JupyterLab and Notebook mark the views of a kernel that was restarted. */
const LOST = ".jupyter-widgets-disconnected";

export class KernelLink {
  #refused;

  /** @param {Model} model @param {HTMLElement} el the host's element of the view */
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.direct = false; // whether the kernel was silent once
    this.#refused = false;
  }

  /** Whether the kernel that knew this view has ended, so that nothing will be answered any more. */
  get gone() {
    return this.#refused || !!this.el.closest(LOST);
  }

  /** @param {Pose} pose */
  pose(pose) {
    this.model.set("pose", pose);
    // Where a message was lost ipywidgets holds back every later state, but not a message of our own.
    if (this.direct) this.send({ type: "pose", pose });
    else this.model.save_changes();
  }

  /** @param {unknown} content of a message of our own */
  send(content) {
    if (!tell(this.model, content)) this.#refused = true; // the host has closed the channel: the kernel died
  }

  /** What to tell the person about the kernel; empty where all is well. @param {boolean} silent whether it has not answered for long */
  notice(silent) {
    if (this.gone) return "The kernel was restarted or has ended: run the cell again. Until then the slice stays live, without new images.";
    return silent ? "The kernel is not answering. The slice stays live; images wait." : "";
  }
}
