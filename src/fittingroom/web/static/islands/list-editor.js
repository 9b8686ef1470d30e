// @ts-check
/**
 * What a list that the server keeps needs in the page: its items are dragged; the focus stays with the item that it was
 * on when the list comes back changed; controls that the user has touched show what the server says; Ctrl+Z undoes. The
 * server does all the rest.
 */

/** @typedef {{item: HTMLElement, oldIndex?: number, newIndex?: number}} Dropped */
/** @typedef {{create(list: HTMLElement, options: object): {destroy(): void}}} SortableClass */
/** @typedef {{id: string, act: string, item: string, place: number}} Focus */

export class ListEditor extends HTMLElement {
  /** @type {HTMLElement|null} */
  list = null;
  /** @type {Focus|null} */
  focus_ = null;
  leaving = new AbortController();

  connectedCallback() {
    const { signal } = this.leaving;
    document.addEventListener("htmx:before:swap", () => this.remember(), { signal });
    document.addEventListener("htmx:after:swap", (event) => this.settle(/** @type {CustomEvent} */ (event)), { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    this.sortable();
  }

  disconnectedCallback() {
    this.leaving.abort();
  }

  sortable() {
    const list = /** @type {HTMLElement|null} */ (this.querySelector(`#${this.dataset.list}`));
    if (!list || list === this.list) return;
    this.list = list;
    const Sortable = /** @type {{Sortable: SortableClass}} */ (/** @type {unknown} */ (window)).Sortable;
    Sortable.create(list, {
      handle: ".grip",
      draggable: "[data-key]",
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
      onEnd: (/** @type {Dropped} */ dropped) => this.dropped(dropped),
    });
  }

  /** @param {Dropped} dropped */
  dropped({ item, oldIndex, newIndex }) {
    if (oldIndex === newIndex) return;
    const form = /** @type {HTMLFormElement} */ (this.querySelector("#dragged"));
    const values = /** @type {Record<string, HTMLInputElement>} */ (/** @type {unknown} */ (form.elements));
    values.row.value = item.dataset.key ?? "";
    values.to.value = String(this.items().indexOf(item));
    form.requestSubmit();
  }

  /** @returns {HTMLElement[]} */
  items() {
    return [...this.querySelectorAll("li[data-key]")].map((item) => /** @type {HTMLElement} */ (item));
  }

  /** What has the focus before the list changes. */
  remember() {
    const active = /** @type {HTMLElement} */ (document.activeElement);
    const item = active.closest("li");
    this.focus_ = this.contains(active)
      ? { id: active.id, act: active.dataset.act ?? "more", item: item?.id ?? "", place: item ? this.items().indexOf(item) : -1 }
      : null;
  }

  /** @param {CustomEvent} event */
  settle(event) {
    this.sortable();
    for (const select of this.querySelectorAll("select")) {
      const said = select.querySelector("option[selected]");
      if (select !== document.activeElement && said) select.value = /** @type {HTMLOptionElement} */ (said).value;
    }
    this.refocus();
    const source = /** @type {Element|undefined} */ (event.detail?.ctx?.sourceElement);
    const panel = source?.matches("[data-closes]") ? source.closest("[popover]") : null;
    if (panel instanceof HTMLElement && !panel.querySelector(".fault")) panel.hidePopover();
  }

  /** Back to the control that had the focus; where it is gone, to the same one of the item that took the place. */
  refocus() {
    if (!this.focus_ || this.contains(document.activeElement)) return;
    const { id, act, item, place } = this.focus_;
    const items = this.items();
    const row = place < 0 ? null : document.getElementById(item) ?? items[Math.min(place, items.length - 1)];
    const next = document.getElementById(id) ?? row?.querySelector(`[data-act="${act}"]`) ?? row?.querySelector("[data-act]");
    if (next instanceof HTMLElement) next.focus();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {Element} */ (event.target);
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || target.matches("input:not([type=range]), select, textarea")) return;
    event.preventDefault();
    /** @type {HTMLElement|null} */ (this.querySelector(event.shiftKey ? "#redo" : "#undo"))?.click();
  }
}
