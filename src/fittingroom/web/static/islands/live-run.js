// @ts-check
/// <reference path="./page.d.ts" />
/**
 * <live-run>: the figures and curves of one run, kept fresh by a socket. What the page has is told to the server as a
 * cursor, so nothing is missing or doubled after a lost connection.
 */
import { Chart } from "./chart.js";
import { accuracyAxis, count, duration, loss, percent, rate } from "./figures.js";

/** @typedef {{epoch: number, train_loss: number|null, train_accuracy: number|null, validation_loss: number|null,
 *   validation_accuracy: number|null, learning_rate: number, seconds: number, phase: string|null}} Epoch */
/** @typedef {{attempt: number, epoch: number, step: number, state: string}} Cursor */
/** @typedef {{run: string, cursor: Cursor, whole: boolean, state: string, message: string|null, epochs_done: number,
 *   best_epoch: number|null, reading: string[], epochs: Epoch[], progress: (number|null)[][]}} Update */

const GONE = 4404;

class LiveRun extends HTMLElement {
  /** @type {Map<number, Epoch>} */
  epochs = new Map();
  /** @type {(number|null)[][]} */
  progress = [];
  /** @type {Cursor|null} */
  cursor = null;
  /** @type {WebSocket|null} */
  socket = null;
  waits = 500;
  speed = 0;

  connectedCallback() {
    this.accuracy = new Chart(this.at("chart-accuracy"), accuracyAxis);
    this.loss = new Chart(this.at("chart-loss"), loss);
    this.connect();
  }

  disconnectedCallback() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.accuracy?.destroy();
    this.loss?.destroy();
  }

  /** @param {string} name @returns {HTMLElement} */
  at(name) {
    const found = this.querySelector(`[data-part="${name}"]`);
    if (!found) throw new Error(`no part ${name}`);
    return /** @type {HTMLElement} */ (found);
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/live/${encodeURIComponent(this.dataset.run ?? "")}`);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(this.cursor ?? {}));
    socket.onmessage = (message) => {
      this.waits = 500;
      this.at("connection").hidden = true;
      this.take(/** @type {Update} */ (JSON.parse(message.data)));
    };
    socket.onclose = (closed) => {
      if (this.socket !== socket) return;
      const line = this.at("connection");
      line.hidden = false;
      if (closed.code === GONE) {
        line.textContent = "This run was deleted.";
        return;
      }
      setTimeout(() => this.socket === socket && this.connect(), this.waits);
      this.waits = Math.min(2 * this.waits, 8000);
    };
  }

  /** @param {Update} update */
  take(update) {
    if (update.whole) {
      this.epochs.clear();
      this.progress = [];
    }
    for (const epoch of update.epochs) this.epochs.set(epoch.epoch, epoch);
    for (const number of this.epochs.keys()) if (number > update.epochs_done) this.epochs.delete(number);
    this.progress = this.progress.concat(update.progress).filter((row) => (row[0] ?? 0) > update.epochs_done);
    this.cursor = update.cursor;
    this.show(update);
  }

  /** @param {Update} update */
  show(update) {
    const epochs = [...this.epochs.values()].sort((a, b) => a.epoch - b.epoch);
    const last = this.progress.at(-1);
    const total = Number(this.dataset.epochs) || 0;
    const first = epochs.length ? epochs[0].epoch - 1 : update.epochs_done;
    const done = last?.[0] ?? update.epochs_done;
    const spent = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
    const running = update.state === "running";
    this.at("state").textContent = running ? `running · epoch ${Math.floor(done) + 1}${total ? ` of ${first + total}` : ""}` : update.state;
    for (const form of this.querySelectorAll("[data-when]")) {
      const when = /** @type {HTMLElement} */ (form);
      when.hidden = !(when.dataset.when ?? "").split(" ").includes(update.state);
    }
    const best = update.best_epoch === null ? undefined : this.epochs.get(update.best_epoch);
    const newest = epochs.at(-1);
    this.at("accuracy").textContent = percent((best ?? newest)?.validation_accuracy);
    this.at("accuracy-on").textContent = this.margin((best ?? newest)?.validation_accuracy);
    this.at("loss").textContent = loss((best ?? newest)?.validation_loss);
    this.at("loss-on").textContent = best ? `best weights, epoch ${best.epoch}` : newest ? `epoch ${newest.epoch}` : "";
    if (last?.[3]) this.speed = last[3];
    this.at("speed").textContent = this.speed ? count(this.speed) : "–";
    const share = total ? (done - first) / total : 0;
    this.at("done").setAttribute("width", String(running ? 100 * Math.min(1, share) : epochs.length ? 100 : 0));
    const each = epochs.length ? spent / epochs.length : 0;
    const left = running && total && each ? (first + total - done) * each : null;
    this.at("time-label").textContent = left === null ? "Time" : "Left";
    this.at("time").textContent = duration(left ?? spent);
    this.at("time-on").textContent = left === null ? "training" : `of ${duration(left + (done - first) * each)}`;
    this.read(update);
    this.draw(epochs, update.best_epoch);
    this.table(epochs, update.best_epoch);
  }

  /** What the curves say. @param {Update} update */
  read(update) {
    const waiting = update.state === "queued" ? "It waits for a worker." : "No epoch has been validated yet.";
    const said = [...(update.message ? [update.message] : []), ...update.reading];
    this.at("reading").replaceChildren(
      ...(said.length ? said : [waiting]).map((sentence) => {
        const line = document.createElement("p");
        line.textContent = sentence;
        return line;
      }),
    );
  }

  /** @param {number|null|undefined} accuracy */
  margin(accuracy) {
    const n = Number(this.dataset.n);
    if (accuracy === null || accuracy === undefined || !n) return "";
    const z = 1.959964, spread = z * Math.sqrt((accuracy * (1 - accuracy)) / n + (z * z) / (4 * n * n)) / (1 + (z * z) / n);
    return `± ${(100 * spread).toFixed(1)} · validation, n = ${count(n)}`;
  }

  /** Progress within the epoch goes on where the epochs end.
   * @param {Epoch[]} epochs @param {number|null} best */
  draw(epochs, best) {
    const x = [...epochs.map((epoch) => epoch.epoch), ...this.progress.map((row) => row[0] ?? 0)];
    const none = this.progress.map(() => null);
    const parts = /** @type {const} */ ([["accuracy", 2, this.accuracy], ["loss", 1, this.loss]]);
    for (const [name, column, chart] of parts) {
      const validation = [...epochs.map((epoch) => epoch[`validation_${name}`]), ...none];
      const training = [...epochs.map((epoch) => epoch[`train_${name}`]), ...this.progress.map((row) => row[column])];
      chart?.show([x, validation, training], best === null ? null : epochs.findIndex((epoch) => epoch.epoch === best));
    }
  }

  /** @param {Epoch[]} epochs @param {number|null} best */
  table(epochs, best) {
    const body = this.at("epochs");
    body.replaceChildren(
      ...[...epochs].reverse().map((epoch) => {
        const row = document.createElement("tr");
        if (epoch.epoch === best) row.className = "best";
        const cells = [
          epoch.epoch + (epoch.epoch === best ? " best" : ""), loss(epoch.train_loss), percent(epoch.train_accuracy),
          loss(epoch.validation_loss), percent(epoch.validation_accuracy), rate(epoch.learning_rate), duration(epoch.seconds, true),
        ];
        for (const text of cells) {
          const cell = row.insertCell();
          cell.className = "n";
          cell.textContent = String(text);
        }
        return row;
      }),
    );
  }
}

customElements.define("live-run", LiveRun);
