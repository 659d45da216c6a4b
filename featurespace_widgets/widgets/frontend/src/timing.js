// Frame times and kernel round trips as they really were.

/** @param {ArrayLike<number>} values @param {number} share */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : 0;
}

/** A frame later than this belongs to a new movement and says nothing about speed. */
const PAUSE = 100;
const ENOUGH = 10;
const KEPT = 240;

export class FrameTimes {
  constructor() {
    this.frames = 0;
    this.last = -Infinity;
    /** @type {number[]} milliseconds of computing and drawing */
    this.work = [];
    /** @type {number[]} milliseconds between frames of one movement */
    this.gaps = [];
  }

  /** @param {number} start of the frame @param {number} end @param {boolean} steady whether frames follow a moving pointer */
  record(start, end, steady) {
    this.frames++;
    push(this.work, end - start);
    if (steady && start - this.last < PAUSE) push(this.gaps, start - this.last);
    this.last = steady ? start : -Infinity;
  }

  /** Frames per second of the latest movement, 0 before there are enough. */
  get rate() {
    return this.gaps.length < ENOUGH ? 0 : Math.round(1000 / quantile(this.gaps.slice(-60), 0.5));
  }

  /** @param {number[]} roundTrips */
  summary(roundTrips) {
    return {
      frames: this.frames,
      p50: quantile(this.work, 0.5),
      p95: quantile(this.work, 0.95),
      gapP50: quantile(this.gaps, 0.5),
      gapP95: quantile(this.gaps, 0.95),
      roundTrips: roundTrips.length,
      rtP50: quantile(roundTrips, 0.5),
      rtP95: quantile(roundTrips, 0.95),
    };
  }
}

/** @param {number[]} list @param {number} value */
function push(list, value) {
  list.push(value);
  if (list.length > KEPT) list.shift();
}
