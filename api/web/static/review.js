// Keys of the review page: numbers choose a candidate, letters a state, Ctrl+Enter decides, Alt+J goes to the next doubt.

const form = document.getElementById("decide");
const started = performance.now();
const radio = (value) => form.querySelector(`input[name=choice][value="${value}"]`);
const LETTERS = { o: "other", a: "absent", e: "empty", i: "illegible" };
const other = document.getElementById("other");
const isTyping = (target) => target.matches("textarea, select, input:not([type=radio], [type=checkbox])");

form.addEventListener("submit", () => { form.elements.seconds.value = ((performance.now() - started) / 1000).toFixed(1); });
other?.addEventListener("input", () => { radio("other").checked = true; });

function choose(value) {
  const button = radio(value);
  if (!button) return false;
  button.checked = true;
  button.dispatchEvent(new Event("change", { bubbles: true }));
  if (value === "other") other.focus();
  else button.focus();
  return true;
}

const cards = [...document.querySelectorAll(".value-card.edit")];
const places = [...document.querySelectorAll(".place[data-field]")];
if (!cards.length) document.querySelector(".place")?.scrollIntoView({ block: "center" });

function light(field) {
  for (const node of [...cards, ...places]) node.classList.toggle("lit", node.dataset.field === field);
  places.find((place) => place.dataset.field === field)?.scrollIntoView({ block: "center" });
}

function nextDoubt() {
  const doubts = cards.filter((card) => card.classList.contains("doubt"));
  const at = doubts.findIndex((card) => card.contains(document.activeElement));
  (doubts[at + 1] ?? doubts[0])?.querySelector("textarea").focus();
}

for (const card of cards) card.addEventListener("focusin", () => light(card.dataset.field));
for (const place of places) place.addEventListener("click", () => cards.find((card) => card.dataset.field === place.dataset.field)?.querySelector("textarea").focus());
const filter = document.getElementById("hide-fine");
if (filter) {
  filter.closest("[data-needs-js]").hidden = false;
  filter.addEventListener("change", () => document.querySelector(".viewer").classList.toggle("hide-fine", filter.checked));
}

// Typing a value says that there is one; choosing a state without a value clears nothing, so that it can be taken back.
for (const card of cards) {
  const [box, state] = [card.querySelector("textarea"), card.querySelector("select")];
  box.addEventListener("input", () => { state.value = "found"; });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.key === "Enter") { event.preventDefault(); form.requestSubmit(); return; }
  if (event.altKey && event.code === "KeyJ") { event.preventDefault(); nextDoubt(); return; }
  if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
  if (event.key === "Enter" && radio("other") && form.querySelector("input[name=choice]:checked") && !event.target.matches("button, a, summary")) { event.preventDefault(); form.requestSubmit(); return; }
  if (filter && event.key.toLowerCase() === "h") { filter.click(); return; }
  const value = /^[1-9]$/.test(event.key) ? event.key : LETTERS[event.key.toLowerCase()];
  if (value && choose(value)) event.preventDefault();
});

const left = document.getElementById("left");
setInterval(() => {
  const seconds = Math.max(0, Math.ceil(Number(left.dataset.seconds) - (performance.now() - started) / 1000));
  left.textContent = seconds > 90 ? `${Math.round(seconds / 60)} min left` : seconds > 0 ? `${seconds} s left` : "its time ran out: somebody else may have it now";
}, 1000);
if (!document.querySelector("[autofocus]")) (cards.length ? nextDoubt() : document.querySelector("#main").focus({ preventScroll: true }));
