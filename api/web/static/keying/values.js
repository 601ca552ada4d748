// What a typed date or amount will be understood as, shown while it is typed. The server has the last word.

const MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

function pad(number, width = 2) {
  return String(number).padStart(width, "0");
}

function fullYear(text) {
  const year = Number(text);
  if (text.length > 2) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}

function isoDate(year, month, day) {
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
}

function splitDigits(digits, order) {
  if (digits.length !== 6 && digits.length !== 8) return null;
  const widths = { D: 2, M: 2, Y: digits.length - 4 };
  let at = 0;
  return [...order].map((part) => digits.slice(at, (at += widths[part])));
}

function fromParts(parts, order) {
  const named = Object.fromEntries([...order].map((letter, index) => [letter, parts[index]]));
  return isoDate(fullYear(named.Y), Number(named.M), Number(named.D));
}

/** The ISO date that `text` means under `order` (DMY, MDY or YMD), or null. */
export function parseDate(text, order = "DMY") {
  const clean = text.trim().toLowerCase();
  const word = clean.match(/[a-z]{3,}/)?.[0];
  const month = word ? MONTHS.findIndex((name) => name.startsWith(word.slice(0, 3))) + 1 : 0;
  const numbers = clean.match(/\d+/g) ?? [];
  if (word && !month) return null;
  if (month && numbers.length === 2) {
    const [day, year] = numbers[0].length === 4 ? [numbers[1], numbers[0]] : numbers;
    return isoDate(fullYear(year), month, Number(day));
  }
  if (month) return null;
  if (numbers.length === 3) return fromParts(numbers, numbers[0].length === 4 ? "YMD" : order);
  if (numbers.length === 1) {
    const parts = splitDigits(numbers[0], order);
    return parts && fromParts(parts, order);
  }
  return null;
}

/** A decimal string without sign of currency or thousands marks, or null. */
export function parseMoney(text, decimalMark = ".") {
  const thousands = decimalMark === "." ? "," : ".";
  let clean = text.replace(/[^\d.,()-]/g, "");
  const negative = /^\(.*\)$/.test(clean) || clean.includes("-");
  clean = clean.replace(/[()-]/g, "").replaceAll(thousands, "");
  const [whole, fraction, more] = clean.split(decimalMark);
  if (more !== undefined || !/\d/.test(clean)) return null;
  const digits = (whole || "0").replace(/^0+(?=\d)/, "");
  return `${negative ? "-" : ""}${digits}${fraction ? `.${fraction}` : ""}`;
}

const LONG_DATE = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

function describeDate(text, locale) {
  const iso = parseDate(text, locale.date_order);
  return iso ? { value: iso, says: LONG_DATE.format(new Date(`${iso}T00:00:00Z`)) } : { complaint: "This is not a date yet." };
}

function describeMoney(text, locale) {
  const amount = parseMoney(text, locale.decimal_mark);
  if (amount === null) return { complaint: "This is not an amount yet." };
  const [whole, fraction] = amount.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return { value: amount, says: `${grouped}${fraction ? `.${fraction}` : ""}${locale.currency ? ` ${locale.currency}` : ""}` };
}

const DESCRIBE = { date: describeDate, money: describeMoney };

/** How `text` is understood: {value, says} or {complaint}; nothing for kinds that are taken as typed. */
export function describe(kind, text, locale) {
  return text.trim() && DESCRIBE[kind] ? DESCRIBE[kind](text, locale) : {};
}

const DATE_SHAPES = { DMY: "day / month / year", MDY: "month / day / year", YMD: "year / month / day" };

export function placeholder(kind, locale) {
  if (kind === "date") return DATE_SHAPES[locale.date_order] ?? "";
  if (kind === "money") return locale.decimal_mark === "," ? "0,00" : "0.00";
  return "";
}
