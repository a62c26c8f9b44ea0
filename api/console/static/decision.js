// The decision, in three steps: answer, ground, confirm. Nothing is chosen beforehand, and nothing by time.

import { ask } from "./connection.js";

// As long as a double-click or a second Enter still belongs to *Continue*.
const DEAF_MS = 500;

export class Decision {
  constructor(section, { passage, csrf }) {
    this.section = section;
    this.passage = passage;
    this.csrf = csrf;
    this.form = section.querySelector("#choose");
    this.texts = section.querySelector("#texts").dataset;
    this.confirm = section.querySelector("#confirm");
    this.asked = section.querySelector(".asked");
    this.over = false;
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
      if (event.detail <= 1 && performance.now() - this.shownAt >= DEAF_MS) this.#send();
    });
    // The grounds of the other answer are hidden, and the browser cannot ask for them.
    this.form.noValidate = true;
    this.#toAnswer();
  }

  // Handles a key; true if it was one of this part's.
  key(event) {
    if (this.over) return false;
    const key = event.key.toLowerCase();
    if (key === "escape") this.back();
    else if (this.step !== "confirm" && (key === "a" || key === "l")) this.#toGround(key === "a" ? "admit" : "second_line");
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

  // Says what went wrong; `over` when this officer can no longer decide the case.
  tell(code, { over = false } = {}) {
    const trouble = this.section.querySelector("#trouble");
    trouble.textContent = this.texts[code] ?? this.texts.other;
    trouble.hidden = false;
    if (over) this.#end();
  }

  quiet() {
    if (!this.over) this.section.querySelector("#trouble").hidden = true;
  }

  #toAnswer() {
    this.answer = null;
    this.form.reset();
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
    // Focus is not a choice: the first ground is reached, and not taken.
    (this.form.querySelector(":checked") ?? this.#open().querySelector("input")).focus();
  }

  #choose(number) {
    const choice = this.#open().querySelectorAll("input")[number - 1];
    if (!choice) return;
    choice.checked = true;
    choice.focus();
  }

  #toConfirm() {
    const choice = this.form.querySelector(":checked");
    if (!choice) {
      this.tell("choose");
      return;
    }
    this.quiet();
    const [answer, ground] = [this.#open().querySelector("legend").firstChild.textContent, choice.nextElementSibling.textContent];
    this.section.querySelector("[data-said]").textContent = `${answer} · ${ground}`;
    this.section.querySelector("[data-consequence-said]").textContent = this.#open().dataset.consequence;
    this.#show("confirm");
    this.asked.focus();
    this.#wake();
  }

  // Confirm takes nothing until the press that brought it here has surely ended.
  #wake() {
    this.shownAt = performance.now();
    this.confirm.disabled = true;
    clearTimeout(this.waking);
    this.waking = setTimeout(() => {
      this.confirm.disabled = false;
      if (document.activeElement === this.asked || document.activeElement === document.body) this.confirm.focus();
    }, DEAF_MS);
  }

  async #send() {
    if (this.over || this.sending) return;
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
    if (this.over) return;
    this.confirm.focus();
    this.tell(sent.status === 0 ? "lost" : sent.body?.code, { over: sent.status === 409 || sent.status === 401 });
  }

  #end() {
    this.over = true;
    this.#show("over");
    const leave = this.section.querySelector("[data-leave]");
    leave.hidden = false;
    leave.focus();
    this.section.dispatchEvent(new CustomEvent("over"));
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
