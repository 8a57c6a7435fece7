"use strict";

// Request the status every few seconds; if it changed, replace the live part of the page.
const PAUSE = 3000;
const live = document.getElementById("live");
let lastStatus = null;

async function refresh() {
  if (document.hidden) return;
  try {
    const status = await (await ok(fetch(live.dataset.watch, { headers: { Accept: "application/json" } }))).text();
    if (status !== lastStatus) {
      const text = await (await ok(fetch(location.href, { headers: { Accept: "text/html" } }))).text();
      show(new DOMParser().parseFromString(text, "text/html").getElementById("live"));
      lastStatus = status;
    }
    document.body.classList.remove("stale");
  } catch {
    document.body.classList.add("stale");
  }
}

function show(fresh) {
  for (const details of live.querySelectorAll("details[open]")) {
    fresh.querySelector("#" + details.id)?.setAttribute("open", "");
  }
  live.replaceChildren(...fresh.childNodes);
}

async function ok(request) {
  const response = await request;
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error || response.statusText);
  return response;
}

// The form sends only changed settings; an empty field sets one back to its default.
const form = document.getElementById("settings");
const NUMBERS = new Set(["batch_size", "retrain_every", "random_share", "subpool", "balance", "seed"]);

function changes() {
  const changed = {};
  for (const field of form.elements) {
    if (!field.name || field.value === (field.tagName === "SELECT" ? defaultOption(field) : field.defaultValue)) continue;
    const text = field.value.trim();
    if (text === "") changed[field.name] = null;
    else if ("list" in field.dataset) changed[field.name] = text.split(",").map((s) => s.trim()).filter(Boolean);
    else changed[field.name] = NUMBERS.has(field.name) ? Number(text) : text;
  }
  return changed;
}

function defaultOption(select) {
  return [...select.options].find((option) => option.defaultSelected)?.value;
}

async function save(event) {
  event.preventDefault();
  const message = form.querySelector("output");
  const headers = { "Content-Type": "application/json" };
  const key = document.getElementById("key")?.value;
  if (key) headers.Authorization = "Token " + key;
  try {
    await ok(fetch(form.dataset.url, { method: "PATCH", headers, body: JSON.stringify(changes()) }));
    for (const field of form.elements) {
      if (field.tagName === "SELECT") for (const option of field.options) option.defaultSelected = option.selected;
      else if (field.name) field.defaultValue = field.value;
    }
    message.textContent = "Saved; the next batch is chosen with these settings.";
    message.className = "good";
    refresh();
  } catch (problem) {
    message.textContent = problem.message;
    message.className = "bad";
  }
}

form?.addEventListener("submit", save);
setInterval(refresh, PAUSE);
