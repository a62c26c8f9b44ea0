// What the officer looked at before the answer, in order, with the time since the page was there. It goes with the answer.

const MOST = 200;

export class Looks {
  constructor() {
    this.noted = [];
  }

  note(what, image) {
    if (this.noted.length >= MOST) return;
    this.noted.push({ what, image: image ?? null, at_ms: Math.round(performance.now()) });
  }
}
