// @ts-check
/** <network-editor>: the list of layers, and the place in it where new layers go. */
import { ListEditor } from "./list-editor.js";

class NetworkEditor extends ListEditor {
  /** @param {CustomEvent} event */
  settle(event) {
    const places = /** @type {NodeListOf<HTMLInputElement>} */ (this.querySelectorAll("input[name=before]"));
    if (![...places].some((place) => place.checked)) for (const place of places) place.checked = place.defaultChecked;
    super.settle(event);
  }
}

customElements.define("network-editor", NetworkEditor);
