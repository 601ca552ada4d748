// The list of keys on the screen, where each key can be changed.

import { ACTIONS, bindable, combination } from "./keymap.js";

export class KeyList {
  constructor({ dialog, keymap, save, closed }) {
    Object.assign(this, { dialog, keymap, save });
    this.body = dialog.querySelector("tbody");
    this.says = dialog.querySelector("[role=status]");
    dialog.addEventListener("close", closed);
    dialog.querySelector("[data-defaults]").addEventListener("click", () => this.reset());
  }

  open() {
    this.render();
    this.says.textContent = "";
    this.dialog.showModal();
  }

  render() {
    this.body.replaceChildren(...ACTIONS.map((action) => this.row(action)));
  }

  row(action) {
    const row = document.createElement("tr");
    const what = document.createElement("td");
    what.textContent = action.label;
    const keys = document.createElement("td");
    const key = document.createElement("kbd");
    key.textContent = this.keymap.keys[action.id];
    keys.append(key);
    const change = document.createElement("td");
    if (!action.fixed) change.append(this.button(action, key));
    row.append(what, keys, change);
    return row;
  }

  button(action, shown) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = "Change";
    button.setAttribute("aria-label", `Change the key for: ${action.label}`);
    button.addEventListener("click", () => {
      shown.textContent = "press a key";
      button.addEventListener("keydown", (event) => this.pressed(action, event, button), { once: true });
    });
    return button;
  }

  pressed(action, event, button) {
    event.preventDefault();
    event.stopPropagation();
    const keys = combination(event);
    if (keys === null) {
      button.addEventListener("keydown", (next) => this.pressed(action, next, button), { once: true });
      return;
    }
    const taken = keys === "Escape" ? "" : bindable(keys) ? this.keymap.change(action.id, keys) : "typing";
    if (taken === "typing") this.says.textContent = `${keys} is needed for typing. Use a key with Alt or Ctrl, or a function key.`;
    else if (taken) this.says.textContent = `${keys} already does: ${ACTIONS.find((other) => other.id === taken).label}.`;
    else if (taken === null) this.keep(keys);
    this.render();
  }

  keep(keys) {
    this.says.textContent = `${keys} it is.`;
    this.save(this.keymap.changes()).catch(() => { this.says.textContent = "The change holds in this tab, but could not be saved: no connection."; });
  }

  reset() {
    for (const action of ACTIONS) this.keymap.keys[action.id] = action.keys;
    this.keep("The usual set");
    this.render();
  }
}
