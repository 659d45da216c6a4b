// What is spoken: a live region that waits until things have come to rest.

import { element } from "./host.js";

const SPEAK_AFTER = 400;

export class Voice {
  #waiting = 0;

  constructor() {
    this.node = element("div", "fsw-hidden");
    this.node.ariaLive = "polite";
  }

  /** @param {string} text */
  say(text) {
    clearTimeout(this.#waiting);
    if (text === this.node.textContent) return;
    this.#waiting = window.setTimeout(() => (this.node.textContent = text), SPEAK_AFTER);
  }
}
