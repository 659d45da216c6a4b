// The chip beside the probe: what it says, and where it fits without covering the probe.

import { element } from "./host.js";

/** @import {Answer, Certified, Point, Reading} from "./types.js" */
/** @import {ViewState} from "./state.js" */

const GAP = 16;
const EDGE = 6;
const MOST_NAMES = 3;

/** Two decimals; fewer for large numbers, more digits for tiny ones. @param {number} value */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size >= 1000 || (size > 0 && size < 0.005) ? value.toPrecision(2) : value.toFixed(2);
}

/**
 * @param {ViewState} state @param {Reading} reading @param {Answer | null} answer to the probe shown
 * @param {Certified | null} [certified] what was found for it after release
 * @returns {{name: string, scope: string, detail: string, facts: string[], notes: string[]}}
 */
export function chipText(state, reading, answer, certified) {
  const { classNames, K, boundary, domain } = state.scene;
  const whole = state.mode === "section" || boundary.exactAll;
  const name = classNames[reading.classIndex] ?? "";
  const notes = [];
  if (!state.inDomain) notes.push(domain?.text ? `outside the domain (${domain.text})` : "outside the domain");
  if (answer && answer.classIndex !== reading.classIndex && !whole) notes.push(`among all ${K}: ${classNames[answer.classIndex]}`);
  return {
    name,
    scope: whole ? `exact for all ${K}` : `side exact for ${boundary.classes.length} classes`,
    detail:
      reading.nearest < 0
        ? state.scene.norms.has(reading.classIndex) ? "no boundary" : `margin ${number(reading.margin)} · distance …`
        : `margin ${number(reading.margin)} · ${number(reading.distance)} to ${classNames[reading.nearest]}`,
    facts: certified ? certificate(certified, name) : [],
    notes,
  };
}

/** @param {Certified} certified @param {string} name of the class */
function certificate({ hullVerdict, hullDistance, adjacent }, name) {
  const hull = `the hull of ${name}`;
  const away = hullDistance === null ? "" : `, ${number(hullDistance)} away`;
  const facts = { inside: [`inside ${hull}`], outside: [`outside ${hull}${away}`], undecided: [`${hull}: undecided`] }[hullVerdict] ?? [];
  const more = adjacent.length > MOST_NAMES ? ` +${adjacent.length - MOST_NAMES}` : "";
  if (adjacent.length) facts.push(`touches ${adjacent.slice(0, MOST_NAMES).join(", ")}${more}`);
  return facts;
}

export class Chip {
  constructor() {
    this.name = element("strong", "");
    this.scope = element("span", "fsw-chip-scope");
    this.detail = element("div", "fsw-chip-detail");
    this.facts = element("div", "fsw-chip-facts");
    this.notes = element("div", "fsw-chip-notes");
    this.node = element("div", "fsw-chip", element("div", "fsw-chip-head", this.name, this.scope), this.detail, this.facts, this.notes);
    this.node.ariaHidden = "true"; // spoken by the live region instead
    this.side = 0;
    this.shown = "";
    /** @type {[number, number]} */
    this.size = [0, 0];
  }

  /** @param {ReturnType<typeof chipText>} text @param {string} colour of the class name */
  write(text, colour) {
    const key = [text.name, text.scope, text.detail, colour, ...text.facts, ...text.notes].join("\n");
    if (key === this.shown) return;
    this.shown = key;
    this.name.textContent = text.name;
    this.name.style.color = colour;
    this.scope.textContent = text.scope;
    this.detail.textContent = text.detail;
    this.facts.replaceChildren(...text.facts.map((fact) => element("div", "", fact)));
    this.notes.replaceChildren(...text.notes.map((note) => element("div", "", note)));
    this.size = [this.node.offsetWidth, this.node.offsetHeight];
  }

  /** @param {Point} probe on the screen @param {number} width @param {number} height of the stage @param {Point | null} landing */
  place(probe, width, height, landing) {
    const place = placeChip(probe, this.size, [width, height], landing, this.side);
    this.side = place.side;
    this.node.style.transform = `translate(${Math.round(place.x)}px, ${Math.round(place.y)}px)`;
  }
}

/**
 * Beside the probe on the side it was on before, else on the first side with room; on narrow stages above or below.
 * @param {Point} probe @param {Point} size @param {Point} stage @param {Point | null} landing not to be covered if avoidable
 * @param {number} side the side used last
 */
export function placeChip([px, py], [w, h], [width, height], landing, side) {
  const slide = Math.min(Math.max(px - w / 2, EDGE), Math.max(EDGE, width - w - EDGE));
  const places = [
    [px + GAP, py - h - 4],
    [px - GAP - w, py - h - 4],
    [px + GAP, py + 4],
    [px - GAP - w, py + 4],
    [slide, py - h - GAP],
    [slide, py + GAP],
  ].map(([x, y], index) => ({ x, y, side: index }));
  const fits = places.filter(({ x, y }) => x >= EDGE && y >= EDGE && x + w <= width - EDGE && y + h <= height - EDGE);
  const clear = fits.filter(({ x, y }) => !landing || landing[0] < x - 8 || landing[0] > x + w + 8 || landing[1] < y - 8 || landing[1] > y + h + 8);
  const choice = clear.length ? clear : fits;
  return choice.find((place) => place.side === side) ?? choice[0] ?? places[py > height / 2 ? 4 : 5];
}
