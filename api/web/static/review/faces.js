// Two faces that zoom and move together, under a magnifier, a grid, or alternating in one place.

import { View } from "./picture_frame.js";

const STEP = 1.25;
const PAN_PX = 60;
const MIDDLE = [0.5, 0.5];
const EACH_MS = 600; // less than two changes a second: far from what can harm (WCAG 2.3.1 allows three flashes)
const EACH_CALM_MS = 1600;

export class Faces {
  // `onLook(what, sha256)` is called for each picture that the officer looked at and each tool used on it.
  constructor(section, onLook) {
    this.section = section;
    this.onLook = onLook;
    this.pair = section.querySelector(".pair");
    this.views = [...this.pair.querySelectorAll(".view")].filter((view) => view.querySelector("img")).map((view) => new View(view));
    this.flicker = new Flicker(this.pair);
    this.pointer = null;
    for (const view of this.views) this.#listen(view);
    for (const button of section.querySelectorAll("[data-frame]")) this.#offer(button);
    for (const button of section.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.toggle(button.dataset.tool));
    }
    section.querySelector(".tools").hidden = this.views.length === 0;
  }

  // Handles a key; true if this part uses it.
  key(event) {
    const pan = { ArrowLeft: [PAN_PX, 0], ArrowRight: [-PAN_PX, 0], ArrowUp: [0, PAN_PX], ArrowDown: [0, -PAN_PX] }[event.key];
    const tool = { m: "magnifier", f: "flicker", g: "grid" }[event.key.toLowerCase()];
    if (tool) event.repeat || this.toggle(tool);
    else if (pan) this.#concerned(event).forEach((view) => view.pan(...pan));
    else return this.#zoomKey(event);
    return true;
  }

  toggle(tool) {
    if (this.views.length === 0) return;
    const button = this.section.querySelector(`[data-tool="${tool}"]`);
    const on = button.getAttribute("aria-pressed") !== "true";
    if (tool === "flicker" && on && this.views.length < 2) return;
    button.setAttribute("aria-pressed", String(on));
    if (tool === "grid") this.pair.classList.toggle("ruled", on);
    if (tool === "magnifier") this.#magnify(on ? (this.pointer ?? MIDDLE) : null);
    if (tool === "flicker") on ? this.flicker.start() : this.flicker.stop();
    if (on && tool !== "grid") this.onLook(tool, tool === "flicker" ? null : this.#live()?.sha256);
  }

  // Stops the flicker: the answer is given in front of two still pictures.
  still() {
    if (this.flicker.on) this.toggle("flicker");
  }

  // A case that is no longer this officer's leaves no face on the screen.
  takeAway() {
    this.flicker.stop();
    for (const image of this.section.querySelectorAll("img")) image.removeAttribute("src");
    this.section.replaceChildren(this.section.querySelector("[data-gone]"));
    this.section.firstChild.hidden = false;
    this.views = [];
  }

  #live() {
    return this.views.find((view) => view.image.id === "live");
  }

  #zoomKey(event) {
    const views = this.#concerned(event);
    if (event.key === "z" || event.key === "Z") this.#cycle(views);
    else if (event.key === "+" || event.key === "=") this.#zoom(views, STEP);
    else if (event.key === "-" || event.key === "_") this.#zoom(views, 1 / STEP);
    else if (event.key === "0") this.views.forEach((view) => view.reset());
    else return false;
    return true;
  }

  #cycle(views) {
    const next = views[0]?.scale >= 4 ? 1 : views[0]?.scale >= 2 ? 4 : 2;
    for (const view of views) view.zoom(next / view.scale);
    if (next === 1) views.forEach((view) => view.reset());
    else this.onLook("zoom", views.length === 1 ? views[0].sha256 : null);
  }

  #zoom(views, factor, at) {
    views.forEach((view) => view.zoom(factor, at));
    if (factor > 1) this.onLook("zoom", views.length === 1 ? views[0].sha256 : null);
  }

  #concerned(event) {
    const focused = this.views.filter((view) => view.element.contains(event.target));
    return event.shiftKey && focused.length ? focused : this.views;
  }

  #listen(view) {
    const { element } = view;
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = [event.clientX - box.left, event.clientY - box.top];
      this.#zoom(this.#concerned(event), event.deltaY < 0 ? STEP : 1 / STEP, at);
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => element.setPointerCapture(event.pointerId));
    element.addEventListener("pointermove", (event) => {
      this.#follow(element, event);
      if (event.buttons & 1) this.#concerned(event).forEach((one) => one.pan(event.movementX, event.movementY));
    });
    element.addEventListener("pointerleave", () => this.#leave());
    element.addEventListener("dblclick", () => this.views.forEach((one) => one.reset()));
    this.#noteOnce(view);
  }

  #follow(element, event) {
    const box = element.getBoundingClientRect();
    const share = (value, size) => Math.min(Math.max(value / size, 0), 1);
    this.pointer = [share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height)];
    if (this.magnifying) this.#magnify(this.pointer);
  }

  #leave() {
    this.pointer = null;
    if (this.magnifying) this.#magnify(MIDDLE);
  }

  #magnify(at) {
    this.magnifying = at !== null;
    this.views.forEach((view) => view.magnify(at));
  }

  // A picture counts as seen once it is really drawn.
  #noteOnce(view) {
    const seen = () => this.onLook(view.image.id === "live" ? "live" : "document", view.sha256);
    if (view.image.complete && view.image.naturalWidth) seen();
    view.image.addEventListener("load", seen);
  }

  #offer(button) {
    nameIfBroken(button.querySelector("img"));
    if (button.querySelector("img")) new View(button);
    button.addEventListener("click", () => {
      const { frame, eyes, sha256 } = button.dataset;
      this.#live()?.show({ href: frame, eyes, sha256 });
      for (const other of this.section.querySelectorAll("[data-frame]")) other.setAttribute("aria-pressed", String(other === button));
    });
  }
}

// A small picture that did not load is replaced by its name.
function nameIfBroken(image) {
  if (image.complete && !image.naturalWidth) image.replaceWith(image.alt);
  else image.addEventListener("error", () => image.replaceWith(image.alt));
}

// Both faces alternate in one place at a steady rate: what differs moves, what is alike stands still.
class Flicker {
  constructor(pair) {
    this.pair = pair;
    this.figures = [...pair.querySelectorAll("figure")];
    this.timer = null;
  }

  get on() {
    return this.timer !== null;
  }

  start() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let shown = 0;
    const turn = () => this.figures.forEach((figure, number) => figure.classList.toggle("under", number !== shown));
    this.pair.classList.add("flickering");
    turn();
    this.timer = setInterval(() => {
      shown = 1 - shown;
      turn();
    }, calm ? EACH_CALM_MS : EACH_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.pair.classList.remove("flickering");
    for (const figure of this.figures) figure.classList.remove("under");
  }
}
