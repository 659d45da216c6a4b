// What every widget shares with its host: life time, elements, the error card.

/** @import {ErrorCard, Model} from "./types.js" */

/** One signal ends everything a view started, whether the host aborts or calls the clean-up. @param {AbortSignal} [host] */
export function lifetime(host) {
  const controller = new AbortController();
  host?.addEventListener("abort", () => controller.abort(), { signal: controller.signal });
  return controller;
}

/** @param {AbortSignal} signal @param {() => void} act once it ends */
export function atEnd(signal, act) {
  signal.addEventListener("abort", act);
}

/** Acts when the host's theme changes. @param {AbortSignal} signal @param {() => void} act */
export function onTheme(signal, act) {
  const watched = new MutationObserver(act);
  watched.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
  atEnd(signal, () => watched.disconnect());
}

/** Tells the kernel something. @param {Model} model @param {unknown} content @returns {boolean} whether the host took it: not from a dead kernel's view */
export function tell(model, content) {
  try {
    model.send?.(content);
    return true;
  } catch {
    return false;
  }
}

/**
 * Hears an event for as long as the signal lasts.
 * @template {keyof GlobalEventHandlersEventMap} Name
 * @param {HTMLElement} node @param {Name} event
 * @param {(event: GlobalEventHandlersEventMap[Name]) => void} act @param {AbortSignal} signal
 */
export function listen(node, event, act, signal) {
  node.addEventListener(event, act, { signal });
}

/** @param {Model} model @param {string} name of the trait @param {AbortSignal} signal @param {() => void} act */
export function onChange(model, name, signal, act) {
  const event = `change:${name}`;
  model.on(event, act);
  atEnd(signal, () => model.off(event, act));
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {string} className @param {(Node | string)[]} children @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** A node whose keys are no shortcuts of the notebook. @template {HTMLElement} Node @param {Node} node @returns {Node} */
export function keepKeys(node) {
  node.dataset.lmSuppressShortcuts = "true";
  return node;
}

/** Keys pressed inside do not reach the notebook or the slice. @param {HTMLElement} root @param {AbortSignal} signal */
export function holdKeys(root, signal) {
  listen(root, "keydown", (event) => event.key !== "Tab" && event.stopPropagation(), signal);
}

/** Makes a node the named group of its controls. @param {HTMLElement} node @param {string} label */
export function group(node, label) {
  node.role = "group";
  node.ariaLabel = label;
}

/**
 * A control that says what it is for.
 * @template {"input" | "select"} Tag
 * @param {Tag} tag @param {string} className @param {string} label @returns {HTMLElementTagNameMap[Tag]}
 */
export function control(tag, className, label) {
  const node = keepKeys(element(tag, className));
  node.ariaLabel = label;
  return node;
}

/** A button whose keys are no shortcuts of the notebook. @param {string} className @param {string} text @param {string} [label] where the text does not say it */
export function button(className, text, label) {
  const node = keepKeys(element("button", className, text));
  node.type = "button";
  if (label) {
    node.title = label;
    node.ariaLabel = label;
  }
  return node;
}

/** @param {string} value @param {string} text */
export function option(value, text) {
  const node = element("option", "", text);
  node.value = value;
  return node;
}

/** Copies what a field holds; the button says how it went. @param {HTMLInputElement | HTMLTextAreaElement} field @param {HTMLButtonElement} node */
export async function copyText(field, node) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    node.textContent = "copied";
  } catch {
    node.textContent = "press Ctrl+C"; // pages without the right to write: the text is selected
  }
}

/**
 * Where a widget shows its trait `error`: what happened, what was received, what is allowed, what to do.
 * @param {Model} model @param {AbortSignal} signal @param {string} className
 */
export function errorPlace(model, signal, className) {
  const place = element("div", className);
  const show = () => place.replaceChildren(...errorCard(model.get("error")));
  onChange(model, "error", signal, show);
  show();
  return place;
}

/** The card, or nothing where there is no error. @param {ErrorCard | undefined} error */
function errorCard(error) {
  if (!error?.title) return [];
  const card = element("div", "fsw-error", element("strong", "", error.title));
  card.role = "alert";
  const list = element("dl", "");
  for (const [term, text] of [["received", error.received], ["allowed", error.allowed], ["to do", error.todo]]) {
    if (text) list.append(element("dt", "", String(term)), element("dd", "", String(text)));
  }
  card.append(list);
  return [card];
}
