// @ts-check
/**
 * <settled-head inert>: what can be clicked in the head of a page that Start leads to. It can be used a moment after the
 * page is there: where Start stood stands Stop, or another button, and the second click of a double click belongs to the
 * page before. The server sends it inert, since a click can come before this script and before the first painting.
 */
const SETTLING = 1000;

class SettledHead extends HTMLElement {
  connectedCallback() {
    setTimeout(() => this.removeAttribute("inert"), SETTLING);
  }
}

customElements.define("settled-head", SettledHead);
