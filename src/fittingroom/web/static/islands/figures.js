// @ts-check
/** Figures as the page writes them; the server's are in web/figures.py. */

/** @param {number|null|undefined} value @returns {string} */
export const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);

/** @param {number|null|undefined} value @returns {string} */
export const loss = (value) => (value === null || value === undefined ? "–" : value < 10 ? value.toFixed(3) : value.toPrecision(3));

/** @param {number} value @returns {string} */
export const count = (value) => Math.round(value).toLocaleString("en-US");

/** @param {number} value @returns {string} */
export const rate = (value) => String(Number(value.toPrecision(3)));

/** @param {number} value @returns {string} */
export const accuracyAxis = (value) => `${Number((100 * value).toFixed(2))} %`;

/** ``0:17``; with ``fine`` also tenths below ten seconds.
 * @param {number|null|undefined} seconds @param {boolean} [fine] @returns {string} */
export function duration(seconds, fine = false) {
  if (seconds === null || seconds === undefined) return "–";
  if (fine && seconds < 10) return `${seconds.toFixed(1)} s`;
  const all = Math.round(seconds);
  const rest = String(all % 60).padStart(2, "0");
  const minutes = Math.floor(all / 60) % 60;
  const hours = Math.floor(all / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
