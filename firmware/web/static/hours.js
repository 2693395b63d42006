// Dragging over days of a week fills the form of an exception; the form alone does the same. Of its
// groups of times only the one that was chosen is shown.

const form = document.querySelector("form[data-fills]");
let from = null;

function days(table, first, last) {
  const [begin, end] = [first, last].sort();
  for (const line of table.querySelectorAll("[data-day]")) {
    const day = line.dataset.day;
    line.classList.toggle("chosen", begin <= day && day <= end);
  }
  form.elements.first.value = begin;
  form.elements.last.value = end;
}

for (const chosen of document.querySelectorAll("select[name=how]")) {
  const show = () => {
    for (const group of chosen.form.querySelectorAll("[data-how]")) {
      const holdsNothing = [...group.querySelectorAll("input")].every((field) => !field.value);
      // What was typed there is not hidden, for it would be refused.
      group.hidden = group.dataset.how !== chosen.value && holdsNothing;
    }
  };
  chosen.addEventListener("change", show);
  show();
}

if (form) {
  for (const table of document.querySelectorAll("[data-schedule] .week")) {
    const schedule = table.closest("[data-schedule]").dataset.schedule;
    table.addEventListener("pointerdown", (event) => {
      const line = event.target.closest("[data-day]");
      // A finger scrolls here; it has the form.
      if (!line || event.button || event.pointerType === "touch") return;
      from = line.dataset.day;
      form.elements.schedule.value = schedule;
      days(table, from, from);
    });
    table.addEventListener("pointermove", (event) => {
      if (!from) return;
      event.preventDefault();
      const line = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-day]");
      if (line && table.contains(line)) days(table, from, line.dataset.day);
    });
  }
  addEventListener("pointercancel", () => {
    from = null;
  });
  addEventListener("pointerup", () => {
    if (!from) return;
    from = null;
    form.scrollIntoView({ block: "nearest" });
    form.elements.name.focus({ preventScroll: true });
  });
}
