// A network on trial: the time that is left goes on, and once it is over the former network is back
// and this screen is asked for again. At the new address the code is taken out of the fragment,
// which no server ever sees, and out of the browser's history with it.

const AFTER_MS = 4_000; // so long the way back may take

for (const left of document.querySelectorAll("[data-left]")) {
  const over = Date.now() + Number(left.dataset.left) * 1000;
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((over - Date.now()) / 1000));
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (seconds > 0) return;
    clearInterval(going);
    setTimeout(() => location.assign(left.dataset.leadsTo ?? location.pathname), AFTER_MS);
  };
  const going = setInterval(tick, 500);
}

const code = document.querySelector("[data-code]");
if (code && location.hash.length > 1) {
  code.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}
