// @ts-check
/// <reference path="./page.d.ts" />
/** Curves in the page's colours, with walls where something else begins, rings and markers; redrawn with the scheme. */
import { duration } from "./figures.js";
import { markerPath } from "./markers.js";

/** One curve. ``colour`` is the number of a series' variable; ``marker`` the number of its shape, none where null.
 * @typedef {{at: number[], values: (number|null)[], colour: number, width: number, dashed?: boolean, faint?: boolean,
 *   marker?: number|null, label: string}} Curve */
/** A point that stands out. @typedef {{at: number, value: number, colour: number, marker: number|null}} Mark */
/** @typedef {{axis: "epoch"|"time", curves: Curve[], walls: {at: number, label: string}[], marks: Mark[]}} Shown */
/** Where the pointer is: the place on the axis, and each curve's value there.
 * @typedef {(at: number|null, values: (number|null|undefined)[], curves: Curve[]) => void} Hover */

const SERIES = ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6"];
/** Steps between ticks: whole epochs; whole seconds, minutes and hours. */
const STEPS = {
  epoch: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
  time: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400],
};
/** For uPlot's join: a gap lasts from point to point, also where other curves have points between. */
const EXPAND_GAPS = 2;
const MOST_MARKERS = 10;
const MOST_DOTS = 30;

/** A colour of the stylesheet as a plain one: canvases know no light-dark().
 * @param {HTMLElement} element @param {string} name @returns {string} */
function plain(element, name) {
  element.style.setProperty("color", `var(${name})`);
  const value = getComputedStyle(element).color;
  element.style.removeProperty("color");
  return value;
}

/** The value at a place, or the last before it where another curve has a point; none behind a curve's end.
 * @param {(number|null|undefined)[]} values @param {number} index */
function upTo(values, index) {
  if (!values.slice(index).some((value) => typeof value === "number")) return null;
  while (index >= 0 && values[index] === undefined) index -= 1;
  return values[index];
}

export class Chart {
  /** @param {HTMLElement} place @param {(value: number) => string} tell How the values of the axis are written.
   * @param {Hover} [hover] */
  constructor(place, tell, hover) {
    this.place = place;
    this.tell = tell;
    this.hover = hover;
    /** @type {uPlot|null} */
    this.plot = null;
    /** @type {Shown} */
    this.shown = { axis: "epoch", curves: [], walls: [], marks: [] };
    this.form = "";
    this.resized = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.resized.observe(place);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.plot && this.make();
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

  /** @param {Shown} shown */
  show(shown) {
    this.shown = shown;
    if (!shown.curves.some((curve) => curve.at.length)) return;
    const form = JSON.stringify([shown.axis, shown.curves.map(({ at, values, ...style }) => style)]);
    if (this.plot && form === this.form) this.plot.setData(this.data());
    else this.make();
    this.form = form;
  }

  /** All curves over the places that any of them has. */
  data() {
    /** @type {Map<number[], (number|null)[][]>} */
    const tables = new Map();
    for (const curve of this.shown.curves) {
      const table = tables.get(curve.at) ?? [curve.at];
      table.push(curve.values);
      tables.set(curve.at, table);
    }
    const all = [...tables.values()];
    return all.length === 1 ? all[0] : uPlot.join(all, all.map((table) => table.map(() => EXPAND_GAPS)));
  }

  /** The curves in the order of their series: those of one timeline stand together. */
  get ordered() {
    const places = [...new Set(this.shown.curves.map((curve) => curve.at))];
    return places.flatMap((at) => this.shown.curves.filter((curve) => curve.at === at));
  }

  make() {
    this.plot?.destroy();
    this.place.replaceChildren();
    this.colours = SERIES.map((name) => plain(this.place, name));
    const [line, muted, surface] = ["--line", "--muted", "--surface"].map((name) => plain(this.place, name));
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, gap: 6 };
    const { axis: along } = this.shown;
    const first = along === "time" ? 0 : 1;
    /** @type {(plot: uPlot, low: number, high: number) => [number, number]} */
    const range = (_plot, low, high) => {
      const from = Math.min(low, first), to = Math.max(high, low + 1);
      const room = this.shown.curves.some((curve) => typeof curve.marker === "number") ? 0.015 * (to - from) : 0;
      return [from - room, to + room];
    };
    const few = (/** @type {uPlot} */ plot, /** @type {number} */ index) => plot.data[index].filter((value) => typeof value === "number").length <= MOST_DOTS;
    const tick = (/** @type {number} */ value) => (along === "time" ? duration(value) : Number.isInteger(value) ? String(value) : "");
    this.plot = new uPlot(
      {
        ...this.size(),
        cursor: { y: false, points: { size: 7 } },
        legend: { show: false },
        scales: { x: { time: false, range } },
        axes: [
          { ...axis, size: 30, grid: { show: false }, incrs: STEPS[along], values: (_plot, ticks) => ticks.map(tick) },
          { ...axis, size: 58, values: (_plot, ticks) => ticks.map(this.tell) },
        ],
        series: [
          {},
          ...this.ordered.map((curve) => {
            const stroke = this.colours?.[curve.colour - 1];
            const dots = !curve.dashed && !curve.faint && (curve.marker === null || curve.marker === undefined);
            return {
              stroke, width: curve.width, alpha: curve.faint ? 0.38 : 1, dash: curve.dashed ? [6, 4] : [],
              points: { show: dots ? few : false, size: 6, fill: stroke },
            };
          }),
        ],
        hooks: {
          draw: [(plot) => this.walls(plot, muted, font), (plot) => this.markers(plot, surface), (plot) => this.rings(plot, surface)],
          setCursor: [(plot) => this.point(plot)],
        },
      },
      this.data(),
      this.place,
    );
  }

  /** @param {uPlot} plot */
  point(plot) {
    if (!this.hover) return;
    const index = plot.cursor.idx;
    const at = index === null || index === undefined ? null : (plot.data[0][index] ?? null);
    this.hover(at, at === null ? [] : plot.data.slice(1).map((values) => upTo(values, /** @type {number} */ (index))), this.ordered);
  }

  /** Where something else begins. @param {uPlot} plot @param {string} stroke @param {string} font */
  walls(plot, stroke, font) {
    const { ctx, bbox } = plot, scale = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = stroke;
    ctx.font = font.replace("12px", `${11 * scale}px`);
    ctx.lineWidth = scale;
    for (const wall of this.shown.walls) {
      const x = plot.valToPos(wall.at, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.setLineDash([2 * scale, 3 * scale]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.save();
      ctx.translate(x + 12 * scale, bbox.top + bbox.height / 2);
      ctx.rotate(-Math.PI / 2);
      ctx.textAlign = "center";
      ctx.fillText(wall.label, 0, 0, bbox.height);
      ctx.restore();
    }
    ctx.restore();
  }

  /** Shapes along the curves that have one, a few on each. @param {uPlot} plot @param {string} fill */
  markers(plot, fill) {
    for (const curve of this.shown.curves) {
      if (curve.marker === null || curve.marker === undefined || curve.faint) continue;
      const step = Math.max(1, Math.ceil(curve.at.length / MOST_MARKERS));
      curve.at.forEach((at, index) => {
        const value = curve.values[index];
        if (value !== null && (curve.at.length - 1 - index) % step === 0) this.shape(plot, at, value, curve.colour, curve.marker ?? 0, 4, fill);
      });
    }
  }

  /** The points that stand out. @param {uPlot} plot @param {string} fill */
  rings(plot, fill) {
    for (const mark of this.shown.marks) {
      this.shape(plot, mark.at, mark.value, mark.colour, 6, mark.marker === null ? 5.5 : 8, fill);
      if (mark.marker !== null) this.shape(plot, mark.at, mark.value, mark.colour, mark.marker, 4, fill);
    }
  }

  /** @param {uPlot} plot @param {number} at @param {number} value @param {number} colour @param {number} shape
   * @param {number} radius @param {string} fill */
  shape(plot, at, value, colour, shape, radius, fill) {
    const { ctx } = plot, scale = devicePixelRatio;
    const stroke = this.colours?.[colour - 1] ?? "";
    ctx.save();
    ctx.translate(plot.valToPos(at, "x", true), plot.valToPos(value, "y", true));
    ctx.scale(scale, scale);
    ctx.setLineDash([]);
    Object.assign(ctx, { fillStyle: shape < 6 ? stroke : fill, strokeStyle: stroke, lineWidth: radius > 4 ? 2.2 : 1.6 });
    const path = new Path2D(markerPath(shape, radius));
    ctx.fill(path);
    ctx.stroke(path);
    ctx.restore();
  }
}
