// The flow editor's hands: what is typed goes to the box, which answers with the whole screen anew;
// here it is put into place, without taking a word from whoever goes on typing. All that is known of
// flows is known there.
import { Picture } from "./flow_picture.js";

const PAUSE_MS = 350; // in typing, before it is looked at

let work = document.getElementById("work");
let typed = 0; // how often anything was typed
let asked = 0; // how often the box was asked; only the last answer counts
let pause = 0;
let saving = Promise.resolve();
const said = document.getElementById("told");
const gone = document.getElementById("gone");
const picture = new Picture(work.querySelector("#picture"), (href) => go(href, true));

document.documentElement.classList.add("scripted");
picture.draw(JSON.parse(work.querySelector("#picture").dataset.graph));

addEventListener("input", (event) => {
  if (!event.target.closest("#work form[data-edit]")) return;
  typed += 1;
  clearTimeout(pause);
  pause = setTimeout(() => look(event.target.closest("form")), PAUSE_MS);
});
addEventListener("change", (event) => {
  const form = event.target.closest("#work form[data-edit]");
  if (form) keep(form);
});
addEventListener("submit", (event) => {
  const form = event.target.closest("#work form[data-send], #work form[data-edit]");
  if (!form) return;
  event.preventDefault();
  keep(form);
});
addEventListener("click", (event) => {
  const link = event.target.closest("#work a[data-go]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.getAttribute("href"), true);
});
addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
    event.preventDefault();
    document.getElementById(key === "y" || event.shiftKey ? "redo" : "undo").click();
  } else if (event.target.matches(".outline a.step") && /^Arrow(Up|Down)$/.test(event.key)) {
    event.preventDefault();
    const steps = [...work.querySelectorAll(".outline a.step")];
    steps[steps.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  }
});
addEventListener("popstate", () => go(location.href, false));

// Looked at and not kept: what was typed stays as it is.
async function look(form) {
  const mine = (asked += 1);
  await saving;
  const text = await send("/menus/check", body(form));
  if (mine === asked && text) place(text, true);
}

// Kept, one after the other: each must have seen the step before.
function keep(form) {
  clearTimeout(pause);
  const isEdit = form.dataset.edit !== undefined;
  const before = typed;
  const mine = (asked += 1);
  const fields = body(form);
  const to = form.getAttribute("action");
  saving = saving.then(async () => {
    fields.set("step", work.dataset.step);
    const text = await send(to, fields);
    if (!text) return;
    work.dataset.step = read(text)?.dataset.step ?? work.dataset.step;
    if (mine === asked) place(text, isEdit && typed !== before);
    if (!isEdit) remember();
  });
  return saving;
}

async function go(href, isNew) {
  const mine = (asked += 1);
  await saving;
  const headers = { "x-part": "work", accept: "text/html" };
  const answer = await heard(fetch(href, { headers }));
  if (mine !== asked || !answer) return;
  if (!answer.ok || answer.redirected) return location.assign(href);
  const text = await answer.text();
  if (mine !== asked) return;
  if (isNew) history.pushState(null, "", href); // never before what is shown is that step's
  place(text, false);
  const title = document.getElementById("chosen-title");
  title?.focus();
  title?.scrollIntoView({ block: "nearest" });
}

function remember() {
  const { flow, node } = work.dataset;
  history.replaceState(null, "", `/menus?flow=${flow}${node ? `&node=${node}` : ""}`);
}

function body(form) {
  return new URLSearchParams(new FormData(form));
}

// The screen as the box has it now; empty where it has none.
async function send(to, fields) {
  const headers = { "x-part": "work", accept: "text/html" };
  const sent = { method: "POST", headers, body: fields, keepalive: true };
  const answer = await heard(fetch(to, sent));
  if (!answer) return "";
  if (answer.redirected) location.reload(); // nobody is signed in any more
  return answer.redirected ? "" : answer.text();
}

// Whether the box answers is said above; what was typed stays where it is.
async function heard(answer) {
  try {
    const came = await answer;
    gone.hidden = true;
    return came;
  } catch {
    gone.hidden = false;
    return null;
  }
}

function read(text) {
  return new DOMParser().parseFromString(text, "text/html").getElementById("work");
}

function place(text, isFormKept) {
  const fresh = read(text);
  if (!fresh) return location.reload();
  const { graph } = fresh.querySelector("#picture").dataset;
  if (!isFormKept || !around(fresh)) anew(fresh);
  const figure = work.querySelector("#picture");
  if (figure.dataset.graph !== graph) {
    figure.dataset.graph = graph;
    picture.draw(JSON.parse(graph));
  }
  if (said.textContent !== work.dataset.said) said.textContent = work.dataset.said;
}

// All of it but the picture, which is only drawn again.
function anew(fresh) {
  const held = document.activeElement;
  const at = { id: held?.id, start: selection(held, "Start"), end: selection(held, "End") };
  for (const each of work.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`#${CSS.escape(each.id)}`);
    if (same && each.open) same.open = true;
  }
  const figure = work.querySelector("#picture");
  const drawn = fresh.querySelector("#picture");
  figure.querySelector("[data-canvas]").dataset.label =
    drawn.querySelector("[data-canvas]").dataset.label;
  drawn.replaceWith(figure);
  work.replaceWith(fresh);
  work = fresh;
  if (document.activeElement !== held) focusAgain(at);
}

// All of it but what is being filled in: that stays where it is, or a key pressed now would go
// elsewhere. False: it cannot be, for something else is chosen or it hangs elsewhere now.
function around(fresh) {
  const [chosen, same] = [work, fresh].map((each) => each.querySelector("#chosen")?.closest("li"));
  const [list, now] = [chosen, same].map((each) => each?.parentElement.dataset.list);
  const { flow, node } = work.dataset;
  if (fresh.dataset.flow !== flow || fresh.dataset.node !== node || list !== now) return false;
  mark(fresh);
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = work.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!chosen || !old.contains(chosen)) old.replaceWith(part);
    else weave(chosen, same);
  }
  work.dataset.step = fresh.dataset.step;
  work.dataset.said = fresh.dataset.said;
  return true;
}

// The rows before and after the chosen one, and its own words.
function weave(chosen, same) {
  const rows = [...same.parentElement.children];
  const at = rows.indexOf(same);
  for (const row of [...chosen.parentElement.children]) if (row !== chosen) row.remove();
  chosen.before(...rows.slice(0, at));
  chosen.after(...rows.slice(at + 1));
  chosen.querySelector(".step").replaceWith(same.querySelector(".step"));
}

// What the box says now of the forms as they are being filled in.
function mark(fresh) {
  for (const form of work.querySelectorAll("form[data-edit]")) {
    const same = fresh.querySelector(`form[data-edit="${form.dataset.edit}"]`);
    for (const each of form.querySelectorAll("[data-fault]")) {
      const now = same.querySelector(`#${CSS.escape(each.id)}`);
      each.textContent = now?.textContent ?? "";
      each.hidden = !each.textContent;
      const input = form.querySelector(`#${CSS.escape(each.id.replace(/-fault$/, ""))}`);
      if (each.hidden) input?.removeAttribute("aria-invalid");
      else input?.setAttribute("aria-invalid", "true");
    }
    const faults = same.querySelector("[data-form-faults]");
    if (faults) form.querySelector("[data-form-faults]")?.replaceWith(faults.cloneNode(true));
  }
}

function selection(held, which) {
  try {
    return held?.[`selection${which}`] ?? null;
  } catch {
    return null;
  }
}

function focusAgain({ id, start, end }) {
  const held = id ? document.getElementById(id) : null;
  held?.focus({ preventScroll: true });
  if (held?.type === "number") held.select(); // as by the Tab key; no other place can be asked for
  else if (held?.setSelectionRange && start !== null) held.setSelectionRange(start, end);
}
