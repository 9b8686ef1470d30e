// @ts-check
/**
 * The hand that draws: mouse, pen, touch, or a cursor that the arrow keys move. A pen's pressure lessens the intensity.
 */

/** @typedef {import("./draw-ink.js").Ink} Ink */
/** @typedef {{ink: Ink, pixel: number, radius(): number, level(): number[], changed(): void, said(text?: string): void,
 *   shift(by: [number, number]): void}} Pad */

/** @type {{[key: string]: [number, number]}} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Hand {
  /** @type {number|null} the pointer that draws */
  pointer = null;
  /** @type {number[]} where the pen was last */
  last = [0, 0];
  /** @type {number[]} the keyboard's cursor */
  cursor = [0, 0];
  /** Whether the pen is down by a key. */
  down = false;

  /** @param {Pad} pad @param {HTMLCanvasElement} canvas @param {HTMLElement} mark of the cursor @param {AbortSignal} signal */
  constructor(pad, canvas, mark, signal) {
    this.pad = pad;
    this.canvas = canvas;
    this.mark = mark;
    canvas.addEventListener("pointerdown", (event) => this.press(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.move(event), { signal });
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
      canvas.addEventListener(name, (event) => this.lift(event), { signal });
    }
    canvas.addEventListener("keydown", (event) => this.key(event), { signal });
    canvas.addEventListener("focus", () => this.showCursor(), { signal });
    canvas.addEventListener("blur", () => this.rest(), { signal });
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (this.pointer !== null || event.button !== 0) return;
    this.rest();
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.pad.ink.begin();
    this.last = this.place(event);
    this.stroke(this.last, event);
    this.pad.changed();
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (event.pointerId !== this.pointer) return;
    const all = event.getCoalescedEvents();
    for (const each of all.length ? all : [event]) this.stroke(this.place(each), each);
    this.pad.changed();
  }

  /** @param {PointerEvent} event */
  lift(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.pad.ink.end();
    this.pad.said();
  }

  /** @param {PointerEvent} event @returns {number[]} */
  place(event) {
    const box = this.canvas.getBoundingClientRect(), { width, height } = this.pad.ink.form;
    return [((event.clientX - box.left) / box.width) * width - 0.5, ((event.clientY - box.top) / box.height) * height - 0.5];
  }

  /** @param {number[]} to @param {PointerEvent} [event] */
  stroke(to, event) {
    const pressed = event?.pointerType === "pen" && event.pressure > 0 ? event.pressure : 1;
    this.pad.ink.line(this.last, to, this.pad.radius(), this.pad.level(), pressed);
    this.last = to;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || this.pointer !== null) return;
    if (!arrow && event.key !== " " && !(event.key === "Escape" && this.down)) return;
    event.preventDefault();
    if (arrow && event.shiftKey) this.pad.shift(arrow);
    else if (arrow) this.step(arrow);
    else if (this.down) this.rest();
    else if (!event.repeat) this.lower();
  }

  /** Move the cursor by one pixel of the network's; with the pen down it draws. @param {[number, number]} by */
  step([dx, dy]) {
    const { ink, pixel } = this.pad, { width, height } = ink.form;
    const within = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(most - 1, Math.max(0, value));
    this.cursor = [within(this.cursor[0] + dx * pixel, width), within(this.cursor[1] + dy * pixel, height)];
    if (this.down) {
      this.stroke(this.cursor);
      this.pad.changed();
    }
    this.showCursor();
  }

  /** Put the pen down where the cursor is. */
  lower() {
    this.down = true;
    this.pad.ink.begin();
    this.last = this.cursor;
    this.stroke(this.cursor);
    this.pad.changed();
    this.pad.said("The pen is down.");
    this.showCursor();
  }

  /** Lift the pen. */
  rest() {
    if (this.down) {
      this.down = false;
      this.pad.ink.end();
      this.pad.said("The pen is up.");
    }
    this.showCursor();
  }

  toMiddle() {
    const { width, height } = this.pad.ink.form;
    this.cursor = [(width - 1) / 2, (height - 1) / 2];
  }

  /** Where the keyboard would draw, while the pad has its focus. */
  showCursor() {
    const { width, height } = this.pad.ink.form;
    this.mark.hidden = !this.canvas.matches(":focus-visible");
    this.mark.classList.toggle("down", this.down);
    this.mark.style.setProperty("left", `${(100 * (this.cursor[0] + 0.5)) / width}%`);
    this.mark.style.setProperty("top", `${(100 * (this.cursor[1] + 0.5)) / height}%`);
  }
}
