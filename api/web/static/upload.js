// Files by drag and drop, sent a few at a time, each with its progress and its outcome.

const AT_ONCE = 3;
const form = document.getElementById("upload");
const drop = document.getElementById("drop");
const input = document.getElementById("file");
const list = document.getElementById("files");
const summary = document.getElementById("summary");
const waiting = [];
let running = 0;
let done = 0;
let refused = 0;
let total = 0;

function cell(row, ...children) {
  const node = document.createElement("td");
  node.append(...children);
  row.append(node);
  return node;
}

function tag(text, tone) {
  const node = document.createElement("span");
  node.className = `tag ${tone}`;
  node.textContent = text;
  return node;
}

function add(file) {
  document.getElementById("files-panel").hidden = false;
  const row = document.createElement("tr");
  cell(row, file.name).className = "filename";
  const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
  bar.setAttribute("aria-label", `Progress of ${file.name}`);
  const progress = cell(row, bar);
  const outcome = cell(row, "waiting");
  list.prepend(row);
  total += 1;
  waiting.push({ file, bar, progress, outcome });
  pump();
}

function pump() {
  summary.textContent = total ? `${done} of ${total} done${refused ? `, ${refused} refused` : ""}.` : "";
  while (running < AT_ONCE && waiting.length) send(waiting.shift());
}

function send(item) {
  running += 1;
  const data = new FormData(form);
  data.delete("file");
  data.append("file", item.file);
  const request = new XMLHttpRequest();
  request.open("POST", "/upload");
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) item.bar.value = event.loaded / event.total; });
  request.addEventListener("loadend", () => finish(item, request));
  item.outcome.textContent = "sending";
  request.send(data);
}

function parse(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return {};
  }
}

function finish(item, request) {
  running -= 1;
  done += 1;
  const reply = parse(request);
  const outcome = reply.outcomes?.[0];
  if (request.status === 200 && outcome?.document_id) {
    item.progress.replaceChildren(tag("taken in", "ok"));
    const link = Object.assign(document.createElement("a"), { href: `/documents/${outcome.document_id}`, textContent: outcome.created ? "Open it" : "It was here already: open it" });
    item.outcome.replaceChildren(link);
  } else {
    refused += 1;
    item.progress.replaceChildren(tag(request.status ? "refused" : "not sent", "bad"));
    item.outcome.textContent = outcome ? `${outcome.problem} ${outcome.next_step}` : request.status ? `${reply.detail ?? "The server did not take it."} ${reply.next_step ?? ""}` : "No connection. Choose it again when it is back.";
  }
  pump();
}

function take(files) {
  for (const file of files) add(file);
  input.value = "";
}

form.addEventListener("submit", (event) => { event.preventDefault(); take(input.files); });
input.addEventListener("change", () => take([...input.files]));
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); take([...event.dataTransfer.files]); });
addEventListener("beforeunload", (event) => { if (running || waiting.length) event.preventDefault(); });
