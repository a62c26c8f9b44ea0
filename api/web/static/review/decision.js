// The decision, in three steps: answer, ground, confirm. No answer is preselected, and none is given by a time-out.

import { ask } from "../shared/connection.js";

// A double-click or a second Enter within this time still belongs to *Continue*.
const IGNORE_MS = 500;

export class Decision {
  // `onEnd(code)` when this officer can no longer decide the case.
  constructor(section, { passage, csrf, onEnd }) {
    this.section = section;
    this.passage = passage;
    this.csrf = csrf;
    this.onEnd = onEnd;
    this.form = section.querySelector("#choose");
    this.texts = document.getElementById("texts").dataset;
    this.confirm = section.querySelector("#confirm");
    this.asked = section.querySelector(".asked");
    this.note = this.form.querySelector("[name=note]");
    this.trouble = section.querySelector("#trouble");
    this.sending = false;
    this.answer = null;
    for (const button of section.querySelectorAll("[data-answer]")) {
      button.addEventListener("click", () => this.#toGround(button.dataset.answer));
    }
    for (const button of section.querySelectorAll("[data-back]")) {
      button.hidden = false;
      button.addEventListener("click", () => this.back());
    }
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#toConfirm();
    });
    this.confirm.addEventListener("click", (event) => {
      if (event.detail <= 1 && performance.now() - this.shownAt >= IGNORE_MS) this.#send();
    });
    this.form.addEventListener("change", () => this.#askForNote());
    // The grounds of the other answers are hidden, and the browser cannot ask for them.
    this.form.noValidate = true;
    this.#toAnswer();
  }

  // Handles a key; true if this part uses it.
  key(event) {
    const key = event.key.toLowerCase();
    const answer = this.section.querySelector(`[data-answer][data-key="${CSS.escape(key.toUpperCase())}"]`);
    if (key === "escape") this.back();
    else if (this.step !== "confirm" && answer) this.#toGround(answer.dataset.answer);
    else if (this.step === "ground" && /^[1-9]$/.test(key)) this.#choose(Number(key));
    else if (this.step === "ground" && key === "enter" && !event.target.closest("button")) this.form.requestSubmit();
    else return false;
    return true;
  }

  back() {
    if (this.sending) return;
    if (this.step === "confirm") this.#toGround(this.answer);
    else if (this.step === "ground") this.#toAnswer();
  }

  #showTrouble(code) {
    this.trouble.textContent = this.texts[code] ?? this.texts.other;
    this.trouble.hidden = false;
  }

  #toAnswer() {
    this.answer = null;
    this.form.reset();
    this.trouble.hidden = true;
    this.#show("answer");
    if (document.activeElement === document.body || this.section.contains(document.activeElement)) {
      this.section.querySelector("#decision-title").focus();
    }
  }

  #toGround(answer) {
    if (answer !== this.answer) this.form.reset();
    this.answer = answer;
    this.#show("ground");
    for (const grounds of this.#grounds()) grounds.hidden = grounds.dataset.grounds !== answer;
    this.#askForNote();
    // The first ground gets the focus, but is not chosen.
    (this.form.querySelector(":checked") ?? this.#open().querySelector("input")).focus();
  }

  #choose(number) {
    const choice = this.#open().querySelectorAll("input")[number - 1];
    if (!choice) return;
    choice.checked = true;
    this.#askForNote();
    (choice.dataset.note ? this.note : choice).focus();
  }

  // Says beforehand, beside the field, that this ground takes a note.
  #askForNote() {
    const needed = Boolean(this.form.querySelector(":checked")?.dataset.note);
    this.note.required = needed;
    this.form.querySelector("[data-note-needed]").hidden = !needed;
    this.form.querySelector("[data-note-optional]").hidden = needed;
  }

  #toConfirm() {
    const choice = this.form.querySelector(":checked");
    const missing = !choice ? "choose" : choice.dataset.note && !this.note.value.trim() ? "note_first" : null;
    if (missing) {
      this.#showTrouble(missing);
      if (choice) this.note.focus();
      return;
    }
    this.trouble.hidden = true;
    const [answer, ground] = [this.#open().querySelector("legend").firstChild.textContent, choice.nextElementSibling.textContent];
    this.section.querySelector("[data-said]").textContent = `${answer} · ${ground}`;
    this.section.querySelector("[data-consequence-said]").textContent = this.#open().dataset.consequence;
    this.#show("confirm");
    this.asked.focus();
    this.#enableConfirmLater();
  }

  // Confirm stays disabled until the key press or click that opened this step has surely ended.
  #enableConfirmLater() {
    this.shownAt = performance.now();
    this.confirm.disabled = true;
    clearTimeout(this.enabling);
    this.enabling = setTimeout(() => {
      this.confirm.disabled = false;
      if (document.activeElement === this.asked || document.activeElement === document.body) this.confirm.focus();
    }, IGNORE_MS);
  }

  async #send() {
    if (this.sending) return;
    this.sending = true;
    this.confirm.disabled = true;
    const data = new FormData(this.form);
    const [answer, ground] = data.get("choice").split(".");
    const body = { answer, ground, note: data.get("note") };
    const sent = await ask("POST", `/referrals/${this.passage}/decision`, { csrf: this.csrf, body });
    this.sending = false;
    this.confirm.disabled = false;
    if (sent.status === 200) location.replace(`/referrals/${this.passage}`);
    else this.#failed(sent);
  }

  #failed(sent) {
    if (sent.status === 409 || sent.status === 401) {
      this.onEnd(sent.body?.code);
      return;
    }
    this.confirm.focus();
    this.#showTrouble(sent.status === 0 ? "lost" : sent.body?.code);
  }

  #show(step) {
    this.step = step;
    for (const element of this.section.querySelectorAll("[data-step]")) element.hidden = element.dataset.step !== step;
    this.form.hidden = step !== "answer" && step !== "ground";
    this.section.querySelector(".giving-back").hidden = step !== "answer";
  }

  #grounds() {
    return [...this.section.querySelectorAll("[data-grounds]")];
  }

  #open() {
    return this.#grounds().find((grounds) => grounds.dataset.grounds === this.answer);
  }
}
