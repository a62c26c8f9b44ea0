// The queue: new cases appear by themselves, with a line and one soft sound; the keyboard stays where it was.

import { follow, get } from "../shared/connection.js";
import { lettersAreKeys } from "../shared/key_shortcuts.js";
import { Sound } from "../shared/sound.js";
import { localTimes, setClock, startClock } from "../shared/times.js";

let asking = false;
let again = false;

const cases = document.getElementById("cases");
const announcement = document.getElementById("announcement");
const sound = new Sound(document.getElementById("sound"));

// Leases end and other processes write without an event for this page, so it also fetches the queue regularly.
// `referral.handed` (the lane has its decision) does not change the queue.
follow({ onEvent: (name) => name === "referral.handed" || refresh(), onOpen: refresh, check: refresh });
document.addEventListener("keydown", move);
setClock(cases.querySelector("[data-now]").dataset.now);
startClock();
document.addEventListener("keydown", takeNext);
if (document.activeElement === document.body) openers()[0]?.focus();

// Events come in bursts: those that arrive during a request lead to one more request, together.
async function refresh() {
  again = true;
  if (asking) return;
  asking = true;
  while (again) {
    again = false;
    show(await get(cases.dataset.url));
  }
  asking = false;
}

function show(html) {
  if (html === null) return;
  const before = new Set(rows().map((row) => row.dataset.passage));
  const focused = document.activeElement?.closest?.("[data-passage]")?.dataset.passage;
  cases.innerHTML = html; // made by the desk from escaped templates
  localTimes(cases);
  setClock(cases.querySelector("[data-now]").dataset.now);
  restoreFocus(focused, before.size === 0);
  announce(rows().filter((row) => !before.has(row.dataset.passage)));
}

function restoreFocus(passage, wasEmpty) {
  if (passage) {
    const row = rows().find((one) => one.dataset.passage === passage);
    (row?.querySelector("[data-open]") ?? openers()[0])?.focus();
  } else if (wasEmpty && document.activeElement === document.body) {
    openers()[0]?.focus();
  }
}

function announce(arrived) {
  if (arrived.length === 0) return;
  announcement.textContent = arrived.map((row) => row.dataset.announcement).join(" · ");
  sound.play();
}

function move(event) {
  const letters = lettersAreKeys() ? { j: 1, k: -1 } : {};
  const step = { ArrowDown: 1, ArrowUp: -1, ...letters }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const buttons = openers();
  const at = buttons.indexOf(document.activeElement);
  const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), buttons.length - 1);
  buttons[next]?.focus();
  event.preventDefault();
}

function takeNext(event) {
  if (event.key.toLowerCase() !== "n" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (lettersAreKeys()) cases.querySelector("[data-next]")?.click();
}

function rows() {
  return [...cases.querySelectorAll("[data-passage]")];
}

function openers() {
  return [...cases.querySelectorAll("[data-open]")];
}
