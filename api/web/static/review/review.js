// The page of a case: renews the claim while the officer is here, passes keys to faces, answer and decision, says when the
// case is lost.

import { ask, follow, get } from "../shared/connection.js";
import { Decision } from "./decision.js";
import { Faces } from "./faces.js";
import { Judgement } from "./judgement.js";
import { isSwitchedOff, offerLetters } from "../shared/key_shortcuts.js";
import { followOutcome } from "./outcome.js";

const AWAY_MS = 5 * 60 * 1000;
const LEASE_CHECK_MS = 1000;
const READ_MS = 2000;
const MOST_VIEWINGS = 200;

const shown = document.getElementById("case");
const { passage, mine, leaseS, csrf } = shown.dataset;
if (mine === "yes") review();
else followOutcome(shown);

function review() {
  // What the officer looked at before the answer, in order, with the time since the page opened; sent with the answer.
  const viewed = [];
  const faces = new Faces(document.getElementById("faces"), noteView);
  let renewedAt = bothClocks(); // the desk counts the lease from a later moment than the request was sent
  let lastInput = Date.now();
  let away = false;
  let over = false;
  let seenAt = null; // when the page announced something seen at the gate
  let part = shown.dataset.step === "blind" ? judgement() : decision();

  showKeys();
  document.addEventListener("keydown", onKey);
  for (const input of ["keydown", "pointerdown", "wheel"]) document.addEventListener(input, onInput, { passive: true });
  setInterval(keep, (leaseS * 1000) / 5);
  setInterval(lapsed, LEASE_CHECK_MS);
  document.addEventListener("visibilitychange", lapsed);
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  follow({
    onEvent: (_name, changed) => changed === passage && checkCase(),
    onOpen: keep,
    onEnded: () => end("not_signed_in"),
  });

  function noteView(what, image) {
    if (viewed.length < MOST_VIEWINGS) viewed.push({ what, image: image ?? null, at_ms: Math.round(performance.now()) });
  }

  function judgement() {
    const form = document.getElementById("judge");
    return new Judgement(form, { passage, csrf, viewed, still: () => faces.still(), onGiven: reveal, onLost: end });
  }

  function decision() {
    return new Decision(document.getElementById("decision"), { passage, csrf, onEnd: end });
  }

  // The faces stay where they are: only what is above, below and beside them is replaced.
  async function reveal() {
    const html = await get(location.href);
    const page = html && new DOMParser().parseFromString(html, "text/html");
    if (page?.getElementById("case")?.dataset.step !== "revealed") {
      location.reload();
      return;
    }
    for (const id of ["question", "dock", "side"]) replace(id, page);
    const side = document.getElementById("side");
    side.setAttribute("aria-label", page.getElementById("side").getAttribute("aria-label"));
    side.classList.add("arriving");
    side.scrollTop = 0;
    shown.dataset.step = "revealed";
    part = decision();
    document.getElementById("said").textContent = document.getElementById("texts").dataset.revealed;
  }

  // Renews the claim, as long as somebody is here. A claim that has lapsed is never renewed.
  async function keep() {
    if (lapsed()) return;
    away = Date.now() - lastInput > AWAY_MS;
    if (away) {
      sayReason("away");
      return;
    }
    const from = bothClocks();
    const kept = await ask("POST", `/referrals/${passage}/claim`, { csrf });
    if (kept.status === 200 && lapsed()) ask("DELETE", `/referrals/${passage}/claim`, { csrf });
    else if (kept.status === 200) renewedAt = from;
    else if (kept.status === 409) end(kept.body?.code);
  }

  // True once this page has lost the case; ends the page when the lease has lapsed.
  function lapsed() {
    if (!over && bothClocks().some((now, clock) => now - renewedAt[clock] >= leaseS * 1000)) end("lapsed");
    return over;
  }

  function replace(id, page) {
    document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
  }

  // After an event of this case: checks whether it is still this officer's, and whether something was seen at the gate.
  async function checkCase() {
    if (over) return;
    const found = await ask("GET", `/referrals/${passage}`);
    if (over || found.status !== 200) return;
    if (found.body.mine) {
      const seen = found.body.revealed?.gate.length ?? 0;
      if (shown.dataset.step === "revealed" && seen !== document.querySelectorAll("#gate li").length) showGate();
      return;
    }
    if (found.body.state === "decided") location.reload();
    else end(found.body.state === "ended" ? "passage_closed" : "claim_missing");
  }

  // An answer that is being given stays as it is: what was seen comes beside it, and is said.
  async function showGate() {
    const html = await get(location.href);
    const page = html && new DOMParser().parseFromString(html, "text/html");
    const gate = page?.getElementById("gate");
    if (over || !gate) return;
    replace("side", page);
    document.getElementById("side").scrollTop = 0;
    if (part.step === "answer") {
      replace("dock", page);
      part = decision();
    }
    say(gate.dataset.said);
    seenAt = Date.now();
  }

  // The case is no longer this officer's: shows the reason in the place of the answers, and the way to the queue.
  function end(code) {
    if (over) return;
    over = true;
    faces.takeAway();
    document.getElementById("side").replaceChildren();
    document.getElementById("dock").hidden = true;
    sayReason(code);
    const leave = document.getElementById("leave");
    leave.hidden = false;
    leave.focus();
  }

  function sayReason(code) {
    const { dataset } = document.getElementById("texts");
    say(dataset[code] ?? dataset.other);
  }

  function say(text) {
    const trouble = document.getElementById("lost");
    trouble.textContent = text;
    trouble.hidden = false;
  }

  function onInput() {
    lastInput = Date.now();
    if (seenAt !== null && lastInput - seenAt > READ_MS) {
      seenAt = null;
      if (!over && !away) document.getElementById("lost").hidden = true;
    }
    if (!away) return;
    away = false;
    if (!over) document.getElementById("lost").hidden = true;
    keep();
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    // A key that is held down does one thing: Enter must not run through ground and confirmation.
    if (event.repeat && (event.key === "Enter" || (event.key === " " && event.target.closest("button")))) event.preventDefault();
    else if (over) return;
    else if (event.target.closest("input[type=text]")) {
      if (event.key === "Escape") event.target.blur();
    } else if (isSwitchedOff(event)) return;
    else if (event.key === "?") document.getElementById("keys").showModal();
    else if (arrowsInChoices(event)) return;
    else if (part.key(event) || faces.key(event)) event.preventDefault();
  }
}

// One stands still while the computer sleeps, the other can be set back.
function bothClocks() {
  return [performance.now(), Date.now()];
}

function arrowsInChoices(event) {
  return event.key.startsWith("Arrow") && event.target.closest("fieldset, summary, [role=radiogroup], #side");
}

function showKeys() {
  const help = document.getElementById("help");
  help.hidden = false;
  help.addEventListener("click", () => document.getElementById("keys").showModal());
  offerLetters(document.getElementById("letters"));
}
