// A chosen file's text goes into the field that its form sends, read here: nothing is uploaded that
// is not seen. A spreadsheet that does not write UTF-8 writes what Windows did before it.

async function textOf(file) {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

async function take(chooser) {
  const [file] = chooser.files;
  if (file) document.getElementById(chooser.dataset.into).value = await textOf(file);
}

for (const chooser of document.querySelectorAll("input[type=file][data-into]")) {
  chooser.addEventListener("change", () => take(chooser));
  take(chooser); // somebody quick has chosen before this was read
}
