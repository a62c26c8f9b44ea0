// The line to the desk: tells the page what happened there, and tells the officer when the line is lost.

const RETRY_MS = 3000;
const CHECK_MS = 10000;
const PATIENCE_MS = 8000;
const NAMES = ["referral.opened", "referral.changed", "referral.decided", "referral.handed"];

const banner = document.getElementById("connection");

// Both must hold: a desk that hangs keeps its stream open, and a stream can end while the desk answers.
const line = { stream: true, answers: true, ended: false };

// Calls `onEvent(name, passage)` for each event of these `names`, and `onOpen()` whenever the line is there, the first time too:
// what happened before it was is not told again. `onEnded()` when the session is over. `check` asks the desk for
// something every ten seconds, since a stream that says nothing looks the same alive and dead.
export function follow({ names = NAMES, onEvent, onOpen, onEnded = () => {}, check = () => get("/queue/cases") }) {
  let source = null;

  function open() {
    if (source || document.hidden || line.ended) return;
    source = new EventSource("/api/v1/events");
    for (const name of names) {
      source.addEventListener(name, (event) => onEvent(name, JSON.parse(event.data).passage));
    }
    source.addEventListener("open", () => {
      tell({ stream: true });
      onOpen();
    });
    source.addEventListener("error", lost);
  }

  function lost() {
    tell({ stream: false });
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
  setInterval(() => line.ended || check(), CHECK_MS);
  open();
}

// A page or a part of one as text, or null; asked for by the page itself. Tells how the line is.
export async function get(path) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const text = await answer.text();
    tell({ answers: answer.status < 502 });
    if (new URL(answer.url).pathname === "/sign-in") end();
    return answer.ok && !answer.redirected ? text : null;
  } catch {
    tell({ answers: false });
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
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const isJson = (answer.headers.get("content-type") ?? "").startsWith("application/json");
    const told = { status: answer.status, body: isJson ? await answer.json() : null };
    tell({ answers: answer.status < 502 });
    if (answer.status === 401) end();
    return told;
  } catch {
    tell({ answers: false });
    return { status: 0, body: null };
  }
}

function end() {
  if (line.ended) return;
  tell({ ended: true });
  banner.dispatchEvent(new Event("ended"));
}

function tell(news) {
  Object.assign(line, news);
  const lost = !line.ended && !(line.stream && line.answers);
  banner.hidden = !lost && !line.ended;
  banner.querySelector("[data-lost]").hidden = !lost;
  banner.querySelector("[data-ended]").hidden = !line.ended;
}
