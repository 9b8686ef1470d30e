// @ts-check
/** Parts that somebody has opened (<details data-keeps id=…>) stay open while the page around them comes back changed. */

/** @type {string[]} */
let opened = [];

document.addEventListener("htmx:before:swap", () => {
  opened = [...document.querySelectorAll("details[data-keeps][open]")].map((part) => part.id);
});

document.addEventListener("htmx:after:swap", () => {
  for (const id of opened) {
    const part = document.getElementById(id);
    if (part instanceof HTMLDetailsElement) part.open = true;
  }
});
