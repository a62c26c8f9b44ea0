// How long the claim surely lasts, by two clocks: one stands still while the computer sleeps, the other can be set back.
export class Lease {
  constructor(seconds) {
    this.ms = seconds * 1000;
    this.renewed(Lease.now());
  }

  static now() {
    return [performance.now(), Date.now()];
  }

  // `from`: when the request was sent. The desk counts from a later moment.
  renewed(from) {
    this.from = from;
  }

  lapsed() {
    return Lease.now().some((now, clock) => now - this.from[clock] >= this.ms);
  }
}
