// A part of a page that updates itself: only what changed is replaced, and the keyboard focus stays where it was.

import { follow, get } from "./connection.js";
import { localTimes, setClock, startClock } from "./times.js";

const PAUSE_MS = 1000;

const part = document.getElementById("live");
// The part is asked for again after each of these events, at most once a second.
const names = part.dataset.events.split(" ");

live();

function live() {
  const painted = new Map();
  let due = false;
  let pausing = false;

  remember();
  clocks();
  startClock();
  follow({ names, onEvent: soon, onOpen: soon, check: repaint });

  function soon() {
    due = true;
    if (pausing) return;
    pausing = true;
    due = false;
    repaint().finally(() => setTimeout(endPause, PAUSE_MS));
  }

  function endPause() {
    pausing = false;
    if (due) soon();
  }

  async function repaint() {
    const html = await get(part.dataset.url);
    if (html === null) return;
    const fresh = new DOMParser().parseFromString(html, "text/html").body; // from the desk's escaped templates
    if (keys(fresh).join() === keys(part).join()) {
      for (const element of keyed(fresh)) replace(element);
    } else {
      part.innerHTML = html;
    }
    remember(fresh);
    localTimes(part);
    clocks();
  }

  function replace(element) {
    const key = element.dataset.key;
    const html = element.outerHTML;
    if (painted.get(key) === html) return;
    const old = keyed(part).find((one) => one.dataset.key === key);
    const focused = old.contains(document.activeElement) ? [...old.querySelectorAll("a, button, summary")].indexOf(document.activeElement) : -1;
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    const made = document.importNode(element, true);
    made.querySelectorAll("details").forEach((one, number) => (one.open = open[number] ?? false));
    old.replaceWith(made);
    if (focused >= 0) made.querySelectorAll("a, button, summary")[focused]?.focus();
  }

  function remember(root = part) {
    painted.clear();
    for (const element of keyed(root)) painted.set(element.dataset.key, element.outerHTML);
  }

  function clocks() {
    const now = part.querySelector("[data-now]")?.dataset.now;
    if (now) setClock(now);
  }
}

function keyed(root) {
  return [...root.querySelectorAll("[data-key]")];
}

function keys(root) {
  return keyed(root).map((element) => element.dataset.key);
}
