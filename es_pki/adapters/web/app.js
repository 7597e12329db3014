// The web page: a client of the API like any other. The token lives in this tab's sessionStorage only.
import { byId, definitions, element, table, visible } from "./dom.js";

const TOKEN = "es-pki-token";
const API = "/api/v1";
const PEM = "application/pem-certificate-chain";
const PAGE = 100; // rows of a list that goes on
const LARGEST_PAGE = 1000; // rows of a list that is wanted whole
const TYPING = 200; // milliseconds after which somebody has stopped typing
const DAY = 86_400_000;

let seen = 0; // the log position of our last command: what we ask next must show it
let inventory = { rows: [], cursor: null }; // what was loaded of it, and where it goes on
let expiries = { rows: [], cursor: null };
let authorityNames = new Map();
let asked = 0; // counts pages that were opened: an answer for an earlier one comes too late
let searched = 0; // counts searches likewise

class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `the server answered with status ${status}`);
    this.status = status;
    this.errors = problem.errors ?? [];
  }
}

// --- talking to the API ---

async function call(path, { method = "GET", body, accept = "application/json" } = {}) {
  const headers = { Accept: accept, Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` };
  if (seen) headers["ES-PKI-At-Least"] = String(seen);
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(API + path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" })
    .catch(() => { throw new Error("The server can't be reached."); });
  if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => ({})));
  return accept === PEM ? response.text() : response.json();
}

async function page(path, parameters = {}) {
  const given = Object.entries({ limit: PAGE, ...parameters }).filter(([, value]) => value);
  return call(`${path}?${new URLSearchParams(given)}`);
}

// What was loaded before (from the beginning, if there is no cursor) and the page that follows.
async function extended({ rows, cursor }, path, parameters) {
  const answer = await page(path, { ...parameters, cursor });
  return { rows: cursor ? [...rows, ...answer.items] : answer.items, cursor: answer.cursor };
}

async function whole(path) {
  let list = { rows: [], cursor: null };
  do list = await extended(list, path, { limit: LARGEST_PAGE }); while (list.cursor);
  return list.rows;
}

// --- saying what went right or wrong ---

function say(...content) {
  byId("message").className = "message done";
  byId("message").replaceChildren(...content);
  byId("message").hidden = content.length === 0;
}

function complain(error) {
  if (error instanceof Refusal && error.status === 401) forget();
  const violations = (error.errors ?? []).map((one) => element("li", {}, element("code", {}, one.field), `: ${one.detail} (${one.rule})`));
  say(element("strong", {}, error.message), ...(violations.length ? [element("ul", {}, violations)] : []));
  byId("message").className = "message";
  byId("message").scrollIntoView({ block: "nearest" });
}

const guarded = (work) => async (...given) => {
  try {
    await work(...given);
  } catch (error) {
    complain(error);
  }
};

// --- how values look ---

const day = (time) => element("time", { datetime: time }, time.slice(0, 10));
const daysLeft = (row) => Math.floor((new Date(row.not_after) - Date.now()) / DAY);

function remaining(row) {
  const days = daysLeft(row);
  if (days < 0) return element("span", { class: "bad" }, `expired ${-days} day${days === -1 ? "" : "s"} ago`);
  return element("span", { class: days < 14 ? "bad" : days < 45 ? "soon" : "good" }, `${days} day${days === 1 ? "" : "s"} left`);
}

const names = (row) => Object.values(row.subject_alt_names ?? {}).flat();
const distinguished = (subject) => Object.entries(subject).map(([name, value]) => `${name}: ${[value].flat().join(", ")}`).join("; ");
const labels = (row) => Object.entries(row.labels).map(([key, value]) => `${key}=${value}`);
const code = (text) => text && element("code", {}, text);
const pressed = (label, work) => element("button", { type: "button", class: "link", onclick: guarded(work) }, label);

function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/x-pem-file" }));
  element("a", { href: address, download: `${name}.pem` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// --- pages ---

const pages = {
  certificates: () => loadInventory(),
  async authorities() {
    const rows = await loadAuthorities();
    byId("authorities-list").replaceChildren(table(`${rows.length} authorities`, [
      ["Name", (row) => pressed(row.name, () => showAuthority(row))],
      ["Status", (row) => row.status],
      ["Subject", (row) => distinguished(row.subject)],
      ["Issuer", (row) => (row.issuer_id ? authorityNames.get(row.issuer_id) ?? row.issuer_id : "itself (root)")],
      ["Expires", (row) => day(row.not_after)],
      ["", (row) => remaining(row)],
    ], rows));
  },
  calendar: () => loadExpiries(),
  issue: prepareForms,
  sign: prepareForms,
};

async function loadAuthorities() {
  const rows = await whole("/authorities");
  authorityNames = new Map(rows.map((row) => [row.id, row.name]));
  return rows;
}

const soFar = (shown, { rows, cursor }) => `${shown === rows.length ? shown : `${shown} of ${rows.length}`}${cursor ? "; there are more" : " in all"}`;

// Pages come by name, of one status when asked. Without a cursor the list begins anew.
async function loadInventory(cursor = null) {
  const mine = (searched += 1);
  const found = await extended({ ...inventory, cursor }, "/certificates", { status: byId("status").value });
  if (mine !== searched) return;
  inventory = found;
  await showInventory();
}

// Those loaded that have the text in them, and whichever has it as its whole name or serial number, loaded or not.
async function showInventory() {
  const mine = (searched += 1);
  const text = byId("search").value.trim().toLowerCase();
  const exact = text ? await exactly({ name: byId("search").value.trim() }, { serial_number: text.replaceAll(":", "") }) : [];
  if (mine !== searched) return;
  const elsewhere = exact.filter(({ id }) => !inventory.rows.some((row) => row.id === id));
  const shown = [...elsewhere, ...inventory.rows.filter((row) =>
    [row.name, ...row.aliases, row.serial_number, row.owner, ...labels(row), ...names(row), ...Object.values(row.subject).flat()].some((one) => one.toLowerCase().includes(text)))];
  byId("more-certificates").hidden = !inventory.cursor;
  byId("certificates-list").replaceChildren(table(soFar(shown.length, inventory), [
    ["Name", (row) => pressed(row.name, () => showCertificate(row.id))],
    ["Status", (row) => element("span", { class: row.status === "failed" ? "bad" : undefined }, row.status)],
    ["Names", (row) => names(row).join(", ") || distinguished(row.subject)],
    ["Profile", (row) => row.profile],
    ["Owner", (row) => row.owner],
    ["Expires", (row) => day(row.not_after)],
    ["", (row) => remaining(row)],
  ], shown));
}

async function exactly(...filters) {
  const status = byId("status").value;
  const answers = await Promise.all(filters.map((filter) => page("/certificates", { ...filter, status })));
  return answers.flatMap((answer) => answer.items);
}

function span() {
  const days = byId("left").value;
  if (days === "") return {};
  const end = new Date(Date.now() + Number(days) * DAY).toISOString();
  return days === "0" ? { from: "0001-01-01", to: end } : { to: end };
}

async function loadExpiries(cursor = null) {
  const mine = (searched += 1);
  const found = await extended({ ...expiries, cursor }, "/calendar", span());
  if (mine !== searched) return;
  expiries = found;
  byId("more-calendar").hidden = !expiries.cursor;
  byId("calendar-list").replaceChildren(table(soFar(expiries.rows.length, expiries), [
    ["Ends", (row) => day(row.at)],
    ["", (row) => remaining({ ...row, not_after: row.at })],
    ["What", (row) => `${row.kind} ${row.what === "expiry" ? "expires" : "is revoked"}`],
    ["Name", (row) => (row.kind === "certificate" ? pressed(row.name, () => showCertificate(row.id)) : row.name)],
    ["Version", (row) => row.version],
    ["Serial number", (row) => code(row.serial_number)],
  ], expiries.rows));
}

// --- one certificate, one authority ---

function openDetail(title, ...content) {
  const close = element("form", { method: "dialog", class: "actions" }, element("button", { class: "main" }, "Close"));
  byId("detail").replaceChildren(element("h2", { id: "detail-title" }, title), ...content, close);
  if (!byId("detail").open) byId("detail").showModal();
}

async function showCertificate(id) {
  const path = `/certificates/${encodeURIComponent(id)}`;
  const [row, versions, history] = await Promise.all([call(path), call(`${path}/versions`), whole(`${path}/history`)]);
  const button = element("button", { type: "button", onclick: guarded(async () => download(row.name, await call(`${path}/pem`, { accept: PEM }))) }, "Download PEM");
  openDetail(row.name,
    definitions([
      ["Status", row.status], ["Failure", row.failure], ["Subject", distinguished(row.subject)], ["Names", names(row).join(", ")],
      ["Owner", row.owner], ["Labels", labels(row).join(", ")], ["Formerly", row.aliases.join(", ")],
      ["Profile", row.profile_version ? `${row.profile}, version ${row.profile_version}` : row.profile], ["Key", `${row.key_type}, ${row.key_is_here ? "kept here" : "kept elsewhere"}`],
      ["Current version", row.current_version], ["Valid", [day(row.not_before), " until ", day(row.not_after), " (", remaining(row), ")"]],
      ["Serial number", code(row.serial_number)], ["SHA-256", code(row.fingerprint)], ["Requested by", row.requested_by],
    ]),
    ...(row.status === "issued" ? [element("div", { class: "actions" }, button)] : []),
    element("h3", {}, "Versions"), lineage(versions.items),
    element("h3", {}, "History"), happenings(history));
}

async function showAuthority(row) {
  const history = await whole(`/authorities/${encodeURIComponent(row.id)}/history`);
  const button = element("button", { type: "button", onclick: () => download(row.name, row.certificate_pem) }, "Download PEM");
  openDetail(row.name,
    definitions([
      ["Status", row.status], ["Failure", row.failure], ["Subject", distinguished(row.subject)], ["Key", row.key_type],
      ["Valid", [day(row.not_before), " until ", day(row.not_after), " (", remaining(row), ")"]],
      ["Path length", row.path_length], ["Serial number", code(row.serial_number)], ["SHA-256", code(row.fingerprint)],
    ]),
    ...(row.certificate_pem ? [element("div", { class: "actions" }, button)] : []),
    element("h3", {}, "Issuance policy"), element("pre", { tabindex: "0" }, row.policy ? JSON.stringify(row.policy, null, 2) : "the default policy"),
    element("h3", {}, "History"), happenings(history));
}

const lineage = (rows) => table(`${rows.length} in all`, [
  ["Version", (row) => row.version],
  ["", (row) => (row.is_current ? element("strong", {}, "current") : "")],
  ["Status", (row) => element("span", { class: row.status === "failed" ? "bad" : undefined }, row.status)],
  ["Valid", (row) => [day(row.not_before), " until ", day(row.not_after)]],
  ["Key", (row) => row.key_type],
  ["Serial number", (row) => code(row.serial_number)],
], rows);

const happenings = (rows) => table(`${rows.length} events`, [
  ["Time", (row) => element("time", { datetime: row.time }, row.time.slice(0, 16).replace("T", " "))],
  ["Who", (row) => row.actor],
  ["What", (row) => code(row.type)],
  ["Summary", (row) => row.summary],
  ["Position", (row) => row.position],
], rows);

// --- forms ---

async function prepareForms() {
  const [rows, { components }, profiles] = await Promise.all([loadAuthorities(), call("/commands"), call("/profiles")]);
  const usable = rows.filter((row) => row.status === "active").map((row) => row.name);
  for (const select of document.querySelectorAll("select[name=authority]")) choose(select, usable.sort((a, b) => (a === "root") - (b === "root")));
  for (const select of document.querySelectorAll("select[data-choices]")) {
    const isProfile = select.dataset.choices === "Profile";
    const known = isProfile ? named(profiles.items) : components[select.dataset.choices].enum;
    const usual = { Profile: "server", KeyType: "ec-p256" }[select.dataset.choices];
    choose(select, known, usual);
  }
}

const named = (profiles) => profiles.filter((row) => row.status !== "retired").map((row) => row.name);

function choose(select, choices, usual) {
  const before = select.value || usual;
  select.replaceChildren(...choices.map((choice) => element("option", { value: choice, selected: choice === usual }, choice)));
  if (choices.includes(before)) select.value = before;
}

function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    const value = field.value.trim();
    if (!field.name || !value) continue;
    if (field.dataset.lines !== undefined) body[field.name] = value.split(/\s+/);
    else if (field.dataset.subject !== undefined) body.subject = { ...body.subject, [field.name]: value };
    else body[field.name] = field.dataset.number === undefined ? value : Number(value);
  }
  return body;
}

async function send(form) {
  const button = form.querySelector("button.main");
  button.disabled = true;
  try {
    const { position, result } = await call(`/commands/${form.dataset.command}`, { method: "POST", body: bodyOf(form) });
    seen = Math.max(seen, position);
    form.reset();
    await prepareForms();
    say(element("strong", {}, `${visible(result.name)} is issued, until ${result.not_after.slice(0, 10)}. `),
      element("div", { class: "actions" },
        element("button", { type: "button", onclick: () => download(result.name, result.certificate_pem) }, "Download PEM"),
        element("button", { type: "button", onclick: guarded(() => showCertificate(result.certificate_id)) }, "Show it")));
    byId("message").scrollIntoView({ block: "nearest" });
  } finally {
    button.disabled = false;
  }
}

// --- moving about ---

async function open() {
  const isIn = sessionStorage.getItem(TOKEN) !== null;
  const wanted = location.hash.slice(1);
  const page = isIn ? (Object.hasOwn(pages, wanted) ? wanted : "certificates") : "enter";
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== page;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${page}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.querySelector("nav").hidden = byId("leave").hidden = !isIn;
  document.title = isIn ? `es-pki: ${byId(page).querySelector("h2").textContent}` : "es-pki";
  say();
  if (!isIn) return;
  const mine = (asked += 1);
  await pages[page]().catch((error) => { if (mine === asked) throw error; });
}

function forget() {
  sessionStorage.removeItem(TOKEN);
  [inventory, expiries, seen] = [{ rows: [], cursor: null }, { rows: [], cursor: null }, 0];
  if (byId("detail").open) byId("detail").close();
  for (const list of document.querySelectorAll("[id$=-list]")) list.replaceChildren();
  open();
}

window.addEventListener("hashchange", guarded(open));
byId("leave").addEventListener("click", forget);
let typing;
byId("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(guarded(showInventory), TYPING);
});
byId("status").addEventListener("change", guarded(() => loadInventory()));
byId("left").addEventListener("change", guarded(() => loadExpiries()));
byId("more-certificates").addEventListener("click", guarded(() => loadInventory(inventory.cursor)));
byId("more-calendar").addEventListener("click", guarded(() => loadExpiries(expiries.cursor)));
for (const form of document.querySelectorAll("form[role=search]")) form.addEventListener("submit", (event) => event.preventDefault());
byId("enter").querySelector("form").addEventListener("submit", guarded(async (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, byId("token").value.trim());
  byId("token").value = "";
  await open();
}));
for (const form of document.querySelectorAll("form[data-command]")) {
  form.addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    await send(form);
  }));
}
await guarded(open)();
