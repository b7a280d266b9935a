"use strict";
// Tables are sorted by their heading buttons and filtered by the field above them. Without this script they are
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

function filter(field) {
  const table = document.getElementById(field.dataset.filter);
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
  const shown = rows.filter((row) => !row.hidden).length;
  const output = document.querySelector(`output[data-count="${field.dataset.filter}"]`);
  output.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
}

// Of a table of pairs, the rows with all that is chosen in either of the first two columns.
function choose(table, fields) {
  const chosen = fields.map((field) => field.value).filter(Boolean);
  for (const row of table.tBodies[0].rows) {
    const names = [row.cells[0].textContent, row.cells[1].textContent];
    row.hidden = !chosen.every((name) => names.includes(name));
  }
}

for (const table of document.querySelectorAll("table")) {
  for (const heading of table.tHead.rows[0].cells) {
    heading.querySelector("button").addEventListener("click", () => sort(table, heading));
  }
}
for (const field of document.querySelectorAll("input[data-filter]")) {
  field.addEventListener("input", () => filter(field));
}
for (const table of document.querySelectorAll("table")) {
  const fields = [...document.querySelectorAll(`select[data-choose="${table.id}"]`)];
  for (const field of fields) field.addEventListener("input", () => choose(table, fields));
}
