// Keys of the page that cuts a file: arrows go from page to page, space cuts, 1 says one document, Ctrl+Enter sends.

const form = document.getElementById("split");
const one = document.getElementById("one");
const boxes = [...form.querySelectorAll("input[name=cuts]")];
const count = document.getElementById("count");

function tell() {
  const documents = 1 + boxes.filter((box) => box.checked).length;
  if (count) count.textContent = documents === 1 ? "One document" : `${documents} documents`;
}

function step(by) {
  const at = boxes.indexOf(document.activeElement);
  const to = boxes[at < 0 ? 0 : Math.min(Math.max(at + by, 0), boxes.length - 1)];
  to?.focus();
  to?.closest(".leaf").scrollIntoView({ block: "nearest" });
}

for (const hint of document.querySelectorAll("[data-needs-js]")) hint.hidden = false;
form.addEventListener("change", tell);
tell();

document.addEventListener("keydown", (event) => {
  if (!one) return;
  if (event.ctrlKey && event.key === "Enter") { event.preventDefault(); form.requestSubmit(); return; }
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") { event.preventDefault(); step(event.key === "ArrowRight" ? 1 : -1); return; }
  if (event.key === "1") { event.preventDefault(); one.requestSubmit(); }
});
