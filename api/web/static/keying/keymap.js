// Which key does what. Each person may change it; the list on the screen is made from the same table.

export const ACTIONS = [
  { id: "submit", label: "Send the answer", keys: "Enter", fixed: true },
  { id: "illegible", label: "It is there, but cannot be read", keys: "Alt+I" },
  { id: "absent", label: "The document does not have it", keys: "Alt+A" },
  { id: "empty", label: "Its place is there, left blank", keys: "Alt+E" },
  { id: "skip", label: "Skip, with a reason", keys: "Alt+S" },
  { id: "undo", label: "Take back the last answer", keys: "Alt+Z" },
  { id: "confirm", label: "The value shown is right", keys: "Alt+Y" },
  { id: "reject", label: "The value shown is wrong: type it", keys: "Alt+N" },
  { id: "take", label: "Take the text of the marked words", keys: "Alt+T" },
  { id: "wider", label: "Show more around it", keys: "Alt+W" },
  { id: "zoomIn", label: "Zoom in", keys: "Alt+=" },
  { id: "zoomOut", label: "Zoom out", keys: "Alt+-" },
  { id: "fit", label: "Fit the picture", keys: "Alt+0" },
  { id: "scrollDown", label: "Scroll down", keys: "PageDown" },
  { id: "scrollUp", label: "Scroll up", keys: "PageUp" },
  { id: "panLeft", label: "Move left", keys: "Alt+ArrowLeft" },
  { id: "panRight", label: "Move right", keys: "Alt+ArrowRight" },
  { id: "panUp", label: "Move up", keys: "Alt+ArrowUp" },
  { id: "panDown", label: "Move down", keys: "Alt+ArrowDown" },
  { id: "nextPage", label: "Next page", keys: "Alt+." },
  { id: "previousPage", label: "Previous page", keys: "Alt+," },
  { id: "focus", label: "Back to the answer", keys: "Escape", fixed: true },
  { id: "help", label: "List of keys", keys: "F1" },
];

const MODIFIERS = new Set(["Alt", "Control", "Shift", "Meta", "AltGraph", "CapsLock"]);
// With Alt held some layouts and macOS change `key`: there the place of the key on the keyboard speaks.
const BY_CODE = { Minus: "-", Equal: "=", Period: ".", Comma: ",", Slash: "/", Semicolon: ";" };

function keyName(event) {
  const { key, code } = event;
  if (event.altKey && /^Key[A-Z]$/.test(code)) return code.slice(3);
  if (event.altKey && /^Digit\d$/.test(code)) return code.slice(5);
  if (event.altKey && BY_CODE[code]) return BY_CODE[code];
  return key.length === 1 ? key.toUpperCase() : key;
}

/** "Alt+I" for a key event; null while only a modifier is held. */
export function combination(event) {
  if (MODIFIERS.has(event.key)) return null;
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && event.key.length > 1) parts.push("Shift");
  parts.push(keyName(event));
  return parts.join("+");
}

export class Keymap {
  constructor(changes = {}) {
    this.keys = {};
    for (const action of ACTIONS) this.keys[action.id] = (!action.fixed && changes[action.id]) || action.keys;
  }

  /** The action of a key event, or null. */
  action(event) {
    const pressed = combination(event);
    if (!pressed) return null;
    return Object.keys(this.keys).find((id) => this.keys[id] === pressed) ?? null;
  }

  /** Give `id` another key. Returns the action that already has it, or null when done. */
  change(id, keys) {
    const taken = Object.keys(this.keys).find((other) => other !== id && this.keys[other] === keys);
    if (taken) return taken;
    this.keys[id] = keys;
    return null;
  }

  /** Only what differs from the defaults: this is what the server keeps. */
  changes() {
    const changed = ACTIONS.filter((action) => this.keys[action.id] !== action.keys);
    return Object.fromEntries(changed.map((action) => [action.id, this.keys[action.id]]));
  }
}

/** A key that would swallow typing may not be bound. */
export function bindable(keys) {
  return /^(Ctrl|Alt)\+/.test(keys) || /^F\d+$/.test(keys) || ["PageUp", "PageDown", "Insert", "Pause"].includes(keys);
}
