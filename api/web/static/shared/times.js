// Times of day in the officer's own time zone; without a script they carry the zone of the desk. Waiting times count on
// by the desk's clock: the browser's own may be wrong.

let aheadMs = 0;

// `now` is the desk's time at the moment the page was made.
export function setClock(now) {
  aheadMs = Date.parse(now) - Date.now();
}

export function startClock() {
  tick();
  setInterval(tick, 1000);
}

function tick() {
  for (const element of document.querySelectorAll("time[data-since]")) {
    const text = clockText(Math.max(0, Math.floor((Date.now() + aheadMs - Date.parse(element.dataset.since)) / 1000)));
    if (element.textContent !== text) element.textContent = text;
  }
}

function clockText(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function localTimes(root) {
  const { lang } = document.documentElement;
  for (const time of root.querySelectorAll("time[data-clock]")) {
    const at = new Date(time.dateTime);
    const second = time.dataset.clock === "seconds" ? "2-digit" : undefined;
    if (time.dataset.clock === "date") time.textContent = at.toLocaleString(lang, { dateStyle: "medium", timeStyle: "short" });
    else time.textContent = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second });
    time.title = at.toLocaleString(lang, { dateStyle: "long", timeStyle: "long" });
  }
}

localTimes(document);
