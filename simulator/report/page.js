"use strict";

async function unpack(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function choice(parent, title, options, selected, changed) {
  const label = document.createElement("label");
  label.textContent = title;
  const select = document.createElement("select");
  for (const [value, text] of Object.entries(options)) select.add(new Option(text, value, false, value === selected));
  select.addEventListener("change", () => changed(select.value));
  label.append(select);
  parent.append(label);
  return label;
}

function same(names) {
  return Object.fromEntries(names.map((name) => [name, name]));
}

// The number at the beginning of a cell, whose thousands may be separated; NaN without one.
function number(text) {
  return parseFloat(text.replace(/(\d),(?=\d{3})/g, "$1"));
}

// Sort the rows of a table by a column: numbers by value, missing ones last, other cells as text.
function sortBy(table, column, direction) {
  const body = table.tBodies[0];
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    const [m, n] = [number(x), number(y)];
    if (isNaN(m) && isNaN(n)) return direction * x.localeCompare(y);
    if (isNaN(m) || isNaN(n)) return isNaN(m) ? 1 : -1;
    return direction * (m - n);
  });
  body.append(...rows);
  for (const th of table.tHead.rows[0].cells) th.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[column].setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
}

document.addEventListener("click", (event) => {
  const th = event.target.closest("table.sortable th");
  if (!th) return;
  const numbers = th.classList.contains("number");
  const first = th.dataset.low !== undefined || !numbers ? "ascending" : "descending";
  const flip = th.getAttribute("aria-sort") === first;
  sortBy(th.closest("table"), th.cellIndex, (first === "ascending") !== flip ? 1 : -1);
});

function areaTable(data) {
  const state = { metric: "accuracy", period: "whole" };
  for (const name of ["embedding", "initial"]) state[name] = Object.keys(data.choices[name])[0];
  const controls = document.getElementById("aulc-controls");
  const titles = { metric: "measure", period: "part of the curve", embedding: "embedding", initial: "start" };
  for (const [name, title] of Object.entries(titles)) {
    choice(controls, title, data.choices[name], state[name], (value) => { state[name] = value; draw(); });
  }
  const table = document.getElementById("aulc-table");

  function draw() {
    const key = [state.metric, state.period, state.embedding, state.initial].join("/");
    const [cells, overall] = [data.tables[key] ?? {}, data.overall[key] ?? {}];
    const datasets = data.datasets.filter((d) => cells[d]);
    table.innerHTML = "<thead><tr></tr></thead><tbody></tbody>";
    const head = (text, type, low) => {
      const th = document.createElement("th");
      th.textContent = text;
      th.className = type;
      if (low) th.dataset.low = "";
      table.tHead.rows[0].append(th);
    };
    head("strategy", "");
    head("mean rank", "number", true);
    head("mean", "number");
    datasets.forEach((d) => head(d, "number"));
    for (const strategy of data.strategies) {
      if (!datasets.some((d) => cells[d][strategy])) continue;
      const row = table.tBodies[0].insertRow();
      const add = (text, type, title, value) => {
        const td = row.insertCell();
        td.textContent = text;
        td.className = type;
        if (title) td.title = title;
        if (value !== undefined) td.dataset.value = value;
      };
      const [rank, mean] = overall[strategy] ?? [];
      const without = rank === undefined ? "too few runs to compare on all datasets" : "";
      add(strategy, "");
      add(rank?.toFixed(1) ?? "–", "number", without);
      add(mean === undefined ? "–" : ((mean * 100) / data.scale).toFixed(1), "number", without);
      for (const d of datasets) {
        const cell = cells[d][strategy];
        if (!cell) { add("–", "number", "no complete run"); continue; }
        const [value, mark, blocks, p] = cell;
        const about = { best: "the best", tied: "not significantly worse than the best", worse: "significantly worse than the best", partial: "too few runs to compare" }[mark];
        const test = p === null ? "" : `, Holm-corrected p = ${(p / data.scale).toFixed(3)}`;
        add(((value * 100) / data.scale).toFixed(1), `number ${mark}`, `${about}${test}; ${blocks} pairs`, value);
      }
    }
    sortBy(table, 1, 1);
  }
  draw();
}

function learningCurves(data, Plotly) {
  const dims = { dataset: "dataset", embedding: "embedding", initial: "start", strategy: "strategy" };
  const state = { lines: "strategy", metric: "accuracy" };
  for (const name of Object.keys(dims)) state[name] = data.first[name] ?? data.names[name][0];
  const strategies = data.names.strategy;
  const chosen = {
    strategy: new Set([...strategies.slice(0, 3), ...(strategies.includes("random") ? ["random"] : [])]),
    embedding: new Set(data.names.embedding),
    initial: new Set(data.names.initial),
  };
  const controls = document.getElementById("curve-controls");
  const chips = document.getElementById("curve-chips");
  const plot = document.getElementById("curve-plot");
  const note = document.getElementById("curve-note");
  const selects = {};
  for (const [name, title] of Object.entries(dims)) {
    selects[name] = choice(controls, title, same(data.names[name]), state[name], (value) => { state[name] = value; draw(); });
  }
  choice(controls, "measure", data.metrics, state.metric, (value) => { state.metric = value; draw(); });
  choice(controls, "one line for each", { strategy: "strategy", embedding: "embedding", initial: "start" }, state.lines, (value) => { state.lines = value; draw(); });

  const dashes = { solid: "", dash: "5 2.5", dot: "1.5 2" };
  function drawChips() {
    chips.replaceChildren();
    for (const name of data.names[state.lines]) {
      const style = data.styles[state.lines][name];
      const button = document.createElement("button");
      button.setAttribute("aria-pressed", chosen[state.lines].has(name));
      button.innerHTML = `<svg width="22" height="6"><line x1="0" y1="3" x2="22" y2="3" stroke="${style.color}" stroke-width="2.5" stroke-dasharray="${dashes[style.dash]}"/></svg>`;
      button.append(name);
      button.addEventListener("click", () => {
        const set = chosen[state.lines];
        set.has(name) ? set.delete(name) : set.add(name);
        draw();
      });
      chips.append(button);
    }
    for (const [text, names] of [["all", data.names[state.lines]], ["none", []]]) {
      const button = document.createElement("button");
      button.textContent = text;
      button.addEventListener("click", () => { chosen[state.lines] = new Set(names); draw(); });
      chips.append(button);
    }
  }

  const faded = (color) => `${color}26`;
  function draw() {
    for (const name of Object.keys(dims)) selects[name].hidden = selects[name].style.display = "";
    selects[state.lines].style.display = "none";
    drawChips();
    const factor = state.metric === "gain" ? 100 : 1;
    const x = data.labels[state.dataset];
    const back = [], bands = [], front = [], ends = [];
    let seeds = [];
    const references = state.lines === "strategy" ? Object.keys(data.references) : [];
    for (const name of [...data.names[state.lines], ...references]) {
      const key = ["dataset", "embedding", "initial", "strategy"].map((d) => (d === state.lines ? name : state[d])).join("/");
      const curve = data.curves[key];
      if (!curve?.[state.metric]?.[0].some((v) => v !== null)) continue;
      const [middle, low, high] = curve[state.metric].map((values) => values.map((v) => (v === null ? null : (v * factor) / data.scale)));
      const style = data.styles[state.lines][name] ?? data.references[name];
      const bold = chosen[state.lines].has(name) || references.includes(name);
      if (!references.includes(name)) seeds.push(curve.seeds);
      const line = { x, y: middle, name, mode: "lines", hovertemplate: `${name}: %{y:.3~f}<extra></extra>`, line: { color: bold ? style.color : "#d3d8de", dash: style.dash, width: bold ? 2.4 : 1.1 } };
      if (!bold) { back.push({ ...line, hoverinfo: "skip", hovertemplate: undefined }); continue; }
      if (low.some((v) => v !== null)) {
        bands.push({ x: [...x, ...[...x].reverse()], y: [...high, ...[...low].reverse()], fill: "toself", fillcolor: faded(style.color), line: { width: 0 }, mode: "lines", hoverinfo: "skip" });
      }
      front.push(line);
      ends.push({ name, y: middle.findLast((v) => v !== null), color: style.color });
    }
    // A head on all labels, where the accuracy is shown: one line, or one for each chosen embedding.
    const embeddings = state.metric !== "accuracy" ? [] : state.lines === "embedding" ? data.names.embedding.filter((e) => chosen.embedding.has(e)) : [state.embedding];
    for (const embedding of embeddings) {
      const probe = data.probes[`${state.dataset}/${embedding}`];
      if (probe === undefined || !front.length) continue;
      const [y, color] = [probe / data.scale, state.lines === "embedding" ? data.styles.embedding[embedding].color : "#66707c"];
      const name = "all labels";
      front.push({ x: [x[0], x[x.length - 1]], y: [y, y], name, mode: "lines", hoverinfo: "skip", line: { color, dash: "dot", width: 1.4 } });
      if (state.lines !== "embedding") ends.push({ name, y, color });
    }
    const all = [...back, ...bands, ...front].flatMap((t) => t.y).filter((v) => v !== null);
    const [bottom, top] = [Math.min(...all), Math.max(...all)];
    const pad = (top - bottom || 0.1) * 0.04;
    ends.sort((a, b) => a.y - b.y);
    const gap = ((top - bottom || 0.1) / 400) * 17;
    for (let round = 0; round < 60; round++) {
      for (let i = 1; i < ends.length; i++) {
        const short = gap - ((ends[i].at ?? ends[i].y) - (ends[i - 1].at ?? ends[i - 1].y));
        if (short > 0) {
          ends[i].at = (ends[i].at ?? ends[i].y) + short / 2;
          ends[i - 1].at = (ends[i - 1].at ?? ends[i - 1].y) - short / 2;
        }
      }
    }
    const narrow = plot.clientWidth < 600;
    Plotly.react(plot, [...back, ...bands, ...front], {
      showlegend: false, hovermode: "x unified", height: 460, autosize: true,
      margin: { l: 58, r: narrow ? 84 : 130, t: 16, b: 58 },
      font: { family: "system-ui, Segoe UI, Roboto, sans-serif", size: 13, color: "#1c2126" },
      paper_bgcolor: "#fff", plot_bgcolor: "#fff",
      xaxis: { title: { text: "labels", standoff: 8 }, gridcolor: "#eef0f3", zeroline: false, range: [x[0], x[x.length - 1]] },
      yaxis: { title: { text: data.metrics[state.metric] + (factor === 100 ? " (points)" : "") }, gridcolor: "#eef0f3", zeroline: factor === 100, zerolinecolor: "#1c2126", range: all.length ? [bottom - pad, top + pad] : undefined },
      annotations: ends.map((e) => ({ x: 1, xref: "paper", xanchor: "left", xshift: 5, y: e.at ?? e.y, text: e.name, showarrow: false, font: { color: e.color, size: narrow ? 10 : 12 } })),
    }, { displayModeBar: false, responsive: true });
    const counts = [...new Set(seeds)].sort((a, b) => a - b);
    note.textContent = seeds.length ? `Seeds per line: ${counts[0] === counts.at(-1) ? counts[0] : `${counts[0]} to ${counts.at(-1)}`}.${counts[0] < 2 ? " A line of one seed has no band." : ""}` : "There are no complete runs for this selection.";
  }
  plot.replaceChildren();
  draw();
}

(async () => {
  areaTable(JSON.parse(await unpack("areas-data")));
  const source = await unpack("plotly-source");
  new Function(source).call(window);
  learningCurves(JSON.parse(await unpack("curves-data")), window.Plotly);
  document.body.dataset.ready = "true";
})().catch((problem) => {
  document.getElementById("curve-note").textContent = `This browser could not draw the curves (${problem.message}). They are in figures/ as PNG.`;
});
