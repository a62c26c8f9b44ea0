// Times in the auditor's form are in the auditor's own time zone, like all times of the page; the desk's zone may differ.

const form = document.querySelector("form.search");
const padded = (number, length = 2) => String(number).padStart(length, "0");

function fieldText(at) {
  const day = [padded(at.getFullYear(), 4), padded(at.getMonth() + 1), padded(at.getDate())].join("-");
  return `${day}T${padded(at.getHours())}:${padded(at.getMinutes())}`;
}

for (const field of form.querySelectorAll("[data-at]")) field.value = fieldText(new Date(field.dataset.at));

form.addEventListener("formdata", ({ formData }) => {
  for (const name of ["since", "until"]) {
    const given = formData.get(name);
    if (!given) continue;
    const at = new Date(given);
    // When summer time ends, one hour comes twice: `until` takes the second.
    const again = new Date(at.getTime() + 3_600_000);
    formData.set(name, (name === "until" && fieldText(again) === given ? again : at).toISOString());
  }
});
