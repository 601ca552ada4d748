// Follows a training while it runs; when it ends, the page of the model says what came of it.

async function follow(panel) {
  const response = await fetch(`/models/${panel.dataset.follow}/progress`).catch(() => null);
  if (response?.ok) {
    const { state, progress } = await response.json();
    if (state !== "training") {
      location.replace(`/models/${panel.dataset.follow}`);
      return;
    }
    if (typeof progress.share === "number") panel.querySelector("progress").value = progress.share;
    const said = Object.entries(progress).filter(([key]) => key !== "share").map(([key, value]) => `${key.replaceAll("_", " ")}: ${value}`).join(" · ");
    if (said) panel.querySelector("[role=status]").textContent = said;
  }
  setTimeout(() => follow(panel), 2000);
}

for (const panel of document.querySelectorAll("[data-follow]")) follow(panel);
