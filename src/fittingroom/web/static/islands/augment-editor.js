// @ts-check
/**
 * <augment-editor>: the list of operations, and pictures that follow a strength while it is being changed. The server
 * keeps the strength when the slider is let go.
 */
import { ListEditor } from "./list-editor.js";

/** An image of the page that takes on the newest address it was given, one after the other. */
class Picture {
  /** @type {string|null} */
  wanted = null;
  busy = false;
  /** Why the last address gave no image. */
  problem = "";

  /** @param {string} id @param {() => void} settled is called when an address gave an image or a problem */
  constructor(id, settled) {
    this.id = id;
    this.settled = settled;
  }

  get element() {
    return document.getElementById(this.id);
  }

  /** The address that it will have when all is loaded. */
  get address() {
    return this.wanted ?? this.element?.getAttribute("href") ?? "";
  }

  /** @param {string} address */
  async show(address) {
    this.wanted = address;
    if (this.busy) return;
    this.busy = true;
    while (this.wanted !== null) {
      /** @type {string} */
      const next = this.wanted;
      const image = new Image();
      image.src = next;
      const loaded = await image.decode().then(() => true, () => false);
      if (loaded) this.element?.setAttribute("href", next);
      this.problem = loaded ? "" : await reason(next);
      this.settled();
      if (this.wanted === next) this.wanted = null;
    }
    this.busy = false;
  }
}

/** Why there is no image at an address, in the server's words. @param {string} address */
async function reason(address) {
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer || answer.ok) return "The pictures cannot be loaded just now.";
  return new DOMParser().parseFromString(await answer.text(), "text/html").body.textContent?.trim() ?? "";
}

class AugmentEditor extends ListEditor {
  preview = new Picture("preview", () => this.tell());
  strips = new Picture("strips", () => this.tell());

  /** What is wrong with the pictures. */
  tell() {
    const place = this.querySelector("#no-pictures");
    const problem = this.preview.problem || this.strips.problem;
    if (place instanceof HTMLElement) [place.hidden, place.textContent] = [!problem, problem];
  }

  connectedCallback() {
    super.connectedCallback();
    this.addEventListener("input", (event) => this.slide(event), { signal: this.leaving.signal });
    this.check();
  }

  /** What the server says goes before what is still being loaded; where there are no pictures, say why not. */
  check() {
    for (const picture of [this.preview, this.strips]) {
      const address = picture.element?.getAttribute("href");
      if (address) picture.show(address);
    }
  }

  /** Slider and number show the same, and the pictures follow. @param {Event} event */
  slide(event) {
    const input = event.target;
    const setting = input instanceof HTMLInputElement ? input.dataset.setting : undefined;
    if (!(input instanceof HTMLInputElement) || !setting) return;
    const other = input.dataset.for ? document.getElementById(input.dataset.for) : this.querySelector(`[data-for="${input.id}"]`);
    const value = Number(input.value);
    if (!(other instanceof HTMLInputElement) || input.value.trim() === "" || !Number.isFinite(value)) return;
    other.value = input.value;
    const row = /** @type {HTMLElement|null} */ (input.closest("[data-place]"));
    if (row) this.follow(row.dataset.key ?? "", Number(row.dataset.place), setting, value);
  }

  /** @param {string} key @param {number} place @param {string} setting @param {number} value */
  follow(key, place, setting, value) {
    const alone = /** @type {HTMLElement|null} */ (this.querySelector("#augment"))?.dataset.alone ?? "";
    for (const picture of alone === "" || alone === key ? [this.preview, this.strips] : [this.strips]) {
      if (!picture.element) continue;
      const address = new URL(picture.address, location.href);
      const operations = JSON.parse(address.searchParams.get("operations") ?? "[]");
      if (!operations[place]) continue;
      operations[place][setting] = value;
      address.searchParams.set("operations", JSON.stringify(operations));
      picture.show(address.pathname + address.search);
    }
  }

  /** What is being changed stays as it is, unless something else was asked for, such as Undo. @param {CustomEvent} event */
  settle(event) {
    const source = /** @type {Element|undefined} */ (event.detail?.ctx?.sourceElement);
    const active = document.activeElement;
    if (active instanceof HTMLInputElement && active.dataset.setting && !source?.matches(".set")) active.value = active.defaultValue;
    super.settle(event);
    this.check();
  }
}

customElements.define("augment-editor", AugmentEditor);
