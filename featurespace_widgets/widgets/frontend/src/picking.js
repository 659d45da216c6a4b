// Which of many places is under the pointer.

/** @import {Point} from "./types.js" */
/** @import {Viewport} from "./viewport.js" */

/**
 * The place nearest to a point of the screen, the later one of two at the same distance.
 *
 * @param {number} count
 * @param {(index: number) => Point} place in plane coordinates
 * @param {Point} at on the screen
 * @param {number} reach pixels
 * @param {Viewport} viewport
 * @returns {number} its index, -1 if none is within reach
 */
export function nearestPlace(count, place, at, reach, viewport) {
  let [found, least] = [-1, reach];
  for (let i = 0; i < count; i++) {
    const [x, y] = viewport.toScreen(place(i));
    const away = Math.hypot(x - at[0], y - at[1]);
    if (away <= least) [found, least] = [i, away];
  }
  return found;
}
