// Both faces alternate in one place at a steady rate: what differs moves, what is alike stands still.

const EACH_MS = 600; // less than two changes a second: far from what can harm (WCAG 2.3.1 allows three flashes)
const EACH_CALM_MS = 1600;

export class Flicker {
  constructor(pair) {
    this.pair = pair;
    this.figures = [...pair.querySelectorAll("figure")];
    this.timer = null;
  }

  get on() {
    return this.timer !== null;
  }

  start() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let shown = 0;
    const turn = () => this.figures.forEach((figure, number) => figure.classList.toggle("under", number !== shown));
    this.pair.classList.add("flickering");
    turn();
    this.timer = setInterval(() => {
      shown = 1 - shown;
      turn();
    }, calm ? EACH_CALM_MS : EACH_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.pair.classList.remove("flickering");
    for (const figure of this.figures) figure.classList.remove("under");
  }
}
