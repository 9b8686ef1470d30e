// @ts-check
/// <reference path="./page.d.ts" />
/** <run-overlay>: the curves of several runs in one picture, each with a colour and a shape, kept fresh by sockets. */
import { Chart } from "./chart.js";
import { curveView } from "./curve-view.js";
import { placeOf, smoothed, timeline, values } from "./curves.js";
import { accuracyAxis, duration, loss, percent } from "./figures.js";
import { markerPath } from "./markers.js";
import { RunFeed } from "./run-feed.js";

/** @typedef {import("./run-feed.js").Update} Update */
/** @typedef {import("./chart.js").Shown} Shown */
/** @typedef {import("./chart.js").Curve} Curve */

const SERIES = 6;
const MILLISECONDS_BETWEEN_PICTURES = 1000;
const MOST_WALLED = 3;

class RunOverlay extends HTMLElement {
  /** @type {RunFeed[]} */
  feeds = [];
  /** @type {Set<string>} */
  lost = new Set();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  planned;

  connectedCallback() {
    for (const place of this.querySelectorAll("[data-swatch]")) this.swatch(/** @type {HTMLElement} */ (place));
    this.view = curveView(this, () => this.draw(), { key: "fittingroom-overlay", which: "validation" });
    this.charts = { accuracy: this.chart("accuracy", accuracyAxis, percent), loss: this.chart("loss", loss, loss) };
    const runs = [...this.querySelectorAll("[data-run]")].map((item) => /** @type {HTMLElement} */ (item).dataset.run ?? "");
    this.feeds = runs.map((run) => {
      const feed = new RunFeed(run, {
        updated: (update) => this.take(feed, update),
        lost: (lost) => this.say(run, lost),
        gone: () => this.tell(run, { state: "deleted" }),
      });
      return feed;
    });
    for (const feed of this.feeds) feed.connect();
  }

  disconnectedCallback() {
    clearTimeout(this.planned);
    for (const feed of this.feeds) feed.close();
    for (const chart of Object.values(this.charts ?? {})) chart.destroy();
  }

  /** @param {string} name @returns {HTMLElement} */
  at(name) {
    const found = this.querySelector(`[data-part="${name}"]`);
    if (!found) throw new Error(`no part ${name}`);
    return /** @type {HTMLElement} */ (found);
  }

  /** A line with the run's shape on it. @param {HTMLElement} place */
  swatch(place) {
    const number = Number(place.dataset.swatch);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of [["viewBox", "-15 -7 30 14"], ["aria-hidden", "true"], ["class", `series-${1 + (number % SERIES)}`]]) svg.setAttribute(name, value);
    const line = document.createElementNS(svg.namespaceURI, "path");
    line.setAttribute("d", "M-15,0H15");
    const shape = document.createElementNS(svg.namespaceURI, "path");
    shape.setAttribute("d", markerPath(number, 4));
    shape.setAttribute("class", number < SERIES ? "filled" : "open");
    svg.append(line, shape);
    place.replaceChildren(svg);
  }

  /** A chart that tells each run's value under the pointer in the legend.
   * @param {"accuracy"|"loss"} name @param {(value: number) => string} axis @param {(value: number) => string} tell */
  chart(name, axis, tell) {
    return new Chart(this.at(`chart-${name}`), axis, (at, found, curves) => {
      const where = this.view?.axis === "time" ? duration(at) : `epoch ${Number((at ?? 0).toFixed(1))}`;
      this.at(`at-${name}`).textContent = at === null ? "" : where;
      for (const item of this.querySelectorAll("[data-run]")) {
        const run = /** @type {HTMLElement} */ (item).dataset.run;
        const told = found.flatMap((value, index) => {
          const { label, faint, dashed } = curves[index];
          return label === run && !faint && typeof value === "number" ? [`${dashed ? "training " : ""}${tell(value)}`] : [];
        });
        const place = item.querySelector("[data-value]");
        if (place) place.textContent = told.reverse().join(" · ");
      }
    });
  }

  /** @param {RunFeed} feed @param {Update} update */
  take(feed, update) {
    this.tell(feed.run, update.texts);
    if (update.state === "finished") feed.close(); // nothing of it will change
    this.planned ??= setTimeout(() => this.draw(), MILLISECONDS_BETWEEN_PICTURES);
  }

  /** @param {string} run @param {Record<string, string>} texts */
  tell(run, texts) {
    const row = this.querySelector(`[data-row="${CSS.escape(run)}"]`);
    for (const [name, text] of Object.entries(texts)) {
      const cell = row?.querySelector(`[data-text="${name}"]`);
      if (cell && cell.textContent !== text) cell.textContent = text;
    }
  }

  /** @param {string} run @param {boolean} lost */
  say(run, lost) {
    if (lost) this.lost.add(run);
    else this.lost.delete(run);
    this.at("connection").hidden = !this.lost.size;
  }

  draw() {
    this.planned = undefined;
    for (const name of /** @type {const} */ (["accuracy", "loss"])) this.charts?.[name].show(this.picture(name));
  }

  /** @param {"accuracy"|"loss"} measure @returns {Shown} */
  picture(measure) {
    const { view } = this;
    /** @type {Shown} */
    const shown = { axis: view?.axis ?? "epoch", curves: [], walls: [], marks: [] };
    if (!view) return shown;
    this.feeds.forEach((feed, number) => {
      const along = timeline(feed, view.axis), colour = 1 + (number % SERIES);
      for (const part of /** @type {const} */ (["train", "validation"])) {
        if (view.which !== "both" && (part === "train") !== (view.which === "training")) continue;
        const raw = values(along, part, measure);
        const look = { at: along.at, colour, label: feed.run, dashed: part === "train", width: part === "train" ? 1.4 : 2 };
        if (view.smooth) shown.curves.push({ ...look, values: raw, width: 1, dashed: false, faint: true });
        const marker = part === "validation" || view.which === "training" ? number : null;
        shown.curves.push({ ...look, values: view.smooth ? smoothed(raw, along, view.smooth) : raw, marker });
      }
      const best = placeOf(along, feed.best);
      const value = best && view.which !== "training" ? values(along, "validation", measure)[best.index] : null;
      if (best && value !== null) shown.marks.push({ at: best.at, value, colour, marker: number });
      if (this.feeds.length <= MOST_WALLED) shown.walls.push(...along.walls.map((wall) => ({ ...wall, label: `${feed.run}: ${wall.label}` })));
    });
    return shown;
  }
}

customElements.define("run-overlay", RunOverlay);
