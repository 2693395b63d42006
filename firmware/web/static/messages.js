// Messages and requests: parts of the screen are drawn by the page's server and put into their
// places here. Keys work while nobody types, and can be switched off.

import { events } from "./events.js";
import { player } from "./player.js";

const KEYS = "careline-keys"; // "off" where somebody does not want them
const SLICE = 0x8000; // as many characters as one call takes

const root = document.querySelector("[data-messages]");
const { token } = document.body.dataset;
const title = document.title;
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const items = () => Array.from(root.querySelectorAll("[data-open]"));
const keyOf = (item) => item?.closest("[data-key]").dataset.key;

let playing = null; // the first recording of what is open
let looked = null; // the item that was opened or walked to last

// ---- asking the page's server ----

async function ask(path, fields) {
  const body = new URLSearchParams(fields);
  body.set("token", token);
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body });
  } catch {
    note(root.dataset.failed);
    throw new Error("no answer");
  }
  if (answer.status === 401) location.assign("/sign-in");
  return answer;
}

// What it draws anew; false where it says why it did not.
async function act(path, fields) {
  const { page } = part("list").dataset;
  const answer = await ask(path, { ...fields, show: root.dataset.show, page });
  return (await drawn(answer)) && answer.ok;
}

// Whether the answer was one of this screen's.
async function drawn(answer) {
  const is = draw(await answer.text());
  if (!is) note(root.dataset.failed);
  return is;
}

async function sound({ message, mailbox }) {
  const answer = await ask("/messages/hear", { message, mailbox });
  if (!answer.ok) {
    await drawn(answer);
    throw new Error("not opened");
  }
  const peaks = answer.headers.get("x-peaks").match(/../g) ?? [];
  const bytes = new Uint8Array(await answer.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += SLICE) {
    text += String.fromCharCode(...bytes.subarray(at, at + SLICE));
  }
  return {
    sound: `data:audio/wav;base64,${btoa(text)}`,
    peaks: peaks.map((two) => Number.parseInt(two, 16)),
  };
}

// ---- drawing ----

function draw(text) {
  const drawn = new DOMParser().parseFromString(text, "text/html");
  const parts = drawn.querySelectorAll("body > [data-part]");
  for (const fresh of parts) put(fresh);
  for (const more of drawn.querySelectorAll("[data-add]")) {
    part(more.dataset.add)?.append(...more.children);
  }
  return parts.length > 0;
}

function put(fresh) {
  const name = fresh.dataset.part;
  const there = part(name);
  if (!there) return;
  if (name === "list") return putList(there, fresh);
  if (name === "opened") quiet();
  there.replaceWith(fresh);
  if (name === "opened") begin(fresh);
}

// Whoever is on an item stays on it, or on the one that comes to stand in its place.
function putList(there, fresh) {
  const focused = there.contains(document.activeElement);
  const before = items().findIndex((item) => keyOf(item) === keyOf(looked));
  there.replaceWith(fresh);
  const now = items();
  looked = looked && (now.find((item) => keyOf(item) === keyOf(looked)) ?? now[Math.min(before, now.length - 1)] ?? null);
  if (focused && looked) looked.focus();
  count(fresh.dataset);
  mark();
}

function begin(opened) {
  const players = Array.from(opened.querySelectorAll("[data-player]"), (one) => player(one, sound, markHeard));
  playing = players[0] ?? null;
  mark();
}

function quiet() {
  for (const each of root.querySelectorAll("audio")) each.pause();
  playing = null;
}

function mark() {
  const open = part("opened").dataset.key;
  for (const item of items()) current(item, keyOf(item) === open);
}

function current(item, is) {
  if (is) item.setAttribute("aria-current", "true");
  else item.removeAttribute("aria-current");
}

function note(words) {
  const told = document.createElement("p");
  told.className = "note alarm";
  told.textContent = words;
  part("said").replaceChildren(told);
}

function count({ said, unread }) {
  const there = root.querySelector("[data-count]");
  if (there.textContent !== said) there.textContent = said;
  document.title = Number(unread) ? `(${unread}) ${title}` : title;
}

// ---- what can be done ----

function markHeard({ message, mailbox }) {
  return act("/messages/heard", { message, mailbox });
}

async function open(item) {
  looked = item;
  const { id, mailbox } = item.dataset;
  part("opened").setAttribute("aria-busy", "true");
  const is =
    item.dataset.open === "message"
      ? await act("/messages/open", { message: id, mailbox })
      : await act("/requests/open", { request: id });
  part("opened").removeAttribute("aria-busy");
  return is;
}

async function done(item) {
  if ("done" in item.dataset) return;
  const { id, mailbox } = item.dataset;
  looked = item;
  if (item.dataset.open === "message") await act("/messages/act", { message: id, mailbox, act: "done" });
  else await act("/requests/act", { request: id, act: "done" });
  (looked ?? part("opened")).focus();
}

// What the keys are about: the item under the reader's hands, else what is open.
function chosen() {
  const focused = document.activeElement?.closest?.("[data-open]");
  return focused ?? items().find((item) => keyOf(item) === part("opened").dataset.key) ?? looked;
}

async function opened(item) {
  return part("opened").dataset.key === keyOf(item) || (item && (await open(item)));
}

const keys = {
  j: () => walk(1),
  k: () => walk(-1),
  d: async () => {
    const button = root.querySelector("[data-finish]");
    const item = chosen();
    if (button && item && part("opened").dataset.key === keyOf(item)) button.click();
    else if (item) await done(item);
  },
  n: async () => {
    const item = chosen();
    if (item && (await opened(item))) root.querySelector("#note")?.focus();
  },
  u: () => root.querySelector("[data-undo]")?.requestSubmit(),
  " ": async () => {
    const item = chosen();
    if (item && (await opened(item))) await playing?.toggle();
  },
  "?": () => root.querySelector("[data-keys]").showModal(),
};

function walk(by) {
  const all = items();
  const at = all.indexOf(chosen());
  // Beyond an end of this page lies another: its way is gone by Enter.
  const other = at >= 0 && !all[at + by] && root.querySelector(`.pages [rel=${by > 0 ? "next" : "prev"}]`);
  if (other) return other.focus();
  looked = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))] ?? null;
  looked?.focus();
}

function types(target) {
  return target.closest("input, textarea, select, dialog, [contenteditable]") !== null;
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || types(target)) return;
  if (localStorage.getItem(KEYS) === "off" && key !== "?") return;
  // A button other than a list's own does by the space what it is for.
  if (key === " " && target.closest("button, a, summary") && !target.closest("[data-open]")) return;
  const does = keys[key];
  if (!does) return;
  event.preventDefault();
  does();
});

root.addEventListener("click", (event) => {
  const item = event.target.closest("[data-open]");
  if (item) open(item).then((is) => is && part("opened").focus());
  if (event.target.closest("[data-keys-open]")) keys["?"]();
});

root.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form, event.submitter));
  const button = event.submitter ?? form.querySelector("button");
  if (button.disabled) return;
  button.disabled = true; // a second press would do it twice
  const finished = button.matches("[data-finish], [data-delete]");
  const is = await act(form.getAttribute("action"), fields).catch(() => false);
  button.disabled = false;
  if (is && form.matches("[data-note]")) form.reset();
  if (is && finished) (looked ?? part("opened")).focus();
});

const wanted = root.querySelector("#keys-on");
wanted.checked = localStorage.getItem(KEYS) !== "off";
wanted.addEventListener("change", () => localStorage.setItem(KEYS, wanted.checked ? "on" : "off"));

// ---- live ----

events(root.dataset.live, told, stale);

function told(list) {
  draw(list); // empty where nothing has changed
  for (const of of new Set(Array.from(texts(), (one) => one.dataset.of))) follow(of).catch(() => {});
}

function texts() {
  return part("opened").querySelectorAll("[data-text]");
}

// Where the texts of what is open are by now; nothing else of it is drawn anew under the reader.
async function follow(request) {
  const answer = await fetch(`/requests/texts/live?${new URLSearchParams({ request })}`);
  if (!answer.ok) return;
  const now = await answer.json();
  for (const one of texts()) {
    const text = now[one.dataset.text];
    if (!text) continue;
    one.textContent = text.words;
    if (!text.waits) one.closest("li").querySelector("form")?.remove();
    if (!text.moves) delete one.dataset.text;
  }
}

function stale(is) {
  const said = root.querySelector("[data-stale]");
  if (said.hidden === !is) return;
  said.textContent = is ? root.dataset.gone : "";
  said.hidden = !is;
}

count(part("list").dataset);
begin(part("opened"));
