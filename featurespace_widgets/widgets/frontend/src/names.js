// Class names in their regions, where they fit and cover no marker.

import { area, centroid, clipBy, contains } from "./polygon.js";

/** @import {Cell, Point} from "./types.js" */
/** @import {Theme} from "./theme.js" */
/** @import {Viewport} from "./viewport.js" */

/** @typedef {{text: string, at: Point, classIndex: number}} Name */

const MOST = 40;
const HALF_HEIGHT = 12;
/** Room between a name and a marker, wished for and at least. */
const ROOM = [56, 26];

/**
 * @param {CanvasRenderingContext2D} ctx to measure with @param {Cell[]} cells @param {Float64Array} halfPlanes of the domain
 * @param {string[]} classNames @param {Viewport} viewport @param {Theme} theme @param {Point[]} markers on the screen
 * @returns {Name[]}
 */
export function placeNames(ctx, cells, halfPlanes, classNames, viewport, theme, markers) {
  ctx.font = nameFont(theme);
  const largest = [...cells].sort((a, b) => area(b.polygon) - area(a.polygon)).slice(0, MOST);
  return largest.flatMap(({ classIndex, polygon }) => {
    const text = classNames[classIndex];
    const half = ctx.measureText(text).width / 2 + 6;
    const inside = viewport.polygon(clipBy(polygon, halfPlanes));
    const at = findPlace(inside, half, markers) ?? findPlace(viewport.polygon(polygon), half, markers);
    return at ? [{ text, at, classIndex }] : [];
  });
}

/** @param {CanvasRenderingContext2D} ctx @param {Name[]} names @param {Theme} theme */
export function drawNames(ctx, names, theme) {
  ctx.font = nameFont(theme);
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4;
  for (const { text, at, classIndex } of names) {
    const paint = theme.paint(classIndex);
    ctx.strokeStyle = paint.fill;
    ctx.strokeText(text, at[0], at[1]);
    ctx.fillStyle = paint.text;
    ctx.fillText(text, at[0], at[1]);
  }
}

/** @param {Theme} theme */
const nameFont = (theme) => `600 13px ${theme.font}`;

/**
 * The place nearest to the centroid, on the way to the corners, where a name fits.
 * @param {Float64Array} polygon on the screen @param {number} half half the name's width @param {Point[]} markers @returns {Point | null}
 */
function findPlace(polygon, half, markers) {
  const [cx, cy] = centroid(polygon);
  for (const room of ROOM) {
    for (const share of [0, 0.25, 0.4, 0.55, 0.7, 0.8]) {
      for (let i = 0; i < polygon.length; i += 2) {
        /** @type {Point} */
        const at = [cx + share * (polygon[i] - cx), cy + share * (polygon[i + 1] - cy)];
        if (isFree(at, half, room, markers) && fits(polygon, at, half)) return at;
        if (!share) break;
      }
    }
  }
  return null;
}

/** @param {Float64Array} polygon @param {Point} at @param {number} half */
const fits = (polygon, [x, y], half) =>
  [[-half, -HALF_HEIGHT], [half, -HALF_HEIGHT], [half, HALF_HEIGHT], [-half, HALF_HEIGHT]].every(([dx, dy]) => contains(polygon, [x + dx, y + dy]));

/** Marker labels stretch to the right of their marker. @param {Point} at @param {number} half @param {number} room @param {Point[]} markers */
const isFree = ([x, y], half, room, markers) => markers.every(([mx, my]) => Math.abs(my - y) > room || mx > x + half + room || mx + 110 < x - half);
