// A saved page: reads its state and opens the notebook's own widgets, whose modules it holds.

/** JSON with {"$bytes": base64} for binary values. @param {string} text */
function parse(text) {
  return JSON.parse(text, (_, value) => {
    if (typeof value?.$bytes !== "string") return value;
    return new DataView(Uint8Array.from(atob(value.$bytes), (letter) => letter.charCodeAt(0)).buffer);
  });
}

/** @param {string} text of an ES module */
async function imported(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** @param {string} id */
const place = (id) => /** @type {HTMLElement} */ (document.getElementById(`fsw-${id}`));

try {
  const page = parse(place("state").textContent ?? "");
  /** @type {Record<string, any>} */
  const modules = {};
  for (const [name, text] of Object.entries(page.modules)) modules[name] = await imported(/** @type {string} */ (text));
  await modules.slice_view.openPage(page, modules, place);
} catch (error) {
  place("failure").textContent = `This page could not be opened: ${error}`;
  throw error;
}

export {}; // for the type checker: a module
