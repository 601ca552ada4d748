// Pages larger and smaller, by the keys + - 0 and their buttons. What is in the middle of the frame stays there.

const sheets = document.querySelector(".sheets");
const tools = sheets.querySelector("[data-zoom-tools]");
const KEYS = { "+": 1.25, "=": 1.25, "-": 0.8, "0": 0 };
let scale = 1;

function zoom(factor) {
  const before = [sheets.scrollWidth, sheets.scrollHeight];
  const middle = [sheets.scrollLeft + sheets.clientWidth / 2, sheets.scrollTop + sheets.clientHeight / 2];
  scale = factor ? Math.min(5, Math.max(0.5, scale * factor)) : 1;
  sheets.style.setProperty("--zoom", scale);
  sheets.scrollLeft = (middle[0] * sheets.scrollWidth) / before[0] - sheets.clientWidth / 2;
  sheets.scrollTop = (middle[1] * sheets.scrollHeight) / before[1] - sheets.clientHeight / 2;
}

const isTyping = (target) => target.matches("textarea, select, input:not([type=radio], [type=checkbox])");

if (tools) {
  tools.hidden = false;
  tools.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-zoom]");
    if (button) zoom(Number(button.dataset.zoom));
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target) || !(event.key in KEYS)) return;
    event.preventDefault();
    zoom(KEYS[event.key]);
  });
}
