// src/cells.js
var ROUNDING = 2e-14;
function walkCells(logits, extent, classes = null) {
  const planes = gather(logits, classes);
  if (!planes.index.length) return [];
  const walk = begin(planes, extent);
  const [s0, s1, t0, t1] = extent;
  const queue = [winner(planes, (s0 + s1) / 2, (t0 + t1) / 2)];
  for (let v = 0; v < 4; v++) queue.push(winner(planes, walk.frame.x[v], walk.frame.y[v]));
  const seen = new Uint8Array(planes.index.length);
  const cells = [];
  for (let head = 0; head < queue.length; head++) {
    const i = queue[head];
    if (seen[i]) continue;
    seen[i] = 1;
    if (hasTwin(walk, i)) continue;
    const draft = tidy(carve(walk, i), walk.shortest);
    if (draft.x.length < 3) continue;
    const rivals = draft.edge.filter((j) => j >= 0);
    walk.edges.set(i, rivals);
    for (const j of rivals) {
      if (seen[j]) continue;
      const list = walk.known.get(j);
      if (list) list.push(i);
      else walk.known.set(j, [i]);
      queue.push(j);
    }
    cells.push(finished(planes, i, draft));
  }
  return cells;
}
function begin(planes, extent) {
  const [s0, s1, t0, t1] = extent;
  return {
    planes,
    frame: { x: [s0, s1, s1, s0], y: [t0, t0, t1, t1], edge: [-1, -1, -1, -1], settled: [false, false, false, false] },
    tolerance: ROUNDING * magnitude(planes, extent),
    shortest: 1e-13 * (s1 - s0 + t1 - t0),
    edges: /* @__PURE__ */ new Map(),
    known: /* @__PURE__ */ new Map(),
    agreed: /* @__PURE__ */ new Map()
  };
}
function gather(logits, classes) {
  const index = classes ? Int32Array.from(classes).sort() : Int32Array.from({ length: logits.length / 3 }, (_, k) => k);
  const planes = { index, c: new Float64Array(index.length), a: new Float64Array(index.length), b: new Float64Array(index.length) };
  for (let n = 0; n < index.length; n++) {
    const at = 3 * index[n];
    planes.c[n] = logits[at];
    planes.a[n] = logits[at + 1];
    planes.b[n] = logits[at + 2];
  }
  return planes;
}
function magnitude({ c, a, b }, [s0, s1, t0, t1]) {
  const s = Math.max(Math.abs(s0), Math.abs(s1));
  const t = Math.max(Math.abs(t0), Math.abs(t1));
  let largest = 0;
  for (let k = 0; k < c.length; k++) {
    largest = Math.max(largest, Math.abs(c[k]) + Math.abs(a[k]) * s + Math.abs(b[k]) * t);
  }
  return largest;
}
function winner({ c, a, b }, s, t) {
  let best = 0;
  let top = -Infinity;
  for (let k = 0; k < c.length; k++) {
    const value = c[k] + a[k] * s + b[k] * t;
    if (value > top) {
      top = value;
      best = k;
    }
  }
  return best;
}
var lead = ({ c, a, b }, i, j, s, t) => c[i] - c[j] + (a[i] - a[j]) * s + (b[i] - b[j]) * t;
function hasTwin({ planes, frame, tolerance, edges }, i) {
  for (const j of edges.keys()) {
    let v = 0;
    while (v < 4 && Math.abs(lead(planes, i, j, frame.x[v], frame.y[v])) <= 2 * tolerance) v++;
    if (v === 4) return true;
  }
  return false;
}
function carve(walk, i) {
  const { planes, tolerance } = walk;
  const rivals = new Set(walk.known.get(i));
  const near = new Set([...rivals].flatMap((j) => walk.edges.get(j) ?? []));
  let draft = { ...walk.frame, settled: [...walk.frame.settled] };
  for (const j of rivals) draft = cut(planes, draft, i, j);
  for (; ; ) {
    const vertex = draft.settled.indexOf(false);
    if (vertex < 0) return draft;
    const j = objector(walk, draft, vertex, i, near);
    if (j === i || rivals.has(j) || lead(planes, j, i, draft.x[vertex], draft.y[vertex]) <= tolerance) {
      draft.settled[vertex] = true;
    } else {
      rivals.add(j);
      draft = cut(planes, draft, i, j);
    }
  }
}
function objector({ planes, tolerance, shortest, agreed }, { x, y, edge }, vertex, i, near) {
  const [s, t] = [x[vertex], y[vertex]];
  let [best, most] = [i, tolerance];
  for (const j2 of near) {
    const ahead = lead(planes, j2, i, s, t);
    if (ahead > most) [best, most] = [j2, ahead];
  }
  if (best !== i) return best;
  const [before, after] = [edge[(vertex || edge.length) - 1], edge[vertex]];
  const inner2 = before >= 0 && after >= 0;
  const key = inner2 ? tripleKey(i, before, after, planes.index.length) : -1;
  const met = agreed.get(key);
  if (met && Math.abs(met[0] - s) + Math.abs(met[1] - t) <= shortest) return i;
  const j = winner(planes, s, t);
  if (inner2 && lead(planes, j, i, s, t) <= tolerance) agreed.set(key, [s, t]);
  return j;
}
function tripleKey(i, j, k, K) {
  const low = Math.min(i, j, k);
  const high = Math.max(i, j, k);
  return (low * K + (i + j + k - low - high)) * K + high;
}
function cut(planes, draft, i, j) {
  const { x, y, edge, settled } = draft;
  const out = { x: [], y: [], edge: [], settled: [] };
  const push2 = (px, py, e, done) => {
    out.x.push(px);
    out.y.push(py);
    out.edge.push(e);
    out.settled.push(done);
  };
  const n = x.length;
  let next = n ? lead(planes, i, j, x[0], y[0]) : 0;
  const first = next;
  for (let v = 0; v < n; v++) {
    const w = v + 1 < n ? v + 1 : 0;
    const here = next;
    next = w ? lead(planes, i, j, x[w], y[w]) : first;
    if (here >= 0) push2(x[v], y[v], here === 0 && next < 0 ? j : edge[v], settled[v]);
    if (here > 0 && next < 0 || here < 0 && next > 0) {
      const share = here / (here - next);
      push2(x[v] + share * (x[w] - x[v]), y[v] + share * (y[w] - y[v]), here > 0 ? j : edge[v], false);
    }
  }
  return out;
}
function tidy(draft, shortest) {
  const { x, y, edge, settled } = draft;
  const keep = x.map((_, v) => {
    const w = (v + 1) % x.length;
    return Math.abs(x[w] - x[v]) + Math.abs(y[w] - y[v]) > shortest;
  });
  if (keep.every(Boolean)) return draft;
  const kept = (list) => list.filter((_, v) => keep[v]);
  return { x: kept(x), y: kept(y), edge: kept(edge), settled: kept(settled) };
}
function finished(planes, i, { x, y, edge }) {
  const polygon = new Float64Array(2 * x.length);
  for (let v = 0; v < x.length; v++) {
    polygon[2 * v] = x[v];
    polygon[2 * v + 1] = y[v];
  }
  return { classIndex: planes.index[i], polygon, neighbours: Int32Array.from(edge, (j) => j < 0 ? -1 : planes.index[j]) };
}

// src/host.js
function lifetime(host) {
  const controller = new AbortController();
  host?.addEventListener("abort", () => controller.abort(), { once: true, signal: controller.signal });
  return controller;
}
function onChange(model, name, signal, act) {
  const event = `change:${name}`;
  model.on(event, act);
  signal.addEventListener("abort", () => model.off(event, act), { once: true });
}
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
function errorCard(error) {
  if (!error?.title) return null;
  const card = element("div", "fsw-error", element("strong", "", error.title));
  card.setAttribute("role", "alert");
  const list = element("dl", "");
  for (const [term, text] of [["received", error.received], ["allowed", error.allowed], ["to do", error.todo]]) {
    if (text) list.append(element("dt", "", String(term)), element("dd", "", String(text)));
  }
  card.append(list);
  return card;
}

// src/chip.js
var GAP = 16;
var EDGE = 6;
function number(value) {
  if (!Number.isFinite(value)) return "\u2013";
  const size = Math.abs(value);
  return size >= 1e3 || size > 0 && size < 5e-3 ? value.toPrecision(2) : value.toFixed(2);
}
function chipText(state, reading, answer) {
  const { classNames, K, boundary, domain } = state.scene;
  const whole = state.mode === "section" || boundary.exactAll;
  const name = classNames[reading.classIndex] ?? "";
  const notes = [];
  if (!state.inDomain) notes.push(domain?.text ? `outside the domain (${domain.text})` : "outside the domain");
  if (answer && answer.classIndex !== reading.classIndex && !whole) notes.push(`among all ${K}: ${classNames[answer.classIndex]}`);
  return {
    name,
    scope: whole ? `exact for all ${K}` : `side exact for ${boundary.classes.length} classes`,
    detail: reading.nearest < 0 ? "no boundary" : `margin ${number(reading.margin)} \xB7 ${number(reading.distance)} to ${classNames[reading.nearest]}`,
    notes
  };
}
var Chip = class {
  constructor() {
    this.name = element("strong", "");
    this.scope = element("span", "fsw-chip-scope");
    this.detail = element("div", "fsw-chip-detail");
    this.notes = element("div", "fsw-chip-notes");
    this.node = element("div", "fsw-chip", element("div", "fsw-chip-head", this.name, this.scope), this.detail, this.notes);
    this.node.setAttribute("aria-hidden", "true");
    this.side = 0;
    this.shown = "";
    this.size = [0, 0];
  }
  /** @param {ReturnType<typeof chipText>} text @param {string} colour of the class name */
  write(text, colour) {
    const key = [text.name, text.scope, text.detail, colour, ...text.notes].join("\n");
    if (key === this.shown) return;
    this.shown = key;
    this.name.textContent = text.name;
    this.name.style.color = colour;
    this.scope.textContent = text.scope;
    this.detail.textContent = text.detail;
    this.notes.replaceChildren(...text.notes.map((note) => element("div", "", note)));
    this.size = [this.node.offsetWidth, this.node.offsetHeight];
  }
  /** @param {Point} probe on the screen @param {number} width @param {number} height of the stage @param {Point | null} landing */
  place(probe, width, height, landing) {
    const place = placeChip(probe, this.size, [width, height], landing, this.side);
    this.side = place.side;
    this.node.style.transform = `translate(${Math.round(place.x)}px, ${Math.round(place.y)}px)`;
  }
};
function placeChip([px, py], [w, h], [width, height], landing, side) {
  const slide = Math.min(Math.max(px - w / 2, EDGE), Math.max(EDGE, width - w - EDGE));
  const places = [
    [px + GAP, py - h - 4],
    [px - GAP - w, py - h - 4],
    [px + GAP, py + 4],
    [px - GAP - w, py + 4],
    [slide, py - h - GAP],
    [slide, py + GAP]
  ].map(([x, y], index) => ({ x, y, side: index }));
  const fits2 = places.filter(({ x, y }) => x >= EDGE && y >= EDGE && x + w <= width - EDGE && y + h <= height - EDGE);
  const clear = fits2.filter(({ x, y }) => !landing || landing[0] < x - 8 || landing[0] > x + w + 8 || landing[1] < y - 8 || landing[1] > y + h + 8);
  const choice = clear.length ? clear : fits2;
  return choice.find((place) => place.side === side) ?? choice[0] ?? places[py > height / 2 ? 4 : 5];
}

// src/dots.js
var RADIUS = 2.3;
var SHADES = [0.85, 0.6, 0.4, 0.24, 0.12];
var HIDDEN = 255;
var PHASES = 4;
function drawSamples(ctx, scene, plane, viewport, theme) {
  const { width: across, height: down } = ctx.canvas;
  const image = ctx.createImageData(across, down);
  const ratio = across / viewport.width;
  const pixels = new Uint32Array(image.data.buffer);
  const brush = makeBrush(RADIUS * ratio, across);
  const { reach } = brush;
  const { labels } = scene.samples;
  const { s, t } = plane.shadows;
  const shades = shadesOf(scene, plane);
  const scale = viewport.scale * ratio;
  for (let shade = SHADES.length - 1; shade >= 0; shade--) {
    for (let n = 0; n < shades.length; n++) {
      if (shades[n] !== shade) continue;
      const x = Math.round(PHASES * (across / 2 + (s[n] - viewport.cs) * scale));
      const y = Math.round(PHASES * (down / 2 - (t[n] - viewport.ct) * scale));
      const [column, line] = [Math.floor(x / PHASES), Math.floor(y / PHASES)];
      if (!(column >= reach && line >= reach && column + reach < across && line + reach < down)) continue;
      const phase = (y - PHASES * line) * PHASES + x - PHASES * column;
      stamp(pixels, brush, phase, line * across + column, theme.paint(labels[n]).dot, SHADES[shade]);
    }
  }
  ctx.putImageData(image, 0, 0);
}
function shadesOf({ samples, spread }, { shadows, classes }) {
  if (classes) return Uint8Array.from(samples.labels, (k) => classes.includes(k) ? 0 : HIDDEN);
  return Uint8Array.from(shadows.off, (off) => {
    const ratio = off / spread;
    return ratio < 0.35 ? 0 : ratio < 0.7 ? 1 : ratio < 1 ? 2 : ratio < 1.4 ? 3 : 4;
  });
}
function makeBrush(radius, width) {
  const reach = Math.ceil(radius + 1);
  const phases = Array.from({ length: PHASES * PHASES }, (_, phase) => {
    const [cx, cy] = [phase % PHASES / PHASES, Math.floor(phase / PHASES) / PHASES];
    const [steps, cover] = [[], []].map((list) => (
      /** @type {number[]} */
      list
    ));
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const inside = radius + 0.5 - Math.hypot(dx + 0.5 - cx, dy + 0.5 - cy);
        if (inside <= 0) continue;
        steps.push(dy * width + dx);
        cover.push(Math.min(inside, 1));
      }
    }
    return { steps: Int32Array.from(steps), cover: Float64Array.from(cover) };
  });
  return { reach, phases };
}
function stamp(pixels, brush, phase, centre, [r, g, b], opacity) {
  const { steps, cover } = brush.phases[phase];
  const plain = b << 16 | g << 8 | r;
  for (let i = 0; i < steps.length; i++) {
    const at = centre + steps[i];
    const alpha = cover[i] * opacity;
    const old = pixels[at];
    if (!old) {
      pixels[at] = 255 * alpha << 24 | plain;
      continue;
    }
    const under = (old >>> 24) / 255 * (1 - alpha);
    const total = alpha + under;
    const mine = alpha / total;
    const rest = 1 - mine;
    pixels[at] = 255 * total << 24 | b * mine + (old >>> 16 & 255) * rest << 16 | g * mine + (old >>> 8 & 255) * rest << 8 | r * mine + (old & 255) * rest;
  }
}

// src/keys.js
var STEP = 0.01;
var BIG_STEP = 0.05;
var ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
function listenKeys(root, actions, signal) {
  const commands = {
    h: actions.cycle,
    "+": () => actions.zoom(1 / 1.25),
    "=": () => actions.zoom(1 / 1.25),
    "-": () => actions.zoom(1.25),
    0: actions.reset,
    m: actions.toggleMode,
    p: actions.pullNearest,
    "?": () => actions.help(),
    Escape: () => actions.help(false)
  };
  function press(event) {
    if (event.key === "Tab") return;
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const size = event.shiftKey ? BIG_STEP : STEP;
    const act = arrow ? () => actions.step(arrow[0] * size, arrow[1] * size) : commands[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
  root.addEventListener("keydown", press, { signal });
}

// src/polygon.js
var windowPolygon = ([s0, s1, t0, t1]) => Float64Array.of(s0, t0, s1, t0, s1, t1, s0, t1);
function area(polygon) {
  let twice = 0;
  for (let i = 0; i < polygon.length; i += 2) {
    const j = (i + 2) % polygon.length;
    twice += polygon[i] * polygon[j + 1] - polygon[j] * polygon[i + 1];
  }
  return twice / 2;
}
function centroid(polygon) {
  let [x, y, twice] = [0, 0, 0];
  const [x0, y0] = polygon;
  for (let i = 0; i < polygon.length; i += 2) {
    const j = (i + 2) % polygon.length;
    const [ax, ay, bx, by] = [polygon[i] - x0, polygon[i + 1] - y0, polygon[j] - x0, polygon[j + 1] - y0];
    const cross = ax * by - bx * ay;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
    twice += cross;
  }
  return twice ? [x0 + x / (3 * twice), y0 + y / (3 * twice)] : [x0, y0];
}
function contains(polygon, [x, y]) {
  let inside = false;
  for (let i = 0, j = polygon.length - 2; i < polygon.length; j = i, i += 2) {
    const above = polygon[i + 1] > y;
    if (above === polygon[j + 1] > y) continue;
    const crossing = polygon[i] + (y - polygon[i + 1]) / (polygon[j + 1] - polygon[i + 1]) * (polygon[j] - polygon[i]);
    if (x < crossing) inside = !inside;
  }
  return inside;
}
function clip(polygon, nx, ny, h) {
  const out = [];
  const n = polygon.length;
  for (let i = 0; i < n; i += 2) {
    const j = (i + 2) % n;
    const here = h - nx * polygon[i] - ny * polygon[i + 1];
    const next = h - nx * polygon[j] - ny * polygon[j + 1];
    if (here >= 0) out.push(polygon[i], polygon[i + 1]);
    if (here > 0 && next < 0 || here < 0 && next > 0) {
      const share = here / (here - next);
      out.push(polygon[i] + share * (polygon[j] - polygon[i]), polygon[i + 1] + share * (polygon[j + 1] - polygon[i + 1]));
    }
  }
  return Float64Array.from(out);
}
function clipBy(polygon, halfPlanes) {
  let left = polygon;
  for (let i = 0; i < halfPlanes.length && left.length; i += 3) {
    left = clip(left, halfPlanes[i], halfPlanes[i + 1], halfPlanes[i + 2]);
  }
  return left.length < 6 ? new Float64Array(0) : left;
}
function satisfies(halfPlanes, [s, t], slack = 1e-9) {
  for (let i = 0; i < halfPlanes.length; i += 3) {
    const reach = Math.abs(halfPlanes[i]) + Math.abs(halfPlanes[i + 1]) + Math.abs(halfPlanes[i + 2]);
    if (halfPlanes[i] * s + halfPlanes[i + 1] * t > halfPlanes[i + 2] + slack * (1 + reach)) return false;
  }
  return true;
}
function domainHalfPlanes({ rows, lower, upper }, [o, u, v]) {
  const out = [];
  const m = o.length;
  for (let r = 0; r < lower.length; r++) {
    let [at, a, b, scale] = [0, 0, 0, 0];
    for (let j = 0; j < m; j++) {
      const value = rows[r * m + j];
      at += value * o[j];
      a += value * u[j];
      b += value * v[j];
      scale += Math.abs(value * o[j]) + Math.abs(value * u[j]) + Math.abs(value * v[j]);
    }
    const flat = Math.abs(a) + Math.abs(b) <= 1e-12 * scale;
    for (const [sign, bound] of [[1, upper[r]], [-1, -lower[r]]]) {
      const h = bound - sign * at;
      if (!Number.isFinite(bound) || flat && h >= -1e-9 * (1 + scale)) continue;
      out.push(flat ? 0 : sign * a, flat ? 0 : sign * b, h);
    }
  }
  return Float64Array.from(out);
}

// src/colour.js
function parseColour(text, fallback) {
  const value = text.trim();
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(value)?.[1];
  if (hex) {
    const full = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
    return [parseInt(full.slice(0, 2), 16), parseInt(full.slice(2, 4), 16), parseInt(full.slice(4, 6), 16)];
  }
  const parts = /^rgba?\(([^)]+)\)$/.exec(value)?.[1].split(/[\s,/]+/).map(Number);
  return parts && parts.length >= 3 ? [parts[0], parts[1], parts[2]] : fallback;
}
var css = ([r, g, b], alpha = 1) => `rgba(${Math.round(r)},${Math.round(g)},${Math.round(b)},${alpha})`;
var mix = (from, to, share) => [
  from[0] + share * (to[0] - from[0]),
  from[1] + share * (to[1] - from[1]),
  from[2] + share * (to[2] - from[2])
];
function luminance(colour) {
  const [r, g, b] = colour.map((value) => {
    const x = value / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}
function legible(colour, ground, ratio) {
  const end = luminance(ground) > 0.18 ? [0, 0, 0] : [255, 255, 255];
  let share = 0;
  while (share < 1 && contrast(mix(colour, end, share), ground) < ratio) share += 0.04;
  return mix(colour, end, Math.min(share, 1));
}

// src/regions.js
var HATCH_GAP = 11;
function trace(ctx, polygon) {
  for (let i = 0; i < polygon.length; i += 2) {
    if (i) ctx.lineTo(polygon[i], polygon[i + 1]);
    else ctx.moveTo(polygon[i], polygon[i + 1]);
  }
  ctx.closePath();
}
function drawCells(ctx, cells, viewport, theme) {
  for (const cell of cells) {
    const paint = theme.paint(cell.classIndex);
    const polygon = viewport.polygon(cell.polygon);
    ctx.beginPath();
    trace(ctx, polygon);
    ctx.fillStyle = paint.fill;
    ctx.fill();
    ctx.beginPath();
    hatch(ctx, polygon, hatchAngle(cell.classIndex), viewport.toScreen([0, 0]));
    ctx.strokeStyle = paint.hatch;
    ctx.lineWidth = 1;
    ctx.stroke();
  }
  ctx.beginPath();
  for (const { classIndex, polygon, neighbours } of cells) boundaries(ctx, viewport.polygon(polygon), neighbours, classIndex);
  ctx.strokeStyle = css(mix(theme.text, theme.ground, 0.25));
  ctx.lineWidth = 1.2;
  ctx.stroke();
}
var hatchAngle = (classIndex) => (0.3 + classIndex * 0.381966) % 1 * Math.PI;
function hatch(ctx, polygon, angle, origin) {
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const level = (i) => dx * (polygon[i + 1] - origin[1]) - dy * (polygon[i] - origin[0]);
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < polygon.length; i += 2) {
    low = Math.min(low, level(i));
    high = Math.max(high, level(i));
  }
  for (let at = Math.ceil(low / HATCH_GAP) * HATCH_GAP; at < high; at += HATCH_GAP) {
    let ends = 0;
    for (let i = 0; i < polygon.length && ends < 2; i += 2) {
      const j = (i + 2) % polygon.length;
      const [a, b] = [level(i) - at, level(j) - at];
      if (a < 0 === b < 0) continue;
      const share = a / (a - b);
      const x = polygon[i] + share * (polygon[j] - polygon[i]);
      const y = polygon[i + 1] + share * (polygon[j + 1] - polygon[i + 1]);
      if (ends++) ctx.lineTo(x, y);
      else ctx.moveTo(x, y);
    }
  }
}
function boundaries(ctx, polygon, neighbours, own) {
  for (let e = 0; e < neighbours.length; e++) {
    if (neighbours[e] < own) continue;
    const j = (2 * e + 2) % polygon.length;
    ctx.moveTo(polygon[2 * e], polygon[2 * e + 1]);
    ctx.lineTo(polygon[j], polygon[j + 1]);
  }
}
function drawDomain(ctx, halfPlanes, viewport, theme) {
  if (!halfPlanes.length) return;
  const [s0, s1, t0, t1] = viewport.extent;
  const rim = (s1 - s0) * 0.02;
  const inside = viewport.polygon(clipBy(windowPolygon([s0 - rim, s1 + rim, t0 - rim, t1 + rim]), halfPlanes));
  ctx.beginPath();
  ctx.rect(0, 0, viewport.width, viewport.height);
  trace(ctx, inside);
  ctx.fillStyle = css(theme.dark ? mix(theme.ground, [0, 0, 0], 0.4) : mix(theme.ground, theme.text, 0.2), 0.56);
  ctx.fill("evenodd");
  ctx.beginPath();
  trace(ctx, inside);
  ctx.strokeStyle = css(theme.quiet);
  ctx.lineWidth = 1.5;
  ctx.setLineDash([6, 4]);
  ctx.stroke();
  ctx.setLineDash([]);
}

// src/markers.js
var PROBE_RADIUS = 8;
function drawPolytope(ctx, cell, state, viewport, theme) {
  if (!cell) return;
  const inside = state.inDomain;
  const polygon = inside ? clipBy(cell.polygon, state.plane.halfPlanes) : cell.polygon;
  ctx.beginPath();
  trace(ctx, viewport.polygon(polygon));
  ctx.strokeStyle = theme.paint(cell.classIndex).ink;
  ctx.lineWidth = inside ? 3 : 1.5;
  ctx.lineJoin = "round";
  ctx.stroke();
}
function drawMembers(ctx, state, viewport, theme) {
  const { scene, plane, handles, selected } = state;
  const places = handles.map((handle) => viewport.toScreen(handle));
  const taken = [];
  const label = (text, x, y) => {
    ctx.font = `12px ${theme.font}`;
    const box = { left: x, right: x + ctx.measureText(text).width, middle: y };
    if (taken.some((other) => overlap(box, other))) return;
    taken.push(box);
    write(ctx, text, x, y, theme);
  };
  places.forEach(([x, y], i) => {
    square(ctx, x, y, 8.5, theme, i === selected);
    ctx.font = `600 11px ${theme.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = css(theme.text);
    ctx.fillText(String(i + 1), x, y + 0.5);
    label(scene.section?.labels[i] ?? "", x + 14, y);
  });
  const nearest = [...plane.members].sort((a, b) => a.off - b.off);
  for (const member of nearest) {
    const [x, y] = viewport.toScreen(member.at);
    if (places.some(([hx, hy]) => Math.hypot(hx - x, hy - y) < 10)) continue;
    ctx.globalAlpha = state.mode === "section" ? Math.max(0.35, Math.exp(-member.off / scene.spread)) : 1;
    square(ctx, x, y, 5.5, theme, false);
    label(member.label, x + 11, y);
  }
  ctx.globalAlpha = 1;
}
var overlap = (a, b) => Math.abs(a.middle - b.middle) < 14 && a.left < b.right + 4 && b.left < a.right + 4;
function square(ctx, x, y, half, theme, selected) {
  ctx.beginPath();
  ctx.roundRect(x - half, y - half, 2 * half, 2 * half, 3);
  ctx.fillStyle = css(theme.ground);
  ctx.fill();
  ctx.strokeStyle = css(theme.text);
  ctx.lineWidth = selected ? 2.6 : 1.6;
  ctx.stroke();
}
function write(ctx, text, x, y, theme) {
  ctx.font = `12px ${theme.font}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 3;
  ctx.strokeStyle = theme.halo;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = css(theme.text);
  ctx.fillText(text, x, y);
}
function drawLanding(ctx, [s, t, off], state, viewport, theme) {
  const [x, y] = viewport.toScreen([s, t]);
  const [px, py] = viewport.toScreen(state.probe);
  const ring = Math.min(8 + 14 * off / state.scene.spread, 60);
  ctx.strokeStyle = css(theme.text);
  ctx.lineWidth = 1;
  ctx.setLineDash([3, 3]);
  ctx.beginPath();
  ctx.moveTo(px, py);
  ctx.lineTo(x, y);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 0.55;
  ctx.beginPath();
  ctx.arc(x, y, ring, 0, 2 * Math.PI);
  ctx.stroke();
  ctx.globalAlpha = 1;
  for (
    const [style, width] of
    /** @type {[string, number][]} */
    [[theme.halo, 5], [css(theme.text), 2.2]]
  ) {
    ctx.strokeStyle = style;
    ctx.lineWidth = width;
    ctx.beginPath();
    ctx.moveTo(x - 4.5, y - 4.5);
    ctx.lineTo(x + 4.5, y + 4.5);
    ctx.moveTo(x + 4.5, y - 4.5);
    ctx.lineTo(x - 4.5, y + 4.5);
    ctx.stroke();
  }
}
function drawProbe(ctx, [x, y], classIndex, selected, theme) {
  if (selected) {
    ctx.beginPath();
    ctx.arc(x, y, PROBE_RADIUS + 5, 0, 2 * Math.PI);
    ctx.strokeStyle = css(theme.text, 0.35);
    ctx.lineWidth = 1.5;
    ctx.stroke();
  }
  ctx.beginPath();
  ctx.arc(x, y, PROBE_RADIUS, 0, 2 * Math.PI);
  ctx.fillStyle = theme.paint(classIndex).solid;
  ctx.fill();
  ctx.strokeStyle = css(theme.ground);
  ctx.lineWidth = 4;
  ctx.stroke();
  ctx.beginPath();
  ctx.arc(x, y, PROBE_RADIUS + 1, 0, 2 * Math.PI);
  ctx.strokeStyle = css(theme.text);
  ctx.lineWidth = 1.4;
  ctx.stroke();
}

// src/names.js
var MOST = 40;
var HALF_HEIGHT = 12;
function placeNames(ctx, cells, halfPlanes, classNames, viewport, theme, markers) {
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
function drawNames(ctx, names, theme) {
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
var nameFont = (theme) => `600 13px ${theme.font}`;
function findPlace(polygon, half, markers) {
  const [cx, cy] = centroid(polygon);
  for (const share of [0, 0.25, 0.4, 0.55, 0.7, 0.8]) {
    for (let i = 0; i < polygon.length; i += 2) {
      const at = [cx + share * (polygon[i] - cx), cy + share * (polygon[i + 1] - cy)];
      if (isFree(at, half, markers) && fits(polygon, at, half)) return at;
      if (!share) break;
    }
  }
  return null;
}
var fits = (polygon, [x, y], half) => [[-half, -HALF_HEIGHT], [half, -HALF_HEIGHT], [half, HALF_HEIGHT], [-half, HALF_HEIGHT]].every(([dx, dy]) => contains(polygon, [x + dx, y + dy]));
var isFree = ([x, y], half, markers) => markers.every(([mx, my]) => Math.abs(my - y) > 26 || mx > x + half + 14 || mx + 110 < x - half);

// src/pointer.js
var STILL = 4;
var REACH = { mouse: 14, pen: 18, touch: 26 };
function listenPointer(stage, gestures, signal) {
  const down = /* @__PURE__ */ new Map();
  let held = null;
  let start = [0, 0];
  let moved = false;
  let pinched = false;
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return (
      /** @type {Point} */
      [event.clientX - box.left, event.clientY - box.top]
    );
  };
  function press(event) {
    if (event.button || isControl(event)) return;
    stage.setPointerCapture?.(event.pointerId);
    down.set(event.pointerId, at(event));
    if (down.size > 1) {
      gestures.release();
      [held, pinched] = [null, true];
      return;
    }
    [start, moved, pinched] = [at(event), false, false];
    held = gestures.pick(start, REACH[
      /** @type {keyof typeof REACH} */
      event.pointerType
    ] ?? REACH.mouse);
    gestures.grab(held);
  }
  function move(event) {
    const before = down.get(event.pointerId);
    if (!before) {
      stage.style.cursor = gestures.pick(at(event), REACH.mouse) === null ? "" : "grab";
      return;
    }
    const now = at(event);
    down.set(event.pointerId, now);
    moved ||= Math.hypot(now[0] - start[0], now[1] - start[1]) > STILL;
    if (down.size > 1) pinch(event.pointerId, before, now);
    else if (held !== null) gestures.drag(held, now);
    else if (moved && !pinched) gestures.pan(now[0] - before[0], now[1] - before[1]);
  }
  function pinch(id, before, now) {
    const [, other] = [...down].find(([key]) => key !== id) ?? [];
    if (!other) return;
    const spread = (p) => Math.max(1, Math.hypot(p[0] - other[0], p[1] - other[1]));
    gestures.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    gestures.zoom([(now[0] + other[0]) / 2, (now[1] + other[1]) / 2], spread(before) / spread(now));
  }
  function lift(event) {
    if (!down.delete(event.pointerId) || down.size) return;
    if (!moved && !pinched && held === null && event.type === "pointerup") gestures.click(at(event));
    gestures.release();
    held = null;
  }
  function wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    gestures.zoom(at(event), Math.exp(Math.min(Math.max(event.deltaY * lines, -240), 240) * 16e-4));
  }
  const options = { signal };
  stage.addEventListener("pointerdown", press, options);
  stage.addEventListener("pointermove", move, options);
  stage.addEventListener("pointerup", lift, options);
  stage.addEventListener("pointercancel", lift, options);
  stage.addEventListener("wheel", wheel, { signal, passive: false });
  stage.addEventListener("dblclick", (event) => void (isControl(event) || gestures.doubleClick(at(event))), options);
}
var isControl = (event) => event.target instanceof Element && event.target.closest("button, .fsw-help, .fsw-error") !== null;

// src/scene.js
function typed(Type, source) {
  if (source instanceof ArrayBuffer) return new Type(source);
  if (source instanceof DataView) return new Type(
    /** @type {ArrayBuffer} */
    source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength)
  );
  return Type.from(source ?? []);
}
var frameFrom = (rows) => (
  /** @type {Frame} */
  rows.map((row) => Float64Array.from(row))
);
function decodeScene(raw) {
  if (!raw?.boundary) return null;
  const { domain, boundary, section } = raw;
  return {
    ...raw,
    bias: typed(Float64Array, raw.bias),
    C: typed(Float64Array, raw.C),
    gram: { size: raw.m, values: typed(Float64Array, raw.gram) },
    pairNorms: typed(Float32Array, raw.pairNorms),
    domain: domain && {
      rows: typed(Float64Array, domain.rows),
      lower: typed(Float64Array, domain.lower),
      upper: typed(Float64Array, domain.upper),
      text: domain.text
    },
    samples: decodeSamples(raw.samples),
    members: raw.members ?? [],
    boundary: {
      ...boundary,
      frame: frameFrom(boundary.frame),
      classes: Int32Array.from(boundary.classes),
      shadow: typed(Float64Array, boundary.shadow)
    },
    section: section ? { ...section, frame: frameFrom(section.frame) } : null
  };
}
function decodeSamples(raw) {
  return {
    count: raw?.count ?? 0,
    products: typed(Float32Array, raw?.products),
    squares: typed(Float32Array, raw?.squares),
    labels: typed(Uint16Array, raw?.labels),
    ids: typed(Uint32Array, raw?.ids)
  };
}
function projectSamples({ samples, gram }, [o, u, v]) {
  const { count, products, squares } = samples;
  const m = gram.size;
  let [oo, ou, ov] = [0, 0, 0];
  for (let i = 0, at = 0; i < m; i++) {
    for (let j = 0; j < m; j++, at++) {
      oo += o[i] * gram.values[at] * o[j];
      ou += o[i] * gram.values[at] * u[j];
      ov += o[i] * gram.values[at] * v[j];
    }
  }
  const shadows = { s: new Float32Array(count), t: new Float32Array(count), off: new Float32Array(count) };
  for (let n = 0, at = 0; n < count; n++) {
    let [xo, s, t] = [0, -ou, -ov];
    for (let j = 0; j < m; j++, at++) {
      const value = products[at];
      xo += value * o[j];
      s += value * u[j];
      t += value * v[j];
    }
    shadows.s[n] = s;
    shadows.t[n] = t;
    shadows.off[n] = Math.sqrt(Math.max(0, squares[n] - 2 * xo + oo - s * s - t * t));
  }
  return shadows;
}

// src/scheduler.js
var Scheduler = class {
  /** @param {number} patience milliseconds until a kernel without answer counts as silent */
  constructor(patience = 5e3) {
    this.patience = patience;
    this.silent = false;
    this.roundTrips = [];
    this.inFlight = null;
    this.waiting = null;
    this.asked = null;
    this.lastId = 0;
    this.retryAfter = patience;
  }
  /**
   * New state. Returns the request to send now, or null while another one is in flight.
   * @param {T} payload @param {number} now @returns {Request<T> | null}
   */
  offer(payload, now) {
    if (!this.inFlight) return this.#send(payload, now);
    this.waiting = { payload };
    return null;
  }
  /**
   * An answer came. Any answer shows that the kernel lives; only the one to the request in flight frees the way.
   * @param {number} id @param {number} now @returns {Request<T> | null} the next request to send
   */
  answer(id, now) {
    this.silent = false;
    if (this.inFlight?.id !== id) return null;
    this.roundTrips.push(now - this.inFlight.at);
    if (this.roundTrips.length > 200) this.roundTrips.shift();
    this.inFlight = null;
    this.retryAfter = this.patience;
    return this.waiting ? this.#send(this.waiting.payload, now) : null;
  }
  /**
   * Time passes. After `patience` without answer the kernel is silent and the newest state is asked again, each time
   * after twice the wait, so that a busy kernel finds no backlog.
   * @param {number} now @returns {Request<T> | null} a retry to send
   */
  tick(now) {
    if (!this.inFlight || now - this.inFlight.at < this.retryAfter) return null;
    this.silent = true;
    this.retryAfter *= 2;
    const newest = this.waiting ? this.waiting.payload : (
      /** @type {T} */
      this.asked
    );
    return this.#send(newest, now);
  }
  /** Ids stay above every id seen, also those of other views and of earlier pages. @param {number} id */
  notice(id) {
    this.lastId = Math.max(this.lastId, id);
  }
  /** Forgets what is under way: the scene has changed and old states mean nothing. */
  clear() {
    this.inFlight = null;
    this.waiting = null;
    this.retryAfter = this.patience;
  }
  /** @param {T} payload @param {number} now @returns {Request<T>} */
  #send(payload, now) {
    this.inFlight = { id: ++this.lastId, at: now };
    this.waiting = null;
    this.asked = payload;
    return { id: this.lastId, payload };
  }
};

// src/stage.js
var KEYS = [
  ["arrows", "move the selected thing (Shift: bigger steps)"],
  ["h", "select probe or handle 1, 2, 3"],
  ["+  \u2212", "zoom"],
  ["m", "boundary plane or section"],
  ["p", "pull the section through the nearest sample"],
  ["0", "reset"],
  ["?", "these keys; Escape closes"],
  ["click", "move the probe there; drag the ground to pan"],
  ["double click", "plane through a sample"]
];
var MIN_HEIGHT = 300;
var MAX_HEIGHT = 640;
var ASPECT = 0.78;
var Stage = class {
  constructor() {
    this.ground = element("canvas", "fsw-canvas");
    this.dots = element("canvas", "fsw-canvas");
    this.overlay = element("canvas", "fsw-canvas");
    this.chip = new Chip();
    this.chip.node.hidden = true;
    this.help = helpCard();
    this.notice = element("div", "fsw-notice");
    this.notice.setAttribute("role", "status");
    this.error = element("div", "fsw-error-slot");
    this.resetButton = tool("Reset the view", "reset");
    this.helpButton = tool("Keys", "?");
    this.stage = element(
      "div",
      "fsw-stage",
      this.ground,
      this.dots,
      this.overlay,
      this.chip.node,
      element("div", "fsw-tools", this.resetButton, this.helpButton),
      this.notice,
      this.help,
      this.error
    );
    this.hint = element("span", "fsw-hint");
    this.numbers = element("span", "fsw-numbers");
    this.live = element("div", "fsw-hidden");
    this.live.setAttribute("aria-live", "polite");
    this.root = element("div", "fsw-slice", this.stage, element("div", "fsw-status", this.hint, this.numbers), this.live);
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "application");
    this.root.setAttribute("aria-roledescription", "slice view");
    this.root.setAttribute("aria-label", "Slice through the feature space. Arrow keys move the probe, question mark lists the keys.");
    this.root.dataset.lmSuppressShortcuts = "true";
    this.width = 0;
    this.height = 0;
  }
  /** Fits the stage to its width. @returns {boolean} whether anything changed */
  fit() {
    const width = Math.floor(this.root.clientWidth);
    const height = Math.round(Math.min(Math.max(width * ASPECT, MIN_HEIGHT), MAX_HEIGHT));
    const ratio = window.devicePixelRatio || 1;
    const sharp = Math.round(width * ratio);
    if (!width || width === this.width && height === this.height && this.ground.width === sharp) return false;
    this.width = width;
    this.height = height;
    this.stage.style.height = `${height}px`;
    for (const canvas of [this.ground, this.dots, this.overlay]) {
      canvas.width = sharp;
      canvas.height = Math.round(height * ratio);
    }
    return true;
  }
  /** A cleared context in CSS pixels; null where the host has no canvas. @param {HTMLCanvasElement} canvas */
  context(canvas) {
    const ctx = canvas.getContext("2d");
    if (!ctx) return null;
    const ratio = canvas.width / (this.width || 1);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    return ctx;
  }
  /** @param {boolean} [open] without it: the other way round */
  toggleHelp(open = this.help.hidden) {
    this.help.hidden = !open;
    this.helpButton.setAttribute("aria-expanded", String(open));
  }
  /** @param {string} text shown over the stage; empty hides it */
  showNotice(text) {
    if (this.notice.textContent !== text) this.notice.textContent = text;
    this.notice.hidden = !text;
  }
  /** @param {ErrorCard | undefined} error */
  showError(error) {
    const card = errorCard(error);
    this.error.replaceChildren(...card ? [card] : []);
  }
};
function tool(label, text) {
  const button = element("button", "fsw-tool", text);
  button.type = "button";
  button.title = label;
  button.setAttribute("aria-label", label);
  return button;
}
function helpCard() {
  const list = element("dl", "");
  for (const [key, text] of KEYS) list.append(element("dt", "", key), element("dd", "", text));
  const card = element("div", "fsw-help", element("strong", "", "Keys and gestures"), list);
  card.hidden = true;
  return card;
}

// src/linear.js
function gramTimes(gram, x) {
  const { size, values } = gram;
  const out = new Float64Array(size);
  for (let i = 0, at = 0; i < size; i++) {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += values[at++] * x[j];
    out[i] = sum;
  }
  return out;
}
function dot(x, y) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}
var inner = (gram, x, y) => dot(x, gramTimes(gram, y));
var length = (gram, x) => Math.sqrt(Math.max(0, inner(gram, x, x)));
var plus = (x, scale, y) => x.map((value, i) => value + scale * y[i]);
function unitRow(size, column) {
  const row = new Float64Array(size);
  row[column] = 1;
  return row;
}
var onPlane = ([o, u, v], [s, t]) => o.map((value, i) => value + s * u[i] + t * v[i]);
function project(gram, [o, u, v], x) {
  const offset = gramTimes(gram, plus(x, -1, o));
  return [dot(offset, u), dot(offset, v)];
}
var distanceFrom = (gram, frame, x) => length(gram, plus(x, -1, onPlane(frame, project(gram, frame, x))));
function orthonormalised(gram, [o, u, v]) {
  const first = unit(gram, u);
  return [o, first, unit(gram, plus(v, -inner(gram, v, first), first))];
}
function unit(gram, x) {
  const size = length(gram, x);
  return x.map((value) => value / size);
}
function planeLogits(C, bias, [o, u, v]) {
  const m = o.length;
  const out = new Float64Array(bias.length * 3);
  for (let k = 0, at = 0; k < bias.length; k++) {
    let c = bias[k];
    let a = 0;
    let b = 0;
    for (let j = 0; j < m; j++, at++) {
      const value = C[at];
      c += value * o[j];
      a += value * u[j];
      b += value * v[j];
    }
    out[3 * k] = c;
    out[3 * k + 1] = a;
    out[3 * k + 2] = b;
  }
  return out;
}

// src/reading.js
function readPoint(logits, pairNorms, classes, [s, t]) {
  const K = logits.length / 3;
  const count = classes ? classes.length : K;
  const at = (n) => classes ? classes[n] : n;
  const value = (k) => logits[3 * k] + logits[3 * k + 1] * s + logits[3 * k + 2] * t;
  let [classIndex, top] = [-1, -Infinity];
  for (let n = 0; n < count; n++) {
    const z = value(at(n));
    if (z > top || z === top && at(n) < classIndex) [classIndex, top] = [at(n), z];
  }
  let [runnerUp, margin, nearest, distance] = [-1, Infinity, -1, Infinity];
  for (let n = 0; n < count; n++) {
    const k = at(n);
    if (k === classIndex) continue;
    const gap = top - value(k);
    if (gap < margin) [runnerUp, margin] = [k, gap];
    const norm = pairNorms[classIndex * K + k];
    if (norm > 0 && gap / norm < distance) [nearest, distance] = [k, gap / norm];
  }
  return { classIndex, runnerUp, margin, distance, nearest };
}

// src/tilt.js
function beginTilt(gram, frame, handles, dragged, members) {
  const plane = orthonormalised(gram, frame);
  const [first, second] = handles.filter((_, i) => i !== dragged);
  const span = Math.hypot(second[0] - first[0], second[1] - first[1]);
  const along = span > 0 ? [(second[0] - first[0]) / span, (second[1] - first[1]) / span] : [1, 0];
  const [, u, v] = plane;
  const combine = (a, b) => u.map((value, i) => a * value + b * v[i]);
  const fixed = [first, second].map((handle) => onPlane(plane, handle));
  const anchor = onPlane(plane, handles[dragged]);
  const scale = Math.max(span, length(gram, plus(anchor, -1, fixed[0])), Number.MIN_VALUE);
  const others = members.filter((c) => fixed.every((end) => length(gram, plus(c, -1, end)) > 1e-9 * scale));
  return {
    gram,
    pivot: fixed[0],
    pivotAt: first,
    along,
    axis: combine(along[0], along[1]),
    side: combine(-along[1], along[0]),
    family: [anchor, ...others].map((vector) => ({ vector, at: project(gram, plane, vector) })),
    scale
  };
}
function tiltTo(tilt, pointer) {
  const { gram, pivot, pivotAt, along, axis } = tilt;
  const offset = plus(blend(tilt.family, pointer), -1, pivot);
  const across = plus(offset, -inner(gram, offset, axis), axis);
  if (length(gram, across) > 1e-9 * tilt.scale) {
    const side2 = unit(gram, across);
    tilt.side = inner(gram, side2, tilt.side) < 0 ? side2.map((value) => -value) : side2;
  }
  const { side } = tilt;
  const u = axis.map((value, i) => along[0] * value - along[1] * side[i]);
  const v = axis.map((value, i) => along[1] * value + along[0] * side[i]);
  const o = pivot.map((value, i) => value - pivotAt[0] * u[i] - pivotAt[1] * v[i]);
  return [o, u, v];
}
function blend(family, [s, t]) {
  const out = new Float64Array(family[0].vector.length);
  let total = 0;
  for (const { vector, at } of family) {
    const square2 = (at[0] - s) ** 2 + (at[1] - t) ** 2;
    if (square2 < Number.MIN_VALUE) return vector;
    const weight = 1 / square2;
    total += weight;
    for (let i = 0; i < out.length; i++) out[i] += weight * vector[i];
  }
  return out.map((value) => value / total);
}

// src/viewport.js
var Viewport = class {
  /** @param {[number, number, number]} view centre and units over the width @param {number} width @param {number} height */
  constructor([cs, ct, span], width, height) {
    this.cs = cs;
    this.ct = ct;
    this.span = span;
    this.width = width;
    this.height = height;
    this.scale = width / span;
  }
  /** @param {Point} point @returns {Point} */
  toScreen([s, t]) {
    return [this.width / 2 + (s - this.cs) * this.scale, this.height / 2 - (t - this.ct) * this.scale];
  }
  /** @param {Point} pixel @returns {Point} */
  toPlane([x, y]) {
    return [this.cs + (x - this.width / 2) / this.scale, this.ct - (y - this.height / 2) / this.scale];
  }
  /** @returns {Extent} the part of the plane that is visible */
  get extent() {
    const [ds, dt] = [this.span / 2, this.height / this.scale / 2];
    return [this.cs - ds, this.cs + ds, this.ct - dt, this.ct + dt];
  }
  /** A polygon in screen coordinates. @param {ArrayLike<number>} polygon @returns {Float64Array} */
  polygon(polygon) {
    const out = new Float64Array(polygon.length);
    for (let i = 0; i < out.length; i += 2) {
      out[i] = this.width / 2 + (polygon[i] - this.cs) * this.scale;
      out[i + 1] = this.height / 2 - (polygon[i + 1] - this.ct) * this.scale;
    }
    return out;
  }
};
var viewOf = ([s0, s1, t0, t1], aspect) => [(s0 + s1) / 2, (t0 + t1) / 2, Math.max(s1 - s0, (t1 - t0) / aspect)];

// src/state.js
var ZOOM_IN = 1e-4;
var ZOOM_OUT = 30;
var ViewState = class {
  /** @param {Scene} scene @param {Partial<Pose>} pose @param {number} aspect height / width of the stage */
  constructor(scene, pose, aspect) {
    this.scene = scene;
    this.aspect = aspect;
    this.mode = pose.mode === "section" && scene.section ? "section" : "boundary";
    this.views = {};
    this.frame = this.home.frame;
    this.handles = this.#homeHandles();
    const turned = pose.frame?.length === 3 && pose.frame.every((row) => row.length === scene.gram.size);
    if (this.mode === "section" && turned) this.frame = frameFrom(
      /** @type {number[][]} */
      pose.frame
    );
    if (this.mode === "section" && pose.handles?.length === 3) this.handles = pose.handles;
    this.view = pose.view ?? viewOf(this.home.extent, aspect);
    this.probe = pose.probe ?? this.#homeProbe();
    this.selected = -1;
    this.turning = null;
    this.plane = this.#derive();
  }
  /** The plane of this mode as the kernel gave it. */
  get home() {
    return this.mode === "section" && this.scene.section ? this.scene.section : this.scene.boundary;
  }
  /** @returns {Omit<Pose, "id" | "final">} */
  pose() {
    const { mode, probe, frame, handles, view } = this;
    return { mode, probe, frame: frame.map((row) => Array.from(row)), handles: mode === "section" ? handles : [], view };
  }
  reading() {
    return readPoint(this.plane.logits, this.scene.pairNorms, this.plane.classes, this.probe);
  }
  get inDomain() {
    return satisfies(this.plane.halfPlanes, this.probe);
  }
  /** @param {Point} point */
  moveProbe(point) {
    this.probe = point;
  }
  /** Freezes the plane and the members' shadows for one drag of a handle. @param {number} handle */
  beginTurn(handle) {
    const { scene, frame, handles } = this;
    const members = scene.members.map((member) => unitRow(scene.gram.size, member.column));
    this.turning = { tilt: beginTilt(scene.gram, frame, handles, handle, members), handle };
  }
  /** @param {Point} point */
  turnTo(point) {
    if (!this.turning) return;
    const { tilt, handle } = this.turning;
    this.frame = tiltTo(tilt, point);
    this.handles = this.handles.map((old, i) => i === handle ? point : old);
    this.plane = this.#derive();
  }
  endTurn() {
    this.turning = null;
  }
  /** @param {number} ds @param {number} dt */
  panBy(ds, dt) {
    this.view = [this.view[0] + ds, this.view[1] + dt, this.view[2]];
  }
  /** Zooms so that one point stays where it is. @param {Point} point @param {number} factor above 1 shows more */
  zoomAbout([s, t], factor) {
    const [cs, ct, span] = this.view;
    const [s0, s1] = this.home.extent;
    const next = Math.min(Math.max(span * factor, (s1 - s0) * ZOOM_IN), (s1 - s0) * ZOOM_OUT);
    const ratio = next / span;
    this.view = [s + (cs - s) * ratio, t + (ct - t) * ratio, next];
  }
  /** Changes between boundary plane and section; the probe is projected to the new plane. @param {Mode} mode */
  setMode(mode) {
    if (mode === this.mode || mode === "section" && !this.scene.section) return;
    const probe = onPlane(this.frame, this.probe);
    this.views[this.mode] = this.view;
    this.mode = mode;
    this.frame = this.home.frame;
    this.handles = this.#homeHandles();
    this.selected = -1;
    this.turning = null;
    this.probe = project(this.scene.gram, this.frame, probe);
    this.view = this.views[mode] ?? viewOf(this.home.extent, this.aspect);
    this.plane = this.#derive();
  }
  /** Back to the plane, view and probe the kernel proposed for this mode. */
  reset() {
    this.frame = this.home.frame;
    this.handles = this.#homeHandles();
    this.view = viewOf(this.home.extent, this.aspect);
    this.probe = this.#homeProbe();
    this.turning = null;
    this.plane = this.#derive();
  }
  /** @returns {number} position in the sample arrays of the sample nearest to the probe, -1 without samples */
  nearestSample() {
    const { s, t, off } = this.plane.shadows;
    const [ps, pt] = this.probe;
    let [best, least] = [-1, Infinity];
    for (let n = 0; n < s.length; n++) {
      const away = (s[n] - ps) ** 2 + (t[n] - pt) ** 2 + (this.mode === "section" ? off[n] ** 2 : 0);
      if (away < least) [best, least] = [n, away];
    }
    return best;
  }
  /** @returns {Point[]} */
  #homeHandles() {
    return this.home === this.scene.section ? this.scene.section.handles.map((at) => [at[0], at[1]]) : [];
  }
  /** @returns {Point} */
  #homeProbe() {
    const [s0, s1, t0, t1] = this.home.extent;
    return [(s0 + s1) / 2, (t0 + t1) / 2];
  }
  /** @returns {Plane} */
  #derive() {
    const { scene, frame, mode } = this;
    const { C, bias, gram, domain, boundary } = scene;
    const section = mode === "section";
    const shown = section ? scene.members : scene.members.filter((member) => boundary.classes.includes(member.classIndex));
    return {
      frame,
      logits: planeLogits(C, bias, frame),
      classes: section ? null : boundary.classes,
      halfPlanes: section ? domain ? domainHalfPlanes(domain, frame) : new Float64Array(0) : boundary.shadow,
      shadows: projectSamples(scene, frame),
      members: shown.map(({ label, classIndex, column }) => {
        const vector = unitRow(gram.size, column);
        return { label, classIndex, at: project(gram, frame, vector), off: distanceFrom(gram, frame, vector) };
      })
    };
  }
};

// src/theme.js
var Theme = class _Theme {
  /** @param {Element} root @param {string[]} colors class colours */
  constructor(root, colors) {
    const style = getComputedStyle(root);
    const read = (name, fallback) => parseColour(style.getPropertyValue(name), fallback);
    this.ground = read("--fsw-ground", [255, 255, 255]);
    this.dark = luminance(this.ground) < 0.18;
    this.text = read("--fsw-text", this.dark ? [230, 230, 235] : [30, 32, 36]);
    this.quiet = mix(this.text, this.ground, 0.4);
    this.halo = css(this.ground, 0.82);
    this.font = style.fontFamily || "sans-serif";
    this.key = [this.ground, this.text, this.font].join();
    this.colors = colors;
    this.paints = /* @__PURE__ */ new Map();
  }
  /**
   * The host's present theme; the known one, with its colours worked out, where nothing has changed.
   * @param {Element} root @param {string[]} colors @param {Theme | null} known
   */
  static read(root, colors, known) {
    const theme = new _Theme(root, colors);
    return known && known.key === theme.key && known.colors === colors ? known : theme;
  }
  /** @param {number} k @returns {ClassPaint} */
  paint(k) {
    const known = this.paints.get(k);
    if (known) return known;
    const colour = parseColour(this.colors[k] ?? "", [128, 128, 128]);
    const fill = mix(this.ground, colour, this.dark ? 0.24 : 0.17);
    const ink = legible(legible(colour, fill, 3), this.ground, 3);
    const made = {
      fill: css(fill),
      hatch: css(mix(fill, ink, this.dark ? 0.26 : 0.24)),
      ink: css(ink),
      dot: (
        /** @type {Rgb} */
        legible(colour, fill, 2.1).map(Math.round)
      ),
      text: css(legible(colour, fill, 4.5)),
      solid: css(colour)
    };
    this.paints.set(k, made);
    return made;
  }
};

// src/timing.js
function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : 0;
}
var PAUSE = 100;
var ENOUGH = 10;
var KEPT = 240;
var FrameTimes = class {
  constructor() {
    this.frames = 0;
    this.last = -Infinity;
    this.work = [];
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
    return this.gaps.length < ENOUGH ? 0 : Math.round(1e3 / quantile(this.gaps.slice(-60), 0.5));
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
      rtP95: quantile(roundTrips, 0.95)
    };
  }
};
function push(list, value) {
  list.push(value);
  if (list.length > KEPT) list.shift();
}

// src/slice_view.js
var SPEAK_AFTER = 400;
var TICK = 500;
var SliceView = class {
  /** @param {Model} model @param {HTMLElement} el @param {AbortSignal} signal */
  constructor(model, el, signal) {
    this.model = model;
    this.signal = signal;
    this.stage = new Stage();
    this.times = new FrameTimes();
    this.scheduler = new Scheduler();
    this.sent = /* @__PURE__ */ new Set();
    this.poseId = 0;
    this.state = null;
    this.answer = null;
    this.cells = [];
    this.names = [];
    this.theme = null;
    this.pressed = false;
    this.held = false;
    this.frame = 0;
    this.groundDirty = true;
    this.speech = 0;
    el.append(this.stage.root);
    this.#listen();
    this.#adoptScene();
    this.#showError();
    this.stage.fit();
    this.#redraw();
  }
  #listen() {
    const { model, signal, stage } = this;
    onChange(model, "scene", signal, () => this.#adoptScene());
    onChange(model, "pose", signal, () => this.#adoptPose());
    onChange(model, "answer", signal, () => this.#adoptAnswer());
    onChange(model, "error", signal, () => this.#showError());
    listenPointer(stage.stage, this.#gestures(), signal);
    listenKeys(stage.root, this.#keyActions(), signal);
    stage.resetButton.addEventListener("click", () => this.#reset(), { signal });
    stage.helpButton.addEventListener("click", () => stage.toggleHelp(), { signal });
    stage.root.addEventListener("fsw-stats", () => this.#reportStats(), { signal });
    const redraw = () => this.#redraw();
    stage.root.addEventListener("focus", redraw, { signal });
    stage.root.addEventListener("blur", redraw, { signal });
    const resized = new ResizeObserver(() => stage.fit() && this.#resized());
    resized.observe(stage.root);
    const themed = new MutationObserver(redraw);
    themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
    const clock = setInterval(() => this.#tick(), TICK);
    signal.addEventListener("abort", () => {
      resized.disconnect();
      themed.disconnect();
      clearInterval(clock);
      clearTimeout(this.speech);
      cancelAnimationFrame(this.frame);
      stage.root.remove();
    });
  }
  // From the kernel
  #adoptScene() {
    const scene = decodeScene(this.model.get("scene"));
    this.scheduler.clear();
    this.answer = null;
    this.state = null;
    if (scene) {
      const pose = this.model.get("pose") ?? {};
      const foreign = pose.mode && !this.sent.has(pose.id);
      this.state = new ViewState(scene, foreign ? pose : {}, this.#aspect());
      if (foreign) this.#notice(pose.id);
      else this.#offer();
      this.#adoptAnswer();
    }
    this.stage.chip.node.hidden = !scene;
    this.#status();
    this.#redraw();
  }
  #adoptPose() {
    const pose = this.model.get("pose") ?? {};
    if (!this.state || !pose.mode || this.sent.has(pose.id)) return;
    const selected = this.state.selected;
    this.state = new ViewState(this.state.scene, pose, this.#aspect());
    this.state.selected = Math.min(selected, this.state.handles.length - 1);
    this.#notice(pose.id);
    this.scheduler.clear();
    this.#status();
    this.#redraw();
  }
  #adoptAnswer() {
    const answer = this.model.get("answer");
    if (typeof answer?.id !== "number") return;
    if (answer.id === this.poseId) this.answer = answer;
    const next = this.scheduler.answer(answer.id, performance.now());
    if (next) this.#send(next);
    this.#status();
    this.#redraw(false);
  }
  #showError() {
    this.stage.showError(this.model.get("error"));
  }
  // To the kernel
  #offer() {
    if (!this.state) return;
    const request = this.scheduler.offer({ ...this.state.pose(), final: !this.held }, performance.now());
    if (request) this.#send(request);
  }
  /** @param {{id: number, payload: Omit<Pose, "id">}} request */
  #send({ id, payload }) {
    this.sent.add(id);
    this.poseId = id;
    this.model.set("pose", { id, ...payload });
    this.model.save_changes();
  }
  /** A pose that somebody else set is the newest one. @param {number} id */
  #notice(id) {
    this.poseId = id;
    this.scheduler.notice(id);
  }
  /** @param {number} sample position in the sample arrays */
  #pullThrough(sample) {
    if (!this.state || sample < 0) return;
    const handle = Math.max(this.state.selected, 0);
    this.model.send?.({ type: "through", sample: this.state.scene.samples.ids[sample], handle });
  }
  #tick() {
    const retry = this.scheduler.tick(performance.now());
    if (retry) this.#send(retry);
    this.#status();
  }
  // Gestures and keys
  /** @returns {import("./pointer.js").Gestures} */
  #gestures() {
    const point = (at) => this.#viewport().toPlane(at);
    return {
      pick: (at, reach) => this.#pick(at, reach),
      grab: (thing) => this.#grab(thing),
      drag: (thing, to) => this.#moveThing(thing, point(to)),
      release: () => this.#release(),
      pan: (dx, dy) => this.#change((state) => state.panBy(-dx / this.#viewport().scale, dy / this.#viewport().scale)),
      zoom: (at, factor) => this.#change((state) => state.zoomAbout(point(at), factor)),
      click: (at) => this.#change((state) => state.moveProbe(point(at)), false),
      doubleClick: (at) => this.#pullThrough(this.#sampleAt(at))
    };
  }
  /** @returns {import("./keys.js").KeyActions} */
  #keyActions() {
    return {
      step: (dx, dy) => this.#step(dx, dy),
      cycle: () => this.#cycle(),
      zoom: (factor) => this.#change((state) => state.zoomAbout([state.view[0], state.view[1]], factor)),
      reset: () => this.#reset(),
      toggleMode: () => this.#change((state) => state.setMode(state.mode === "section" ? "boundary" : "section")),
      pullNearest: () => this.#pullThrough(this.state?.nearestSample() ?? -1),
      help: (open) => this.stage.toggleHelp(open)
    };
  }
  /** @param {Point} at @param {number} reach @returns {number | null} */
  #pick([x, y], reach) {
    if (!this.state) return null;
    const viewport = this.#viewport();
    let found = null;
    let least = reach;
    [this.state.probe, ...this.state.handles].forEach((place, i) => {
      const [px, py] = viewport.toScreen(place);
      const away = Math.hypot(px - x, py - y);
      if (away <= least) [found, least] = [i - 1, away];
    });
    return found;
  }
  /** @param {number | null} thing */
  #grab(thing) {
    this.pressed = true;
    if (!this.state || thing === null) return;
    this.held = true;
    this.state.selected = thing;
    if (thing >= 0) this.state.beginTurn(thing);
    this.#redraw(false);
  }
  /** @param {number} thing @param {Point} to */
  #moveThing(thing, to) {
    if (thing < 0) this.#change((state) => state.moveProbe(to), false);
    else this.#change((state) => state.turnTo(to));
  }
  #release() {
    const moved = this.held;
    this.pressed = this.held = false;
    this.state?.endTurn();
    if (moved) this.#offer();
  }
  /** @param {number} dx @param {number} dy in stage widths */
  #step(dx, dy) {
    const { state } = this;
    if (!state) return;
    const [from, span] = [state.selected < 0 ? state.probe : state.handles[state.selected], state.view[2]];
    if (state.selected >= 0 && state.turning?.handle !== state.selected) state.beginTurn(state.selected);
    this.#moveThing(state.selected, [from[0] + dx * span, from[1] + dy * span]);
  }
  #cycle() {
    const { state } = this;
    if (!state) return;
    state.endTurn();
    state.selected = state.selected + 1 < state.handles.length ? state.selected + 1 : -1;
    this.#say(state.selected < 0 ? "Probe" : `Handle ${state.selected + 1}, ${state.scene.section?.labels[state.selected]}`);
    this.#redraw(false);
  }
  #reset() {
    this.#change((state) => state.reset());
  }
  /** @param {Point} at @returns {number} position of the sample under the pointer, -1 if none */
  #sampleAt(at) {
    if (!this.state) return -1;
    const { s, t } = this.state.plane.shadows;
    const viewport = this.#viewport();
    let [best, least] = [-1, 10];
    for (let n = 0; n < s.length; n++) {
      const [x, y] = viewport.toScreen([s[n], t[n]]);
      const away = Math.hypot(x - at[0], y - at[1]);
      if (away < least) [best, least] = [n, away];
    }
    return best;
  }
  /** @param {(state: ViewState) => void} act @param {boolean} ground whether plane or view may change */
  #change(act, ground = true) {
    if (!this.state) return;
    act(this.state);
    this.#offer();
    this.#redraw(ground);
  }
  // Drawing
  #aspect() {
    return this.stage.height / this.stage.width || 0.78;
  }
  #viewport() {
    const view = this.state?.view ?? [0, 0, 1];
    return new Viewport(
      /** @type {[number, number, number]} */
      view,
      this.stage.width,
      this.stage.height
    );
  }
  #resized() {
    if (this.state) this.state.aspect = this.#aspect();
    this.groundDirty = true;
    this.#draw(performance.now());
  }
  #redraw(ground = true) {
    this.groundDirty ||= ground;
    if (!this.frame && !this.signal.aborted) this.frame = requestAnimationFrame(() => this.#draw(performance.now()));
  }
  /** @param {number} now */
  #draw(now) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.stage.width) return;
    if (this.groundDirty) this.#drawGround();
    this.groundDirty = false;
    this.#drawOverlay();
    this.times.record(now, performance.now(), this.pressed);
  }
  #drawGround() {
    const { state, stage } = this;
    const ctx = stage.context(stage.ground);
    if (!state) return;
    const { scene, plane } = state;
    const viewport = this.#viewport();
    this.theme = Theme.read(stage.root, scene.colors, this.theme);
    this.cells = walkCells(plane.logits, viewport.extent, plane.classes);
    if (!ctx) return;
    const markers = [...plane.members.map((member) => member.at), ...state.handles].map((at) => viewport.toScreen(at));
    this.names = placeNames(ctx, this.cells, plane.halfPlanes, scene.classNames, viewport, this.theme, markers);
    drawCells(ctx, this.cells, viewport, this.theme);
    drawDomain(ctx, plane.halfPlanes, viewport, this.theme);
    const dots = stage.context(stage.dots);
    if (dots) drawSamples(dots, scene, plane, viewport, this.theme);
  }
  #drawOverlay() {
    const { state, stage, theme } = this;
    const ctx = stage.context(stage.overlay);
    if (!state || !theme) return;
    const viewport = this.#viewport();
    const reading = state.reading();
    const probe = viewport.toScreen(state.probe);
    const landing = this.answer?.landing ?? null;
    if (ctx) {
      drawPolytope(ctx, this.cells.find((cell) => cell.classIndex === reading.classIndex), state, viewport, theme);
      drawNames(ctx, this.names, theme);
      drawMembers(ctx, state, viewport, theme);
      if (landing) drawLanding(ctx, landing, state, viewport, theme);
      drawProbe(ctx, probe, reading.classIndex, state.selected < 0 && stage.root.matches(":focus-visible"), theme);
    }
    const text = chipText(state, reading, this.answer);
    stage.chip.write(text, theme.paint(reading.classIndex).text);
    stage.chip.place(probe, stage.width, stage.height, landing && viewport.toScreen([landing[0], landing[1]]));
    this.#say([text.name, text.detail, text.scope, ...text.notes].join(", "));
  }
  /** Speaks when things have come to rest. @param {string} text */
  #say(text) {
    if (text === this.stage.live.textContent) return;
    clearTimeout(this.speech);
    this.speech = window.setTimeout(() => this.stage.live.textContent = text, SPEAK_AFTER);
  }
  #status() {
    const { stage, state, scheduler, times } = this;
    stage.hint.textContent = !state ? "" : state.mode === "section" ? "drag the point \xB7 drag a handle to tilt the plane \xB7 wheel to zoom \xB7 ? for keys" : "drag the point \xB7 drag the ground to pan \xB7 wheel to zoom \xB7 ? for keys";
    const trips = scheduler.roundTrips;
    const parts = [];
    if (times.rate) parts.push(`${times.rate} fps`);
    if (scheduler.silent) parts.push("kernel silent");
    else if (trips.length) parts.push(`kernel ${Math.round(times.summary(trips.slice(-20)).rtP50)} ms`);
    stage.numbers.textContent = parts.join(" \xB7 ");
    const silent = scheduler.silent ? "The kernel is not answering. The slice stays live; images wait." : "";
    stage.showNotice(state ? silent : "Preparing the slice\u2026");
    stage.root.toggleAttribute("data-empty", !state);
  }
  // For the page and its tests
  #reportStats() {
    this.model.set("stats", this.stats());
    this.model.save_changes();
  }
  stats() {
    return this.times.summary(this.scheduler.roundTrips);
  }
  viewState() {
    const { state } = this;
    if (!state) return null;
    const { classIndex, margin, distance } = state.reading();
    return { pose: { id: this.poseId, ...state.pose(), final: !this.held }, chip: { classIndex, margin, distance }, cells: this.cellList() };
  }
  cellList() {
    return this.cells.map(({ classIndex, polygon }) => ({
      classIndex,
      polygon: Array.from({ length: polygon.length / 2 }, (_, v) => [polygon[2 * v], polygon[2 * v + 1]])
    }));
  }
};
function render({ model, el, signal }) {
  const life = lifetime(signal);
  const view = new SliceView(model, el, life.signal);
  const hooks = { stats: () => view.stats(), state: () => view.viewState(), cells: () => view.cellList() };
  Object.assign(view.stage.root, { fsw: hooks });
  return () => life.abort();
}
var slice_view_default = { render };
export {
  slice_view_default as default
};
