// @ts-check
/** <data-look>: one image, large; the arrow keys follow the links to the images before and after it, Escape leaves. */
class DataLook extends HTMLElement {
  connectedCallback() {
    document.addEventListener("keydown", this.follow);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.follow);
  }

  follow = (/** @type {KeyboardEvent} */ event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    /** @type {{[key: string]: string}} */
    const links = { ArrowLeft: "a[rel=prev]", ArrowRight: "a[rel=next]", Escape: "a[href$='#browse']" };
    const link = this.querySelector(links[event.key] ?? "none");
    if (link instanceof HTMLAnchorElement) link.click();
  };
}

customElements.define("data-look", DataLook);
