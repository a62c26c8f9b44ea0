// What the officer looked at before the answer, in order, with the time since the page opened. Sent with the answer.

const MOST_ENTRIES = 200;

export class ViewingTimes {
  constructor() {
    this.entries = [];
  }

  note(what, image) {
    if (this.entries.length >= MOST_ENTRIES) return;
    this.entries.push({ what, image: image ?? null, at_ms: Math.round(performance.now()) });
  }
}
