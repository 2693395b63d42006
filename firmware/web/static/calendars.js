// A file, a calendar's or an update's, is sent as it is; the answer says where what came of it can be
// seen, or what is wrong with it, which stands beside the field.

async function bring(form) {
  const [chooser, fault, going] = ["input[type=file]", ".fault", "[role=status]"].map((one) => form.querySelector(one));
  const button = form.querySelector("button");
  const tell = (text) => {
    fault.textContent = text;
    chooser.toggleAttribute("aria-invalid", Boolean(text));
    if (text) {
      chooser.setAttribute("aria-invalid", "true");
      chooser.focus();
    }
  };
  const [file] = chooser.files;
  if (!file) return tell(form.dataset.nothing);
  if (file.size > Number(form.dataset.most)) return tell(form.dataset.large);
  tell("");
  going.textContent = going.dataset.going;
  button.disabled = true;
  try {
    const answer = await fetch(`${form.dataset.bring}&name=${encodeURIComponent(file.name.slice(-120))}`, {
      method: "POST",
      headers: { "x-form-token": document.body.dataset.token, accept: "application/json", "content-type": form.dataset.kind },
      body: file,
    });
    const said = await answer.json();
    if (answer.ok) return location.assign(said.href);
    tell(said.fault ?? `${said.why} ${said.cure}`);
  } catch {
    tell(form.dataset.failed);
  } finally {
    going.textContent = "";
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-bring]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    bring(form);
  });
}
