// One sound, as it is or as it comes out of a telephone: the box makes either.

for (const part of document.querySelectorAll("[data-listen]")) {
  const audio = part.querySelector("audio");
  part.querySelector("[data-phone]").addEventListener("change", (event) => {
    const at = new URL(audio.src);
    at.searchParams.set("phone", event.target.checked);
    const played = !audio.paused;
    audio.src = at;
    if (played) audio.play();
  });
}
