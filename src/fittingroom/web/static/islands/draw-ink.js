// @ts-check
/**
 * The drawing itself: pixels as numbers, and what can be done to them. A stroke covers what is below it by its soft
 * form, at most once however often it crosses itself, so its intensity is the level that it leaves.
 */

/** @typedef {{height: number, width: number, channels: number, ground: number}} Form */
/** @typedef {{form: Form, pixels: string}} Kept */

const MOST_UNDO = 40;
/** Share of the radius that is covered in full; from there it fades to the edge. */
const CORE = 0.45;

export class Ink {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  undone = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  before = [];
  /** @type {{base: Uint8Array, cover: Float32Array}|null} */
  stroke = null;

  /** @param {Form} form */
  constructor(form) {
    this.form = form;
    this.pixels = new Uint8Array(form.height * form.width * form.channels).fill(255 * form.ground);
  }

  /** Remember the drawing as it is, before it changes. */
  remember() {
    this.before = [...this.before, this.pixels.slice()].slice(-MOST_UNDO);
    this.undone = [];
  }

  /** @returns {boolean} whether there was something to undo */
  undo() {
    return this.swap(this.before, this.undone);
  }

  redo() {
    return this.swap(this.undone, this.before);
  }

  /** @param {Uint8Array<ArrayBuffer>[]} from @param {Uint8Array<ArrayBuffer>[]} to */
  swap(from, to) {
    const found = from.pop();
    if (!found) return false;
    to.push(this.pixels);
    this.pixels = found;
    return true;
  }

  begin() {
    this.remember();
    this.stroke = { base: this.pixels.slice(), cover: new Float32Array(this.form.height * this.form.width) };
  }

  end() {
    this.stroke = null;
  }

  /** Draw from one place to another; ``strength``, 0 to 1, is what a pen's pressure leaves of the level.
   * @param {number[]} from x, y @param {number[]} to @param {number} radius @param {number[]} level of each channel
   * @param {number} strength */
  line([x0, y0], [x1, y1], radius, level, strength) {
    if (!this.stroke) return;
    const { width, height, channels } = this.form, { base, cover } = this.stroke;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius)), right = Math.min(width - 1, Math.ceil(Math.max(x0, x1) + radius));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius)), bottom = Math.min(height - 1, Math.ceil(Math.max(y0, y1) + radius));
    const dx = x1 - x0, dy = y1 - y0, long = dx * dx + dy * dy || 1;
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / long));
        const far = Math.hypot(x - x0 - along * dx, y - y0 - along * dy) / radius;
        if (far >= 1) continue;
        const full = far <= CORE ? 1 : 0.5 + 0.5 * Math.cos((Math.PI * (far - CORE)) / (1 - CORE));
        const place = y * width + x;
        if (strength * full <= cover[place]) continue;
        cover[place] = strength * full;
        for (let c = 0; c < channels; c++) {
          const under = base[place * channels + c];
          this.pixels[place * channels + c] = Math.round(under + (level[c] - under) * cover[place]);
        }
      }
    }
  }

  clear() {
    this.remember();
    this.pixels.fill(255 * this.form.ground);
  }

  /** Put another image in place of the drawing. @param {Uint8Array} pixels */
  put(pixels) {
    this.remember();
    this.pixels = new Uint8Array(pixels);
  }

  /** Move everything by whole pixels; what comes in is ground. @param {number} dx @param {number} dy */
  shift(dx, dy) {
    this.remember();
    const { width, height, channels, ground } = this.form, old = this.pixels;
    this.pixels = new Uint8Array(old.length).fill(255 * ground);
    const left = Math.max(0, dx), right = Math.min(width, width + dx);
    for (let y = Math.max(0, dy); y < Math.min(height, height + dy); y++) {
      const from = ((y - dy) * width + left - dx) * channels;
      if (right > left) this.pixels.set(old.subarray(from, from + (right - left) * channels), (y * width + left) * channels);
    }
  }

  /** How far the centre of mass is from the middle, x and y; null where nothing is drawn.
   * @returns {[number, number]|null} */
  offCentre() {
    const { width, height, channels, ground } = this.form;
    let mass = 0, x = 0, y = 0;
    for (let place = 0; place < width * height; place++) {
      let own = 0;
      for (let c = 0; c < channels; c++) own += Math.abs(this.pixels[place * channels + c] - 255 * ground);
      mass += own;
      x += own * (place % width);
      y += own * Math.floor(place / width);
    }
    return mass ? [x / mass - (width - 1) / 2, y / mass - (height - 1) / 2] : null;
  }

  /** @returns {Kept} what can be stored */
  kept() {
    let text = "";
    for (let start = 0; start < this.pixels.length; start += 0x8000) {
      text += String.fromCharCode(...this.pixels.subarray(start, start + 0x8000));
    }
    return { form: this.form, pixels: btoa(text) };
  }

  /** Take what was stored, or drawn on a pad of another form. @param {Kept} kept */
  take(kept) {
    const from = kept.form, to = this.form;
    const old = Uint8Array.from(atob(kept.pixels), (character) => character.charCodeAt(0));
    if (old.length !== from.height * from.width * from.channels) return;
    const turned = from.ground !== to.ground;
    for (let y = 0; y < to.height; y++) {
      for (let x = 0; x < to.width; x++) {
        const row = Math.floor((y * from.height) / to.height), column = Math.floor((x * from.width) / to.width);
        const at = (row * from.width + column) * from.channels;
        const rgb = from.channels === 3 ? [old[at], old[at + 1], old[at + 2]] : [old[at], old[at], old[at]];
        const grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
        for (let c = 0; c < to.channels; c++) {
          const value = to.channels === 3 ? rgb[c] : Math.round(grey);
          this.pixels[(y * to.width + x) * to.channels + c] = turned ? 255 - value : value;
        }
      }
    }
  }
}

/** Pixels as a canvas shows them. @param {CanvasRenderingContext2D|null} context @param {Uint8Array} pixels
 * @param {number} height @param {number} width @param {number} channels */
export function paint(context, pixels, height, width, channels) {
  if (!context) return;
  const image = context.createImageData(width, height);
  for (let place = 0; place < height * width; place++) {
    for (let c = 0; c < 3; c++) image.data[4 * place + c] = pixels[place * channels + (channels === 3 ? c : 0)];
    image.data[4 * place + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
