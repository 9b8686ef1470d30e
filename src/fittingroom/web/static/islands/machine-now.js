// @ts-check
/** <machine-now>: what the machine is doing, at the foot of the rail; asked every few seconds while the page is seen. */

/** @typedef {{run: string|null, place: string, share: number|null, queued: number}} Now */

const MILLISECONDS = 3000;
const LONGEST = 60_000;
const KEPT = "fittingroom-now";

class MachineNow extends HTMLElement {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  next;
  waits = MILLISECONDS;

  connectedCallback() {
    document.addEventListener("visibilitychange", this);
    const rail = /** @type {HTMLElement} */ (this.parentElement);
    const here = rail.querySelector("[aria-current]"); // in a narrow window the rail is wider than it
    if (here instanceof HTMLElement) rail.scrollLeft = here.offsetLeft - (rail.clientWidth - here.offsetWidth) / 2;
    try {
      const kept = sessionStorage.getItem(KEPT); // what the page before this one showed
      if (kept) this.show(JSON.parse(kept));
    } catch {
      sessionStorage.removeItem(KEPT);
    }
    this.ask();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this);
    clearTimeout(this.next);
  }

  handleEvent() {
    if (!document.hidden) this.ask();
  }

  async ask() {
    clearTimeout(this.next);
    try {
      const answer = await fetch("/now");
      if (!answer.ok) throw new Error(answer.statusText);
      const now = await answer.json();
      sessionStorage.setItem(KEPT, JSON.stringify(now));
      this.show(now);
      this.waits = MILLISECONDS;
    } catch {
      this.waits = Math.min(2 * this.waits, LONGEST); // what was shown stays
    }
    clearTimeout(this.next);
    if (this.isConnected && !document.hidden) this.next = setTimeout(() => this.ask(), this.waits);
  }

  /** @param {Now} now */
  show(now) {
    const link = /** @type {HTMLAnchorElement} */ (this.querySelector("a"));
    const idle = /** @type {HTMLElement} */ (this.querySelector("[data-idle]"));
    link.hidden = now.run === null;
    idle.hidden = now.run !== null;
    idle.textContent = now.queued ? "waiting for a worker" : "idle";
    if (now.run !== null) {
      link.href = `/train/${encodeURIComponent(now.run)}`;
      this.write("run", now.run);
      this.write("place", now.place);
      this.querySelector(".bar-done")?.setAttribute("width", String(100 * (now.share ?? 0)));
    }
    this.write("queued", now.queued ? `${now.queued} queued` : "");
  }

  /** @param {string} name @param {string} text */
  write(name, text) {
    const place = this.querySelector(`[data-${name}]`);
    if (place && place.textContent !== text) place.textContent = text;
  }
}

customElements.define("machine-now", MachineNow);
