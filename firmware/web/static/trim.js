// What was brought is cut by two handles or two numbers; what is heard is made by the box, just as
// it would be kept. The two never cross.

const LEAST_S = 0.1; // shorter holds no word

const form = document.querySelector("[data-trim]");
const seconds = Number(form.dataset.seconds);
const audio = form.querySelector("[data-audio]");
const said = form.querySelector("[data-said]");
const picture = form.querySelector("svg").viewBox.baseVal;
const handles = { start: form.querySelector("[data-handle=start]"), end: form.querySelector("[data-handle=end]") };
const numbers = { start: form.elements.start, end: form.elements.end };
const shades = { before: form.querySelector("[data-before]"), after: form.querySelector("[data-after]") };

function draw() {
  const from = (picture.width * Number(numbers.start.value)) / seconds;
  const to = (picture.width * Number(numbers.end.value)) / seconds;
  shades.before.setAttribute("width", from);
  shades.after.setAttribute("x", to);
  shades.after.setAttribute("width", Math.max(0, picture.width - to));
}

function put(which, wished) {
  const least = which === "start" ? 0 : Number(numbers.start.value) + LEAST_S;
  const most = which === "end" ? seconds : Number(numbers.end.value) - LEAST_S;
  const value = Math.min(Math.max(wished, least), most).toFixed(2);
  numbers[which].value = value;
  handles[which].value = value;
  draw();
}

function offer() {
  said.hidden = true;
  const asked = new URLSearchParams({
    start: numbers.start.value,
    end: numbers.end.value,
    phone: form.querySelector("[data-phone]").checked,
  });
  audio.src = `${form.dataset.heard}?${asked}`;
}

for (const which of ["start", "end"]) {
  handles[which].addEventListener("input", () => put(which, Number(handles[which].value)));
  handles[which].addEventListener("change", offer);
  numbers[which].addEventListener("change", () => {
    put(which, Number(numbers[which].value) || 0);
    offer();
  });
}
form.querySelector("[data-phone]").addEventListener("change", offer);

// The reason is the box's, in the reader's language.
audio.addEventListener("error", async () => {
  const answer = await fetch(audio.src, { headers: { accept: "application/json" } });
  if (answer.ok) return;
  const { why, cure } = await answer.json();
  said.textContent = `${why} ${cure}`;
  said.hidden = false;
});
