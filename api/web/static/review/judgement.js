// The blind answer: same, different or cannot tell, and how sure. Nothing is chosen beforehand; it is given once.

import { ask } from "../shared/connection.js";

const VERDICTS = { s: "same", d: "different", u: "cannot_tell" };

export class Judgement {
  // `onGiven()` when the desk has the answer, `onLost(code)` when the case is no longer this officer's.
  constructor(form, { passage, csrf, viewed, still, onGiven, onLost }) {
    Object.assign(this, { form, passage, csrf, viewed, still, onGiven, onLost });
    this.trouble = form.querySelector("[role=alert]");
    this.texts = document.getElementById("texts").dataset;
    this.sending = false;
    form.noValidate = true; // the page says in its own place what is missing
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#give(event.submitter?.value);
    });
    form.addEventListener("change", () => this.#onChoice());
  }

  // Handles a key; true if this part uses it.
  key(event) {
    const key = event.key.toLowerCase();
    if (VERDICTS[key]) this.#choose(VERDICTS[key]);
    else if (/^[1-5]$/.test(key)) event.repeat || this.#give(key);
    else return false;
    return true;
  }

  #choose(value) {
    const choice = this.form.querySelector(`[name=verdict][value=${value}]`);
    choice.checked = true;
    choice.focus();
    this.#onChoice();
  }

  #onChoice() {
    this.still();
    this.trouble.hidden = true;
  }

  async #give(confidence) {
    if (this.sending) return;
    const data = new FormData(this.form);
    if (!data.get("verdict")) {
      this.#showTrouble("answer_first");
      this.form.querySelector("[name=verdict]").focus();
      return;
    }
    this.sending = true;
    this.still();
    const sent = await ask("POST", `/referrals/${this.passage}/judgement`, { csrf: this.csrf, body: this.#body(data, confidence) });
    this.sending = false;
    if (sent.status === 200 || sent.body?.code === "already_judged") this.onGiven();
    else if (sent.status === 409 || sent.status === 401) this.onLost(sent.body?.code);
    else this.#showTrouble(sent.status === 0 ? "answer_lost" : "answer_other");
  }

  #body(data, confidence) {
    const features = [...data].filter(([name, value]) => name.startsWith("feature_") && value);
    return {
      verdict: data.get("verdict"),
      confidence: Number(confidence),
      features: Object.fromEntries(features.map(([name, value]) => [name.slice("feature_".length), value])),
      viewed: this.viewed,
    };
  }

  #showTrouble(code) {
    this.trouble.textContent = this.texts[code];
    this.trouble.hidden = false;
  }
}
