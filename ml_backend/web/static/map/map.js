// The page of the map: fetches what the chart draws, and says in words what it shows.

import { Chart } from "./chart.js";
import { MOST_COLOURS, OTHERS, PALE, palette, slotOf, swatch } from "./colours.js";
import { arrays, positions } from "./data.js";
import { hasEnded } from "./job.js";
import { Texts } from "./texts.js";

const REFRESH = 20000;
const JOB_PAUSE = 1500;
const LISTED = 50;
const MANY = 200; // chosen points whose rings would hide what is below them
const OPEN = 0;
const AGAIN = 503;

const section = document.getElementById("map");
const part = (name) => document.getElementById(`map-${name}`);
const { texts: textsAt, labelStudio, find, most } = section.dataset;
const texts = new Texts(textsAt);
const counted = new Intl.NumberFormat("en");

// What is shown: group and state of each point by its number; only: the number of the group that is shown alone;
// chosen: numbers of points; words: where they were chosen, for the people who label them.
const shown = { by: section.dataset.by, only: null, chosen: [], words: "" };
let hovered = -1;
const chart = new Chart(part("points"), part("overlay"), { hover, pin, choose }, section.dataset.webgl !== "off");

function element(name, content = "", attributes = {}) {
  const made = document.createElement(name);
  made.append(content);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function say(words) {
  part("message").textContent = words;
}

function reason(problem) {
  return problem instanceof TypeError ? "The backend does not respond; trying again." : problem.message;
}

async function load() {
  try {
    const [places, colours] = await Promise.all([arrays(section.dataset.positions), coloursOf(shown.by)]);
    adopt(places);
    await paint(colours);
  } catch (problem) {
    if (problem.status === AGAIN || problem instanceof TypeError) setTimeout(load, JOB_PAUSE);
    say(reason(problem));
  }
}

// Take over new positions; what is chosen stays so, also if texts were added between others.
function adopt(places) {
  const tasks = shown.chosen.map((i) => shown.places.tasks[i]);
  shown.places = positions(places);
  const at = new Map(tasks.length ? Array.from(shown.places.tasks, (task, i) => [task, i]) : []);
  shown.chosen = tasks.filter((task) => at.has(task)).map((task) => at.get(task));
  hover(-1);
  chart.place(shown.places.points);
}

function coloursOf(by) {
  return arrays(`${section.dataset.colours}?${new URLSearchParams({ by })}`);
}

// Colours belong to positions; if these are newer than the ones at hand, fetch them first.
async function paint(colours) {
  if (colours.about.positions !== shown.places.about.key) {
    adopt(await arrays(section.dataset.positions));
    if (colours.about.positions !== shown.places.about.key) colours = await coloursOf(shown.by);
  }
  shown.colours = colours;
  const n = shown.places.tasks.length;
  say(`${counted.format(n)} texts${colours.isOld ? ", as they were earlier: no worker answers at the moment" : ""}`);
  redraw();
  list();
  await listChosen();
}

// Other colours, or the same ones if they have changed.
async function recolour(by) {
  if (!shown.places) return;
  try {
    const colours = await coloursOf(by);
    if (by !== shown.by) shown.only = null;
    const isSame = by === shown.by && colours.about.key === shown.colours?.about.key;
    shown.by = by;
    if (!isSame) await paint(colours);
  } catch (problem) {
    say(reason(problem));
    part("by").value = shown.by;
  }
}

function isDark() {
  const [red, green, blue] = getComputedStyle(section).color.match(/[\d.]+/g).map(Number);
  return red + green + blue > 384;
}

function slotsOf(group) {
  const slots = new Uint8Array(group.length);
  for (let i = 0; i < group.length; i++) slots[i] = shown.only > MOST_COLOURS ? 2 : slotOf(group[i]);
  return slots;
}

function isShown(i) {
  return shown.only === null || shown.colours.group[i] === shown.only;
}

function redraw() {
  const { group } = shown.colours;
  const slots = slotsOf(group);
  const colours = palette(shown.by, isDark());
  // Points with a colour lie above those without.
  const layers = [[], [], []];
  for (let i = 0; i < slots.length; i++) if (isShown(i)) layers[slots[i] === PALE ? 0 : slots[i] === OTHERS ? 1 : 2].push(i);
  const [shade, strength] = [isDark() ? 1 : 0, shown.chosen.length > MANY ? 0.4 : 1];
  chart.ring = [shade, shade, shade, strength];
  chart.renderer.colour(slots, colours);
  chart.show(layers.flat(), isShown, shown.chosen);
}

// The legend, which is also what the map says in words: groups, how many texts they have, and how many are open.
function list() {
  const { about, group, state } = shown.colours;
  const open = new Uint32Array(about.legend.length + 1);
  const all = new Uint32Array(about.legend.length + 1);
  for (let i = 0; i < group.length; i++) {
    all[group[i]]++;
    if (state[i] === OPEN) open[group[i]]++;
  }
  const colours = palette(shown.by, isDark());
  const rows = about.legend.map(({ name }, i) => row(i + 1, name, all[i + 1], open[i + 1], colours));
  if (all[0]) rows.push(row(0, shown.by === "batch" ? "not served yet" : "not labelled", all[0], open[0], colours));
  const focused = document.activeElement?.closest?.("#map-groups button")?.dataset.key;
  part("groups").replaceChildren(...rows);
  if (focused) part("groups").querySelector(`[data-key="${focused}"]`)?.focus();
  part("all").hidden = shown.only === null;
  part("grey").hidden = about.legend.length <= MOST_COLOURS;
}

function row(group, name, all, open, colours) {
  const line = element("tr");
  const only = element("button", swatch(slotOf(group), colours), { type: "button", class: "group", "data-key": `only${group}`, "aria-pressed": shown.only === group });
  only.append(breakable(name));
  only.title = "Show only these";
  only.addEventListener("click", () => {
    shown.only = shown.only === group ? null : group;
    redraw();
    list();
  });
  const select = element("button", "Select", { type: "button", class: "plain", "data-key": `select${group}`, "aria-label": `Select the open texts of ${name}` });
  select.addEventListener("click", () => {
    const members = [];
    shown.colours.group.forEach((g, i) => g === group && shown.colours.state[i] === OPEN && members.push(i));
    choose(members, false, `${shown.by}: ${name}`);
    part("selection").focus();
  });
  line.append(element("td", only), element("td", counted.format(all), { class: "number" }), element("td", counted.format(open), { class: "number" }), element("td", open ? select : ""));
  return line;
}

// Names are often words joined by underscores: a narrow legend breaks them there, not within a word.
function breakable(name) {
  const made = element("span");
  name.split(/(?<=_)/).forEach((piece, i) => made.append(...(i ? [element("wbr"), piece] : [piece])));
  return made;
}

function groupName(i) {
  const group = shown.colours.group[i];
  return group ? shown.colours.about.legend[group - 1].name : { batch: "not served yet" }[shown.by] || "not labelled";
}

async function hover(i) {
  if (i === hovered) return;
  hovered = i;
  const tip = part("tip");
  tip.hidden = true;
  if (i < 0 || !shown.colours) return;
  const task = shown.places.tasks[i];
  await new Promise((resolve) => setTimeout(resolve, texts.known.has(task) ? 0 : 60));
  if (i !== hovered) return;
  const text = await texts.of([task]).then((found) => found.get(task), reason);
  if (i !== hovered) return;
  tip.replaceChildren(element("strong", groupName(i)), element("span", cut(text ?? "", 300)));
  tip.hidden = false;
  const [left, top] = chart.whereIs(i);
  const { clientWidth, clientHeight } = part("points");
  tip.style.left = `${Math.max(0, Math.min(left + 12, clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${top + 14 + tip.offsetHeight > clientHeight ? Math.max(0, top - tip.offsetHeight - 12) : top + 14}px`;
}

function cut(text, most) {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

async function pin(i) {
  const pinned = part("pinned");
  pinned.hidden = i < 0 || !shown.colours;
  if (pinned.hidden) return;
  hover(-1);
  const task = shown.places.tasks[i];
  const text = await texts.of([task]).then((found) => found.get(task), reason);
  const links = element("p");
  links.append(
    element("a", "Open in Label Studio ↗", { href: `${labelStudio}/data?task=${task}` }),
    " · ",
    element("a", "More like this", { href: `${find}?${new URLSearchParams({ like: task })}` }),
  );
  if (shown.colours.state[i] === OPEN) {
    const one = element("button", "Select", { type: "button", class: "plain" });
    one.addEventListener("click", () => choose([i], true));
    links.append(" · ", one);
  }
  pinned.replaceChildren(element("strong", groupName(i)), element("p", text ?? ""), links);
}

// Points to be labelled next: `isAdded` to those chosen before.
function choose(numbers, isAdded, words = "a region") {
  shown.chosen = [...new Set(isAdded ? [...shown.chosen, ...numbers] : numbers)];
  shown.words = words;
  redraw();
  listChosen();
}

// Those that can be labelled; of too many every n-th, so that they come from everywhere in the selection.
function toLabel() {
  const open = shown.chosen.filter((i) => shown.colours.state[i] === OPEN);
  if (open.length <= most) return open;
  return Array.from({ length: Number(most) }, (_, k) => open[Math.floor((k * open.length) / most)]);
}

async function listChosen() {
  const all = shown.chosen;
  part("selection").hidden = !all.length;
  if (!all.length) return;
  const open = all.filter((i) => shown.colours.state[i] === OPEN).length;
  const next = toLabel();
  part("chosen").textContent = `${counted.format(all.length)} selected, ${counted.format(open)} of them can be labelled`;
  const send = part("send");
  send.disabled = !next.length;
  send.textContent = next.length < open ? `Label ${counted.format(next.length)} of these next` : `Label these ${counted.format(next.length)} next`;
  part("limit").hidden = next.length === open;
  part("why").value = `map: ${shown.words}`;
  const tasks = all.slice(0, LISTED).map((i) => shown.places.tasks[i]);
  const found = await texts.of(tasks).catch(() => new Map());
  if (all !== shown.chosen) return;
  part("list").replaceChildren(
    ...tasks.map((task, k) => {
      const line = element("li", cut(found.get(task) ?? `task ${task}`, 200));
      line.append(" · ", element("small", groupName(all[k]), { class: "quiet" }));
      return line;
    }),
  );
  part("more").hidden = all.length <= LISTED;
  part("more").textContent = `and ${counted.format(all.length - LISTED)} more`;
}

part("form").addEventListener("submit", () => {
  const fields = toLabel().map((i) => element("input", "", { type: "hidden", name: "task", value: shown.places.tasks[i] }));
  part("tasks").replaceChildren(...fields);
  part("query").value = new URLSearchParams({ by: shown.by });
});
part("clear").addEventListener("click", () => {
  choose([], false);
  part("points").focus();
});
part("by").addEventListener("change", (event) => recolour(event.target.value));
part("all").addEventListener("click", () => {
  shown.only = null;
  redraw();
  list();
});
const tools = { in: () => chart.zoomBy(1.6), out: () => chart.zoomBy(1 / 1.6), reset: () => chart.reset() };
for (const [name, act] of Object.entries(tools)) part(name).addEventListener("click", act);
for (const button of section.querySelectorAll("[data-mode]")) {
  button.addEventListener("click", () => {
    chart.mode = button.dataset.mode;
    for (const other of section.querySelectorAll("[data-mode]")) other.setAttribute("aria-pressed", other === button);
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (!shown.colours) return;
  redraw();
  list();
});

async function followLayout() {
  try {
    if (!document.hidden && (await hasEnded())) await load();
  } catch (problem) {
    say(reason(problem));
  }
}

setInterval(followLayout, JOB_PAUSE);
setInterval(() => document.hidden || recolour(shown.by), REFRESH);
load();
