// @ts-check
/// <reference path="./page.d.ts" />
/** <live-run>: the figures and curves of one run, kept fresh by a socket. The server writes the figures and words. */
import { Chart } from "./chart.js";
import { curveView } from "./curve-view.js";
import { placeOf, smoothed, timeline, values } from "./curves.js";
import { accuracyAxis, duration, loss, percent, rate } from "./figures.js";
import { Pace } from "./pace.js";
import { RunFeed } from "./run-feed.js";

/** @typedef {import("./run-feed.js").Update} Update */
/** @typedef {import("./chart.js").Curve} Curve */

const SECONDS_BETWEEN_LOGS = 1;

class LiveRun extends HTMLElement {
  /** What the log tells of was so, when it was last looked at. @type {string} */
  happened = "";
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  logs;
  /** What has come and is not shown yet. @type {Update|undefined} */
  pending;
  state = "";
  pace = new Pace(() => this.pending && this.show(this.pending));

  connectedCallback() {
    this.charts = {
      accuracy: this.chart("accuracy", accuracyAxis, percent),
      loss: this.chart("loss", loss, loss),
      rate: this.chart("rate", rate, rate),
    };
    this.view = curveView(this, () => this.draw());
    this.feed = new RunFeed(this.dataset.run ?? "", {
      updated: (update) => this.take(update),
      lost: (lost) => (this.at("connection").hidden = !lost),
      gone: () => {
        Object.assign(this.at("connection"), { hidden: false, textContent: "This run was deleted." });
        for (const each of this.querySelectorAll("[data-action]")) /** @type {HTMLElement} */ (each).hidden = true;
      },
    });
    this.at("rate-part").addEventListener("toggle", () => this.draw());
    this.at("log-part").addEventListener("toggle", () => this.log());
    this.feed.connect();
  }

  disconnectedCallback() {
    this.feed?.close();
    this.pace.stop();
    clearTimeout(this.logs);
    for (const chart of Object.values(this.charts ?? {})) chart.destroy();
  }

  /** @param {string} name @returns {HTMLElement} */
  at(name) {
    const found = this.querySelector(`[data-part="${name}"]`);
    if (!found) throw new Error(`no part ${name}`);
    return /** @type {HTMLElement} */ (found);
  }

  /** A chart that tells the values under the pointer beside its heading.
   * @param {string} name @param {(value: number) => string} axis @param {(value: number) => string} tell */
  chart(name, axis, tell) {
    return new Chart(this.at(`chart-${name}`), axis, (at, found, curves) => {
      const told = found.map((value, index) => (typeof value === "number" && !curves[index].faint ? `${curves[index].label} ${tell(value)}` : ""));
      const where = at === null ? "" : this.view?.axis === "time" ? duration(at) : `epoch ${Number(at.toFixed(1))}`;
      this.at(`value-${name}`).textContent = [where, ...told].filter(Boolean).join(" · ");
    });
  }

  /** @param {Update} update */
  take(update) {
    const { pending } = this, now = update.whole || update.state !== this.state;
    this.pending = pending
      ? { ...update, whole: pending.whole || update.whole, epochs: [...pending.epochs, ...update.epochs] }
      : update;
    this.state = update.state;
    this.pace.ask(now);
  }

  /** @param {Update} update */
  show(update) {
    this.pending = undefined;
    for (const [name, text] of Object.entries(update.texts)) {
      const place = this.querySelector(`[data-part="${name}"]`);
      if (place && place.textContent !== text) place.textContent = text;
    }
    for (const action of this.querySelectorAll("[data-action]")) {
      /** @type {HTMLElement} */ (action).hidden = !update.actions.includes(/** @type {HTMLElement} */ (action).dataset.action ?? "");
    }
    this.at("done").setAttribute("width", String(100 * update.share));
    if (this.at("reading").textContent !== update.reading.join("")) {
      this.at("reading").replaceChildren(
        ...update.reading.map((sentence) => Object.assign(document.createElement("p"), { textContent: sentence })),
      );
    }
    this.draw();
    if (update.whole || update.epochs.length) this.table();
    const happened = JSON.stringify({ ...update.cursor, step: 0 });
    if (happened === this.happened) return;
    this.happened = happened;
    this.log();
  }

  /** The log, where it is open: at most once a second. */
  log() {
    if (!(/** @type {HTMLDetailsElement} */ (this.at("log-part")).open) || this.logs) return;
    const ask = () => this.at("log").dispatchEvent(new CustomEvent("happened"));
    ask();
    const seen = this.happened;
    this.logs = setTimeout(() => {
      this.logs = undefined;
      if (seen !== this.happened) this.log();
    }, 1000 * SECONDS_BETWEEN_LOGS);
  }

  draw() {
    const { feed, view, charts } = this;
    if (!feed || !view || !charts) return;
    const along = timeline(feed, view.axis);
    const best = placeOf(along, feed.best);
    for (const name of /** @type {const} */ (["accuracy", "loss"])) {
      const raw = { validation: values(along, "validation", name), train: values(along, "train", name) };
      /** @type {Curve[]} */
      const curves = [];
      for (const part of /** @type {const} */ (["validation", "train"])) {
        if (view.which !== "both" && (part === "train") !== (view.which === "training")) continue;
        const look = part === "train"
          ? { at: along.at, colour: 2, width: 1.8, dashed: true, label: "training" }
          : { at: along.at, colour: 1, width: 2.2, label: "validation" };
        if (view.smooth) curves.push({ ...look, values: raw[part], width: 1.2, dashed: false, faint: true });
        curves.push({ ...look, values: view.smooth ? smoothed(raw[part], along, view.smooth) : raw[part] });
      }
      const value = best && view.which !== "training" ? raw.validation[best.index] : null;
      const marks = best && value !== null ? [{ at: best.at, value, colour: 1, marker: null }] : [];
      charts[name].show({ axis: view.axis, curves, walls: along.walls, marks });
    }
    if (!(/** @type {HTMLDetailsElement} */ (this.at("rate-part")).open)) return;
    const rates = along.points.map(({ epoch }) => epoch?.learning_rate ?? null);
    const curve = { at: along.at, values: rates, colour: 6, width: 1.8, label: "learning rate" };
    charts.rate.show({ axis: view.axis, curves: [curve], walls: along.walls, marks: [] });
  }

  table() {
    const epochs = this.feed?.own ?? [], best = this.feed?.best;
    this.at("epochs").replaceChildren(
      ...epochs.reverse().map((epoch) => {
        const row = document.createElement("tr");
        if (epoch.epoch === best) row.className = "best";
        const cells = [
          epoch.epoch + (epoch.epoch === best ? " best" : ""), loss(epoch.train_loss), percent(epoch.train_accuracy),
          loss(epoch.validation_loss), percent(epoch.validation_accuracy), rate(epoch.learning_rate), duration(epoch.seconds, true),
        ];
        for (const text of cells) Object.assign(row.insertCell(), { className: "n", textContent: String(text) });
        return row;
      }),
    );
  }
}

customElements.define("live-run", LiveRun);
