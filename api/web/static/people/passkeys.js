// Passkeys: make one on the page of the account, sign in with one at the entrance.
// Where the browser cannot, nothing is offered; a password always does.

const able = Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

const say = (section, what) => {
  for (const told of section.querySelectorAll("[data-told]")) told.hidden = told.dataset.told !== what;
};

const whole = async (section, work) => {
  const button = section.querySelector("button");
  button.disabled = true;
  say(section, "");
  try {
    await work();
  } catch {
    say(section, "refused");
  } finally {
    button.disabled = false;
  }
};

const post = async (path, { csrf = "", body = {} } = {}) => {
  const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": csrf };
  const answer = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error("refused");
  return answer.json();
};

const entrance = document.getElementById("with-passkey");
if (able && entrance) {
  entrance.hidden = false;
  entrance.querySelector("button").addEventListener("click", () =>
    whole(entrance, async () => {
      const options = await post("/session/passkey/challenge");
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const credential = await navigator.credentials.get({ publicKey });
      await post("/session/passkey", { body: { credential: credential.toJSON() } });
      location.assign("/");
    }),
  );
}

const maker = document.getElementById("new-passkey");
if (able && maker) {
  maker.hidden = false;
  const { csrf } = maker.dataset;
  maker.addEventListener("submit", (event) => {
    event.preventDefault();
    whole(maker, async () => {
      const options = await post("/passkeys/challenge", {
        csrf,
        body: { password: maker.elements.password?.value ?? "" },
      });
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
      const credential = await navigator.credentials.create({ publicKey });
      const body = { label: maker.elements.label.value, credential: credential.toJSON() };
      await post("/passkeys", { csrf, body });
      location.assign("/account");
    });
  });
}
