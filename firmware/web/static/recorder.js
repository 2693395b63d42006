// Another sound for a prompt, from the microphone or from a file. The microphone runs before the
// countdown does, for it loses its first moments. What is sent is plain: WAV, 16 bit, one channel,
// at the rate the browser has.

const COUNT_FROM = 3;
const LONGEST_S = 180; // as firmware/decoder.py
const FILE_MOST = 20_000_000; // bytes, as firmware/decoding.py
const RAW = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

const root = document.querySelector("[data-recorder]");
const { to, worklet, denied, failed, large, ready, speak, sending } = root.dataset;
const [start, stop, count, clock, level, file, said] = ["record", "stop", "count", "clock", "level", "file", "said"].map(
  (name) => root.querySelector(`[data-${name}]`),
);

function tell(text) {
  said.textContent = text;
  said.hidden = !text;
}

function occupied(is) {
  for (const one of root.querySelectorAll("button, input, select")) one.disabled = is;
}

// The answer says where what was brought can be looked at, or why it cannot.
async function bring(address, body, type, status, text) {
  tell("");
  status.textContent = text;
  occupied(true);
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "x-form-token": document.body.dataset.token, accept: "application/json", "content-type": type },
      body,
    });
    const { href, why, cure } = await answer.json();
    if (answer.ok) return location.assign(href);
    tell(`${why.replace(/\.$/, "")}: ${cure}`);
  } catch {
    tell(failed);
  }
  status.textContent = "";
  occupied(false);
}

const send = (body, made) => bring(`${to}?made=${made}`, body, "application/octet-stream", count, sending);

function wav(blocks, rate) {
  const size = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * size));
  const word = (at, text) => [...text].forEach((sign, n) => view.setUint8(at + n, sign.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, 36 + 2 * size, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, 2 * size, true);
  let at = 44;
  for (const block of blocks) {
    for (const value of block) {
      view.setInt16(at, Math.round(Math.max(-1, Math.min(1, value)) * 32767), true);
      at += 2;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}

const second = () => new Promise((done) => setTimeout(done, 1000));

async function record() {
  tell("");
  start.disabled = true;
  let stream, context;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: RAW });
    context = new AudioContext();
    await context.audioWorklet.addModule(worklet);
  } catch {
    for (const track of stream?.getTracks() ?? []) track.stop();
    start.disabled = false;
    return tell(denied);
  }
  const blocks = [];
  let kept = 0;
  let isRecording = false;
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const ended = new Promise((end) => {
    recorder.port.onmessage = ({ data }) => {
      level.value = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      if (!isRecording) return;
      blocks.push(data);
      kept += data.length;
      clock.textContent = `${Math.floor(kept / context.sampleRate)} s`;
      if (kept >= LONGEST_S * context.sampleRate - data.length) end();
    };
    stop.onclick = end;
  });
  context.createMediaStreamSource(stream).connect(recorder);
  level.hidden = false;
  for (let left = COUNT_FROM; left > 0; left -= 1) {
    count.textContent = `${ready} ${left}`;
    await second();
  }
  isRecording = true;
  count.textContent = speak;
  start.hidden = true;
  stop.hidden = false;
  stop.focus();
  await ended;
  isRecording = false;
  for (const track of stream.getTracks()) track.stop();
  await context.close();
  clock.textContent = "";
  level.hidden = stop.hidden = true;
  start.hidden = false;
  await send(wav(blocks, context.sampleRate), "recorded");
}

const hasMicrophone = isSecureContext && navigator.mediaDevices?.getUserMedia && "AudioWorkletNode" in window;
root.querySelector("[data-no-microphone]").hidden = Boolean(hasMicrophone);
root.querySelector("[data-with-microphone]").hidden = !hasMicrophone;
start.addEventListener("click", record);
const ring = root.querySelector("[data-ring]");
ring?.addEventListener("submit", (event) => {
  event.preventDefault();
  const wish = new URLSearchParams(new FormData(ring)).toString();
  const status = ring.querySelector("[data-ringing]");
  bring(ring.dataset.ring, wish, "application/x-www-form-urlencoded", status, ring.dataset.rings);
});
file.addEventListener("change", () => {
  const [chosen] = file.files;
  // The box ends the connection of one that is larger, and a browser would say it is not there.
  if (chosen?.size > FILE_MOST) tell(large);
  else if (chosen) send(chosen, "uploaded");
});
