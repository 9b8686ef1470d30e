// @ts-check
/** Shapes that tell curves apart without colour: 0 to 5 are drawn filled, 6 to 11 are the same with an open middle. */

/** The outline of a shape around the origin, as an SVG path. @param {number} shape @param {number} r @returns {string} */
export function markerPath(shape, r) {
  const s = 0.9 * r, w = r / 2.6;
  switch (shape % 6) {
    case 0: return `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`;
    case 1: return `M${-s},${-s}H${s}V${s}H${-s}Z`;
    case 2: return `M0,${-1.2 * r}L${1.15 * r},${0.9 * r}H${-1.15 * r}Z`;
    case 3: return `M0,${-1.3 * r}L${1.3 * r},0L0,${1.3 * r}L${-1.3 * r},0Z`;
    case 4: return `M0,${1.2 * r}L${1.15 * r},${-0.9 * r}H${-1.15 * r}Z`;
    default: return `M${-w},${-r}H${w}V${-w}H${r}V${w}H${w}V${r}H${-w}V${w}H${-r}V${-w}H${-w}Z`;
  }
}
