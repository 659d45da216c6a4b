// The widgets of a saved page, with a model that answers in the page instead of a kernel. Planes, cells and margins are
// computed by the slice view as ever; images come from an atlas made when the page was saved.

import { dot, inner, onPlane, planeLogits } from "./linear.js";
import { readPoint } from "./reading.js";
import { decodeScene, frameFrom, typed } from "./scene.js";

/** @import {Pose, Scene} from "./types.js" */

/**
 * Images of feature vectors, the first `flat` of them on the boundary plane.
 * @typedef {object} Atlas
 * @property {number} count
 * @property {number} flat
 * @property {any} places count x 2 coordinates on the boundary plane
 * @property {any} products count x m inner products of the feature vectors with the generating vectors
 * @property {any} squares their squared lengths
 * @property {string[]} residuals
 * @property {number[]} seen class that the model sees in each image
 * @property {number[]} tiles place of each image in the sheet
 * @property {string} sheet data URL
 * @property {number} columns
 * @property {number} width of a tile
 * @property {number} height
 * @property {string} typical
 * @property {string} source
 * @property {[string, string][]} facts name and explanation of what is said of an image
 */

/** The part of anywidget's model that the views use, without a kernel behind it. */
export class PageModel {
  #events;
  /** @type {Map<Function, EventListener>} */
  #heard;

  /** @param {Record<string, any>} state @param {() => void} [saved] @param {(content: any) => void} [send] */
  constructor(state, saved = () => {}, send = () => {}) {
    this.state = state;
    this.save_changes = saved;
    this.send = send;
    this.#events = new EventTarget();
    this.#heard = new Map();
  }
  /** @param {string} name */
  get(name) {
    return this.state[name];
  }
  /** @param {string} name @param {unknown} value */
  set(name, value) {
    this.state[name] = value;
    this.#events.dispatchEvent(new Event(`change:${name}`));
  }
  /** @param {string} event @param {() => void} act */
  on(event, act) {
    const heard = this.#heard.get(act) ?? (() => act());
    this.#heard.set(act, heard);
    this.#events.addEventListener(event, heard);
  }
  /** @param {string} event @param {() => void} act */
  off(event, act) {
    this.#events.removeEventListener(event, this.#heard.get(act) ?? null);
  }
}

/**
 * The entry of the atlas nearest to the probe: in the plane on a boundary plane, which stands for whole fibres, and in
 * feature space on a section.
 * @param {Atlas} atlas @param {{size: number, values: Float64Array}} gram @param {Pose} pose
 * @returns {{entry: number, away: number}} entry -1 where the atlas is empty
 */
export function nearestEntry(atlas, gram, pose) {
  const square = pose.mode === "section" ? inSpace(atlas, gram, pose) : inPlane(atlas, pose);
  let [entry, least] = [-1, Infinity];
  for (let n = 0; n < square.length; n++) if (square[n] < least) [entry, least] = [n, square[n]];
  return { entry, away: Math.sqrt(Math.max(0, least)) };
}

/** @param {Atlas} atlas @param {Pose} pose */
function inPlane({ flat, places }, { probe: [s, t] }) {
  return Float64Array.from({ length: flat }, (_, n) => (places[2 * n] - s) ** 2 + (places[2 * n + 1] - t) ** 2);
}

/** @param {Atlas} atlas @param {{size: number, values: Float64Array}} gram @param {Pose} pose */
function inSpace({ count, products, squares }, gram, pose) {
  const point = onPlane(frameFrom(pose.frame), pose.probe);
  const own = inner(gram, point, point);
  const row = (/** @type {number} */ n) => products.subarray(n * gram.size, (n + 1) * gram.size);
  return Float64Array.from({ length: count }, (_, n) => own - 2 * dot(row(n), point) + squares[n]);
}

/** The class of the cell that the probe is in: the page claims no more. @param {Scene} scene @param {Pose} pose */
function drawnClass({ C, bias, norms, boundary }, { mode, frame, probe }) {
  const section = mode === "section";
  const logits = planeLogits(C, bias, section ? frameFrom(frame) : boundary.frame);
  return readPoint(logits, norms, section ? null : boundary.classes, probe).classIndex;
}

/** Pixels of the whole sheet. @param {Atlas} atlas */
async function readSheet(atlas) {
  const image = new Image();
  image.src = atlas.sheet;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  ctx?.drawImage(image, 0, 0);
  return ctx;
}

/**
 * @param {any} page the parsed state @param {Record<string, {default: {render: (props: any) => void}}>} modules of the widgets
 * @param {(name: string) => HTMLElement} place
 */
export async function openPage(page, modules, place) {
  const { scene, atlas, poses, pose } = page;
  if (atlas) for (const name of ["places", "products", "squares"]) atlas[name] = typed(Float64Array, atlas[name]);
  const decoded = /** @type {Scene} */ (decodeScene(scene));
  const sheet = atlas && (await readSheet(atlas));
  let kernelIds = pose.id;
  let looks = 0;

  const panel = new PageModel({ content: {}, error: {} });
  const slice = new PageModel({ scene, pose, answer: {}, error: {}, stats: {} }, answer, () => {
    slice.set("answer", { ...slice.get("answer"), message: "Pulling the plane through a sample needs Python." });
  });
  const toolbar = new PageModel({ mode: pose.mode, reset: 0 }, turn);
  let resets = 0;

  function answer() {
    const asked = slice.get("pose");
    if (toolbar.get("mode") !== asked.mode) toolbar.set("mode", asked.mode);
    slice.set("answer", { id: asked.id, classIndex: drawnClass(decoded, asked), landing: null, seen: null, message: "" });
    if (atlas) panel.set("content", content(nearestEntry(atlas, decoded.gram, asked)));
  }

  /** The toolbar's mode or reset button: the pose that the kernel proposed when the page was saved. */
  function turn() {
    const [mode, count] = [toolbar.get("mode"), toolbar.get("reset")];
    if (mode === slice.get("pose").mode && count === resets) return;
    resets = count;
    slice.set("pose", { ...poses[mode], id: --kernelIds });
    answer();
  }

  /** @param {{entry: number, away: number}} found */
  function content({ entry, away }) {
    const { columns, width, height } = atlas;
    if (entry < 0) return { id: ++looks, title: "Image", placeholder: "The atlas has no image for this plane.", facts: [] };
    const seen = scene.classNames[atlas.seen[entry]];
    const tile = atlas.tiles[entry];
    const corner = [width * (tile % columns), height * Math.floor(tile / columns)];
    const pixels = sheet.getImageData(corner[0], corner[1], width, height).data.buffer;
    return {
      id: ++looks,
      title: "Nearest image of the atlas",
      image: { width, height, channels: 4, pixels },
      facts: [away.toFixed(2), seen, atlas.residuals[entry], atlas.typical, atlas.source].map((value, k) => {
        const [name, hint] = atlas.facts[k];
        return [name, value, hint];
      }),
      alt: `Nearest image of the atlas, seen by the model as ${seen}`,
    };
  }

  answer();
  /** @type {[string, PageModel][]} */
  const shown = [["toolbar", toolbar], ["slice_view", slice]];
  if (atlas) shown.push(["image_panel", panel]);
  for (const [name, model] of shown) modules[name].default.render({ model, el: place(name) });
  // Drawn colours follow the system's light or dark theme.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.body.classList.toggle("fsw-turned"));
}
