// @ts-check
/**
 * <draw-pad>: a pad for mouse, pen, touch and keyboard, and beside it what networks say of each stroke as it is drawn.
 * Drawing and tools are kept for the tab, so that a reload loses nothing. ``data-drawn`` counts the changes of the
 * drawing, ``data-shown`` says up to which of them the networks' answers are shown.
 */
import { Ink, paint } from "./draw-ink.js";
import { Hand } from "./draw-hand.js";
import { Line, fromBytes, toBytes } from "./draw-line.js";
import { Tools } from "./draw-tools.js";
import { show, spoken, verdict } from "./draw-models.js";

const KEPT = "draw";
/** Milliseconds without a new answer, after which the last one is told to who does not see it. */
const QUIET = 900;
/** @type {{[name: string]: [number, number]}} */
const SHIFTS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] };

class DrawPad extends HTMLElement {
  leaving = new AbortController();
  ink = new Ink({ height: 280, width: 280, channels: 1, ground: 0 });
  tools = new Tools(this);
  drawn = 0;
  /** @type {number|undefined} */
  speaking;
  caption = "";
  /** Whether this page gives way to the same one with other networks. */
  moving = false;

  connectedCallback() {
    const { signal } = this.leaving;
    this.canvas = /** @type {HTMLCanvasElement} */ (this.piece("canvas"));
    this.line = new Line(() => this.message(), (words, pixels) => this.take(words, pixels), (lost) => this.lost(lost));
    this.hand = new Hand(this, this.canvas, this.piece("cursor"), signal);
    this.restore();
    document.addEventListener("keydown", (event) => this.undoKey(event), { signal });
    document.addEventListener("htmx:after:swap", () => this.chosen(), { signal });
    this.addEventListener("click", (event) => this.act(event), { signal });
    this.addEventListener("input", () => this.tools.show(this.ink.form), { signal });
    this.piece("frame").addEventListener("change", () => this.changed(), { signal });
    const file = /** @type {HTMLInputElement} */ (this.piece("file"));
    file.addEventListener("change", () => this.load(file.files?.[0]).then(() => (file.value = "")), { signal });
    this.addEventListener("dragover", (event) => event.preventDefault(), { signal });
    this.addEventListener("drop", (event) => this.drop(event), { signal });
    addEventListener("pagehide", () => this.keep(), { signal });
    this.line.connect();
  }

  disconnectedCallback() {
    this.leaving.abort();
    this.line?.close();
    clearTimeout(this.speaking);
  }

  /** @param {string} name @returns {HTMLElement} */
  piece(name) {
    const found = this.querySelector(`[data-part="${name}"]`);
    if (!found) throw new Error(`no part ${name}`);
    return /** @type {HTMLElement} */ (found);
  }

  get models() {
    return /** @type {HTMLElement} */ (this.querySelector("#models"));
  }

  /** One pixel of the network's, in pixels of the pad. */
  get pixel() {
    return Math.max(1, Math.round(Number(this.models.dataset.pixel) || 1));
  }

  // -- the pad's form, and what is kept of it -------------------------------------------------------------------------

  /** The form that the chosen networks want; the drawing goes over to it. */
  form() {
    const { height, width, channels, ground } = this.models.dataset;
    return { height: Number(height) || 280, width: Number(width) || 280, channels: Number(channels) || 1, ground: Number(ground) || 0 };
  }

  restore() {
    this.ink = new Ink(this.form());
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
      if (kept) {
        this.moving = this.sameModels(String(kept.query ?? ""));
        this.ink.take(kept.drawing);
        this.caption = String(kept.caption ?? "");
        this.tools.take(kept.tools);
      }
    } catch {
      sessionStorage.removeItem(KEPT);
    }
    this.hand?.toMiddle();
    this.say();
    this.tools.show(this.ink.form);
    this.changed();
  }

  keep() {
    if (this.moving) return;
    const kept = {
      drawing: this.ink.kept(), caption: this.caption, tools: this.tools.kept(), query: this.models.dataset.query ?? "",
    };
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(kept));
    } catch {
      // no room: the drawing stays as long as the page
    }
  }

  /** Where the address names no networks, those that were chosen last, if they are there still. @param {string} query */
  sameModels(query) {
    const known = [...document.querySelectorAll("#run-a option")].map((option) => /** @type {HTMLOptionElement} */ (option).value);
    const runs = new URLSearchParams(query).getAll("run");
    if (location.search || !runs.length || query === this.models.dataset.query) return false;
    if (!runs.every((run) => known.includes(run))) return false;
    location.replace(`/draw?${query}`);
    return true;
  }

  /** Other networks look: the drawing stays, and takes their form. */
  chosen() {
    if (JSON.stringify(this.form()) !== JSON.stringify(this.ink.form)) {
      const kept = this.ink.kept();
      this.ink = new Ink(this.form());
      this.ink.take(kept);
      this.hand?.toMiddle();
    }
    const runs = [...this.querySelectorAll(".model")].map((card) => /** @type {HTMLElement} */ (card).dataset.name ?? "");
    for (const [place, id] of ["run-a", "run-b"].entries()) {
      const select = document.getElementById(id);
      if (select instanceof HTMLSelectElement) select.value = runs[place] ?? "";
    }
    this.say();
    this.tools.show(this.ink.form);
    this.changed();
    this.keep();
  }

  // -- changes of the drawing, and the answers -----------------------------------------------------------------------

  /** The drawing, or how it is looked at, is not what it was. */
  changed() {
    this.drawn += 1;
    this.dataset.drawn = String(this.drawn);
    const { height, width, channels } = this.ink.form;
    const canvas = /** @type {HTMLCanvasElement} */ (this.canvas);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    paint(canvas.getContext("2d"), this.ink.pixels, height, width, channels);
    this.button("undo").disabled = !this.ink.before.length;
    this.button("redo").disabled = !this.ink.undone.length;
    this.line?.changed();
  }

  message() {
    const runs = this.cards().map(({ dataset: { run, sha256 } }) => ({ run, sha256 }));
    if (!runs.length) return null;
    return toBytes({ id: this.drawn, runs, frame: this.tools.frame, ...this.ink.form }, this.ink.pixels);
  }

  /** @returns {HTMLElement[]} */
  cards() {
    return [...this.querySelectorAll(".model[data-run]")].map((card) => /** @type {HTMLElement} */ (card));
  }

  /** @param {any} words @param {Uint8Array} pixels */
  take(words, pixels) {
    this.lost(words.problem ?? "");
    const cards = this.cards();
    if (words.models.length !== cards.length) return;
    words.models.forEach((/** @type {any} */ said, /** @type {number} */ place) => {
      if (said.run === cards[place].dataset.run) pixels = show(cards[place], said, pixels);
    });
    this.piece("now").textContent = cards.map(verdict).join("\n");
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => (this.piece("spoken").textContent = cards.map(spoken).join(" ")), QUIET);
    this.dataset.shown = String(words.id);
  }

  /** @param {string} text */
  lost(text) {
    const line = this.piece("connection");
    if (line.textContent === text) return;
    line.hidden = !text;
    line.textContent = text;
  }

  /** In words what was done, or what is on the pad. @param {string} [text] */
  say(text) {
    this.piece("said").textContent = text || this.caption || (this.models.dataset.polarity ?? "");
  }

  /** Something was done to the drawing. @param {string} [text] @param {string} [caption] what is on the pad now */
  done(text = "", caption = "") {
    this.changed();
    this.said(text, caption);
  }

  /** What was done to the drawing is complete. @param {string} [text] @param {string} [caption] */
  said(text = "", caption = "") {
    this.caption = caption;
    this.say(text);
    this.keep();
  }

  // -- buttons, sliders, files ---------------------------------------------------------------------------------------

  radius() {
    return this.tools.radius(this.pixel);
  }

  level() {
    return this.tools.level(this.ink.form);
  }

  /** @param {KeyboardEvent} event */
  undoKey(event) {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || (key !== "z" && key !== "y") || this.hand?.pointer !== null) return;
    event.preventDefault();
    this.button(key === "y" || event.shiftKey ? "redo" : "undo").click();
  }

  /** @param {string} name @returns {HTMLButtonElement} */
  button(name) {
    return /** @type {HTMLButtonElement} */ (this.querySelector(`[data-do="${name}"]`));
  }

  /** @param {MouseEvent} event */
  act(event) {
    const what = /** @type {Element} */ (event.target).closest("[data-do]")?.getAttribute("data-do") ?? "";
    if (!what) return;
    this.hand?.rest();
    if (what === "undo") this.ink.undo() && this.done("Undone.");
    else if (what === "redo") this.ink.redo() && this.done("Redone.");
    else if (what === "clear") this.clear();
    else if (what === "centre") this.centre();
    else if (what === "example") this.fetch(`/draw/example?${this.models.dataset.query}`);
    else if (what in SHIFTS) this.shift(SHIFTS[what]);
  }

  clear() {
    this.ink.clear();
    this.done("Cleared.");
  }

  /** @param {[number, number]} by */
  shift([dx, dy]) {
    this.hand?.rest();
    this.ink.shift(dx * this.pixel, dy * this.pixel);
    this.done("Shifted by one of the network's pixels.");
  }

  centre() {
    const off = this.ink.offCentre();
    if (!off) return this.say("Nothing is drawn that could be centred.");
    const [dx, dy] = off.map((far) => -Math.round(far));
    if (dx || dy) this.ink.shift(dx, dy);
    this.done("Its centre of mass is in the middle.");
  }

  /** @param {DragEvent} event */
  drop(event) {
    event.preventDefault();
    this.load(event.dataTransfer?.files[0]);
  }

  /** @param {File|undefined} file */
  async load(file) {
    if (!file) return;
    const most = Number(this.models.dataset.mostBytes);
    if (file.size > most) return this.say(`${file.name} has more than ${most / 1e6} MB; choose a smaller one.`);
    const name = encodeURIComponent(file.name.slice(0, 80));
    await this.fetch(`/draw/picture?${this.models.dataset.query}&name=${name}`, file);
  }

  /** Put an image on the pad that the server makes ready. @param {string} address @param {File} [file] */
  async fetch(address, file) {
    this.say("Loading …");
    try {
      const answer = await fetch(address, file ? { method: "POST", body: file } : undefined);
      const [words, pixels] = fromBytes(await answer.arrayBuffer());
      if (words.problem) return this.say(words.problem);
      if (pixels.length !== this.ink.pixels.length) return this.say("The networks were changed meanwhile; try again.");
      this.ink.put(pixels);
      this.done("", file ? [file.name, ...words.steps].join(", ") : `Validation image ${words.image}: ${words.label}.`);
    } catch {
      this.say("The image could not be loaded; try again.");
    }
  }
}

customElements.define("draw-pad", DrawPad);
