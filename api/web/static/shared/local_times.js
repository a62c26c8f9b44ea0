// Times of day in the officer's own time zone; without a script they carry the zone of the desk.

export function localTimes(root) {
  for (const time of root.querySelectorAll("time[data-clock]")) {
    if (time.dataset.clock === "date") {
      const at = new Date(time.dateTime);
      time.textContent = at.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
      time.title = at.toLocaleString(document.documentElement.lang, { dateStyle: "long", timeStyle: "long" });
      continue;
    }
    const second = time.dataset.clock === "seconds" ? "2-digit" : undefined;
    const at = new Date(time.dateTime);
    time.textContent = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second });
    time.title = at.toLocaleString(document.documentElement.lang, { dateStyle: "long", timeStyle: "long" });
  }
}

localTimes(document);
