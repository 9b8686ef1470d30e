// @ts-check
/** Says on a page that asks for itself, by htmx, that nothing answers: what it shows may be old then. */

/** @param {boolean} lost */
const tell = (lost) => {
  const line = document.getElementById("connection");
  if (line) line.hidden = !lost;
};

document.addEventListener("htmx:error", () => tell(true));
document.addEventListener("htmx:after:request", () => tell(false));
