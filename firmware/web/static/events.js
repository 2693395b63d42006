// Events of the page, for a screen that is live: they come in again by themselves, whatever was
// answered meanwhile, and the screen is told while they do not.

const SILENT_MS = 20_000; // the page tells something every five seconds
const SOONEST_MS = 1_000; // until it is tried again, then twice as long each time
const LATEST_MS = 60_000;

export function events(address, tell, stale) {
  let heard = Date.now();
  let pause = SOONEST_MS;
  let source = null;

  // A browser never opens again what was answered by anything but events, and does not say what the
  // answer was: so it is asked for, and only then is the source opened.
  async function open() {
    const answer = await asked(address);
    if (answer === 401) return location.assign("/sign-in");
    if (answer === 403) return location.reload(); // which says why
    if (answer !== 200) return later();
    listen();
  }

  function listen() {
    heard = Date.now();
    source = new EventSource(address);
    source.onmessage = (event) => {
      heard = Date.now();
      pause = SOONEST_MS;
      tell(JSON.parse(event.data));
      stale(false);
    };
    source.onerror = () => {
      if (source?.readyState === EventSource.CLOSED) later();
    };
    source.addEventListener("over", () => location.assign("/sign-in"));
    source.addEventListener("again", () => location.reload()); // all of it says other things now
  }

  // Not all screens at the same moment: each somewhere within its pause.
  function later() {
    source?.close();
    source = null;
    setTimeout(open, pause * (0.5 + Math.random() / 2));
    pause = Math.min(2 * pause, LATEST_MS);
  }

  listen();
  setInterval(() => {
    if (Date.now() - heard <= SILENT_MS) return;
    stale(true);
    if (source) later(); // it is open and says nothing: whoever was there has gone
  }, 1000);
}

// What the page answers there now; 0: nothing at all.
async function asked(address) {
  const asking = new AbortController();
  const late = setTimeout(() => asking.abort(), SILENT_MS);
  try {
    const headers = { accept: "text/event-stream" };
    return (await fetch(address, { headers, signal: asking.signal })).status;
  } catch {
    return 0;
  } finally {
    clearTimeout(late);
    asking.abort(); // the events come by the source
  }
}
