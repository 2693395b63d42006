// Dragging over days of a week or a month fills the form of an exception; the arrow keys go from day
// to day, and with the shift key they choose. The form alone does the same. Of its groups of times
// only the one that was chosen is shown.

const form = document.querySelector("form[data-fills]");
let from = null;
let dragged = null;
let hasMoved = false;

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

// Days by an arrow key.
const IN_A_MONTH = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const IN_A_WEEK = { ArrowUp: -1, ArrowDown: 1 };

function scheduleOf(table) {
  return table.closest("[data-schedule]")?.dataset.schedule;
}

function byKeys(table, names, steps) {
  const dayOf = (name) => name.closest("[data-day]").dataset.day;
  let anchor = null;
  table.addEventListener("keydown", (event) => {
    const next = names[names.indexOf(event.target) + steps[event.key]];
    if (!next) return;
    event.preventDefault();
    if (event.shiftKey) {
      anchor ??= dayOf(event.target);
      if (scheduleOf(table)) form.elements.schedule.value = scheduleOf(table);
      days(table, anchor, dayOf(next));
    } else anchor = null;
    next.focus();
  });
}

// A week's days are no links: one of them is reached by the tab key, the others by the arrows.
function reachable(table) {
  const names = [...table.querySelectorAll("[data-day] > th")];
  const only = (one) => names.forEach((name) => (name.tabIndex = name === one ? 0 : -1));
  table.addEventListener("focusin", (event) => names.includes(event.target) && only(event.target));
  only(names[0]);
  return names;
}

function byDragging(table) {
  const schedule = scheduleOf(table);
  table.addEventListener("dragstart", (event) => event.preventDefault()); // a day's link is none to drag
  table.addEventListener("pointerdown", (event) => {
    const line = event.target.closest("[data-day]");
    // A finger scrolls here; it has the form.
    if (!line || event.button || event.pointerType === "touch") return;
    from = line.dataset.day;
    dragged = table;
    table.classList.add("dragged");
    hasMoved = !event.target.closest("a"); // a press on a day's link goes there
    if (schedule) form.elements.schedule.value = schedule;
    if (hasMoved) days(table, from, from);
  });
  table.addEventListener("pointermove", (event) => {
    if (!from || dragged !== table) return;
    event.preventDefault();
    const line = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-day]");
    if (!line || !table.contains(line)) return;
    hasMoved ||= line.dataset.day !== from;
    if (hasMoved) days(table, from, line.dataset.day);
  });
}

function letGo() {
  dragged?.classList.remove("dragged");
  from = dragged = null;
}

if (form) {
  for (const table of document.querySelectorAll("[data-schedule] .week")) {
    byDragging(table);
    byKeys(table, reachable(table), IN_A_WEEK);
  }
  for (const table of document.querySelectorAll(".month")) {
    byDragging(table);
    byKeys(table, [...table.querySelectorAll("[data-day] a")], IN_A_MONTH);
  }
  addEventListener("pointercancel", letGo);
  addEventListener("pointerup", () => {
    if (!from) return;
    letGo();
    if (!hasMoved) return;
    form.scrollIntoView({ block: "nearest" });
    form.elements.name.focus({ preventScroll: true });
  });
}
