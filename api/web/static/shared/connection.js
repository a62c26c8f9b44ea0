// The connection to the desk: passes its events to the page, and shows the officer when the connection is lost.

const RETRY_MS = 3000;
const CHECK_MS = 10000;
const TIMEOUT_MS = 8000;
const NAMES = ["referral.opened", "referral.changed", "referral.decided", "referral.handed"];

const banner = document.getElementById("connection");

// `stream` and `answers` must both hold: a desk that hangs keeps its stream open, and a stream can end while the desk answers.
const state = { stream: true, answers: true, ended: false };

// Calls `onEvent(name, passage)` for each event of these `names`, and `onOpen()` whenever the stream opens, the first time
// too: the desk does not repeat the events before that. `onEnded()` when the session is over. `check` asks the desk for
// something every ten seconds, since an idle stream does not show that it is broken.
export function follow({ names = NAMES, onEvent, onOpen, onEnded = () => {}, check = () => get("/queue/cases") }) {
  let source = null;

  function open() {
    if (source || document.hidden || state.ended) return;
    source = new EventSource("/api/v1/events");
    for (const name of names) {
      source.addEventListener(name, (event) => onEvent(name, JSON.parse(event.data).passage));
    }
    source.addEventListener("open", () => {
      update({ stream: true });
      onOpen();
    });
    source.addEventListener("error", lost);
  }

  function lost() {
    update({ stream: false });
    get("/queue/cases");
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    setTimeout(open, RETRY_MS);
  }

  function close() {
    source?.close();
    source = null;
  }

  // A browser keeps six connections to a host: pages that nobody sees must not hold them.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  banner.addEventListener("ended", () => {
    close();
    onEnded();
  });
  setInterval(() => state.ended || check(), CHECK_MS);
  open();
}

// A page or a part of one as text, or null; asked for by the page itself. Notes the state of the connection.
export async function get(path) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await answer.text();
    update({ answers: answer.status < 502 });
    if (new URL(answer.url).pathname === "/sign-in") end();
    return answer.ok && !answer.redirected ? text : null;
  } catch {
    update({ answers: false });
    return null;
  }
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
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const isJson = (answer.headers.get("content-type") ?? "").startsWith("application/json");
    const result = { status: answer.status, body: isJson ? await answer.json() : null };
    update({ answers: answer.status < 502 });
    if (answer.status === 401) end();
    return result;
  } catch {
    update({ answers: false });
    return { status: 0, body: null };
  }
}

function end() {
  if (state.ended) return;
  update({ ended: true });
  banner.dispatchEvent(new Event("ended"));
}

function update(change) {
  Object.assign(state, change);
  const lost = !state.ended && !(state.stream && state.answers);
  banner.hidden = !lost && !state.ended;
  banner.querySelector("[data-lost]").hidden = !lost;
  banner.querySelector("[data-ended]").hidden = !state.ended;
}
