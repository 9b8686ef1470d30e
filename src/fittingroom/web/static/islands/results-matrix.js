// @ts-check
/**
 * <confusion-matrix>: arrow keys walk over its cells, the headings of the cell under pointer or focus stand out, and
 * the images of a chosen cell come into sight. Without it every cell is a link all the same.
 */

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

class ConfusionMatrix extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", this);
    this.addEventListener("focusin", this);
    this.addEventListener("pointerover", this);
    this.addEventListener("pointerleave", this);
    document.addEventListener("htmx:after:swap", this);
    this.prepare();
    this.querySelector(".matrix a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:after:swap", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "htmx:after:swap") {
      this.prepare();
      if (this.querySelector("h3")) this.querySelector("#cell-images")?.scrollIntoView({ block: "nearest" });
      return;
    }
    if (event.type === "pointerover" || event.type === "pointerleave") this.forget();
    const cell = event.target instanceof Element ? event.target.closest("td") : null;
    if (!(cell && cell.closest("tbody") && this.table?.contains(cell))) return;
    if (event instanceof KeyboardEvent) this.walk(event, cell);
    else this.stand(cell, event.type === "focusin");
  }

  /** @returns {HTMLTableElement|null} */
  get table() {
    return this.querySelector(".matrix table");
  }

  /** One cell of the matrix is reached by Tab: the chosen one, or the first. */
  prepare() {
    const cells = [...this.querySelectorAll(".matrix tbody td")];
    for (const cell of cells) this.stop(cell).tabIndex = -1;
    const first = cells.find((cell) => cell.querySelector("a[aria-current]")) ?? cells[0];
    if (first) this.stop(first).tabIndex = 0;
  }

  /** What takes the focus in a cell: its link, or the cell where no image is.
   * @param {Element} cell @returns {HTMLElement} */
  stop(cell) {
    return /** @type {HTMLElement} */ (cell.firstElementChild ?? cell);
  }

  /** @param {KeyboardEvent} event @param {HTMLTableCellElement} cell */
  walk(event, cell) {
    const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
    const rows = /** @type {HTMLTableSectionElement} */ (row.parentElement).rows;
    const [down, right] = STEPS[event.key] ?? [0, 0];
    const column = event.key === "Home" ? 1 : event.key === "End" ? row.cells.length - 1 : cell.cellIndex + right;
    const next = rows[row.sectionRowIndex + down]?.cells[column];
    if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in STEPS || event.key === "Home" || event.key === "End")) return;
    event.preventDefault();
    if (next && column > 0) this.stop(next).focus();
  }

  forget() {
    for (const heading of this.querySelectorAll("th.near")) heading.classList.remove("near");
  }

  /** The headings of a cell stand out; with the focus it is also the one that Tab comes back to.
   * @param {HTMLTableCellElement} cell @param {boolean} focused */
  stand(cell, focused) {
    this.forget();
    const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
    row.cells[0].classList.add("near");
    this.table?.tHead?.rows[0].cells[cell.cellIndex]?.classList.add("near");
    if (!focused) return;
    for (const stop of this.querySelectorAll('.matrix tbody [tabindex="0"]')) /** @type {HTMLElement} */ (stop).tabIndex = -1;
    this.stop(cell).tabIndex = 0;
  }
}

customElements.define("confusion-matrix", ConfusionMatrix);
