// @ts-check
/**
 * <runs-table>: which runs are chosen stays so while the table is sorted and filtered, and says what can be done with
 * them; the focus stays where it was when the table comes back changed; Escape closes the form below a line.
 */
class RunsTable extends HTMLElement {
  /** @type {Set<string>} */
  chosen = new Set();
  focused = "";
  edited = "";
  leaving = new AbortController();

  connectedCallback() {
    const { signal } = this.leaving;
    this.addEventListener("change", (event) => this.change(/** @type {HTMLElement} */ (event.target)), { signal });
    this.addEventListener("keydown", (event) => this.key(event), { signal });
    document.addEventListener("htmx:before:swap", () => this.remember(), { signal });
    document.addEventListener("htmx:after:swap", () => this.settle(), { signal });
    for (const box of this.boxes()) if (box.checked) this.chosen.add(box.value);
    this.show();
  }

  disconnectedCallback() {
    this.leaving.abort();
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
    this.show();
  }

  /** Boxes, buttons and the count say what is chosen; only runs that are shown are. */
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

  /** What has the focus, and which run is edited, before the table changes. */
  remember() {
    const active = document.activeElement;
    this.focused = active && this.contains(active) ? active.id : "";
    const form = this.querySelector(".editing input[name=run]");
    this.edited = form instanceof HTMLInputElement ? form.value : "";
  }

  settle() {
    const there = new Set(this.boxes().map((box) => box.value));
    for (const run of this.chosen) if (!there.has(run)) this.chosen.delete(run);
    this.show();
    const name = this.querySelector("#edit-name");
    const back = document.getElementById("undo") ?? document.getElementById(this.focused);
    const next = name ?? (this.edited ? document.getElementById(`edit-${this.edited}`) : null) ?? back;
    const active = document.activeElement;
    const kept = active && active !== document.body && this.contains(active) && active.id === this.focused;
    if (next instanceof HTMLElement && (!kept || (name && !this.edited))) next.focus();
    this.edited = "";
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
