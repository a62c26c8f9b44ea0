// The page of a case: keeps the claim while somebody sits here, hands keys to faces and decision, says what is lost.

import { setClock, startClock } from "./clock.js";
import { ask, follow, get } from "./connection.js";
import { Decision } from "./decision.js";
import { Faces } from "./faces.js";
import { Lease } from "./lease.js";
import { isSwitchedOff, offerLetters } from "./letters.js";

const AWAY_MS = 5 * 60 * 1000;
const LOOK_MS = 1000;

let asked = 0;

const { passage, mine, leaseS, csrf } = document.getElementById("case").dataset;
if (mine === "yes") review();
else follow({ onEvent: (_name, changed) => changed === passage && refresh(), onOpen: refresh });

// What became of a case that is not this officer's to decide; the keyboard stays where it is.
async function refresh() {
  const turn = ++asked;
  const html = await get(location.href);
  if (html === null || turn !== asked) return; // an older answer must not cover a newer one
  const page = new DOMParser().parseFromString(html, "text/html");
  const [shown, fresh] = [document, page].map((one) => one.getElementById("case"));
  if (fresh?.dataset.state !== shown.dataset.state) location.reload();
  else shown.querySelector("[role=status]")?.replaceChildren(fresh.querySelector("[role=status]")?.textContent ?? "");
}

function review() {
  const faces = new Faces(document.getElementById("faces"));
  const decision = new Decision(document.getElementById("decision"), { passage, csrf });
  let lastInput = Date.now();
  let away = false;
  const lease = new Lease(leaseS);

  setClock(document.querySelector("[data-now]").dataset.now);
  startClock();
  showKeys();
  document.getElementById("decision").addEventListener("over", () => faces.takeAway());
  document.addEventListener("keydown", onKey);
  for (const input of ["keydown", "pointerdown", "wheel"]) document.addEventListener(input, onInput, { passive: true });
  setInterval(keep, (leaseS * 1000) / 5);
  setInterval(lapsed, LOOK_MS);
  document.addEventListener("visibilitychange", lapsed);
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  follow({
    onEvent: (_name, changed) => changed === passage && look(),
    onOpen: keep,
    onEnded: () => decision.over || decision.tell("not_signed_in", { over: true }),
  });

  // Renews the claim, as long as somebody is here. A claim that has lapsed is never taken up again unasked.
  async function keep() {
    if (lapsed()) return;
    away = Date.now() - lastInput > AWAY_MS;
    if (away) {
      decision.tell("away");
      return;
    }
    const from = Lease.now();
    const kept = await ask("POST", `/referrals/${passage}/claim`, { csrf });
    if (kept.status === 200 && lapsed()) ask("DELETE", `/referrals/${passage}/claim`, { csrf });
    else if (kept.status === 200) lease.renewed(from);
    else if (kept.status === 409 && !decision.over) decision.tell(kept.body?.code, { over: true });
  }

  // True once the case is not this page's any more; ends the page when its time has passed.
  function lapsed() {
    if (!decision.over && lease.lapsed()) decision.tell("lapsed", { over: true });
    return decision.over;
  }

  // Something happened to this case: is it still ours?
  async function look() {
    if (decision.over) return;
    const found = await ask("GET", `/referrals/${passage}`);
    if (decision.over || found.status !== 200 || found.body.mine) return;
    if (found.body.state === "decided") location.reload();
    else decision.tell(found.body.state === "ended" ? "passage_closed" : "claim_missing", { over: true });
  }

  function onInput() {
    lastInput = Date.now();
    if (!away) return;
    away = false;
    decision.quiet();
    keep();
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    // A key that is held down does one thing: Enter must not run through ground and confirmation.
    if (event.repeat && (event.key === "Enter" || (event.key === " " && event.target.closest("button")))) event.preventDefault();
    else if (event.target.closest("textarea")) {
      if (event.key === "Escape") event.target.blur();
    } else if (isSwitchedOff(event)) return;
    else if (event.key === "?") document.getElementById("keys").showModal();
    else if (arrowsInChoices(event)) return;
    else if (decision.key(event) || faces.key(event)) event.preventDefault();
  }
}

function arrowsInChoices(event) {
  return event.key.startsWith("Arrow") && event.target.closest("fieldset, summary");
}

function showKeys() {
  const help = document.getElementById("help");
  help.hidden = false;
  help.addEventListener("click", () => document.getElementById("keys").showModal());
  document.getElementById("zoom-keys").hidden = false;
  offerLetters(document.getElementById("letters"));
}
