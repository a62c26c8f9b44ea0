// One picture in its frame. Where the lane sent the eyes' places, every picture starts upright, its eyes on the same spots.

const CLOSEST = 8;
const EYES_APART = [0.26, 0.25]; // of the frame's width and of its height at most: chin and hair stay inside
const EYES_DOWN = 0.45; // of the frame's height
const LENS_TIMES = 3;
const TIMEOUT_MS = 8000;

export class View {
  constructor(element) {
    this.element = element;
    this.image = element.querySelector("img");
    this.failed = element.querySelector("[data-failed]");
    this.lens = element.querySelector(".lens");
    this.image.addEventListener("load", () => this.#loaded(true));
    this.image.addEventListener("error", () => this.#loaded(false));
    if (this.image.complete) this.#loaded(this.image.naturalWidth > 0);
    else setTimeout(() => this.image.complete || this.#loaded(false), TIMEOUT_MS);
    new ResizeObserver(() => this.#place()).observe(element);
    this.reset();
  }

  get sha256() {
    return this.image.dataset.sha256 ?? null;
  }

  show({ href, eyes, sha256 }) {
    if (eyes) this.image.dataset.eyes = eyes;
    else delete this.image.dataset.eyes;
    this.image.dataset.sha256 = sha256;
    this.image.src = href;
  }

  reset() {
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.#place();
  }

  // Zooms by a factor; the point `at` of the frame, or its middle, stays where it is.
  zoom(factor, at = this.middle()) {
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

  middle() {
    return [this.element.clientWidth / 2, this.element.clientHeight / 2];
  }

  // The lens lies at `at`, in shares of the frame, so that it lies on the same place of every face. null: no lens.
  magnify(at) {
    this.at = at;
    this.#placeLens();
  }

  // An empty frame would look like a person without a face: the page says that the picture failed.
  #loaded(well) {
    if (this.failed) this.failed.hidden = well;
    this.image.hidden = !well;
    this.#place();
  }

  #place() {
    if (!this.image.naturalWidth) return;
    this.element.classList.add("placed");
    this.#keepInside();
    this.image.style.transform = this.#transform();
    this.#placeLens();
  }

  #placeLens() {
    if (!this.lens) return;
    this.lens.hidden = !this.at || !this.image.naturalWidth || this.image.hidden;
    if (this.lens.hidden) return;
    const [x, y] = [this.at[0] * this.element.clientWidth, this.at[1] * this.element.clientHeight];
    const close = this.lens.firstElementChild;
    if (close.src !== this.image.src) close.src = this.image.src;
    const middle = this.lens.clientWidth / 2;
    this.lens.style.transform = `translate(${x - this.lens.offsetWidth / 2}px, ${y - this.lens.offsetHeight / 2}px)`;
    close.style.transform =
      `translate(${middle - LENS_TIMES * x}px, ${middle - LENS_TIMES * y}px) scale(${LENS_TIMES}) ${this.#transform()}`;
  }

  #transform() {
    return `translate(${this.x}px, ${this.y}px) scale(${this.scale}) ${this.#start()}`;
  }

  // Half of the frame always shows something.
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
      const apart = Math.min(EYES_APART[0] * width, EYES_APART[1] * height);
      const fit = apart / Math.max(1, Math.hypot(bx - ax, by - ay));
      const turn = -Math.atan2(by - ay, bx - ax);
      const middle = `translate(${-(ax + bx) / 2}px, ${-(ay + by) / 2}px)`;
      return `translate(${width / 2}px, ${height * EYES_DOWN}px) rotate(${turn}rad) scale(${fit}) ${middle}`;
    }
    const fit = Math.min(width / naturalWidth, height / naturalHeight);
    const [left, top] = [(width - naturalWidth * fit) / 2, (height - naturalHeight * fit) / 2];
    return `translate(${left}px, ${top}px) scale(${fit})`;
  }
}
