// The traveller's screen. It shows what the lane says now; what it cannot hear afresh turns into a wait.
// Nothing is kept: no storage, no cache, no picture but the one that is drawn.

const LOST_MS = 1200;
const PICTURE_LOST_MS = 1000;
const ANSWER_MS = 1000;

const root = document.documentElement;
const screen_ = document.getElementById("screen");
const lost = document.getElementById("lost");
const canvas = document.getElementById("picture");
const ring = document.getElementById("ring");
const context = canvas.getContext("2d", { alpha: false });

// Runs without the script: should that hang or break, the cover comes all the same.
const cover = lost.animate(
  [{ opacity: 0 }, { opacity: 0, offset: 0.98 }, { opacity: 1 }],
  { duration: LOST_MS, fill: "forwards" },
);
cover.finish();

let version = "";
let release = "";
let pictured = false;
let heardAt = -Infinity;
let drawnAt = -Infinity;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function ask(path, options = {}) {
  return fetch(path, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(ANSWER_MS), ...options });
}

function lines(parent, said) {
  parent.replaceChildren(...said.map(([tag, words]) => {
    const line = document.createElement("span");
    line.lang = tag;
    line.append(...words.split(/(?<=[:，]) ?/u).flatMap((part) => [clause(part), part.endsWith(":") ? " " : ""]));
    return line;
  }));
}

function clause(words) {
  const part = document.createElement("span"); // a line breaks between clauses first
  part.className = "clause";
  part.textContent = words;
  return part;
}

function told(id, said) {
  const place = document.getElementById(id);
  const words = said.map(([, text]) => text).join("\n");
  if (place.dataset.words === words) return; // said once, not again and again
  place.dataset.words = words;
  lines(place, said);
}

function show(view) {
  screen_.dataset.instruction = view.instruction;
  screen_.toggleAttribute("data-capturing", view.capturing);
  document.getElementById("pictogram").setAttribute("href", `#${view.instruction}`);
  told("sentence", view.sentence);
  told("confirmed", view.confirmed);
  ring.toggleAttribute("hidden", view.progress === 0);
  ring.style.strokeDashoffset = String(100 - 100 * view.progress);
  document.getElementById("wishes").hidden = !view.open_to_wishes;
  for (const button of document.querySelectorAll("[data-wish]")) {
    button.setAttribute("aria-pressed", String(view.wishes.includes(button.dataset.wish)));
  }
  if (!pictured && view.pictured) drawnAt = performance.now(); // the first picture is due
  if (!view.pictured) wipe();
  pictured = view.pictured;
  reflect();
}

// Travellers see themselves, or the pictogram in that place: an old picture is no mirror.
function reflect() {
  const fresh = pictured && performance.now() - drawnAt <= PICTURE_LOST_MS;
  if (!fresh) wipe();
  screen_.toggleAttribute("data-mirrored", fresh);
}

function heard() {
  heardAt = performance.now();
  cover.currentTime = 0;
  cover.play();
  root.dataset.state = "told";
  lost.setAttribute("aria-hidden", "true");
  screen_.inert = false;
}

function watch() {
  if (performance.now() - heardAt > LOST_MS) {
    cover.finish();
    root.dataset.state = "lost";
    lost.removeAttribute("aria-hidden");
    screen_.inert = true;
    version = "";
    pictured = false;
  }
  reflect();
}

async function follow() {
  for (;;) {
    try {
      const answer = await ask(`/state?after=${version}`);
      if (!answer.ok) throw new Error(`state ${answer.status}`);
      const view = await answer.json();
      if (release && view.release !== release) location.reload();
      release = view.release;
      version = view.version;
      show(view);
      heard();
    } catch {
      await pause(250);
    }
  }
}

function wipe() {
  if (!("drawn" in canvas.dataset)) return;
  delete canvas.dataset.drawn;
  canvas.width = 4; // forgets what was drawn
  canvas.height = 5;
}

async function draw(jpeg) {
  const bitmap = await createImageBitmap(jpeg);
  if (pictured) {
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    context.drawImage(bitmap, 0, 0);
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
    drawnAt = performance.now();
  }
  bitmap.close();
}

async function mirror() {
  let after = 0;
  let drawing = Promise.resolve();
  for (;;) {
    if (!pictured) {
      await pause(50);
      continue;
    }
    try {
      const answer = await ask(`/picture?after=${after}`);
      if (answer.status === 200) {
        after = Number(answer.headers.get("X-Number"));
        const jpeg = await answer.blob();
        await drawing; // one is drawn while the next is fetched, and no third one waits
        drawing = draw(jpeg).catch(() => {});
      } else {
        await pause(50);
      }
    } catch {
      await pause(250);
    }
  }
}

async function press(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  const body = JSON.stringify({ wish: button.dataset.wish, on });
  try {
    await ask("/wish", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  } catch {
    // The lane did not hear it, and so the button does not say that it did.
  }
}

for (const button of document.querySelectorAll("[data-wish]")) {
  button.addEventListener("click", () => press(button));
}
setInterval(watch, 100);
follow();
mirror();
