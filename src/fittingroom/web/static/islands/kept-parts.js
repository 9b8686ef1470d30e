// @ts-check
/**
 * What stays while the page comes back changed: parts that somebody has opened (<details data-keeps id=…>), and the
 * focus, which goes to [data-focus-next] where what had it is gone.
 */

/** @type {string[]} */
let opened = [];
let focused = false;

document.addEventListener("htmx:before:swap", () => {
  opened = [...document.querySelectorAll("details[data-keeps][open]")].map((part) => part.id);
  focused = document.activeElement !== null && document.activeElement !== document.body;
});

document.addEventListener("htmx:after:swap", () => {
  for (const id of opened) {
    const part = document.getElementById(id);
    if (part instanceof HTMLDetailsElement) part.open = true;
  }
  const next = document.querySelector("[data-focus-next]");
  if (focused && document.activeElement === document.body && next instanceof HTMLElement) next.focus();
});
