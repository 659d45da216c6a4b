// A lesson above the slice: its steps, the text of one, a question, and progress that can be carried away.
// All texts are set as text, never as HTML. Right answers are not here before the kernel sends them.

import { atEnd, button, control, copyText, element, errorPlace, holdKeys, keepKeys, lifetime, listen, onChange, tell } from "./host.js";

/** @import {Model, RenderProps} from "./types.js" */

/** @typedef {["plain" | "bold" | "code", string][]} Runs */

/**
 * @typedef {object} Question
 * @property {"choice" | "number" | "text"} kind
 * @property {Runs[]} paragraphs
 * @property {string[]} choices
 * @property {string} unit
 * @property {string} given
 * @property {boolean} settled
 * @property {"" | "right" | "wrong" | "kept"} verdict
 * @property {Runs[]} said
 */

/**
 * @typedef {object} Content
 * @property {string} title
 * @property {{title: string, state: "done" | "open" | "locked"}[]} steps
 * @property {number} step
 * @property {number} open the last step that is open
 * @property {Runs[]} paragraphs
 * @property {Question | null} question
 * @property {string} notice
 * @property {string} student
 * @property {string} progress
 */

const SIGNS = { "": "", right: "✓", wrong: "✗", kept: "✓" };
const LONGEST = 500;
let instances = 0;

/** @param {RenderProps} props */
function render({ model, el, signal }) {
  const life = lifetime(signal);
  const card = new LessonCard(model, life.signal);
  el.append(card.root);
  atEnd(life.signal, () => card.root.remove());
  return () => life.abort();
}

class LessonCard {
  /** @param {Model} model @param {AbortSignal} signal */
  constructor(model, signal) {
    this.model = model;
    this.name = `fsw-answer-${++instances}`;
    this.shown = -1; // the step on screen
    this.title = element("h3", "fsw-title");
    this.steps = element("ol", "fsw-steps");
    this.text = element("div", "fsw-lesson-text");
    this.form = element("form", "fsw-question");
    this.notice = element("div", "fsw-lesson-notice");
    this.notice.role = "status";
    this.back = button("fsw-button", "Back");
    this.next = button("fsw-button", "Next");
    this.toggle = button("fsw-button", "Progress");
    this.toggle.ariaExpanded = "false";
    this.progress = new ProgressTools(model, signal);
    const head = element("div", "fsw-lesson-head", this.title, this.steps);
    const foot = element("div", "fsw-lesson-foot", this.back, this.next, element("span", "fsw-spacer"), this.toggle);
    this.body = element("div", "fsw-lesson-body", head, element("div", "fsw-lesson-page", this.text, this.form), this.notice, foot, this.progress.root);
    this.root = element("section", "fsw-panel fsw-card fsw-lesson", errorPlace(model, signal, "fsw-lesson-error"), this.body);
    this.root.ariaLabel = "Lesson";
    this.#listen(signal);
    this.#draw();
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    onChange(this.model, "content", signal, () => this.#draw());
    // Keys typed here are no shortcuts of the notebook.
    holdKeys(this.root, signal);
    listen(this.form, "submit", (event) => {
      event.preventDefault();
      this.#send("answer", this.#answer());
    }, signal);
    listen(this.back, "click", () => this.#send("go", this.content.step - 1), signal);
    listen(this.next, "click", () => this.#send("go", this.content.step + 1), signal);
    listen(this.toggle, "click", () => {
      this.progress.root.hidden = !this.progress.root.hidden;
      this.toggle.ariaExpanded = String(!this.progress.root.hidden);
    }, signal);
    listen(this.steps, "click", (event) => {
      const chosen = event.target instanceof Element ? event.target.closest("button") : null;
      if (chosen) this.#send("go", Number(chosen.value));
    }, signal);
  }

  /** @returns {Content} */
  get content() {
    return this.model.get("content") ?? {};
  }

  /** @param {string} type @param {unknown} value */
  #send(type, value) {
    tell(this.model, { type, value });
  }

  #answer() {
    const field = /** @type {any} */ (this.form.elements);
    return String(field[this.name]?.value ?? "").trim();
  }

  #draw() {
    const { content } = this;
    this.body.hidden = !content.steps;
    if (!content.steps) return;
    const same = this.shown === content.step;
    const draft = same ? this.#answer() : "";
    const had = this.root.contains(document.activeElement) ? document.activeElement : null;
    const inForm = had !== null && this.form.contains(had);
    this.shown = content.step;
    this.title.textContent = content.title;
    this.#drawSteps();
    this.text.replaceChildren(element("h4", "", content.steps[content.step].title), ...content.paragraphs.map(paragraph));
    this.form.hidden = !content.question;
    this.form.replaceChildren(...(content.question ? this.#question(content.question, draft) : []));
    this.notice.textContent = content.notice;
    this.back.disabled = content.step === 0;
    this.next.disabled = content.step >= content.open;
    this.next.hidden = content.step === content.steps.length - 1;
    this.next.classList.toggle("fsw-main", !this.next.disabled);
    this.progress.draw(content);
    // Where the question was answered from the keyboard, the keyboard goes on from there.
    if (inForm) (content.question?.settled ? this.next : /** @type {HTMLElement | null} */ (this.form.querySelector("input:checked, input, textarea")))?.focus();
    else if (had instanceof HTMLButtonElement && had.disabled) (this.next.disabled ? this.back : this.next).focus();
  }

  #drawSteps() {
    const { steps, step } = this.content;
    const focused = this.steps.contains(document.activeElement) ? /** @type {HTMLButtonElement} */ (document.activeElement).value : null;
    this.steps.replaceChildren(...steps.map(({ title, state }, k) => {
      const one = button("fsw-button", state === "done" ? "✓" : String(k + 1));
      one.value = String(k);
      one.disabled = state === "locked";
      one.className = `fsw-step fsw-step-${state}`;
      one.title = title;
      one.ariaLabel = `Step ${k + 1}: ${title}, ${state}`;
      if (k === step) one.ariaCurrent = "step";
      return element("li", "", one);
    }));
    if (focused !== null) /** @type {HTMLElement | null} */ (this.steps.querySelector(`button[value="${focused}"]`))?.focus();
  }

  /** @param {Question} question @param {string} draft */
  #question(question, draft) {
    const value = question.settled ? question.given : draft || question.given;
    const send = button("fsw-button", "Answer");
    send.type = "submit";
    send.classList.add("fsw-main");
    send.hidden = question.settled;
    const said = element("div", `fsw-said fsw-said-${question.verdict}`, element("span", "fsw-sign", SIGNS[question.verdict]), element("div", "", ...question.said.map(paragraph)));
    said.role = "status";
    said.hidden = !question.said.length;
    const asked = element("div", "fsw-asked", ...question.paragraphs.map(paragraph));
    asked.id = `${this.name}-asked`;
    return [asked, this.#input(question, value), send, said];
  }

  /** @param {Question} question @param {string} value */
  #input(question, value) {
    const named = (/** @type {HTMLInputElement | HTMLTextAreaElement} */ node) => {
      node.name = this.name;
      node.disabled = question.settled;
      keepKeys(node);
      return node;
    };
    if (question.kind === "choice") {
      const choices = question.choices.map((choice) => {
        const radio = element("input", "");
        radio.type = "radio";
        radio.value = choice;
        radio.checked = choice === value;
        return element("label", "fsw-choice", named(radio), element("span", "", choice));
      });
      const group = element("div", "fsw-choices", ...choices);
      group.role = "radiogroup";
      group.setAttribute("aria-labelledby", `${this.name}-asked`);
      return group;
    }
    const node = element(question.kind === "text" ? "textarea" : "input", "fsw-answer");
    node.maxLength = LONGEST;
    node.value = value;
    node.setAttribute("aria-labelledby", `${this.name}-asked`);
    if (node instanceof HTMLInputElement) node.inputMode = "decimal";
    return element("div", "fsw-typed", named(node), element("span", "fsw-unit", question.unit));
  }
}

/** The progress string, going on from one, and the answers as a file. */
class ProgressTools {
  /** @param {Model} model @param {AbortSignal} signal */
  constructor(model, signal) {
    this.model = model;
    this.student = control("input", "fsw-answer", "Your name or number");
    this.string = control("input", "fsw-answer", "Your progress");
    this.string.readOnly = true;
    this.paste = control("input", "fsw-answer", "Go on from");
    this.paste.placeholder = "paste a progress string";
    this.copy = button("fsw-button", "copy");
    this.go = button("fsw-button", "go on");
    this.file = button("fsw-button", "answers as a file");
    this.root = element(
      "div", "fsw-progress",
      labelled(this.student), element("span", ""), labelled(this.string), this.copy, labelled(this.paste), this.go, element("p", "", "Hand in the string, or"), this.file,
    );
    this.root.hidden = true;
    listen(this.student, "change", () => tell(model, { type: "student", value: this.student.value }), signal);
    listen(this.copy, "click", () => copyText(this.string, this.copy), signal);
    listen(this.go, "click", () => {
      tell(model, { type: "progress", value: this.paste.value });
      this.paste.value = "";
    }, signal);
    listen(this.file, "click", () => tell(model, { type: "file" }), signal);
    onChange(model, "file", signal, () => this.#download());
  }

  /** @param {Content} content */
  draw(content) {
    if (document.activeElement !== this.student) this.student.value = content.student;
    this.string.value = content.progress;
    this.copy.textContent = "copy";
  }

  #download() {
    const { name, text } = this.model.get("file") ?? {};
    if (!name) return;
    const link = element("a", "");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

/** @param {Runs} runs */
function paragraph(runs) {
  const tags = /** @type {const} */ ({ bold: "strong", code: "code" });
  return element("p", "", ...runs.map(([kind, text]) => (kind === "plain" ? text : element(tags[kind], "", text))));
}

/** @param {HTMLInputElement} node */
const labelled = (node) => element("label", "", element("span", "", node.ariaLabel ?? ""), node);

export default { render };
