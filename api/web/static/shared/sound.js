// One soft sound for a new case. Browsers allow it after the officer has pressed something; it can be switched off.

const STORAGE_KEY = "passenger-lane-sound";

export class Sound {
  constructor(button) {
    this.button = button;
    this.on = localStorage.getItem(STORAGE_KEY) !== "off";
    this.context = null;
    button.hidden = false;
    button.addEventListener("click", () => this.#toggle());
    for (const gesture of ["pointerdown", "keydown"]) {
      document.addEventListener(gesture, () => this.#wake(), { once: true });
    }
    this.#show();
  }

  play() {
    if (!this.on || this.context?.state !== "running") return;
    const now = this.context.currentTime;
    const tone = new OscillatorNode(this.context, { type: "sine", frequency: 660 });
    const volume = new GainNode(this.context, { gain: 0 });
    volume.gain.linearRampToValueAtTime(0.06, now + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.0001, now + 0.5);
    tone.connect(volume).connect(this.context.destination);
    tone.start(now);
    tone.stop(now + 0.5);
  }

  #wake() {
    this.context ??= new AudioContext();
    this.context.resume();
  }

  #toggle() {
    this.on = !this.on;
    localStorage.setItem(STORAGE_KEY, this.on ? "on" : "off");
    this.#show();
    this.play();
  }

  #show() {
    this.button.setAttribute("aria-pressed", String(this.on));
    this.button.textContent = this.on ? this.button.dataset.on : this.button.dataset.off;
  }
}
