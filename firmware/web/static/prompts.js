// The list of prompts, narrowed to those with the words that were typed.

const find = document.getElementById("find");
const none = document.querySelector("[data-none]");
const rows = Array.from(document.querySelectorAll("[data-row]"), (row) => ({
  row,
  text: plain(row.textContent),
}));
const box = document.querySelector("details.shelf");

function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

find.addEventListener("input", () => {
  const wanted = plain(find.value.trim());
  let found = 0;
  for (const { row, text } of rows) {
    row.hidden = !text.includes(wanted);
    found += !row.hidden;
  }
  for (const shelf of document.querySelectorAll(".shelf")) {
    shelf.hidden = !shelf.querySelector("[data-row]:not([hidden])");
  }
  if (box) box.open = wanted !== "" && !box.hidden;
  none.hidden = found > 0;
});
