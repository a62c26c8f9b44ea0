// Keys without Ctrl or Alt can be switched off (WCAG 2.1.4): who speaks to a computer would press them by speaking.

const KEPT = "passenger-lane-letters";

export function lettersAreKeys() {
  return localStorage.getItem(KEPT) !== "off";
}

// True for a key that types a letter, a digit or a sign, where those are switched off.
export function isSwitchedOff(event) {
  return event.key.length === 1 && event.key !== " " && !lettersAreKeys();
}

export function offerLetters(box) {
  box.checked = lettersAreKeys();
  box.addEventListener("change", () => {
    localStorage.setItem(KEPT, box.checked ? "on" : "off");
    show();
  });
  show();
}

function show() {
  document.documentElement.classList.toggle("no-letters", !lettersAreKeys());
}
