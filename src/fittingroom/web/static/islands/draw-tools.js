// @ts-check
/** The controls of the pad: what they say of the pen, what is kept of them, and what stands beside them. */

/** @typedef {import("./draw-ink.js").Form} Form */
/** @typedef {{width: string, intensity: string, colour: string, erase: boolean, frame: boolean}} Kept */

/** Share of a stroke's radius within which it covers at least half. */
const FIRM = 0.72;

export class Tools {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  /** @param {string} selector @returns {HTMLInputElement} */
  input(selector) {
    const found = this.root.querySelector(selector);
    if (!(found instanceof HTMLInputElement)) throw new Error(`no control ${selector}`);
    return found;
  }

  get erasing() {
    return this.input('[name="tool"][value="erase"]').checked;
  }

  /** Whether the drawing is to be fitted to the frame. */
  get frame() {
    return this.input("[data-part=frame]").checked;
  }

  /** Of a stroke, in pixels of the pad. @param {number} pixel one of the network's, in the same */
  radius(pixel) {
    return Math.max(1, (Number(this.input("[data-part=width]").value) * pixel) / 2 / FIRM);
  }

  /** Of each channel: from the ground towards the pen's colour, as far as the intensity says. @param {Form} form */
  level({ channels, ground }) {
    const low = 255 * ground, share = this.erasing ? 0 : Number(this.input("[data-part=intensity]").value) / 100;
    const chosen = this.input("[data-part=colour]").value.match(/[0-9a-f]{2}/gi) ?? [];
    const colour = channels === 3 ? chosen.map((two) => parseInt(two, 16)) : [255 - low];
    return colour.map((value) => Math.round(low + share * (value - low)));
  }

  /** Values beside the sliders, and a colour that is seen on the ground. @param {Form} form */
  show({ channels, ground }) {
    const colour = this.input("[data-part=colour]"), label = colour.labels?.[0];
    if (colour.value === (ground ? "#ffffff" : "#000000")) colour.value = ground ? "#000000" : "#ffffff";
    colour.hidden = channels !== 3;
    if (label) label.hidden = channels !== 3;
    this.tell("width", `${Number(this.input("[data-part=width]").value).toFixed(1)} px`);
    this.tell("intensity", `${this.input("[data-part=intensity]").value} %`);
  }

  /** @param {string} name @param {string} text */
  tell(name, text) {
    const output = this.root.querySelector(`[data-part="${name}-told"]`);
    if (output) output.textContent = text;
  }

  /** @returns {Kept} */
  kept() {
    const [width, intensity, colour] = ["width", "intensity", "colour"].map((name) => this.input(`[data-part=${name}]`).value);
    return { width, intensity, colour, erase: this.erasing, frame: this.frame };
  }

  /** @param {Kept} kept */
  take(kept) {
    for (const name of /** @type {const} */ (["width", "intensity", "colour"])) this.input(`[data-part=${name}]`).value = kept[name];
    this.input("[data-part=frame]").checked = Boolean(kept.frame);
    this.input(`[name="tool"][value="${kept.erase ? "erase" : "pen"}"]`).checked = true;
  }
}
