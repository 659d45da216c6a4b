// When to ask the kernel: at most one request in flight, the newest one wins, each has an id. Pure: time is passed in.

import { quantile } from "./timing.js";

/** Milliseconds of a round trip from which a link is slow, and how many of the newest are asked. */
const SLOW = 250;
const RECENT = 10;

/**
 * @template T
 * @typedef {{id: number, payload: T}} Request
 */

/** @template T */
export class Scheduler {
  /** @type {{id: number, at: number} | null} */
  #inFlight;
  #patience;
  #retryAfter;

  /** @param {number} patience milliseconds until a kernel without answer counts as silent */
  constructor(patience = 5000) {
    this.#patience = patience;
    this.silent = false;
    /** @type {number[]} durations of answered requests, newest last */
    this.roundTrips = [];
    this.#inFlight = null;
    /** @type {{payload: T} | null} newest state the kernel has not been asked about */
    this.waiting = null;
    /** @type {T | null} */
    this.asked = null;
    this.lastId = 0;
    this.#retryAfter = patience;
  }

  /** Whether most of the newest answers took long. */
  get slow() {
    return quantile(this.roundTrips.slice(-RECENT), 0.5) > SLOW;
  }

  /**
   * New state. Returns the request to send now, or null while another one is in flight.
   * @param {T} payload @param {number} now @returns {Request<T> | null}
   */
  offer(payload, now) {
    if (!this.#inFlight) return this.#send(payload, now);
    this.waiting = { payload };
    return null;
  }

  /**
   * An answer came. Any answer shows that the kernel lives; only the one to the request in flight frees the way.
   * @param {number} id @param {number} now @returns {Request<T> | null} the next request to send
   */
  answer(id, now) {
    this.silent = false;
    if (this.#inFlight?.id !== id) return null;
    this.roundTrips.push(now - this.#inFlight.at);
    if (this.roundTrips.length > 200) this.roundTrips.shift();
    this.#inFlight = null;
    this.#retryAfter = this.#patience;
    return this.waiting ? this.#send(this.waiting.payload, now) : null;
  }

  /**
   * Time passes. After `patience` without answer the kernel is silent and the newest state is asked again, each time
   * after twice the wait, so that a busy kernel finds no backlog.
   * @param {number} now @returns {Request<T> | null} a retry to send
   */
  tick(now) {
    if (!this.#inFlight || now - this.#inFlight.at < this.#retryAfter) return null;
    this.silent = true;
    this.#retryAfter *= 2;
    const newest = this.waiting ? this.waiting.payload : /** @type {T} */ (this.asked);
    return this.#send(newest, now);
  }

  /** Ids stay above every id seen, also those of other views and of earlier pages. @param {number} id */
  notice(id) {
    this.lastId = Math.max(this.lastId, id);
  }

  /** Forgets what is under way: the scene has changed and old states mean nothing. */
  clear() {
    this.#inFlight = null;
    this.waiting = null;
    this.#retryAfter = this.#patience;
  }

  /** @param {T} payload @param {number} now @returns {Request<T>} */
  #send(payload, now) {
    this.#inFlight = { id: ++this.lastId, at: now };
    this.waiting = null;
    this.asked = payload;
    return { id: this.lastId, payload };
  }
}
