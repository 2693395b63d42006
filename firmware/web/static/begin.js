// Opening hours of the first run: most clinics are open alike from Monday to Friday.

const LIKE_MONDAY = ["tue", "wed", "thu", "fri"];

const button = document.querySelector("[data-as-monday]");
button.hidden = false;
button.addEventListener("click", () => {
  for (const monday of document.querySelectorAll("input[name^='mon-']")) {
    for (const day of LIKE_MONDAY) {
      document.getElementById(monday.id.replace("mon-", `${day}-`)).value = monday.value;
    }
  }
});
