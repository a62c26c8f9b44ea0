// The outcome of a case that this officer cannot decide now; and, until the lane has the decision, the way to correct it.

import { ask, follow, get } from "../shared/connection.js";
import { lettersAreKeys } from "../shared/key_shortcuts.js";

const TICK_MS = 250;

export function followOutcome(shown) {
  const { passage, csrf } = shown.dataset;
  let asked = 0;
  offerUndo(shown, passage, csrf);
  follow({ onEvent: (_name, changed) => changed === passage && refresh(), onOpen: refresh });

  // The keyboard stays where it is.
  async function refresh() {
    const turn = ++asked;
    const html = await get(location.href);
    if (html === null || turn !== asked) return; // an older answer must not cover a newer one
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("case");
    if (fresh?.dataset.state !== shown.dataset.state || fresh?.dataset.mine !== shown.dataset.mine) location.reload();
    else shown.querySelector("[role=status]")?.replaceChildren(fresh.querySelector("[role=status]")?.textContent ?? "");
  }
}

function offerUndo(shown, passage, csrf) {
  const undo = shown.querySelector("#undo");
  if (!undo) return;
  const left = undo.querySelector("[data-left]");
  const until = performance.now() + Number(undo.dataset.leftMs);
  const button = undo.querySelector("button");
  const timer = setInterval(tick, TICK_MS);
  let sent = false;
  undo.addEventListener("submit", (event) => {
    event.preventDefault();
    correct();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || undo.hidden) return;
    if (event.key.toLowerCase() === "c" && lettersAreKeys()) correct();
  });
  tick();

  function tick() {
    const seconds = Math.ceil((until - performance.now()) / 1000);
    if (seconds > 0) {
      const text = (seconds === 1 ? undo.dataset.one : undo.dataset.many).replace("#", seconds);
      if (left.textContent !== text) left.textContent = text;
    } else if (!sent) stop();
  }

  function stop() {
    clearInterval(timer);
    const held = undo.contains(document.activeElement);
    undo.hidden = true;
    if (held) shown.querySelector("[data-leave]").focus();
  }

  async function correct() {
    if (sent) return;
    sent = true;
    button.disabled = true;
    const body = { answer: "second_line", ground: "other", note: undo.querySelector("[name=note]").value };
    const result = await ask("POST", `/referrals/${passage}/correction`, { csrf, body });
    if (result.status === 200) location.reload();
    else {
      stop();
      const late = shown.querySelector("#late");
      late.textContent = result.status === 409 ? late.dataset.handed : late.dataset.lost;
      late.hidden = false;
    }
  }
}
