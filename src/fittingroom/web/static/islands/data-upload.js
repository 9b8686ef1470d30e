// @ts-check
/**
 * <data-upload>: sends a chosen or dropped folder, or files, part by part, then hands its form in with the upload's id. A part
 * holds files one after the other, for each a line of JSON and its bytes; one that is lost on the way is sent again.
 */
const PART_BYTES = 8_000_000;
const PART_FILES = 400;
const TRIES = 5;
const LOST = "The upload was cut off, or a file on your computer cannot be read any more. Choose it again.";

/** @typedef {{path: string, file: File}} Item */

class DataUpload extends HTMLElement {
  /** @type {Item[]} */
  items = [];
  /** Its id at the server while it goes on. */
  upload = "";
  /** @type {XMLHttpRequest | null} */
  request = null;

  connectedCallback() {
    this.form = /** @type {HTMLFormElement} */ (this.querySelector("form"));
    this.form.addEventListener("submit", this.submit);
    this.piece("cancel").addEventListener("click", this.cancel);
    for (const input of this.querySelectorAll("input[type=file]")) input.addEventListener("change", this.choose);
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) this.addEventListener(name, this.drag);
    addEventListener("pagehide", this.leave);
    addEventListener("pageshow", this.comeBack);
  }

  disconnectedCallback() {
    removeEventListener("pagehide", this.leave);
    removeEventListener("pageshow", this.comeBack);
    this.leave();
  }

  /** @param {string} name @returns {HTMLElement} */
  piece(name) {
    return /** @type {HTMLElement} */ (this.querySelector(`[data-part=${name}]`));
  }

  /** @param {string} name */
  limit(name) {
    return Number(this.dataset[name]);
  }

  choose = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    for (const other of this.querySelectorAll("input[type=file]")) {
      if (other !== input) /** @type {HTMLInputElement} */ (other).value = "";
    }
    this.take([...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
  };

  drag = async (/** @type {Event} */ event) => {
    event.preventDefault();
    this.classList.toggle("over", event.type === "dragenter" || event.type === "dragover");
    if (event.type !== "drop" || this.upload) return;
    const dropped = [.../** @type {DragEvent} */ (event).dataTransfer?.items ?? []];
    const found = dropped.filter((item) => item.kind === "file").map((item) => {
      const entry = item.webkitGetAsEntry();
      return entry ? inside(entry) : alone(item.getAsFile()); // what comes from another program may be a file only
    });
    try {
      this.take((await Promise.all(found)).flat());
    } catch {
      this.tell("What was dropped cannot be read. Choose the folder or file instead.");
    }
  };

  /** Look at what was chosen, before anything is sent. @param {Item[]} found */
  take(found) {
    const wanted = (/** @type {Item} */ { path }) => {
      const name = path.slice(path.lastIndexOf("/") + 1);
      return !name.startsWith(".") && ends(name, path.includes("/") ? this.dataset.members : this.dataset.wholes);
    };
    this.items = found.filter(wanted);
    const left = found.length - this.items.length;
    const problem = this.problem(left);
    const first = [...new Set(this.items.map(({ path }) => path.split("/")[0]))];
    const what = first.length < 4 ? first.join(", ") : count(first.length, "folder or file", "folders and files");
    const stay = left ? `; ${count(left, "other file")} stay${left === 1 ? "s" : ""} here` : "";
    const chosen = `${what}: ${count(this.items.length, "file")}, ${size(total(this.items))}${stay}`;
    this.tell(problem);
    this.piece("chosen").textContent = problem ? "" : chosen;
    /** @type {HTMLButtonElement} */ (this.piece("start")).disabled = problem !== "";
  }

  /** Why what was chosen cannot be uploaded; the server checks it again. @param {number} left */
  problem(left) {
    const [files, bytes, each] = ["files", "bytes", "each"].map((name) => this.limit(name));
    const all = total(this.items);
    const large = this.items.find(({ path, file }) => file.size > each && !ends(path, this.dataset.wholes));
    if (!this.items.length) {
      const others = left ? `, but ${count(left, "other file")}` : "";
      return `There is nothing in it that can be read${others}. What can be: ${this.dataset.readable}.`;
    }
    if (this.items.length > files) {
      return `${count(this.items.length, "file")} are too many; at most ${files.toLocaleString("en")} can be uploaded at once.`;
    }
    if (all > bytes) return `${size(all)} are too much; at most ${size(bytes)} can be uploaded at once.`;
    if (!large) return "";
    return `${large.path} has ${size(large.file.size)}; an image may have ${size(each)}. Leave it out or make it smaller.`;
  }

  /** Say what is wrong, or that nothing is. @param {string} problem */
  tell(problem) {
    this.piece("problem").textContent = problem;
    this.piece("problem").hidden = !problem;
  }

  submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (this.upload || !this.items.length) return;
    let id = (this.upload = "beginning");
    this.tell("");
    this.show(true);
    this.progress(0, 0);
    try {
      const announced = { files: `${this.items.length}`, bytes: `${total(this.items)}` };
      id = this.upload = (await this.ask("/data/upload", new URLSearchParams(announced))).id;
      await this.send(parts(this.items), id);
    } catch (error) {
      if (this.upload !== id) return; // cancelled, and perhaps begun again
      this.leave();
      this.tell(error instanceof Refused ? sentence(error.message) : LOST);
      this.show(false);
      return;
    }
    /** @type {HTMLInputElement} */ (this.form?.elements.namedItem("upload")).value = id;
    this.upload = ""; // from now on it is the wizard's
    this.piece("said").textContent = "Looking at everything …";
    this.piece("cancel").hidden = true;
    this.form?.submit();
  };

  /** All parts, each until it has come. @param {Item[][]} waiting @param {string} id */
  async send(waiting, id) {
    let sent = { files: 0, bytes: 0 };
    for (let number = 0, tries = 0; number < waiting.length; ) {
      const part = waiting[number];
      const progress = (/** @type {number} */ share) =>
        this.progress(sent.files + share * part.length, sent.bytes + share * total(part));
      let state;
      try {
        state = await this.ask(`/data/upload/${id}/part?number=${number}`, body(part), progress);
      } catch (error) {
        const lasting = error instanceof Refused && error.status !== 409;
        if (this.upload !== id || lasting || ++tries > TRIES) throw error;
        this.piece("said").textContent = "The line was cut; trying again …";
        await new Promise((go) => setTimeout(go, 300 * 2 ** tries));
        state = this.upload === id ? await this.state(id) : null;
      }
      if (this.upload !== id) throw new Error("cancelled");
      if (state && state.parts > number) {
        number = state.parts;
        tries = 0;
        sent = state;
        this.piece("said").textContent = "";
      }
      this.progress(sent.files, sent.bytes);
    }
  }

  /**
   * What has come; null while nobody answers.
   * @param {string} id @returns {Promise<{parts: number, files: number, bytes: number} | null>}
   */
  async state(id) {
    try {
      const state = await this.ask(`/data/upload/${id}`);
      if (state.problem) throw new Refused(state.problem, 422);
      return state;
    } catch (error) {
      if (error instanceof Refused) throw error;
      return null;
    }
  }

  /**
   * Ask the server; what it refuses is raised in its words.
   * @param {string} address @param {URLSearchParams | Blob} [content] @param {(share: number) => void} [progress]
   * @returns {Promise<any>}
   */
  ask(address, content, progress = () => {}) {
    return new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      this.request = request;
      request.open(content ? "POST" : "GET", address);
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => progress(loaded / Math.max(total, 1));
      request.onload = () => {
        if (request.status < 300) done(request.response);
        else fail(new Refused(request.response?.problem ?? "The server could not take it.", request.status));
      };
      request.onerror = request.onabort = () => fail(new Error("cut off"));
      request.send(content ?? null);
    });
  }

  /** @param {number} files @param {number} bytes */
  progress(files, bytes) {
    const all = total(this.items);
    const percent = all ? (100 * bytes) / all : 0;
    this.piece("figures").textContent = `${Math.floor(files).toLocaleString("en")} of ${count(this.items.length, "file")} · ${size(bytes)} of ${size(all)}`;
    this.piece("bar").setAttribute("aria-valuenow", percent.toFixed(0));
    this.piece("bar").querySelector(".bar-done")?.setAttribute("width", percent.toFixed(1));
  }

  /** @param {boolean} going */
  show(going) {
    this.piece("choose").hidden = going;
    this.piece("start").hidden = going;
    this.piece("going").hidden = !going;
    this.piece("cancel").hidden = !going;
    this.piece("said").textContent = "";
    if (going) this.piece("cancel").focus();
  }

  cancel = () => {
    this.leave();
    this.show(false);
    this.piece("said").textContent = "The upload was cancelled; nothing of it is left.";
    this.piece("start").focus();
  };

  /** The browser kept the page as it was when it was left. */
  comeBack = (/** @type {PageTransitionEvent} */ event) => {
    if (event.persisted) this.show(false);
  };

  /** Whatever was sent is not wanted any more. */
  leave = () => {
    const id = this.upload;
    this.upload = "";
    this.request?.abort();
    if (id && id !== "beginning") post(`/data/upload/${id}/cancel`);
  };
}

/** What the server says of an upload that it does not take. */
class Refused extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** A file without a folder. @param {File | null} file @returns {Item[]} */
const alone = (file) => (file ? [{ path: file.name, file }] : []);

/** All files in a dropped entry. @param {FileSystemEntry} entry @returns {Promise<Item[]>} */
async function inside(entry) {
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((done, fail) => /** @type {FileSystemFileEntry} */ (entry).file(done, fail));
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return found;
    for (const each of some) found.push(...(await inside(each)));
  }
}

/** Whether a name has one of these endings, which are separated by blanks. @param {string} name @param {string} [endings] */
function ends(name, endings = "") {
  return endings.split(" ").some((ending) => ending && name.toLowerCase().endsWith(ending));
}

/** Parts of about the same size. @param {Item[]} items @returns {Item[][]} */
function parts(items) {
  /** @type {Item[][]} */
  const made = [];
  let bytes = 0;
  for (const item of items) {
    if (!made.length || made[made.length - 1].length >= PART_FILES || bytes + item.file.size > PART_BYTES) {
      made.push([]);
      bytes = 0;
    }
    made[made.length - 1].push(item);
    bytes += item.file.size;
  }
  return made;
}

/** @param {Item[]} items */
function body(items) {
  return new Blob(items.flatMap(({ path, file }) => [`${JSON.stringify({ path, bytes: file.size })}\n`, file]));
}

/** Also while the page is left. @param {string} address */
function post(address) {
  fetch(address, { method: "POST", keepalive: true, redirect: "manual" }).catch(() => {});
}

/** @param {Item[]} items */
const total = (items) => items.reduce((sum, { file }) => sum + file.size, 0);
/** @param {number} number @param {string} one @param {string} many */
const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
/** @param {string} text */
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;

/** @param {number} bytes */
function size(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} bytes`;
  const step = Math.min(Math.floor(Math.log10(bytes) / 3), 3);
  return `${(bytes / 1000 ** step).toFixed(1)} ${["", "kB", "MB", "GB"][step]}`;
}

customElements.define("data-upload", DataUpload);
