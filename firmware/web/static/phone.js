// A telephone of the clinic in this window. JsSIP speaks SIP through our own page (/ws), which knows
// who is signed in: no password is here. The microphone is asked for by a press alone, and is let go
// after each call. No words here: what is said stands in the template, in the reader's language.

const root = document.querySelector("[data-phone]");
const REMEMBERED = "careline-phone"; // in this window alone: which telephone it was
const TOUCHED_EVERY_MS = 30_000;
const REGISTERED_FOR_S = 120;
const KEY_MS = 120;
// Why the page ended the connection (phone_socket.py).
const ENDED = { 4001: "elsewhere", 4002: "taken", 4003: "over", 4005: "gone" };
const NO_EXCHANGE = 4004;
// A clinic's own network: each side finds the other by its own addresses, and no server is asked.
const PEERS = { iceServers: [] };

const find = (selector) => root.querySelector(selector);
const doing = (name) => find(`[data-do="${name}"]`);
const word = (name) => find(`[data-word="${name}"]`).textContent;

let JsSIP = null;
let ua = null;
let call = null;
let microphone = null;
let speaker = null;
let tone = null;
let isMuted = false;
let isHeld = false;

// ---- what is seen ----

function say(name) {
  root.dataset.is = name;
  find("[data-state]").textContent = word(name);
}

function show() {
  const rings = call?.direction === "incoming" && !call.isEstablished();
  const talks = Boolean(call?.isEstablished());
  doing("answer").hidden = !rings;
  doing("leave").hidden = !call;
  doing("mute").hidden = doing("hold").hidden = !talks;
  doing("mute").setAttribute("aria-pressed", String(isMuted));
  doing("hold").setAttribute("aria-pressed", String(isHeld));
  doing("call").disabled = !ua?.isRegistered() || Boolean(call);
  doing("off").hidden = !ua;
  find("[data-choosing]").hidden = Boolean(ua);
  const caller = find("[data-caller]");
  caller.hidden = !call;
  const other = call?.remote_identity;
  caller.textContent = other ? [other.display_name, other.uri.user].filter(Boolean).join(" · ") : "";
}

function rest() {
  if (!ua) return;
  say(ua.isRegistered() ? (speaker?.state === "running" ? "ready" : "unheard") : "joining");
}

// ---- what is heard ----

// The cadence of a telephone that rings, and of one that is heard ringing: 440 and 480 Hz, 2 s of 6.
function ring(loudness) {
  hush();
  const level = new GainNode(speaker, { gain: 0 });
  level.connect(speaker.destination);
  const sources = [440, 480].map((frequency) => new OscillatorNode(speaker, { frequency }));
  for (let turn = 0; turn < 20; turn += 1) {
    level.gain.setValueAtTime(loudness, speaker.currentTime + 6 * turn);
    level.gain.setValueAtTime(0, speaker.currentTime + 6 * turn + 2);
  }
  for (const source of sources) {
    source.connect(level);
    source.start();
  }
  tone = { stop: () => sources.forEach((source) => source.stop()) };
}

function hush() {
  tone?.stop();
  tone = null;
}

async function listen() {
  if (!navigator.mediaDevices) throw new Error("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (refused) {
    throw new Error(refused.name === "NotFoundError" ? "deaf" : "refused");
  }
}

function letGo() {
  for (const track of microphone?.getTracks() ?? []) track.stop();
  microphone = null;
}

function heard(connection) {
  connection.addEventListener("track", (event) => {
    find("[data-heard]").srcObject = event.streams[0] ?? new MediaStream([event.track]);
  });
}

// ---- a call ----

function whyNot(cause) {
  const { BUSY, NO_ANSWER, UNAVAILABLE, REJECTED, NOT_FOUND, ADDRESS_INCOMPLETE } = JsSIP.C.causes;
  if (cause === BUSY) return "busy";
  if ([NO_ANSWER, UNAVAILABLE, REJECTED].includes(cause)) return "nobody";
  return [NOT_FOUND, ADDRESS_INCOMPLETE].includes(cause) ? "wrong" : "failed";
}

function over(session, name) {
  if (session !== call) return;
  call = null;
  isMuted = isHeld = false;
  hush();
  letGo();
  rest();
  if (name) say(name);
  show();
}

function begin(session) {
  if (call) return session.terminate({ status_code: 486 });
  call = session;
  const comes = session.direction === "incoming";
  session.on("progress", () => !comes && ring(0.03));
  session.on("accepted", hush);
  session.on("confirmed", () => {
    hush();
    say("talking");
    show();
  });
  session.on("peerconnection", ({ peerconnection }) => heard(peerconnection));
  session.on("ended", () => over(session, ""));
  session.on("failed", ({ originator, cause }) =>
    over(session, comes || originator === "local" ? "" : whyNot(cause)),
  );
  say(comes ? "ringing" : "calling");
  if (comes) ring(0.2);
  show();
}

async function withMicrophone(then) {
  try {
    microphone ??= await listen();
  } catch (why) {
    return say(why.message);
  }
  return then({ mediaStream: microphone, pcConfig: PEERS });
}

const dial = (number) =>
  withMicrophone((options) => {
    if (!ua || call) return;
    const session = ua.call(number, options);
    if (session.connection) heard(session.connection);
    show();
  });

const answer = () => withMicrophone((options) => call?.answer(options));

// ---- signing in ----

async function isOver() {
  const headers = { accept: "application/json" };
  const asked = await fetch("/phone/live", { headers }).catch(() => null);
  return asked?.status === 401;
}

async function parted({ code }) {
  if (code in ENDED) return off(ENDED[code]);
  say(code === NO_EXCHANGE ? "down" : "lost");
  show();
  if (await isOver()) off("over");
}

async function on(extension) {
  try {
    (await listen()).getTracks().forEach((track) => track.stop());
  } catch (why) {
    return say(why.message);
  }
  speaker ??= new AudioContext();
  speaker.onstatechange = () => !call && rest();
  speaker.resume();
  say("joining");
  ({ default: JsSIP } = await import(root.dataset.jssip));
  sessionStorage.setItem(REMEMBERED, extension);
  const way = new JsSIP.WebSocketInterface(`wss://${location.host}/ws?phone=${extension}`);
  ua = new JsSIP.UA({
    sockets: [way],
    uri: `sip:${extension}@careline.invalid`,
    register_expires: REGISTERED_FOR_S,
    session_timers: false,
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 8,
  });
  ua.on("registered", () => {
    if (!call) rest();
    show();
  });
  ua.on("disconnected", parted);
  ua.on("registrationFailed", () => {
    say("down");
    show();
  });
  ua.on("newRTCSession", ({ session }) => begin(session));
  ua.start();
  show();
}

function off(name) {
  const old = ua;
  ua = null;
  sessionStorage.removeItem(REMEMBERED);
  old?.stop();
  call = null;
  hush();
  letGo();
  say(name);
  show();
}

// ---- presses ----

const presses = {
  answer,
  leave: () => call?.terminate(),
  mute: () => {
    isMuted = !isMuted;
    if (isMuted) call.mute({ audio: true });
    else call.unmute({ audio: true });
    say(isMuted ? "muted" : "talking");
  },
  hold: () => {
    const held = isHeld ? call.unhold() : call.hold();
    if (!held) return;
    isHeld = !isHeld;
    say(isHeld ? "held" : isMuted ? "muted" : "talking");
  },
  off: () => off("off"),
};

function key(digit) {
  if (call?.isEstablished()) {
    const how = { transportType: JsSIP.C.DTMF_TRANSPORT.RFC2833, duration: KEY_MS };
    call.sendDTMF(digit, how);
  } else if (!call) {
    find("#number").value += digit;
  }
}

if (find("[data-join]")) {
  find("[data-join]").addEventListener("submit", (event) => {
    event.preventDefault();
    on(new FormData(event.target).get("phone"));
  });
  find("[data-dial]").addEventListener("submit", (event) => {
    event.preventDefault();
    const number = find("#number").value.trim();
    if (number && ua?.isRegistered()) dial(number);
  });
  root.addEventListener("click", ({ target }) => {
    speaker?.resume();
    const pressed = target.closest("button");
    if (pressed?.dataset.key) key(pressed.dataset.key);
    if (pressed && Object.hasOwn(presses, pressed.dataset.do ?? "")) {
      presses[pressed.dataset.do]();
      show();
    }
  });
  // Whoever talks touches the page, though nobody moves the mouse.
  const tabs = new BroadcastChannel("careline");
  setInterval(() => call && tabs.postMessage("touched"), TOUCHED_EVERY_MS);
  addEventListener("beforeunload", (event) => call && event.preventDefault());
  // Loaded again, it is the same telephone, unless the microphone would have to be asked for anew.
  const again = sessionStorage.getItem(REMEMBERED);
  const free = again && find(`[name="phone"][value="${CSS.escape(again)}"]:not(:disabled)`);
  if (free) {
    free.checked = true;
    navigator.permissions
      .query({ name: "microphone" })
      .then(({ state }) => state === "granted" && on(again))
      .catch(() => null);
  }
}
