// @ts-check
/**
 * <runs-table>: which runs are chosen stays so while the table is sorted, filtered and loaded again, and says what can
 * be done with them; so does what was typed into the form below a line, until it is saved; the focus stays where it was
 * when the table comes back changed; Escape closes the form.
 */

/** What this tab keeps, so that going back or a reload loses nothing. */
const CHOSEN = "fittingroom-runs-chosen";
const TYPED = "fittingroom-run-edited";

class RunsTable extends HTMLElement {
  /** @type {Set<string>} */
  chosen = new Set();
  earlier = { focused: "", edited: "", undo: false };
  leaving = new AbortController();

  connectedCallback() {
    const { signal } = this.leaving;
    this.addEventListener("change", (event) => this.change(/** @type {HTMLElement} */ (event.target)), { signal });
    this.addEventListener("input", () => this.keep(), { signal });
    this.addEventListener("keydown", (event) => this.key(event), { signal });
    document.addEventListener("htmx:before:swap", () => this.remember(), { signal });
    document.addEventListener("htmx:after:swap", () => this.settle(), { signal });
    if (this.comesBack()) {
      this.chosen = new Set(JSON.parse(sessionStorage.getItem(CHOSEN) ?? "[]"));
      this.restore();
    }
    this.settleChosen();
  }

  disconnectedCallback() {
    this.leaving.abort();
  }

  /** Whether the page was here before: what somebody had chosen long ago is not to be deleted by mistake. */
  comesBack() {
    const [entry] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
    return entry?.type === "reload" || entry?.type === "back_forward";
  }

  /** @returns {HTMLInputElement[]} */
  boxes() {
    return [...this.querySelectorAll("input[name=run][form=chosen]")].map((box) => /** @type {HTMLInputElement} */ (box));
  }

  /** @param {HTMLElement} target */
  change(target) {
    if (!(target instanceof HTMLInputElement) || target.type !== "checkbox") return;
    const changed = target.dataset.part === "all" ? this.boxes() : [target];
    for (const box of changed) {
      if (target.checked) this.chosen.add(box.value);
      else this.chosen.delete(box.value);
    }
    this.settleChosen();
  }

  /** Only runs that are shown stay chosen. */
  settleChosen() {
    const there = new Set(this.boxes().map((box) => box.value));
    for (const run of this.chosen) if (!there.has(run)) this.chosen.delete(run);
    sessionStorage.setItem(CHOSEN, JSON.stringify([...this.chosen]));
    this.show();
  }

  /** Boxes, buttons and the count say what is chosen. */
  show() {
    const boxes = this.boxes();
    for (const box of boxes) box.checked = this.chosen.has(box.value);
    const count = boxes.filter((box) => box.checked).length;
    const all = this.querySelector("[data-part=all]");
    if (all instanceof HTMLInputElement) {
      all.checked = count > 0 && count === boxes.length;
      all.indeterminate = count > 0 && count < boxes.length;
    }
    for (const button of this.querySelectorAll("[data-part=act]")) /** @type {HTMLButtonElement} */ (button).disabled = !count;
    const told = this.querySelector("[data-part=count]");
    if (told) told.textContent = count ? ` · ${count} chosen` : "";
  }

  /** The run whose form is open; none where it is empty. */
  edited() {
    const run = this.querySelector(".editing input[name=run]");
    return run instanceof HTMLInputElement ? run.value : "";
  }

  /** @returns {(HTMLInputElement | HTMLTextAreaElement)[]} */
  typed() {
    const fields = this.querySelectorAll(".editing :is(input:not([type=hidden]), textarea)");
    return [...fields].map((field) => /** @type {HTMLInputElement | HTMLTextAreaElement} */ (field));
  }

  keep() {
    const run = this.edited();
    if (run) sessionStorage.setItem(TYPED, JSON.stringify([run, ...this.typed().map((field) => field.value)]));
  }

  restore() {
    const [run, ...values] = JSON.parse(sessionStorage.getItem(TYPED) ?? "[]");
    if (!run || run !== this.edited()) return;
    this.typed().forEach((field, index) => (field.value = values[index] ?? field.value));
  }

  /** What there is before the table changes. */
  remember() {
    const active = document.activeElement;
    this.earlier = {
      focused: active && this.contains(active) ? active.id : "",
      edited: this.edited(),
      undo: this.querySelector("#undo") !== null,
    };
  }

  settle() {
    this.settleChosen();
    if (!this.edited()) sessionStorage.removeItem(TYPED);
    const next = document.getElementById(this.next());
    if (next && next !== document.activeElement) next.focus();
  }

  /** What is to have the focus now: what has just come, the line whose form has gone, or what had it before. */
  next() {
    const { focused, edited, undo } = this.earlier;
    if (this.edited() !== edited) return this.edited() ? "edit-name" : `edit-${edited}`;
    return !undo && this.querySelector("#undo") ? "undo" : focused;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const cancel = this.querySelector("#cancel");
    if (event.key !== "Escape" || !(cancel instanceof HTMLElement)) return;
    event.preventDefault();
    cancel.click();
  }
}

customElements.define("runs-table", RunsTable);
