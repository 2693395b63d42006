// The frame's own module: it locks on idle, keeps whoever types signed in, and prints.
// No words here: what is said stands in the templates, in the reader's language.

const STAY_EVERY_MS = 60_000;
const SAY_EVERY_MS = 1_000;
const WARNED_BEFORE_MS = 60_000;
const TOUCHED = "touched";
const NOBODY = "nobody is signed in";
const { idleSeconds, token } = document.body.dataset;

// All tabs of a browser are one session: who touches one of them is there for all, and when nobody
// is signed in any more, no tab shows what somebody saw.
const tabs = new BroadcastChannel("careline");

// Whatever becomes of leaving: nothing sounds any more, and there is nothing to read.
function blank() {
  for (const sound of document.querySelectorAll("audio, video")) {
    sound.pause();
    sound.removeAttribute("src");
    sound.load();
  }
  document.getElementById("screen").replaceChildren();
}

function goAway() {
  blank();
  location.assign("/sign-in");
}

// A screen that nobody touches is left by itself, so that nobody reads it over an empty chair. The
// box counts for itself by what it is asked; a touch is told to it within a minute: the two agree.
function lockOnIdle(idleMs) {
  let touched = Date.now(); // in any tab
  let told = touched; // the box knows of it
  let said = 0; // the other tabs know of it
  let isLeft = false;
  const warning = document.getElementById("leaving");

  const leave = () => {
    if (isLeft) return; // a second wish would break the first one off
    isLeft = true;
    blank();
    document.getElementById("sign-out").requestSubmit();
  };
  // A computer that slept is not touched in time by whoever wakes it.
  const isLate = () => Date.now() - touched >= idleMs;
  const stay = async () => {
    told = Date.now();
    const headers = { "x-form-token": token, accept: "application/json" };
    const answer = await fetch("/stay", { method: "POST", headers }).catch(() => null);
    if (answer?.status === 401) goAway();
  };
  const look = () => {
    warning.hidden = Date.now() - touched < idleMs - WARNED_BEFORE_MS;
    if (isLate()) leave();
    else if (touched > told && Date.now() - told >= STAY_EVERY_MS) stay();
  };
  const touch = () => {
    if (isLate()) return leave();
    touched = Date.now();
    if (touched - said >= SAY_EVERY_MS) {
      said = touched;
      tabs.postMessage(TOUCHED);
    }
  };
  for (const sign of ["pointerdown", "pointermove", "keydown", "scroll", "touchstart"]) {
    addEventListener(sign, touch, { passive: true, capture: true });
  }
  tabs.onmessage = ({ data }) => {
    if (data === NOBODY) goAway();
    else if (!isLate()) touched = Date.now();
  };
  setInterval(look, 1000);
  tabs.postMessage(TOUCHED); // asking for this screen was a sign of life, too
}

if (idleSeconds) lockOnIdle(Number(idleSeconds) * 1000);
else if (location.pathname === "/sign-in") tabs.postMessage(NOBODY);

// What a browser kept of a screen may be of somebody who has left since.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => print());
}
