// Times in the auditor's form are those of the auditor's own clock, as all times of the page; the desk may stand
// in another zone.

const form = document.querySelector("form.search");
const padded = (number, length = 2) => String(number).padStart(length, "0");

function shown(at) {
  const day = [padded(at.getFullYear(), 4), padded(at.getMonth() + 1), padded(at.getDate())].join("-");
  return `${day}T${padded(at.getHours())}:${padded(at.getMinutes())}`;
}

for (const field of form.querySelectorAll("[data-at]")) field.value = shown(new Date(field.dataset.at));

form.addEventListener("formdata", ({ formData }) => {
  for (const name of ["since", "until"]) {
    const given = formData.get(name);
    if (!given) continue;
    const at = new Date(given);
    // Where summer time ends an hour comes twice, and what is looked for may lie in the second.
    const again = new Date(at.getTime() + 3_600_000);
    formData.set(name, (name === "until" && shown(again) === given ? again : at).toISOString());
  }
});
