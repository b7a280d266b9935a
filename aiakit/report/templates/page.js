"use strict";
// Tables are sorted by their heading buttons and filtered by the fields above them. Without this script they are
// complete and in the order in which they were written.

function valueOf(row, column) {
  return row.cells[column].dataset.value;
}

function compare(left, right, column) {
  const a = valueOf(left, column);
  const b = valueOf(right, column);
  const [x, y] = [Number(a), Number(b)];
  if (Number.isFinite(x) && Number.isFinite(y)) return x - y;
  return a.localeCompare(b);
}

function sort(table, heading) {
  const column = heading.cellIndex;
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const known = rows.filter((row) => valueOf(row, column) !== "");
  const unknown = rows.filter((row) => valueOf(row, column) === "");
  known.sort((left, right) => (ascending ? 1 : -1) * compare(left, right, column));
  body.append(...known, ...unknown);  // what has no value stays last either way
}

// Whether a row has every word that was typed, the name that was chosen, or no less than the floor that was set.
function passes(row, field) {
  if (field.value.trim() === "") return true;
  if (field.type === "search") {
    const text = row.textContent.toLowerCase();
    return field.value.trim().toLowerCase().split(/\s+/).every((word) => text.includes(word));
  }
  const value = JSON.parse(row.getAttribute(`data-passes-${field.dataset.at}`));
  return field.type === "number" ? value !== null && value >= Number(field.value) : value.includes(field.value);
}

function filter(table, fields) {
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) row.hidden = !fields.every((field) => passes(row, field));
  const shown = rows.filter((row) => !row.hidden).length;
  const output = document.querySelector(`output[data-count="${table.id}"]`);
  output.textContent = fields.some((field) => field.value.trim()) ? `${shown} of ${rows.length} rows` : "";
}

for (const table of document.querySelectorAll("table")) {
  for (const heading of table.tHead.rows[0].cells) {
    heading.querySelector("button").addEventListener("click", () => sort(table, heading));
  }
}
for (const table of document.querySelectorAll("table")) {
  const fields = [...document.querySelectorAll(`[data-filter="${table.id}"]`)];
  for (const field of fields) field.addEventListener("input", () => filter(table, fields));
}
