// Two faces that zoom and move together. Where the lane tells the eyes, both start at the same size, eyes on one line.

const CLOSEST = 8;
const STEP = 1.25;
const EYES_APART = 0.26; // of the view's width
const EYES_DOWN = 0.42; // of the view's height
const PATIENCE_MS = 8000;

export class Faces {
  constructor(section) {
    this.section = section;
    this.views = [...section.querySelectorAll(".view")].filter((view) => view.querySelector("img")).map((view) => new View(view));
    for (const view of this.views) this.#listen(view);
    for (const small of section.querySelectorAll("[data-frame] img")) nameIfBroken(small);
    for (const button of section.querySelectorAll("[data-frame]")) {
      button.addEventListener("click", () => this.#showFrame(section, button));
    }
  }

  // Handles a key; true if it was one of this part's.
  key(event) {
    const pan = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    const views = this.#concerned(event);
    if (pan) views.forEach((view) => view.pan(...pan));
    else if (event.key === "z" || event.key === "Z") this.#cycle(views);
    else if (event.key === "+" || event.key === "=") views.forEach((view) => view.zoom(STEP));
    else if (event.key === "-" || event.key === "_") views.forEach((view) => view.zoom(1 / STEP));
    else if (event.key === "0") this.views.forEach((view) => view.reset());
    else return false;
    return true;
  }

  // Nobody's face stays on a screen that nobody answers for.
  takeAway() {
    for (const image of this.section.querySelectorAll("img")) image.removeAttribute("src");
    this.section.replaceChildren(this.section.querySelector("[data-gone]"));
    this.section.firstChild.hidden = false;
    this.views = [];
  }

  #cycle(views) {
    const next = views[0]?.scale >= 4 ? 1 : views[0]?.scale >= 2 ? 4 : 2;
    for (const view of views) view.zoom(next / view.scale);
    if (next === 1) views.forEach((view) => view.reset());
  }

  #concerned(event) {
    const focused = this.views.filter((view) => view.element.contains(event.target));
    return event.shiftKey && focused.length ? focused : this.views;
  }

  #listen(view) {
    view.element.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = view.element.getBoundingClientRect();
      const at = [event.clientX - box.left, event.clientY - box.top];
      this.#concerned(event).forEach((one) => one.zoom(event.deltaY < 0 ? STEP : 1 / STEP, at));
    }, { passive: false });
    view.element.addEventListener("pointerdown", (event) => view.element.setPointerCapture(event.pointerId));
    view.element.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) this.#concerned(event).forEach((one) => one.pan(event.movementX, event.movementY));
    });
    view.element.addEventListener("dblclick", () => this.views.forEach((one) => one.reset()));
  }

  #showFrame(section, button) {
    const live = section.querySelector("#live");
    if (button.dataset.eyes) live.dataset.eyes = button.dataset.eyes;
    else delete live.dataset.eyes;
    live.src = button.dataset.frame;
    for (const other of section.querySelectorAll("[data-frame]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  }
}

// A small picture that did not load is its name.
function nameIfBroken(image) {
  if (image.complete && !image.naturalWidth) image.replaceWith(image.alt);
  else image.addEventListener("error", () => image.replaceWith(image.alt));
}

class View {
  constructor(element) {
    this.element = element;
    this.image = element.querySelector("img");
    this.failed = element.querySelector("[data-failed]");
    this.image.addEventListener("load", () => this.#loaded(true));
    this.image.addEventListener("error", () => this.#loaded(false));
    if (this.image.complete) this.#loaded(this.image.naturalWidth > 0);
    else setTimeout(() => this.image.complete || this.#loaded(false), PATIENCE_MS);
    new ResizeObserver(() => this.#place()).observe(element);
    this.reset();
  }

  reset() {
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.#place();
  }

  // An empty view would look like a person without a face: it is told.
  #loaded(well) {
    this.failed.hidden = well;
    this.image.hidden = !well;
    this.#place();
  }

  // Zooms by a factor; the point `at` of the view, or its middle, stays where it is.
  zoom(factor, at = [this.element.clientWidth / 2, this.element.clientHeight / 2]) {
    const scale = Math.min(Math.max(this.scale * factor, 0.5), CLOSEST);
    const grown = scale / this.scale;
    this.x = at[0] - (at[0] - this.x) * grown;
    this.y = at[1] - (at[1] - this.y) * grown;
    this.scale = scale;
    this.#place();
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.#place();
  }

  #place() {
    if (!this.image.naturalWidth) return;
    this.element.classList.add("placed");
    this.#keepInside();
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale}) ${this.#start()}`;
  }

  // Half of the view always shows something.
  #keepInside() {
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    const keep = (value, size) => Math.min(Math.max(value, size * (0.5 - this.scale)), size * 0.5);
    this.x = keep(this.x, width);
    this.y = keep(this.y, height);
  }

  #start() {
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    const { naturalWidth, naturalHeight } = this.image;
    if (this.image.dataset.eyes) {
      const [[ax, ay], [bx, by]] = JSON.parse(this.image.dataset.eyes).sort((a, b) => a[0] - b[0]);
      const fit = (EYES_APART * width) / Math.max(1, Math.hypot(bx - ax, by - ay));
      const turn = -Math.atan2(by - ay, bx - ax);
      const middle = `translate(${-(ax + bx) / 2}px, ${-(ay + by) / 2}px)`;
      return `translate(${width / 2}px, ${height * EYES_DOWN}px) rotate(${turn}rad) scale(${fit}) ${middle}`;
    }
    const fit = Math.min(width / naturalWidth, height / naturalHeight);
    const [left, top] = [(width - naturalWidth * fit) / 2, (height - naturalHeight * fit) / 2];
    return `translate(${left}px, ${top}px) scale(${fit})`;
  }
}
