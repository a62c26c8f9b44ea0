// How long the claim surely lasts. By two clocks, for one stands still while a computer sleeps and one can be set back.
export class Lease {
  constructor(seconds) {
    this.ms = seconds * 1000;
    this.renewed(Lease.now());
  }

  static now() {
    return [performance.now(), Date.now()];
  }

  // `from` is when the desk was asked: it counts from later.
  renewed(from) {
    this.from = from;
  }

  lapsed() {
    return Lease.now().some((now, clock) => now - this.from[clock] >= this.ms);
  }
}
