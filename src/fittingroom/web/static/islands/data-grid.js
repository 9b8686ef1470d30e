// @ts-check
/**
 * <data-grid>: images in a grid, one stop for the Tab key; the arrow keys go from image to image, Home and End to the
 * first and the last.
 */
class DataGrid extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", this.move);
    this.addEventListener("focusin", this.enter);
    document.addEventListener("htmx:after:swap", this.begin);
    this.begin();
  }

  disconnectedCallback() {
    this.removeEventListener("keydown", this.move);
    this.removeEventListener("focusin", this.enter);
    document.removeEventListener("htmx:after:swap", this.begin);
  }

  /** @returns {HTMLAnchorElement[]} */
  links() {
    return [...this.querySelectorAll("a")];
  }

  /** How many images stand side by side. @param {HTMLAnchorElement[]} links */
  across(links) {
    const second = links.findIndex((link) => link.offsetTop > links[0].offsetTop);
    return second < 0 ? links.length : second;
  }

  /** Only one image is reached by Tab. @param {HTMLAnchorElement|undefined} chosen */
  stopAt(chosen) {
    for (const link of this.links()) link.tabIndex = link === chosen ? 0 : -1;
  }

  /** Other images may have come in the place of those that were there. */
  begin = () => this.stopAt(this.links()[0]);

  enter = (/** @type {FocusEvent} */ event) => {
    const link = /** @type {Element} */ (event.target).closest("a");
    if (link) this.stopAt(link);
  };

  move = (/** @type {KeyboardEvent} */ event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const links = this.links();
    const now = links.findIndex((link) => link === document.activeElement);
    const across = this.across(links);
    /** @type {{[key: string]: number}} */
    const places = {
      ArrowLeft: now - 1, ArrowRight: now + 1, ArrowUp: now - across, ArrowDown: now + across, Home: 0, End: links.length - 1,
    };
    const next = links[places[event.key] ?? -1];
    if (now < 0 || !next) return;
    event.preventDefault();
    next.focus();
  };
}

customElements.define("data-grid", DataGrid);
