// Numbers as people read them, tables, and where they stand in docs/BENCHMARKS.md.
import { readFileSync, writeFileSync } from "node:fs";
import { page } from "./place.mjs";

/** A number with as many digits as say something: three of them, none behind a whole one, and commas from a thousand on. */
export function number(value) {
  if (!Number.isFinite(value)) return "-";
  const digits = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** What `turns` gives for a server, as a cell: the median, and from lowest to highest in parentheses. */
export function spread(result) {
  if (!result) return "-";
  if (result.all.length === 1) return number(result.median);
  return `${number(result.median)} (${number(result.low)} to ${number(result.high)})`;
}

/** The quotient of two medians; of two things that were not both measured there is none. */
export function quotient(over, under) {
  return over && under ? over.median / under.median : undefined;
}

/** A quotient as a cell. */
export function ratio(value) {
  return value === undefined || !Number.isFinite(value) ? "-" : number(value);
}

/** A table of Markdown with what belongs to it: its command and its notes. */
export function markdown({ command, columns, rows, notes = [] }) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  const lines = [line(columns), line(columns.map(() => "---")), ...rows.map(line)];
  if (command) lines.push("", `Command: \`${command}\``);
  if (notes.length) lines.push("", ...notes.map((note) => `* ${note}`));
  return lines.join("\n");
}

/** Prints a table for whoever watches, in columns. */
export function print({ title, command, columns, rows, notes = [] }) {
  const all = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, index) => Math.max(...all.map((row) => (row[index] ?? "").length)));
  const lines = all.map((row) => row.map((cell, index) => (index ? cell.padStart(widths[index]) : cell.padEnd(widths[0]))).join("  "));
  console.log(["", title, ...lines, ...notes.map((note) => `* ${note}`), ...(command ? [`(${command})`] : [])].join("\n"));
}

const begin = (id) => `<!-- bench:${id} -->`;
const end = (id) => `<!-- /bench:${id} -->`;

/** What stands in `text` between the markers of `id`; undefined if they are not there. */
export function marked(text, id) {
  const from = text.indexOf(begin(id));
  const to = text.indexOf(end(id));
  return from < 0 || to < from ? undefined : text.slice(from + begin(id).length, to).trim();
}

/** `text` with a table between the markers of its id, which are put at the end, below its title, if they are not there. */
export function withTable(text, table) {
  const content = `${begin(table.id)}\n${markdown(table)}\n${end(table.id)}`;
  if (marked(text, table.id) === undefined) return `${text.trimEnd()}\n\n## ${table.title}\n\n${content}\n`;
  return text.slice(0, text.indexOf(begin(table.id))) + content + text.slice(text.indexOf(end(table.id)) + end(table.id).length);
}

/** Writes tables into docs/BENCHMARKS.md; all that is not between their markers stays. */
export function write(tables) {
  writeFileSync(page, tables.reduce(withTable, readFileSync(page, "utf8")));
}
