// jsdom has no types of its own; the tests take its window as it is.
declare module "jsdom";
