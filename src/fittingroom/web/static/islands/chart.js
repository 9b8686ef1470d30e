// @ts-check
/// <reference path="./page.d.ts" />
/** A chart of validation and training against the epoch, in the page's colours, redrawn when the scheme changes. */

/** @param {string} name @returns {string} */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A colour of the stylesheet as a plain one: canvases know no light-dark().
 * @param {HTMLElement} element @param {string} name @returns {string} */
function plain(element, name) {
  element.style.setProperty("color", `var(${name})`);
  const value = getComputedStyle(element).color;
  element.style.removeProperty("color");
  return value || colour(name);
}

export class Chart {
  /** @param {HTMLElement} place @param {(value: number) => string} tell How the values of the axis are written. */
  constructor(place, tell) {
    this.place = place;
    this.tell = tell;
    /** @type {uPlot|null} */
    this.plot = null;
    /** @type {(number|null)[][]} */
    this.values = [];
    /** @type {number|null} */
    this.best = null;
    this.resized = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.resized.observe(place);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.values.length && this.make();
    this.scheme.addEventListener("change", this.repaint);
  }

  destroy() {
    this.resized.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
    this.plot?.destroy();
  }

  size() {
    return { width: this.place.clientWidth, height: this.place.clientHeight };
  }

  /** Epochs, validation and training; the best point's index.
   * @param {(number|null)[][]} values @param {number|null} best */
  show(values, best) {
    if (!values[0].length) return;
    this.values = values;
    this.best = best;
    if (this.plot) this.plot.setData(/** @type {any} */ (values));
    else this.make();
  }

  make() {
    this.plot?.destroy();
    this.place.replaceChildren();
    const [s1, s2, line, muted, surface] = ["--s1", "--s2", "--line", "--muted", "--surface"].map((name) => plain(this.place, name));
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, gap: 6 };
    const few = (/** @type {uPlot} */ plot, /** @type {number} */ series) => (plot.data[series].filter((value) => value !== null).length <= 30);
    this.plot = new uPlot(
      {
        ...this.size(),
        cursor: { y: false, points: { size: 7 } },
        legend: { show: false },
        scales: { x: { time: false, range: (_plot, low, high) => [Math.min(low, 1), Math.max(high, low + 1)] } },
        axes: [
          { ...axis, grid: { show: false }, values: (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick) : "")) },
          { ...axis, size: 58, values: (_plot, ticks) => ticks.map(this.tell) },
        ],
        series: [
          {},
          { stroke: s1, width: 2.2, spanGaps: true, points: { show: few, size: 6, fill: s1 } },
          { stroke: s2, width: 1.8, dash: [6, 4], points: { show: false } },
        ],
        hooks: { draw: [(plot) => this.ring(plot, s1, surface)] },
      },
      /** @type {any} */ (this.values),
      this.place,
    );
  }

  /** A ring around the best epoch. @param {uPlot} plot @param {string} stroke @param {string} fill */
  ring(plot, stroke, fill) {
    const value = this.best === null || this.best < 0 ? null : this.values[1][this.best];
    if (value === null || value === undefined || this.best === null) return;
    const context = plot.ctx;
    const x = plot.valToPos(this.values[0][this.best] ?? 0, "x", true);
    const y = plot.valToPos(value, "y", true);
    context.save();
    context.beginPath();
    context.arc(x, y, 5.5 * devicePixelRatio, 0, 2 * Math.PI);
    Object.assign(context, { fillStyle: fill, strokeStyle: stroke, lineWidth: 2.2 * devicePixelRatio });
    context.fill();
    context.stroke();
    context.restore();
  }
}
