// @ts-check
/**
 * <inside-view>: the left and right arrow keys step through the layers, up and down through the channels of one once
 * a channel is chosen. It follows the links of the page; these wait for each other (hx-sync), so that pages come one at a
 * time however fast the keys are pressed, and the last one asked for stays.
 */

/** @type {Record<string, [string, number]>} */
const INSIDE_KEYS = {
  ArrowLeft: ["[data-part=strip] a", -1],
  ArrowRight: ["[data-part=strip] a", 1],
  ArrowUp: ["[data-part=channels] a", -1],
  ArrowDown: ["[data-part=channels] a", 1],
};

class InsideView extends HTMLElement {
  /** The link that is wanted while the page is on its way: where the keys have come to. @type {HTMLAnchorElement|null} */
  wanted = null;
  /** Whether a channel was chosen by pointer or Enter, so that it is to be seen large. */
  chosen = false;

  connectedCallback() {
    document.addEventListener("keydown", this);
    this.addEventListener("click", this);
    document.addEventListener("htmx:finally:request", this);
    document.addEventListener("htmx:after:swap", this);
    this.show();
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this);
    document.removeEventListener("htmx:finally:request", this);
    document.removeEventListener("htmx:after:swap", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event instanceof KeyboardEvent) this.step(event);
    else if (event.type === "click") this.choose(event);
    else if (event.type === "htmx:after:swap") this.show();
    else if (/** @type {CustomEvent} */ (event).detail.ctx.sourceElement === this.wanted) this.wanted = null;
  }

  /** A link was clicked: by somebody, or by step(). @param {Event} event */
  choose(event) {
    if (event.isTrusted) this.wanted = null;
    this.chosen = event.isTrusted && event.target instanceof Element && !!event.target.closest("[data-part=channels] a");
  }

  /** @param {KeyboardEvent} event */
  step(event) {
    const [selector, step] = INSIDE_KEYS[event.key] ?? ["", 0];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const place = event.target instanceof Element ? event.target : this;
    if (place.closest("input, select, textarea")) return;
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    const walking = this.querySelector("[data-part=channels] a[aria-current]") ?? place.closest("[data-part=channels] a");
    if (vertical && !walking) return;
    event.preventDefault();
    /** @type {HTMLAnchorElement[]} */
    const links = [...this.querySelectorAll(/** @type {"a"} */ (selector))];
    const from = this.wanted && links.includes(this.wanted) ? this.wanted : vertical ? walking : links.find((link) => link.ariaCurrent);
    const next = links[links.findIndex((link) => link === from) + step];
    if (!next) return;
    this.wanted = next;
    if (vertical) next.focus({ preventScroll: true });
    next.click();
  }

  /** The chosen layer and channel come into sight, the layer within its strip only. */
  show() {
    const strip = this.querySelector("[data-part=strip]");
    const layer = strip?.querySelector("a[aria-current]");
    if (strip && layer) {
      const [room, box] = [strip.getBoundingClientRect(), layer.getBoundingClientRect()];
      if (box.left < room.left || box.right > room.right) strip.scrollLeft += box.left - room.left - (room.width - box.width) / 2;
    }
    if (this.chosen) this.querySelector("[data-part=channel]")?.scrollIntoView({ block: "nearest" });
    else if (document.activeElement?.closest("[data-part=channels]")) document.activeElement.scrollIntoView({ block: "nearest" });
    this.chosen = false;
  }
}

customElements.define("inside-view", InsideView);
