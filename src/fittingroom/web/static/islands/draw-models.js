// @ts-check
/** What networks say of the drawing, shown in their cards: the same rows at the same places, whatever they say. */
import { paint } from "./draw-ink.js";
import { count, percent } from "./figures.js";

/** @typedef {{correlation: number, least: number, below: number, nearest: number, label: string, training: number,
 *   validation: number}} Measured */
/** @typedef {"flat"|Measured|{percent: number}|{problem: string}} Likeness */
/** @typedef {{run: string, problem?: string, epoch: number, steps: string[], probabilities: number[],
 *   fitted: number[], nearest?: number[], likeness: Likeness}} Said */

/** @param {Element} card @param {string} name @returns {HTMLElement} */
function part(card, name) {
  const found = card.querySelector(`[data-part="${name}"]`);
  if (!found) throw new Error(`no part ${name}`);
  return /** @type {HTMLElement} */ (found);
}

/** @param {HTMLElement} element @param {string} text */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Not 100 % where it is less; the space does not break. @param {number} value */
const share = (value) => (value < 1 && value >= 0.9995 ? "> 99.9 %" : percent(value)).replaceAll(" ", "\u00a0");

/** Show an answer in its card, and what is left of the images that came with it.
 * @param {Element} card @param {Said} said @param {Uint8Array} images @returns {Uint8Array} */
export function show(card, said, images) {
  const problem = part(card, "problem");
  problem.hidden = !said.problem;
  say(problem, said.problem ?? "");
  if (said.problem) return images;
  say(part(card, "epoch"), String(said.epoch));
  const left = image(card, "fitted", said.fitted, images);
  say(part(card, "steps"), said.steps.length ? said.steps.join(", ") : "as it is");
  bars(card, said.probabilities);
  const rest = said.nearest ? image(card, "nearest", said.nearest, left) : left;
  likeness(card, said.likeness, Boolean(said.nearest));
  return rest;
}

/** @param {Element} card @param {string} name @param {number[]} form @param {Uint8Array} images */
function image(card, name, [height, width, channels], images) {
  const canvas = /** @type {HTMLCanvasElement} */ (part(card, name));
  paint(canvas.getContext("2d"), images, height, width, channels);
  return images.subarray(height * width * channels);
}

/** @param {Element} card @param {number[]} probabilities */
function bars(card, probabilities) {
  const rows = part(card, "bars").children;
  const best = probabilities.indexOf(Math.max(...probabilities));
  probabilities.forEach((value, place) => {
    const row = rows[place];
    if (!row) return;
    row.classList.toggle("best", place === best);
    say(/** @type {HTMLElement} */ (row.children[1]), share(value));
    row.querySelector("rect")?.setAttribute("width", (100 * value).toFixed(2));
  });
  say(part(card, "best"), rows[best]?.children[0].textContent ?? "");
  say(part(card, "best-figure"), share(probabilities[best]));
}

/** The most probable class of a card in one line. @param {HTMLElement} card */
export function verdict(card) {
  return `${card.dataset.run}: ${part(card, "best").textContent} ${part(card, "best-figure").textContent}`;
}

/** The same for whoever does not see the card. @param {HTMLElement} card */
export const spoken = (card) => `${verdict(card)}, ${part(card, "pill").textContent}.`;

/** @param {Element} card @param {Likeness} likeness @param {boolean} hasImage */
function likeness(card, likeness, hasImage) {
  const [kind, pill, words] = judged(likeness);
  part(card, "likeness").dataset.kind = kind;
  part(card, "nearest").classList.toggle("empty", !hasImage);
  say(part(card, "pill"), pill);
  say(part(card, "measured"), words);
}

/** @param {Likeness} likeness @returns {[string, string, string]} kind, verdict, and how it was measured */
function judged(likeness) {
  if (likeness === "flat") return ["none", "Nothing is drawn", "A network gives probabilities even then."];
  if ("problem" in likeness) return ["none", "Likeness is not measured", likeness.problem];
  if ("percent" in likeness) {
    return ["none", "Measuring likeness …", `Validation images are compared with training images first: ${Math.round(likeness.percent)} % done.`];
  }
  const { correlation, least, below, label, training, validation } = likeness;
  const unlike = correlation < least;
  const more = below === 1 ? "all" : below === 0 ? "none" : share(below);
  const others = `98\u00a0% of ${count(validation)} validation images reach ${least.toFixed(2)}`;
  return [
    unlike ? "unlike" : "like",
    unlike ? "Unlike the training data" : "Like the training data",
    `Correlation ${correlation.toFixed(2)} with the most similar of ${count(training)} training images (${label}); ${others}, `
      + `and ${more} of them are more alike.${unlike ? " The probabilities mean little." : ""}`,
  ];
}
