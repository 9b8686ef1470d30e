// What the islands find in the page beside what browsers bring: uPlot, vendored as a script.
interface uPlot {
  ctx: CanvasRenderingContext2D;
  data: (number | null)[][];
  setData(data: (number | null)[][]): void;
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
  hooks?: { draw?: ((plot: uPlot) => void)[] };
}
declare const uPlot: { new (options: uPlotOptions, data: (number | null)[][], place: HTMLElement): uPlot };
