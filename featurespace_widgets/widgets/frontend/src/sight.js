// Whether anything of an explorer is on a screen: for nobody the kernel works nothing out.

/** @import {Model} from "./types.js" */

import { atEnd, onChange } from "./host.js";

/**
 * Keeps the trait `seen` true while this view's surroundings are in sight, and takes it back once they are not. Another
 * view that is still in sight, in this page or in another one, sets it again.
 * @param {Model} model @param {Element} surroundings @param {AbortSignal} signal
 */
export function tellSight(model, surroundings, signal) {
  let near = true;
  const seen = () => near && !document.hidden;
  function tell() {
    const value = seen();
    if (model.get("seen") === value) return;
    model.set("seen", value);
    model.save_changes();
  }
  const watched = new IntersectionObserver((entries) => {
    near = entries[entries.length - 1].isIntersecting;
    tell();
  });
  watched.observe(surroundings);
  document.addEventListener("visibilitychange", tell, { signal });
  onChange(model, "seen", signal, () => seen() && tell());
  atEnd(signal, () => watched.disconnect());
}
