// The plane geometry of an affine head, exact and free of the DOM.

export * from "./linear.js";
export * from "./polygon.js";
export * from "./cells.js";
export * from "./reading.js";
export * from "./tilt.js";
