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

  /** @param {string} id */
  constructor(id) {
    this.id = id;
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
      if (this.wanted === next) this.wanted = null;
    }
    this.busy = false;
  }
}

class AugmentEditor extends ListEditor {
  preview = new Picture("preview");
  strips = new Picture("strips");

  connectedCallback() {
    super.connectedCallback();
    this.addEventListener("input", (event) => this.slide(event), { signal: this.leaving.signal });
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
  }
}

customElements.define("augment-editor", AugmentEditor);
