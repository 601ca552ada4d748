// Hovering or focusing a value lights its place on the page, and the other way round.

const cards = [...document.querySelectorAll(".value-card")];
const places = [...document.querySelectorAll(".place")];

function light(field, on) {
  for (const node of [...cards, ...places]) if (node.dataset.field === field) node.classList.toggle("lit", on);
}

function bring(field) {
  places.find((place) => place.dataset.field === field)?.scrollIntoView({ block: "center", behavior: "instant" });
}

for (const card of cards) {
  const summary = card.querySelector("summary");
  const { field } = card.dataset;
  card.addEventListener("pointerenter", () => light(field, true));
  card.addEventListener("pointerleave", () => light(field, false));
  summary.addEventListener("focus", () => { light(field, true); bring(field); });
  summary.addEventListener("blur", () => light(field, false));
  card.addEventListener("toggle", () => card.open && bring(field));
}
for (const place of places) {
  const { field } = place.dataset;
  place.addEventListener("pointerenter", () => light(field, true));
  place.addEventListener("pointerleave", () => light(field, false));
  place.addEventListener("click", () => {
    const card = cards.find((one) => one.dataset.field === field);
    card.open = true;
    card.scrollIntoView({ block: "nearest" });
    card.querySelector("summary").focus();
  });
}

// An address like #field-total opens that value.
function openNamed() {
  const card = cards.find((one) => `#${one.id}` === location.hash);
  if (card) card.open = true;
}
addEventListener("hashchange", openNamed);
openNamed();

const filter = document.getElementById("hide-fine");
filter.closest("[data-needs-js]").hidden = false;
filter.addEventListener("change", () => document.querySelector(".viewer").classList.toggle("hide-fine", filter.checked));
