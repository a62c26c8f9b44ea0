// Verifies, in this browser, that an entry is in the ledger whose head the desk signed: RFC 9162, 2.1.3.2.
// It takes the entry's bytes from this page, and of the desk it uses only numbers that it then checks.

const verdict = document.getElementById("verdict");
const texts = Object.fromEntries(
  [...document.querySelectorAll("#said [data-say]")].map((one) => [one.dataset.say, one.textContent]),
);

function say(name, fields = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (whole, field) => fields[field] ?? whole);
}

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (found) => [...found].map((one) => one.toString(16).padStart(2, "0")).join("");

async function sha256(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

// The root to which a proof leads from a leaf, or null where it is too short or too long.
async function rootOf(leaf, index, size, path) {
  let place = index, last = size - 1, found = leaf;
  for (const sibling of path) {
    if (last === 0) return null;
    if (place % 2 === 1 || place === last) {
      found = await sha256(Uint8Array.of(1), sibling, found);
      while (place % 2 === 0 && place !== 0) {
        place = Math.floor(place / 2);
        last = Math.floor(last / 2);
      }
    } else {
      found = await sha256(Uint8Array.of(1), found, sibling);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? found : null;
}

// true or false; null where this browser has no Ed25519.
async function isGenuine(head) {
  let key;
  try {
    key = await crypto.subtle.importKey("raw", bytes(head.key), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
  const signed = `passenger-lane tree head 1\ndesk\n${head.size}\n${head.root}\n${head.at}\n`;
  return crypto.subtle.verify("Ed25519", key, bytes(head.signature), new TextEncoder().encode(signed));
}

async function ask(path) {
  const answer = await fetch(`/api/v1/ledger${path}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

// The name of the result for one entry.
async function check(step, head) {
  const seq = Number(step.dataset.seq);
  const content = new TextEncoder().encode(step.querySelector(".payload").textContent);
  const hash = await sha256(content);
  if (hex(hash) !== step.dataset.hash) return "changed";
  const proof = await ask(`/proof/inclusion?seq=${seq}&size=${head.size}`);
  const root = await rootOf(await sha256(Uint8Array.of(0), hash), seq - 1, head.size, proof.path.map(bytes));
  return root !== null && hex(root) === head.root ? "included" : "outside";
}

function mark(step, found) {
  const shown = step.querySelector(".mark-of");
  shown.textContent = found === "included" ? "✓" : "✗";
  shown.className = `mark-of ${found}`;
  shown.hidden = false;
}

async function verify(steps, whole) {
  showVerdict("busy", {}, "");
  if (!globalThis.crypto?.subtle) return showVerdict("insecure", {}, "amber");
  try {
    const head = await ask("/head");
    const signature = await isGenuine(head);
    if (signature === false) return showVerdict("forged", {}, "red");
    for (const step of steps) {
      const found = await check(step, head);
      mark(step, found);
      if (found !== "included") return showVerdict(found, { seq: step.dataset.seq }, "red");
    }
    const at = new Date(head.at).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
    const fields = { seq: steps[0].dataset.seq, size: head.size, at, root: head.root };
    const last = signature === null ? "unsigned" : "genuine";
    showVerdict(whole ? "all" : "included", fields, "green", say(last), say("means", fields));
  } catch {
    showVerdict("unreachable", {}, "amber");
  }
}

function showVerdict(name, fields, state, ...more) {
  verdict.className = `notice ${state}`;
  verdict.textContent = [say(name, fields), ...more].join(" ");
  verdict.hidden = false;
}

const steps = [...document.querySelectorAll(".step")];
for (const step of steps) {
  const button = step.querySelector(".verify");
  button.hidden = false;
  button.addEventListener("click", () => verify([step], false));
}
const all = document.getElementById("all");
all.hidden = steps.length === 0;
all.addEventListener("click", () => verify(steps, true));
