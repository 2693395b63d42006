// A sealed recording, played. It is fetched once, when it is first played, and lies in this page's
// memory alone: never in a file, at no address. `opened(message)` is told once it sounds.

const WIDTH = 600;
const MIDDLE = 32;
const LOUDEST = 255;
const SPEED = "careline-speed"; // what somebody chose stays for the next recording

export function player(root, fetched, opened) {
  const audio = root.querySelector("[data-sound]");
  const place = root.querySelector("[data-place]");
  const button = root.querySelector("[data-play]");
  const state = { loading: null };

  const load = async () => {
    const { sound, peaks } = await fetched(root.dataset);
    draw(root, peaks);
    audio.src = sound;
    await metadata(audio);
    place.max = audio.duration;
    place.disabled = false;
    setSpeed(root, audio, remembered());
  };

  const toggle = async () => {
    if (state.loading) return; // one opening is enough
    if (!audio.src) {
      state.loading = load();
      root.setAttribute("aria-busy", "true");
      try {
        await state.loading;
      } catch {
        return; // whoever fetched it has said why
      } finally {
        state.loading = null;
        root.removeAttribute("aria-busy");
      }
      if (!root.isConnected) return; // something else was opened meanwhile
    }
    if (!audio.paused) return audio.pause();
    try {
      await audio.play();
    } catch {
      return; // this browser wants one more press, or it was paused already
    }
    if ("new" in root.dataset) {
      delete root.dataset.new;
      opened(root.dataset);
    }
  };

  const show = () => {
    const at = audio.currentTime;
    if (document.activeElement !== place || !audio.paused) place.value = at;
    place.setAttribute("aria-valuetext", clock(at));
    root.querySelector("[data-at]").textContent = clock(at);
    const part = audio.duration ? at / audio.duration : 0;
    root.querySelector("[data-played]")?.setAttribute("width", part * WIDTH);
  };

  button.addEventListener("click", toggle);
  place.addEventListener("input", () => {
    audio.currentTime = Number(place.value);
    show();
  });
  for (const choice of root.querySelectorAll("[data-speed]")) {
    choice.addEventListener("click", () => {
      localStorage.setItem(SPEED, choice.dataset.speed);
      setSpeed(root, audio, Number(choice.dataset.speed));
    });
  }
  for (const sign of ["play", "pause", "ended"]) {
    audio.addEventListener(sign, () => pressed(button, !audio.paused && !audio.ended));
  }
  audio.addEventListener("timeupdate", show);
  setSpeed(root, audio, remembered());
  return { toggle };
}

function metadata(audio) {
  return new Promise((resolve, reject) => {
    audio.addEventListener("loadedmetadata", resolve, { once: true });
    audio.addEventListener("error", reject, { once: true });
  });
}

function remembered() {
  return Number(localStorage.getItem(SPEED)) || 1;
}

function setSpeed(root, audio, speed) {
  audio.defaultPlaybackRate = speed;
  audio.playbackRate = speed;
  for (const choice of root.querySelectorAll("[data-speed]")) {
    choice.setAttribute("aria-pressed", String(Number(choice.dataset.speed) === speed));
  }
}

function pressed(button, is) {
  button.setAttribute("aria-pressed", String(is));
  button.querySelector("[data-word=play]").hidden = is;
  button.querySelector("[data-word=pause]").hidden = !is;
}

// One bar for each peak, twice: all of them, and over it what has been played, cut off by a clip.
function draw(root, peaks) {
  const step = WIDTH / peaks.length;
  const bars = Array.from(peaks, (peak, at) => {
    const half = Math.max(1, (peak / LOUDEST) * (MIDDLE - 2));
    return `M${((at + 0.5) * step).toFixed(1)} ${(MIDDLE - half).toFixed(1)}v${(2 * half).toFixed(1)}`;
  }).join("");
  const svg = root.querySelector("[data-waveform]");
  const clip = `played-${root.dataset.message}`;
  const cut = element("clipPath", { id: clip });
  cut.append(element("rect", { "data-played": "", width: 0, height: 2 * MIDDLE }));
  svg.replaceChildren(
    cut,
    element("path", { class: "quiet", d: bars }),
    element("path", { class: "loud", d: bars, "clip-path": `url(#${clip})` }),
  );
}

function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
