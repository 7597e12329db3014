// Elements from data. Whatever is shown becomes a text node: nothing is ever parsed as HTML.

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined).map(asNode));
  return made;
}

const asNode = (child) => (child instanceof Node ? child : document.createTextNode(visible(String(child))));

// Control and format characters (bidirectional overrides among them) are shown, not obeyed.
export const visible = (text) =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => (c === "\n" || c === "\t" ? c : `\\u{${c.codePointAt(0).toString(16)}}`));

// columns: [heading, row => child or children]. The roles survive the style sheet's cards on narrow screens.
export function table(caption, columns, rows) {
  const cells = (row) => columns.map(([heading, cell]) => element("td", { role: "cell", "data-label": heading }, cell(row)));
  return element("table", { role: "table" },
    element("caption", {}, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" },
      columns.map(([heading]) => element("th", { role: "columnheader", scope: "col" }, heading)))),
    element("tbody", { role: "rowgroup" }, rows.map((row) => element("tr", { role: "row" }, cells(row)))));
}

export function definitions(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", {}, shown.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}
