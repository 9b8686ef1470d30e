// What the islands find in the page beside what browsers bring: uPlot, vendored as a script.
type uPlotData = (number | null | undefined)[][];
interface uPlot {
  ctx: CanvasRenderingContext2D;
  bbox: { left: number; top: number; width: number; height: number };
  cursor: { idx?: number | null };
  data: uPlotData;
  setData(data: uPlotData): void;
  setSize(size: { width: number; height: number }): void;
  valToPos(value: number, scale: string, canvasPixels: boolean): number;
  destroy(): void;
}
interface uPlotOptions {
  width: number;
  height: number;
  cursor?: object;
  legend?: object;
  scales?: { [name: string]: { time?: boolean; range?: (plot: uPlot, low: number, high: number) => [number, number] } };
  axes?: { values?: (plot: uPlot, ticks: number[]) => string[]; [name: string]: unknown }[];
  series?: object[];
  hooks?: { draw?: ((plot: uPlot) => void)[]; setCursor?: ((plot: uPlot) => void)[] };
}
declare const uPlot: {
  new (options: uPlotOptions, data: uPlotData, place: HTMLElement): uPlot;
  join(tables: uPlotData[], nullModes?: number[][]): uPlotData;
};
