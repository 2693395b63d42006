// Where a screen is narrow, a table's cells stand one below the other and its head is hidden: each
// cell is told its column's name then, which the style writes before it. Rows may come later.

function name(table) {
  const names = Array.from(table.tHead?.rows[0]?.cells ?? [], (cell) => cell.textContent.trim());
  for (const row of table.tBodies[0]?.rows ?? []) {
    Array.from(row.cells).forEach((cell, at) => {
      const isPlain = at > 0 && row.cells.length === names.length;
      const hasOwn = cell.querySelector("form, button, a, audio, details");
      if (isPlain && !hasOwn && names[at]) cell.dataset.column = names[at];
    });
  }
}

for (const table of document.querySelectorAll(".wide table, table.wide")) {
  const follow = new MutationObserver(() => name(table));
  for (const body of table.tBodies) follow.observe(body, { childList: true, subtree: true });
  name(table);
}
