// The bar above every screen: asked for again every few seconds, and the countdown goes on between.
// Its words come from the page, in the reader's language.

const ASK_EVERY_MS = 5_000;
const bar = document.querySelector("[data-bar]");
const left = bar.querySelector("[data-bar-left]");
let over = Date.now() + Number(left.dataset.barLeft) * 1000;

function show(told) {
  for (const place of bar.querySelectorAll("[data-bar-text]")) {
    const words = told[place.dataset.barText];
    if (place.textContent !== words) place.textContent = words;
  }
  bar.querySelector("[data-bar-step]").value = told.step;
  over = Date.now() + told.left_s * 1000;
  const shown = { ...told, settle: told.may_settle };
  for (const part of bar.querySelectorAll("[data-bar-part]")) part.hidden = !shown[part.dataset.barPart];
  tick();
}

function tick() {
  const seconds = Math.max(0, Math.ceil((over - Date.now()) / 1000));
  left.hidden = seconds === 0;
  left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

async function ask() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/bar/live");
    if (answer.ok) show(await answer.json());
  } catch {
    // The page does not answer: a screen that is live says so, and this asks again.
  }
}

setInterval(tick, 1000);
setInterval(ask, ASK_EVERY_MS);
document.addEventListener("visibilitychange", ask);
