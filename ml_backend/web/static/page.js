"use strict";

// Ask every few seconds whether anything changed, while the page is visible; if so, replace the parts of the page that
// are marked as live, and refresh the form of settings.
const PAUSE = 3000;
const DAY = 86400;
const watch = document.querySelector("[data-watch]")?.dataset.watch;
const form = document.getElementById("settings");
const sources = new Map([...document.querySelectorAll("[data-live]")].map((part) => [part.id, part.innerHTML]));
let lastVersion = null;
// Requests of this script are marked, so that the server never makes the browser ask for a password in their place.
let token = document.querySelector("meta[name=csrf-token]")?.content;
const SCRIPT = { "X-Requested-With": "XMLHttpRequest" };

async function refresh() {
  if (document.hidden || !watch) return;
  try {
    const version = await (await ok(fetch(watch, { headers: { ...SCRIPT, Accept: "application/json" } }))).text();
    if (version !== lastVersion) {
      const fresh = await page();
      const parts = [...document.querySelectorAll("[data-live]")].map((part) => show(part, fresh.getElementById(part.id)));
      if (form) adopt(fresh.getElementById("settings"));
      if (parts.every(Boolean)) lastVersion = version;
    }
    showTrouble(null);
  } catch (problem) {
    showTrouble(problem);
  }
  showTimes();
}

// The page as it is now, and its token, which is another one after signing in again.
async function page() {
  const text = await (await ok(fetch(location.href, { headers: { ...SCRIPT, Accept: "text/html" } }))).text();
  const fresh = new DOMParser().parseFromString(text, "text/html");
  token = fresh.querySelector("meta[name=csrf-token]")?.content;
  return fresh;
}

function showTrouble(problem) {
  const isSignedOut = problem?.status === 401;
  document.getElementById("signed-out").hidden = !isSignedOut;
  const isStale = problem !== null && !isSignedOut;
  document.body.classList.toggle("stale", isStale);
  const words = isStale ? "The backend does not respond; trying again." : "";
  const trouble = document.getElementById("trouble");
  if (trouble.textContent !== words) trouble.textContent = words;
}

// What a person opened stays open, and the keyboard and the scroll bars stay where they are. Returns false for a part
// in which a person has selected text, which is replaced later.
function show(part, fresh) {
  if (!fresh || fresh.innerHTML === sources.get(part.id)) return true;
  if (isSelected(part)) return false;
  sources.set(part.id, fresh.innerHTML);
  for (const details of part.querySelectorAll("details[id]")) {
    fresh.querySelector("#" + CSS.escape(details.id))?.toggleAttribute("open", details.open);
  }
  const place = [scrollX, scrollY];
  const scrolled = [...part.querySelectorAll("[id]")].filter((inner) => inner.scrollLeft || inner.scrollTop);
  const places = scrolled.map((inner) => [inner.id, inner.scrollLeft, inner.scrollTop]);
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceChildren(...fresh.childNodes);
  if (focused) sameElement(part, focused)?.focus({ preventScroll: true });
  for (const [id, left, top] of places) document.getElementById(id)?.scrollTo(left, top);
  scrollTo(...place);
  return true;
}

function isSelected(part) {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(part, true);
}

// The element in the new content that a person would take for the one that had the keyboard.
function sameElement(part, focused) {
  if (focused.id) return document.getElementById(focused.id);
  if (focused.tagName === "SUMMARY" && focused.parentElement.id) {
    return document.getElementById(focused.parentElement.id)?.querySelector("summary");
  }
  const address = focused.getAttribute("href");
  return address && part.querySelector(`[href="${CSS.escape(address)}"]`);
}

async function ok(request) {
  const response = await request;
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const problem = new Error(body.error || `${response.status} ${response.statusText}`.trim());
  problem.status = response.status;
  throw problem;
}

// Times are written in UTC; show them in the browser's time zone, and recent ones as "2 minutes ago".
function showTimes() {
  for (const time of document.querySelectorAll("time")) {
    const moment = new Date(time.dateTime);
    const age = (Date.now() - moment) / 1000;
    const isRecent = "relative" in time.dataset && age < DAY;
    time.textContent = isRecent ? ago(age) : moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}

function ago(seconds) {
  if (seconds < 60) return "less than a minute ago";
  const [number, unit] = seconds < 3600 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  return new Intl.RelativeTimeFormat("en").format(-Math.floor(number), unit);
}

// The form sends only what a person changed; an empty field sets one back to its default.
const NUMBERS = new Set(["batch_size", "retrain_every", "random_share", "relabel_share", "subpool", "balance", "seed"]);

function settings(of) {
  return [...of.elements].filter((field) => field.name && field.type !== "hidden");
}

function stored(field) {
  if (field.tagName !== "SELECT") return field.defaultValue;
  return [...field.options].find((option) => option.defaultSelected)?.value;
}

function store(field, value) {
  if (field.tagName === "SELECT") for (const option of field.options) option.defaultSelected = option.value === value;
  else field.defaultValue = value;
}

// Take over what the backend has stored. A field that a person is changing keeps its text, and is named if its setting
// was changed elsewhere.
function adopt(fresh) {
  const elsewhere = [];
  form.dataset.saved = fresh.dataset.saved;
  for (const field of settings(form)) {
    const value = stored(fresh.elements[field.name]);
    if (value === stored(field)) continue;
    const isTouched = field.value !== stored(field) && field.value !== value;
    if (isTouched) elsewhere.push(form.querySelector(`label[for=${field.id}]`).textContent);
    store(field, value);
    if (!isTouched) field.value = value;
  }
  if (elsewhere.length) say(`Changed elsewhere in the meantime: ${elsewhere.join(", ")}. Save to replace it by yours.`, "warning");
}

// Values as JSON: a number stays as it was typed, since large ones lose digits when they are read as a number.
function changes() {
  const changed = {};
  for (const field of settings(form)) {
    const text = field.value.trim();
    if (field.value === stored(field)) continue;
    if (text === "") changed[field.name] = "null";
    else if ("list" in field.dataset) changed[field.name] = JSON.stringify(text.split(",").map((s) => s.trim()).filter(Boolean));
    else if (NUMBERS.has(field.name)) changed[field.name] = /^-?(0|[1-9]\d*)$/.test(text) ? text : JSON.stringify(Number(text));
    else changed[field.name] = JSON.stringify(text);
  }
  return changed;
}

function say(text, kind) {
  const message = form.querySelector("output");
  message.textContent = text;
  message.className = kind;
}

function reason(problem) {
  if (problem instanceof TypeError) return "Not saved: the backend does not respond.";
  if (problem.status !== 401) return problem.message;
  showTrouble(problem);
  return "Not saved: you are not signed in any more. Sign in in another tab, and save again.";
}

// A message about the last save does not stay beside a value that was typed after it.
function forget() {
  if (form.querySelector("output").className !== "warning") say("", "");
}

// If the token is refused, the person may have signed in again in another tab: try once more with the present token.
async function send(body, isSecond = false) {
  const headers = { ...SCRIPT, "Content-Type": "application/json", ...(token && { "X-CSRFToken": token }) };
  try {
    await ok(fetch(form.dataset.url, { method: "PATCH", headers, body }));
  } catch (problem) {
    if (problem.status !== 403 || isSecond) throw problem;
    await page();
    await send(body, true);
  }
}

async function save(event) {
  event.preventDefault();
  if (!form.reportValidity()) return;
  const changed = changes();
  if (!Object.keys(changed).length) return say("Nothing was changed, so there is nothing to save.", "");
  const body = "{" + Object.entries(changed).map(([name, value]) => JSON.stringify(name) + ":" + value) + "}";
  const button = form.querySelector("button");
  button.disabled = true;
  say("Saving …", "");
  try {
    await send(body);
    for (const field of settings(form)) if (field.name in changed) store(field, field.value);
    say(`Saved. ${form.dataset.saved}`, "good");
    lastVersion = null;
    await refresh();
  } catch (problem) {
    say(reason(problem), "bad");
  } finally {
    button.disabled = false;
  }
}

form?.addEventListener("submit", save);
form?.addEventListener("input", forget);
document.addEventListener("visibilitychange", refresh);
showTimes();
setInterval(refresh, PAUSE);
