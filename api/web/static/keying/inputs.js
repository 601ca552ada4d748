// One way to key each kind of value. Every input can be focused, read, filled and judged empty; Enter is handled by `enter`.

import { Understanding, placeholder } from "./values.js";

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

const LINES = { address: 2, name: 1, line: 1 };

function textBox(task, kind, label) {
  const rows = LINES[kind] ?? 1;
  const box = make(rows > 1 ? "textarea" : "input", { className: `answer-box kind-${kind}`, spellcheck: false, autocomplete: "off", placeholder: placeholder(kind, task.locale) });
  if (rows > 1) box.rows = rows;
  else box.type = "text";
  if (kind === "money") box.inputMode = "decimal";
  box.setAttribute("autocapitalize", "off");
  box.setAttribute("aria-label", label);
  box.addEventListener("paste", (event) => {
    const pasted = event.clipboardData.getData("text");
    if (!pasted.includes("\n")) return;
    event.preventDefault();
    box.setRangeText(pasted.replace(/\s+/g, " ").trim(), box.selectionStart, box.selectionEnd, "end");
  });
  return box;
}

const PARSED = new Set(["date", "money"]); // kinds that mean something else than their letters

function scalar(task, ask) {
  const box = textBox(task, task.kind, task.label);
  const says = make("output", { className: "says" });
  box.setAttribute("aria-describedby", "hint");
  const typed = () => box.value.replace(/\s+/g, " ").trim();
  const show = () => {
    const { says: text, complaint, readings } = typed() ? understanding.now(typed()) : {};
    says.textContent = text ? `${text}${task.kind === "money" && task.locale.currency ? ` ${task.locale.currency}` : ""}` : complaint ?? readings?.map((one) => one.label).join(" or ") ?? "";
    says.classList.toggle("complaint", Boolean(complaint ?? readings));
  };
  const understanding = new Understanding(ask, show);
  const isParsed = PARSED.has(task.kind);
  const update = () => {
    if (!isParsed) return;
    show();
    if (typed()) understanding.want(typed());
  };
  box.addEventListener("input", update);
  return {
    element: make("div", { className: "scalar" }, box, says),
    focus: () => box.focus(),
    fill(text) { box.value = text; box.select(); update(); },
    isEmpty: () => !box.value.trim(),
    enter: () => "send",
    draft: () => box.value,
    read: () => ({ text: typed(), value: typed() }),
    understood: isParsed ? (value) => understanding.of(value) : null,
  };
}

function optionsOf(task) {
  if (task.kind === "checkbox") return [{ value: "true", label: "Ticked", keys: ["1", "y", "x"] }, { value: "false", label: "Not ticked", keys: ["0", "n", "2"] }];
  return task.choices.map((choice, index) => ({ ...choice, keys: index < 9 ? [String(index + 1)] : [] }));
}

/** The readings of what was typed, to choose from; what is sent stays what was typed. */
export function readingsOf(label, typed, readings) {
  const chosen = choice({ label, kind: "readings", choices: readings });
  return { ...chosen, draft: () => typed.value, read: () => ({ ...typed, meant: chosen.read().value }) };
}

function choice(task) {
  const options = optionsOf(task);
  let chosen = -1;
  const buttons = options.map((option, index) => {
    const button = make("button", { type: "button", className: "option", tabIndex: index ? -1 : 0, onclick: () => pick(index) }, make("kbd", { textContent: option.keys[0] ?? "" }), ` ${option.label}`);
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", "false");
    return button;
  });
  function pick(index) {
    chosen = (index + options.length) % options.length;
    buttons.forEach((button, at) => {
      button.setAttribute("aria-checked", String(at === chosen));
      button.tabIndex = at === chosen ? 0 : -1;
    });
    buttons[chosen].focus();
    group.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function byLetter(letter) {
    const matches = options.flatMap((option, index) => (option.label.toLowerCase().startsWith(letter) ? [index] : []));
    return matches.find((index) => index > chosen) ?? matches[0] ?? -1;
  }
  const group = make("div", { className: "options" }, ...buttons);
  group.setAttribute("role", "radiogroup");
  group.setAttribute("aria-label", task.label);
  group.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    let index = options.findIndex((option) => option.keys.includes(event.key.toLowerCase()));
    if (index < 0 && step) index = chosen < 0 && step < 0 ? options.length - 1 : chosen + step;
    if (index < 0 && !step && /^[a-z]$/i.test(event.key)) index = byLetter(event.key.toLowerCase());
    if (index < 0 && !step) return;
    event.preventDefault();
    pick(index);
  });
  return {
    element: group,
    focus: () => (buttons[Math.max(0, chosen)] ?? group).focus(),
    fill: (value) => pick(Math.max(0, options.findIndex((option) => option.value === value))),
    isEmpty: () => chosen < 0,
    enter: () => "send",
    draft: () => options[chosen].value,
    read: () => ({ text: options[chosen].label, value: options[chosen].value, state: options[chosen].state }),
  };
}

/** Rows of cells: Enter goes to the next row, Enter on an empty row sends. A repeated field is a table of one column. */
function rows(task, columns, join, ask) {
  const list = make("div", { className: "rows" });
  list.classList.toggle("table", columns.length > 1);
  list.style.setProperty("--columns", String(columns.length));
  const cells = (row) => [...row.querySelectorAll(".answer-box")];
  const isBlank = (row) => cells(row).every((cell) => !cell.value.trim());
  function add() {
    const number = list.querySelectorAll(".value-row").length + 1;
    const boxes = columns.map((column) => textBox({ ...task, locale: task.locale }, column.kind === "address" ? "line" : column.kind, `${column.label || task.label}, ${number}`));
    const row = make("div", { className: "value-row" }, make("span", { className: "row-number", textContent: String(number) }), ...boxes);
    row.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || event.altKey) return;
      const all = [...list.querySelectorAll(".value-row")];
      const target = all[all.indexOf(row) + step];
      if (target) cells(target)[cells(row).indexOf(event.target)]?.focus();
      event.preventDefault();
    });
    list.append(row);
    return row;
  }
  if (columns.length > 1) list.append(make("div", { className: "row-head" }, make("span", { className: "row-number" }), ...columns.map((column) => make("span", { textContent: column.label || column.name }))));
  add();
  const all = () => [...list.querySelectorAll(".value-row")];
  const values = () => all().filter((row) => !isBlank(row)).map((row) => join(cells(row).map((cell) => cell.value.replace(/\s+/g, " ").trim())));
  return {
    element: make("div", {}, list, make("p", { className: "help", textContent: "Enter: next line. Enter on an empty line: send." })),
    focus: () => cells(all().find(isBlank) ?? all().at(-1))[0].focus(),
    fill(value) {
      all().forEach((row) => row.remove());
      for (const one of [value].flat()) {
        const parts = columns.length > 1 ? String(one).split("|") : [String(one)];
        cells(add()).forEach((cell, index) => { cell.value = (parts[index] ?? "").trim(); });
      }
    },
    isEmpty: () => all().every(isBlank),
    enter() {
      const row = document.activeElement?.closest(".value-row") ?? all().at(-1);
      if (isBlank(row)) return "send";
      const next = all()[all().indexOf(row) + 1] ?? add();
      cells(next)[0].focus();
      next.scrollIntoView({ block: "nearest" });
      return "stay";
    },
    draft: values,
    read: () => ({ text: values().join("; "), value: values() }),
    understood: columns.some((column) => PARSED.has(column.kind)) ? (value) => new Understanding(ask, () => {}).of(value) : null,
  };
}

const repeated = (task, ask) => rows(task, [{ kind: task.kind, label: task.label }], (cells) => cells[0], ask);
const table = (task, ask) => rows(task, task.columns, (cells) => cells.join(" | "), ask);

const BY_KIND = { choice, checkbox: choice, table };

/** The input for a task. `ask` says what a typed value is understood as. */
export function inputFor(task, ask) {
  if (task.repeated && task.kind !== "table") return repeated(task, ask);
  return (BY_KIND[task.kind] ?? scalar)(task, ask);
}
