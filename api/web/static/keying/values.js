// What a typed value is understood as, asked of the server while it is typed: there is one parser, and it is not here.

const PATIENCE = 1500; // milliseconds that Enter waits for an answer; without one the text goes as it was typed

const NOTHING = {};

/** The understanding of what stands in one input: at most one question on the way, always about the newest text. */
export class Understanding {
  constructor(ask, changed) {
    this.ask = ask;
    this.changed = changed;
    this.known = new Map();
    this.running = null;
  }

  /** What is known of `value` now; nothing until the server has said it. */
  now(value) {
    return this.known.get(JSON.stringify(value)) ?? NOTHING;
  }

  /** Ask about `value`, unless it is known. */
  want(value) {
    this.wanted = value;
    if (!this.known.has(JSON.stringify(value))) this.running ??= this.run().finally(() => { this.running = null; });
    return this.running ?? Promise.resolve();
  }

  async run() {
    for (let value = this.wanted; !this.known.has(JSON.stringify(value)); value = this.wanted) {
      const said = await this.ask(value).catch(() => null);
      if (!said) return; // no connection: the server decides when the answer arrives
      this.known.set(JSON.stringify(value), said);
      this.changed();
    }
  }

  /** What `value` means, waiting a moment for it. */
  async of(value) {
    await Promise.race([this.want(value), new Promise((resolve) => { setTimeout(resolve, PATIENCE); })]);
    return this.now(value);
  }
}

const DATE_SHAPES = { DMY: "day / month / year", MDY: "month / day / year", YMD: "year / month / day" };

export function placeholder(kind, locale) {
  if (kind === "date") return DATE_SHAPES[locale.date_order] ?? "";
  if (kind === "money") return locale.decimal_mark === "," ? "0,00" : "0.00";
  return "";
}
