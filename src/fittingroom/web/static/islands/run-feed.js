// @ts-check
/**
 * What is new of one run, over a socket. What the page has is told to the server as a cursor, so nothing is missing or
 * doubled after a lost connection.
 */

/** @typedef {{epoch: number, train_loss: number|null, train_accuracy: number|null, validation_loss: number|null,
 *   validation_accuracy: number|null, learning_rate: number, seconds: number, phase: string|null}} Epoch */
/** @typedef {{attempt: number, epoch: number, step: number, state: string, words: number}} Cursor */
/** @typedef {{run: string, cursor: Cursor, whole: boolean, state: string, actions: string[],
 *   texts: Record<string, string>, share: number, images: number, epochs_done: number, best_epoch: number|null, reading: string[],
 *   boundaries: [number, string][], before?: Epoch[], epochs: Epoch[], progress: (number|null)[][]}} Update */
/** What it calls: with each update; when the connection is lost, or is there again; when the run was deleted.
 * @typedef {{updated: (update: Update) => void, lost: (lost: boolean) => void, gone: () => void}} Listener */

const GONE = 4404;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

export class RunFeed {
  /** @param {string} run @param {Listener} listener */
  constructor(run, listener) {
    this.run = run;
    this.listener = listener;
    /** Epochs of the runs that it continues. @type {Epoch[]} */
    this.before = [];
    /** @type {Map<number, Epoch>} */
    this.epochs = new Map();
    /** Within the present epoch: epoch, loss, accuracy, images a second. @type {(number|null)[][]} */
    this.progress = [];
    /** The last epoch before something else begins, and what. @type {[number, string][]} */
    this.boundaries = [];
    /** Training images of an epoch; 0 where nobody knows. */
    this.images = 0;
    /** @type {number|null} */
    this.best = null;
    /** @type {Cursor|null} */
    this.cursor = null;
    /** @type {WebSocket|null} */
    this.socket = null;
    this.waits = FIRST_WAIT;
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/live/${encodeURIComponent(this.run)}`);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(this.cursor ?? {}));
    socket.onmessage = (message) => {
      this.waits = FIRST_WAIT;
      this.listener.lost(false);
      this.take(/** @type {Update} */ (JSON.parse(message.data)));
    };
    socket.onclose = (closed) => {
      if (this.socket !== socket) return;
      if (closed.code === GONE) {
        this.listener.gone();
        return;
      }
      this.listener.lost(true);
      setTimeout(() => this.socket === socket && this.connect(), this.waits);
      this.waits = Math.min(2 * this.waits, LONGEST_WAIT);
    };
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  /** @param {Update} update */
  take(update) {
    if (update.whole) {
      this.epochs.clear();
      this.progress = [];
      this.before = update.before ?? [];
    }
    for (const epoch of update.epochs) this.epochs.set(epoch.epoch, epoch);
    for (const number of this.epochs.keys()) if (number > update.epochs_done) this.epochs.delete(number);
    this.progress = this.progress.concat(update.progress).filter((row) => (row[0] ?? 0) > update.epochs_done);
    this.cursor = update.cursor;
    this.best = update.best_epoch;
    this.images = update.images;
    this.boundaries = update.boundaries;
    this.listener.updated(update);
  }

  /** Its own epochs, in order. @returns {Epoch[]} */
  get own() {
    return [...this.epochs.values()].sort((a, b) => a.epoch - b.epoch);
  }
}
