// What every widget shares with its host: life time, elements, the error card.

/** @import {ErrorCard, Model} from "./types.js" */

/** One signal ends everything a view started, whether the host aborts or calls the clean-up. @param {AbortSignal} [host] */
export function lifetime(host) {
  const controller = new AbortController();
  host?.addEventListener("abort", () => controller.abort(), { once: true, signal: controller.signal });
  return controller;
}

/** @param {Model} model @param {string} name of the trait @param {AbortSignal} signal @param {() => void} act */
export function onChange(model, name, signal, act) {
  const event = `change:${name}`;
  model.on(event, act);
  signal.addEventListener("abort", () => model.off(event, act), { once: true });
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

/** A button whose keys are no shortcuts of the notebook. @param {string} className @param {string} text @param {string} [label] where the text does not say it */
export function button(className, text, label) {
  const node = element("button", className, text);
  node.type = "button";
  node.dataset.lmSuppressShortcuts = "true";
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

/** What happened, what was received, what is allowed, what to do; null where there is no error. @param {ErrorCard | undefined} error */
export function errorCard(error) {
  if (!error?.title) return null;
  const card = element("div", "fsw-error", element("strong", "", error.title));
  card.role = "alert";
  const list = element("dl", "");
  for (const [term, text] of [["received", error.received], ["allowed", error.allowed], ["to do", error.todo]]) {
    if (text) list.append(element("dt", "", String(term)), element("dd", "", String(text)));
  }
  card.append(list);
  return card;
}
