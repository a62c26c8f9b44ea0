// Keys without Ctrl or Alt can be switched off (WCAG 2.1.4): speech input would press them by accident.

const STORAGE_KEY = "passenger-lane-letters";

export function lettersAreKeys() {
  return localStorage.getItem(STORAGE_KEY) !== "off";
}

// True for a key that types a letter, a digit or a sign, where those are switched off.
export function isSwitchedOff(event) {
  return event.key.length === 1 && event.key !== " " && !lettersAreKeys();
}

export function offerLetters(box) {
  box.checked = lettersAreKeys();
  box.addEventListener("change", () => {
    localStorage.setItem(STORAGE_KEY, box.checked ? "on" : "off");
    show();
  });
  show();
}

function show() {
  document.documentElement.classList.toggle("no-letters", !lettersAreKeys());
}
