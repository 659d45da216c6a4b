// The elements of the slice view: stage with three canvases, chip, overlays, status line.

import { clearedContext } from "./canvas.js";
import { Chip } from "./chip.js";
import { button, element, keepKeys } from "./host.js";
import { Voice } from "./voice.js";


const KEYS = [
  ["arrows", "move the selected thing (Shift: bigger steps)"],
  ["h", "select probe or handle 1, 2, 3"],
  ["+  −", "zoom"],
  ["m", "boundary plane or section"],
  ["p", "pull the section through the nearest sample"],
  ["0", "fit the view to the samples"],
  ["?", "these keys; Escape closes"],
  ["click", "move the probe there; drag the ground to pan"],
  ["double click", "plane through a sample"],
];

const MIN_HEIGHT = 300;
const MAX_HEIGHT = 640;
const ASPECT = 0.78;

export class Stage {
  /** @param {HTMLElement} error where errors are shown */
  constructor(error) {
    this.ground = element("canvas", "fsw-canvas");
    this.dots = element("canvas", "fsw-canvas");
    this.overlay = element("canvas", "fsw-canvas");
    this.chip = new Chip();
    this.chip.node.hidden = true;
    this.help = helpCard();
    this.notice = element("div", "fsw-notice");
    this.notice.role = "status";
    this.fitButton = button("fsw-tool", "fit view", "Fit the view to the samples");
    this.drawerButton = button("fsw-tool", "plane ▾", "Plane, regions and samples");
    this.drawer = element("div", "fsw-drawer");
    this.helpButton = button("fsw-tool", "?", "Keys");
    this.stage = element(
      "div", "fsw-stage",
      this.ground, this.dots, this.overlay, this.chip.node,
      element("div", "fsw-tools", this.drawerButton, this.fitButton, this.helpButton),
      this.notice, this.help, error,
    );
    this.hint = element("span", "fsw-hint");
    this.numbers = element("span", "fsw-numbers");
    this.voice = new Voice();
    this.root = element("div", "fsw-slice", this.stage, element("div", "fsw-status", this.hint, this.numbers), this.drawer, this.voice.node);
    this.root.tabIndex = 0;
    this.root.role = "application";
    this.root.ariaRoleDescription = "slice view";
    this.root.ariaLabel = "Slice through the feature space. Arrow keys move the probe, question mark lists the keys.";
    keepKeys(this.root);
    this.width = 0;
    this.height = 0;
  }

  /** Fits the stage to its width. @returns {boolean} whether anything changed */
  fit() {
    const width = Math.floor(this.root.clientWidth);
    const height = Math.round(Math.min(Math.max(width * ASPECT, MIN_HEIGHT), MAX_HEIGHT));
    const ratio = window.devicePixelRatio || 1;
    const sharp = Math.round(width * ratio);
    if (!width || (width === this.width && height === this.height && this.ground.width === sharp)) return false;
    this.width = width;
    this.height = height;
    this.stage.style.height = `${height}px`;
    for (const canvas of [this.ground, this.dots, this.overlay]) {
      canvas.width = sharp;
      canvas.height = Math.round(height * ratio);
    }
    return true;
  }

  /** A cleared context in CSS pixels; null where the host has no canvas. @param {HTMLCanvasElement} canvas */
  context(canvas) {
    return clearedContext(canvas, this.width, this.height);
  }

  /** @param {boolean} [open] without it: the other way round */
  toggleHelp(open = this.help.hidden) {
    this.help.hidden = !open;
    this.helpButton.ariaExpanded = String(open);
  }

  /** @param {string} text shown over the stage; empty hides it */
  showNotice(text) {
    if (this.notice.textContent !== text) this.notice.textContent = text;
    this.notice.hidden = !text;
  }
}

function helpCard() {
  const list = element("dl", "");
  for (const [key, text] of KEYS) list.append(element("dt", "", key), element("dd", "", text));
  const card = element("div", "fsw-help", element("strong", "", "Keys and gestures"), list);
  card.hidden = true;
  return card;
}
