// The shapes that cross module borders. No code.

/** @typedef {[number, number]} Point a point (s, t) of the plane, or (x, y) on the screen */
/** @typedef {[number, number, number, number]} Extent s0, s1, t0, t1 */

/**
 * A plane in coefficient space: rows o, u, v of length m, with u and v orthonormal under the Gram matrix.
 * @typedef {[Float64Array, Float64Array, Float64Array]} Frame
 */

/** @typedef {{size: number, values: Float64Array}} Gram the m x m inner products of the generating vectors, row major */

/**
 * A convex polygon as x0, y0, x1, y1, ...
 * @typedef {Float64Array} Polygon
 */

/**
 * One class's part of the window. Edge e runs from vertex e to the next one; neighbours[e] is the class behind it, -1 the window.
 * @typedef {{classIndex: number, polygon: Polygon, neighbours: Int32Array}} Cell
 */

/** @typedef {"boundary" | "section"} Mode */

/**
 * @typedef {object} Samples
 * @property {number} count
 * @property {Float32Array} products count x m inner products with the generating vectors
 * @property {Float32Array} squares squared lengths
 * @property {Uint16Array} labels
 * @property {Uint32Array} ids
 */

/** @typedef {{label: string, classIndex: number, column: number}} Member */

/** @typedef {{frame: Frame, classes: Int32Array, exactAll: boolean, shadow: Float64Array, extent: Extent}} BoundaryPlane */

/** @typedef {{frame: Frame, handles: Point[], labels: string[], extent: Extent}} SectionPlane */

/**
 * @typedef {object} Scene
 * @property {number} version
 * @property {string} title
 * @property {string[]} classNames
 * @property {string[]} colors
 * @property {number[]} chosen
 * @property {number} K
 * @property {Float64Array} bias
 * @property {Float64Array} C K x m
 * @property {Gram} gram
 * @property {Map<number, Float32Array>} norms
 * @property {null | {rows: Float64Array, lower: Float64Array, upper: Float64Array, text: string}} domain
 * @property {Samples} samples
 * @property {Member[]} members
 * @property {BoundaryPlane} boundary
 * @property {SectionPlane | null} section
 * @property {number} spread
 * @property {number} nullDims dimensions in which no margin changes
 */

/**
 * The view state as it travels between browser and kernel.
 * @typedef {object} Pose
 * @property {number} id
 * @property {number} after id of the kernel's own pose that this one goes on from
 * @property {number} version of the scene whose generating vectors the frame counts in
 * @property {Mode} mode
 * @property {Point} probe
 * @property {number[][]} frame
 * @property {Point[]} handles
 * @property {[number, number, number]} view
 * @property {number} shift share of the way that null directions allow, -1 to 1
 * @property {boolean} final
 * @property {boolean} [slow] whether answers take long, so that images of a drag should be small
 */

/**
 * @typedef {object} Answer
 * @property {number} id
 * @property {number} classIndex
 * @property {number | null} [radius] of the certified ball around the kernel's point
 * @property {number} [version] of the scene it was worked out with
 * @property {any} [norms] a row that the scene left out
 * @property {null | [number, number, number]} landing
 * @property {null | {low: number, high: number, at: number}} [shifted] how far null directions allow, and where the point is
 * @property {string} [message]
 */

/**
 * What the kernel found for the point at rest; hull: vertices in plane coordinates, its section or (boundary plane) its shadow.
 * @typedef {object} Certified
 * @property {number} id of the answer it belongs to
 * @property {string} hullVerdict
 * @property {number | null} hullDistance
 * @property {string[]} adjacent names of classes that share a face with the point's
 * @property {ArrayLike<number>} [hull]
 */

/** @typedef {{thickness: number, regions: string[]}} Options what is drawn, kept by the browser */

/** @typedef {{title?: string, received?: string, allowed?: string, todo?: string}} ErrorCard */

/** @typedef {{classIndex: number, runnerUp: number, margin: number, distance: number, nearest: number}} Reading */

/**
 * The part of the widget model that the views use.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event: string, callback: (...args: any[]) => void) => void} off
 * @property {(content: unknown) => void} [send]
 */

/** @typedef {{model: Model, el: HTMLElement, signal?: AbortSignal}} RenderProps */

export {};
