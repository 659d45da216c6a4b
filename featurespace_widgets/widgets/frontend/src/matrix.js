// A number for each pair of classes: shades of grey, hatching for "no", a question mark for "undecided".

import { atEnd, element, keepKeys, lifetime, listen, onChange } from "./host.js";

/** @import {RenderProps} from "./types.js" */

/** @typedef {{text: string, shade: number, mark: "" | "no" | "undecided", said: string}} Entry */
/** @typedef {{names: string[], entries: (Entry | null)[][]}} Table */

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @param {RenderProps} props */
function render({ model, el, signal }) {
  const life = lifetime(signal);
  const table = element("table", "fsw-matrix");
  table.role = "grid";
  const says = element("div", "fsw-pane-note");
  says.ariaLive = "polite";
  const root = element("div", "fsw-planes fsw-matrix-frame", table, says);
  el.append(root);
  /** @type {HTMLTableCellElement[][]} */
  let cells = [];
  /** @type {[number, number]} the entry that Tab reaches */
  let stop = [0, 1];

  function draw() {
    const { names = [], entries = [] } = /** @type {Table} */ (model.get("table") ?? {});
    const focused = table.contains(document.activeElement);
    table.ariaLabel = model.get("label") ?? "";
    cells = entries.map((row, i) => row.map((entry, j) => cell(entry, `${names[i]} and ${names[j]}`)));
    const head = element("tr", "", element("td", ""), ...names.map((name) => element("th", "", element("span", "", name))));
    table.replaceChildren(head, ...cells.map((row, i) => element("tr", "", element("th", "", names[i]), ...row)));
    mark();
    reach(stop[0] < names.length && stop[1] < names.length ? stop : [0, 1], focused);
  }

  /** Frames the pair on the slice. */
  function mark() {
    const [i, j] = model.get("chosen") ?? [];
    cells.forEach((row, a) => row.forEach((node, b) => node.toggleAttribute("data-chosen", (a === i && b === j) || (a === j && b === i))));
  }

  /** @param {[number, number]} to @param {boolean} focus */
  function reach([i, j], focus) {
    const [a, b] = stop;
    if (cells[a]?.[b]) cells[a][b].tabIndex = -1;
    stop = [i, j];
    const node = cells[i]?.[j];
    if (!node) return;
    node.tabIndex = 0;
    if (focus) node.focus();
  }

  /** @param {Event} event @returns {[number, number] | null} */
  function place(event) {
    const node = event.target instanceof Element ? event.target.closest("td[role=gridcell]") : null;
    for (let i = 0; i < cells.length; i++) {
      const j = cells[i].findIndex((candidate) => candidate === node);
      if (j >= 0) return [i, j];
    }
    return null;
  }

  /** @param {Event} event */
  function say(event) {
    const at = place(event);
    if (at) says.textContent = cells[at[0]][at[1]].title;
  }

  /** @param {[number, number] | null} at */
  function pick(at) {
    if (!at || at[0] === at[1]) return;
    reach(at, true);
    model.set("picked", [...at, (model.get("picked")?.[2] ?? 0) + 1]);
    model.save_changes();
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const at = place(event);
    if (!at || event.key === "Tab") return;
    event.stopPropagation(); // the host's shortcuts must not see it
    const step = STEPS[event.key];
    if (step) {
      const [i, j] = [at[0] + step[0], at[1] + step[1]];
      if (cells[i]?.[j]) reach([i, j], true);
    } else if (event.key === "Enter" || event.key === " ") pick(at);
    else return;
    event.preventDefault();
  }

  listen(table, "pointerover", say, life.signal);
  listen(table, "focusin", say, life.signal);
  listen(table, "click", (event) => pick(place(event)), life.signal);
  listen(table, "keydown", press, life.signal);
  onChange(model, "table", life.signal, draw);
  onChange(model, "chosen", life.signal, mark);
  atEnd(life.signal, () => root.remove());
  draw();
  return () => life.abort();
}

/** @param {Entry | null} entry @param {string} pair */
function cell(entry, pair) {
  const node = keepKeys(element("td", "", entry ? entry.text : ""));
  node.role = "gridcell";
  node.tabIndex = -1;
  if (!entry) return node;
  node.title = `${pair}: ${entry.said}`;
  node.ariaLabel = node.title;
  if (entry.mark) node.dataset.mark = entry.mark;
  node.style.setProperty("--fsw-shade", `${Math.round(100 * entry.shade)}%`);
  node.toggleAttribute("data-dark", entry.shade > 0.45);
  return node;
}

export default { render };
