// @ts-check
/**
 * The line to the networks: a socket that is asked about the newest drawing only. One drawing is on its way, the next
 * one is made when the answer has come; a lost connection comes back by itself, and then the newest drawing is sent.
 */

const NO_DRAWING = 4400;

/** One line of JSON, then pixels. @param {object} words @param {Uint8Array} pixels @returns {Uint8Array<ArrayBuffer>} */
export function toBytes(words, pixels) {
  const line = new TextEncoder().encode(`${JSON.stringify(words)}\n`);
  const bytes = new Uint8Array(line.length + pixels.length);
  bytes.set(line);
  bytes.set(pixels, line.length);
  return bytes;
}

/** @param {ArrayBuffer} buffer @returns {[any, Uint8Array]} */
export function fromBytes(buffer) {
  const bytes = new Uint8Array(buffer), end = bytes.indexOf(10);
  const line = end < 0 ? bytes : bytes.subarray(0, end);
  return [JSON.parse(new TextDecoder().decode(line)), bytes.subarray(line.length + 1)];
}

export class Line {
  /** @type {WebSocket|null} */
  socket = null;
  busy = false;
  waiting = false;
  waits = 500;

  /** @param {() => Uint8Array<ArrayBuffer>|null} newest @param {(words: any, pixels: Uint8Array) => void} take
   * @param {(lost: string) => void} tell */
  constructor(newest, take, tell) {
    this.newest = newest;
    this.take = take;
    this.tell = tell;
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/draw/live`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.busy = false;
      this.changed();
    };
    socket.onmessage = (message) => {
      this.waits = 500;
      const [words, pixels] = fromBytes(message.data);
      this.take(words, pixels);
      this.busy = false;
      if (this.waiting) this.changed();
    };
    socket.onclose = (closed) => {
      if (this.socket !== socket) return;
      this.tell(closed.code === NO_DRAWING ? "The drawing was not understood; load the page again." : "Connection lost; trying again …");
      if (closed.code === NO_DRAWING) return;
      setTimeout(() => this.socket === socket && this.connect(), this.waits);
      this.waits = Math.min(2 * this.waits, 8000);
    };
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  /** The drawing has changed. */
  changed() {
    this.waiting = true;
    if (this.busy || this.socket?.readyState !== WebSocket.OPEN) return;
    this.waiting = false;
    const bytes = this.newest();
    if (!bytes) return;
    this.busy = true;
    this.socket.send(bytes);
  }
}
