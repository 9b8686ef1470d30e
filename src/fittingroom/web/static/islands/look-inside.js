// @ts-check
/**
 * <look-inside run="cnn-1" canvas="ID"><button>: takes the picture on a canvas, as a network sees it, to the view
 * Look inside, where it stays by its address. Without ``canvas`` it is the one marked data-part="fitted" around it.
 */
class LookInside extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
    if (this.querySelector("button")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Look inside";
    this.append(button);
  }

  /** @param {Event} event */
  handleEvent(event) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button) this.go(button);
  }

  /** @returns {HTMLCanvasElement|null} */
  get canvas() {
    const id = this.getAttribute("canvas");
    const found = id ? document.getElementById(id) : this.closest("[data-run]")?.querySelector('canvas[data-part="fitted"]');
    return found instanceof HTMLCanvasElement ? found : null;
  }

  get run() {
    return this.getAttribute("run") ?? this.closest("[data-run]")?.getAttribute("data-run") ?? "";
  }

  /** @param {HTMLButtonElement} button */
  async go(button) {
    const canvas = this.canvas;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const grey = data.every((value, place) => place % 4 === 3 || value === data[place - (place % 4)]);
    const pixels = data.filter((_, place) => place % 4 < (grey ? 1 : 3));
    const form = new URLSearchParams({ height: String(canvas.height), width: String(canvas.width), channels: grey ? "1" : "3" });
    button.disabled = true;
    try {
      const answer = await fetch(`/inside/drawing?${form}`, { method: "POST", body: new Uint8Array(pixels) });
      if (!answer.ok) throw new Error(String(answer.status));
      const { drawing } = await answer.json();
      location.assign(`/inside?${new URLSearchParams({ run: this.run, drawing })}`);
    } catch {
      button.textContent = "Not reached; try again";
    } finally {
      button.disabled = false;
    }
  }
}

customElements.define("look-inside", LookInside);
