// An imagined call, heard: the page walks it to its end each time a key is pressed, and here each step
// is shown, and its sound played, when its time has come. No words here: they come with the steps.

const TICK_MS = 100;
const KEY_GAP_S = 1; // from what went before to a key, as ivr/simulate.py has it

const root = document.querySelector("[data-try]");
const way = root.querySelector("[data-press]");
const list = root.querySelector("[data-steps]");
const keeping = root.querySelector("[data-keep]");
const doing = (name) => root.querySelector(`[data-do="${name}"]`);

// ---- how the clinic stands ----

const minute = root.querySelector("#minute");
const clock = root.querySelector("[data-clock]");
const two = (number) => String(number).padStart(2, "0");
const told = () => `${two(Math.floor(minute.value / 60))}:${two(minute.value % 60)}`;
const begun = clock.textContent;
let isMoved = false;

function stands() {
  const phones = root.querySelector("#phones").value;
  const others = Array.from(root.querySelectorAll("[data-phone]"))
    .filter((one) => one.value && one.value !== phones)
    .map((one) => `${one.dataset.phone}=${one.value}`)
    .join(" ");
  const at = `${root.querySelector("#day").value} ${isMoved ? told() : begun}`;
  return { line: root.querySelector("#line").value, at, phones, others };
}

// ---- sounds ----

let speaker = null;
let playing = [];
const kept = new Map(); // each sound is fetched once

async function sound(address) {
  if (!kept.has(address)) {
    const answer = await fetch(address);
    kept.set(address, answer.ok ? await speaker.decodeAudioData(await answer.arrayBuffer()) : null);
  }
  return kept.get(address);
}

function hush() {
  for (const source of playing) source.stop();
  playing = [];
}

async function play(step) {
  hush();
  if (!speaker || !step.sounds.length) return;
  held = true; // the call waits until it can be heard
  const mine = call;
  try {
    const heard = await Promise.all(step.sounds.map(sound));
    if (mine !== call) return;
    let at = speaker.currentTime;
    for (const buffer of heard.filter(Boolean)) {
      const source = new AudioBufferSourceNode(speaker, { buffer, loop: step.kind === "music" });
      source.connect(speaker.destination);
      source.start(at);
      at += buffer.duration;
      playing.push(source);
    }
  } catch {
    // It is read all the same.
  } finally {
    held = false;
  }
}

// ---- the call ----

let call = 0; // whatever comes back for an earlier one is nothing any more
let press = way.dataset.press;
let acted = 0; // when the last thing that was done happens
let steps = [];
let now = 0;
let shown = 0;
let held = false;
let going = null;

async function walk() {
  const mine = ++call;
  const body = new URLSearchParams({ ...stands(), press, token: document.body.dataset.token });
  const headers = { accept: "application/json" };
  held = true;
  try {
    const answer = await fetch("/try/walk", { method: "POST", body, headers });
    if (answer.status === 401) return location.assign("/sign-in");
    const said = await answer.json();
    if (mine !== call) return;
    trouble(answer.ok ? "" : `${said.why} ${said.cure}`);
    steps = answer.ok ? said.steps : [];
  } catch {
    trouble(root.dataset.failed);
  } finally {
    if (mine === call) held = false;
  }
}

function trouble(words) {
  const place = root.querySelector("[data-trouble]");
  place.textContent = words;
  place.hidden = !words;
}

function draw(until) {
  list.replaceChildren();
  shown = 0;
  while (shown < steps.length && steps[shown].at <= until) show(steps[shown++]);
  settle();
}

function show(step) {
  if (!step.said) return;
  const row = document.createElement("li");
  row.dataset.kind = step.kind;
  const at = document.createElement("span");
  at.textContent = `${Math.floor(step.at / 60)}:${two(Math.floor(step.at % 60))}`;
  const said = document.createElement("span");
  said.textContent = step.said;
  row.append(at, said);
  list.append(row);
}

function settle() {
  const isOver = shown >= steps.length;
  root.querySelector("[data-nothing]").hidden = list.childElementCount > 0;
  for (const key of root.querySelectorAll("[data-key]")) key.disabled = isOver;
  for (const name of ["leave", "skip", "all"]) doing(name).disabled = isOver;
  doing("again").disabled = steps.length === 0;
  keeping.hidden = !isOver || steps.length === 0;
  if (!isOver) return;
  clearInterval(going);
  hush();
  for (const [name, value] of Object.entries({ ...stands(), press })) {
    keeping.elements.namedItem(name).value = value;
  }
}

function run() {
  clearInterval(going);
  let before = performance.now();
  going = setInterval(() => {
    const passed = (performance.now() - before) / 1000;
    before = performance.now();
    if (held) return;
    now += passed;
    while (shown < steps.length && steps[shown].at <= now && !held) {
      const step = steps[shown++];
      show(step);
      if (step.kind === "hush") hush();
      if (step.sounds.length) play(step);
    }
    settle();
  }, TICK_MS);
}

function start() {
  speaker ??= new AudioContext();
  speaker.resume();
  hush();
  now = 0;
  draw(-1);
  run();
}

// What is done happens at once, or a second after what was done before.
async function act(what) {
  const wait = Math.max(0, Math.round((now - acted - KEY_GAP_S) * 10) / 10);
  press = [press, wait ? `wait ${wait}` : "", what].filter(Boolean).join(",");
  acted += wait + KEY_GAP_S;
  const until = now;
  await walk();
  draw(until);
  run();
}

const acts = {
  async call() {
    press = "";
    acted = 0;
    await walk();
    start();
  },
  leave: () => act("hang up"),
  again: start,
  skip() {
    hush();
    now = Math.max(now, steps[shown]?.at ?? now);
  },
  all() {
    now = Infinity;
    draw(now);
  },
};

root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.do) acts[button.dataset.do]();
  if (button?.dataset.key) act(button.dataset.key);
});

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) return;
  const button = /^[0-9*#]$/.test(event.key) && root.querySelector(`[data-key="${event.key}"]`);
  if (button && !button.disabled) act(event.key);
});

// Another time, another phone: the same keys lead elsewhere perhaps, told all at once.
root.querySelector("[data-how]").addEventListener("change", async () => {
  if (!steps.length) return;
  await walk();
  acts.all();
});
minute.addEventListener("input", () => {
  isMoved = true;
  clock.textContent = told();
});
root.querySelector("[data-how]").addEventListener("submit", (event) => event.preventDefault());

// ---- the same call by a telephone of the clinic ----

const me = root.querySelector("[data-call-me]");
me?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [button, rung] = [me.querySelector("button"), me.querySelector("[data-rung]")];
  const phone = me.elements.namedItem("phone").value;
  const body = new URLSearchParams({ ...stands(), phone, token: document.body.dataset.token });
  const headers = { accept: "application/json" };
  button.disabled = true;
  rung.textContent = "";
  try {
    const answer = await fetch("/try/call-me", { method: "POST", body, headers });
    if (answer.status === 401) return location.assign("/sign-in");
    const said = await answer.json();
    trouble(answer.ok ? "" : `${said.why} ${said.cure}`);
    rung.textContent = answer.ok ? said.said : "";
  } catch {
    trouble(root.dataset.failed);
  } finally {
    button.disabled = false;
  }
});

if ("replayed" in way.dataset) {
  await walk();
  acts.all();
}
