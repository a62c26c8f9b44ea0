// The line to the desk: tells the page what happened there, and tells the officer when the line is lost.

const RETRY_MS = 3000;
const NAMES = ["referral.opened", "referral.changed", "referral.decided"];

const banner = document.getElementById("connection");

// Calls `onEvent(name, passage)` for each event, and `onOpen()` whenever the line is there, the first time too:
// what happened before it was is not told again.
export function follow({ onEvent, onOpen }) {
  function open() {
    const source = new EventSource("/api/v1/events");
    for (const name of NAMES) {
      source.addEventListener(name, (event) => onEvent(name, JSON.parse(event.data).passage));
    }
    source.addEventListener("open", () => {
      show(null);
      onOpen();
    });
    source.addEventListener("error", () => {
      show("lost");
      if (source.readyState === EventSource.CLOSED) setTimeout(again, RETRY_MS);
    });
  }

  async function again() {
    if (await sessionEnded()) show("ended");
    else open();
  }

  open();
}

// A request to the desk as JSON. Returns {status, body}; status 0 when nobody answered.
export async function ask(method, path, { csrf, body } = {}) {
  const headers = { Accept: "application/json" };
  if (csrf) headers["X-CSRF-Token"] = csrf;
  if (body) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(8000),
    });
    const isJson = (answer.headers.get("content-type") ?? "").startsWith("application/json");
    return { status: answer.status, body: isJson ? await answer.json() : null };
  } catch {
    return { status: 0, body: null };
  }
}

async function sessionEnded() {
  return (await ask("GET", "/session")).status === 401;
}

function show(state) {
  banner.hidden = state === null;
  banner.querySelector("[data-lost]").hidden = state !== "lost";
  banner.querySelector("[data-ended]").hidden = state !== "ended";
}
