// A screen that is live: words come by events and are written into their places as text, never as
// markup. Rows are kept by their keys, so that whoever reads one with a screen reader keeps it.

import { events } from "./events.js";

export function follow(root) {
  events(
    root.dataset.live,
    (view) => draw(root, view),
    (is) => stale(root, is),
  );
  setInterval(() => tick(root), 1000);
}

function draw(root, view) {
  for (const place of root.querySelectorAll("[data-text]")) {
    write(place, view.texts[place.dataset.text] ?? "");
  }
  for (const place of root.querySelectorAll("[data-headline]")) place.dataset.tone = view.tone;
  for (const table of root.querySelectorAll("[data-table]")) {
    rows(table.tBodies[0], view.tables[table.dataset.table] ?? []);
  }
}

function rows(body, wanted) {
  const there = new Map(Array.from(body.rows, (row) => [row.dataset.key, row]));
  wanted.forEach((one, place) => {
    const row = there.get(one.key) ?? fresh(one);
    there.delete(one.key);
    row.dataset.tone = one.tone;
    one.cells.forEach((cell, at) => fill(row.cells[at], cell));
    lead(row.lastElementChild, one.href);
    if (body.rows[place] !== row) body.insertBefore(row, body.rows[place] ?? null);
  });
  for (const row of there.values()) row.remove();
}

function fresh(one) {
  const row = document.createElement("tr");
  row.dataset.key = one.key;
  one.cells.forEach((_, at) => {
    const cell = document.createElement(at === 0 ? "th" : "td");
    if (at === 0) cell.scope = "row";
    row.append(cell);
  });
  return row;
}

function fill(place, cell) {
  if (typeof cell !== "number") return write(place, cell);
  let span = place.querySelector("[data-seconds]");
  if (!span) {
    span = document.createElement("span");
    place.replaceChildren(span);
  }
  span.dataset.seconds = cell;
  span.dataset.at = Date.now();
  write(span, clock(cell));
}

// The last cell may lead to a screen of ours.
function lead(place, href) {
  const link = place.querySelector(":scope > a");
  if ((link?.getAttribute("href") ?? "") === href) return;
  const text = place.textContent;
  if (!href) return place.replaceChildren(text);
  const fresh = document.createElement("a");
  const { pathname, search } = new URL(href, location.origin); // whatever it says: one of ours
  fresh.href = `${pathname}${search}`;
  fresh.textContent = text;
  place.replaceChildren(fresh);
}

// Seconds go on between two events.
function tick(root) {
  for (const span of root.querySelectorAll("[data-seconds]")) {
    span.dataset.at ??= Date.now();
    write(span, clock(Number(span.dataset.seconds) + (Date.now() - span.dataset.at) / 1000));
  }
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function write(place, text) {
  const within = place.querySelector(":scope > a") ?? place;
  if (within.textContent !== text) within.textContent = text;
}

function stale(root, is) {
  const said = root.querySelector("[data-stale]");
  if (said.hidden === !is) return;
  said.textContent = is ? root.dataset.gone : "";
  said.hidden = !is;
}
