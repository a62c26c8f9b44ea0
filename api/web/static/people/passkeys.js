// Passkeys: make one on the page of the account, sign in with one on the sign-in page.
// A browser without passkeys is offered none; a password always works.

const supported = Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

const showText = (section, what) => {
  for (const text of section.querySelectorAll("[data-told]")) text.hidden = text.dataset.told !== what;
};

const attempt = async (section, work) => {
  const button = section.querySelector("button");
  button.disabled = true;
  showText(section, "");
  try {
    await work();
  } catch {
    showText(section, "refused");
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

const signInPart = document.getElementById("with-passkey");
if (supported && signInPart) {
  signInPart.hidden = false;
  signInPart.querySelector("button").addEventListener("click", () =>
    attempt(signInPart, async () => {
      const options = await post("/session/passkey/challenge");
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const credential = await navigator.credentials.get({ publicKey });
      await post("/session/passkey", { body: { credential: credential.toJSON() } });
      location.assign("/");
    }),
  );
}

const newPasskeyForm = document.getElementById("new-passkey");
if (supported && newPasskeyForm) {
  newPasskeyForm.hidden = false;
  const { csrf } = newPasskeyForm.dataset;
  newPasskeyForm.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(newPasskeyForm, async () => {
      const options = await post("/passkeys/challenge", {
        csrf,
        body: { password: newPasskeyForm.elements.password?.value ?? "" },
      });
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
      const credential = await navigator.credentials.create({ publicKey });
      const body = { label: newPasskeyForm.elements.label.value, credential: credential.toJSON() };
      await post("/passkeys", { csrf, body });
      location.assign("/account");
    });
  });
}
