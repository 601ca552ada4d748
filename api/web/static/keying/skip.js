// In the dialogue of reasons the number of a reason chooses it.
const dialog = document.getElementById("skip");
dialog.addEventListener("keydown", (event) => {
  const button = /^[1-9]$/.test(event.key) && dialog.querySelectorAll("ol button")[Number(event.key) - 1];
  if (!button) return;
  event.preventDefault();
  dialog.close(button.value);
});
