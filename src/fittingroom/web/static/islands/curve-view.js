// @ts-check
/** How curves are looked at: the controls, kept for this tab, so that a reload changes nothing. */
/** @typedef {import("./curves.js").View} View */

const RUN = { key: "fittingroom-curves", which: /** @type {View["which"]} */ ("both") };
const AXES = /** @type {const} */ (["epoch", "time"]);
const WHICH = /** @type {const} */ (["validation", "both", "training"]);
const MOST = 0.95;

/** Whatever a tab has kept, as a view. @param {{key: string, which: View["which"]}} usual @returns {View} */
function kept(usual) {
  /** @type {Record<string, unknown>} */
  let given = {};
  try {
    given = JSON.parse(sessionStorage.getItem(usual.key) ?? "{}") ?? {};
  } catch {
    // somebody else's text: as if there were none
  }
  const smooth = typeof given.smooth === "number" && given.smooth >= 0 ? Math.min(MOST, given.smooth) : 0;
  return {
    axis: AXES.find((axis) => axis === given.axis) ?? "epoch",
    which: WHICH.find((which) => which === given.which) ?? usual.which,
    smooth,
  };
}

/** Bind the controls of an element, and call when they change. @param {HTMLElement} within @param {() => void} changed
 * @param {{key: string, which: View["which"]}} [usual] Under which name it is kept, and what is seen at first.
 * @returns {View} the view, which follows the controls */
export function curveView(within, changed, usual = RUN) {
  const view = kept(usual);
  const controls = /** @type {HTMLInputElement[]} */ ([...within.querySelectorAll("[data-part=curve-view] input")]);
  const method = within.querySelector("[data-part=smoothing]");
  const tell = () => {
    if (method) method.textContent = view.smooth ? `moving average, weight ${view.smooth.toFixed(2)}` : "off";
    within.querySelector("[data-part=smoothing-note]")?.toggleAttribute("hidden", !view.smooth);
  };
  for (const control of controls) {
    if (control.name === "smooth") control.value = String(view.smooth);
    else control.checked = control.value === (control.name === "axis" ? view.axis : view.which);
    control.addEventListener("input", () => {
      if (control.name === "smooth") view.smooth = Number(control.value);
      else if (control.name === "axis") view.axis = AXES.find((axis) => axis === control.value) ?? "epoch";
      else view.which = WHICH.find((which) => which === control.value) ?? "both";
      sessionStorage.setItem(usual.key, JSON.stringify(view));
      tell();
      changed();
    });
  }
  tell();
  return view;
}
