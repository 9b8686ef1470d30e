// @ts-check
/**
 * <study-file data-most=…>: a file's text goes into the field beneath, as if it had been pasted there. Without this
 * script there is no chooser, and the text is pasted.
 */

class StudyFile extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.addEventListener("change", (event) => {
      event.stopPropagation();  // the text is what changes the form
      void this.#read();
    });
  }

  async #read() {
    const input = this.querySelector("input");
    const file = input?.files?.[0];
    const field = document.getElementById("f-text");
    if (!input || !file || !(field instanceof HTMLTextAreaElement)) return;
    const most = Number(this.dataset.most);
    // Within the limit there is nothing that is too large to be read; a character has four bytes at most.
    const text = file.size <= 4 * most ? await file.text() : "";
    input.value = ""; // so that the same file can be chosen again once it is mended
    this.#tell("");
    if (file.size > 4 * most || text.length > most) {
      this.#tell(`${file.name} is too long for this page; run it on the command line.`);
    } else if (text.includes("\0") || text.includes("\uFFFD")) {
      this.#tell(`${file.name} is not a text file in UTF-8.`);
    } else {
      field.value = text;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  /** @param {string} words */
  #tell(words) {
    const place = this.querySelector("p");
    if (place) place.textContent = words;
  }
}

customElements.define("study-file", StudyFile);
