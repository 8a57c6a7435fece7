// While a better layout is being made, shows how far it has come.

import { request } from "./data.js";

let isFollowing = false;

// Whether the job that was going on at the last call has ended; the part of the page about it is then replaced.
export async function hasEnded() {
  const part = document.getElementById("map-layout");
  const shown = part.querySelector("[data-job]");
  const wasFollowing = isFollowing;
  isFollowing = shown !== null;
  // Other news may have replaced this part of the page after the job had ended.
  if (!shown) return wasFollowing;
  const job = await (await request(shown.dataset.job)).json();
  const progress = shown.querySelector("progress");
  progress.max = job.total || 1;
  progress.value = job.done;
  shown.querySelector("span").textContent = job.phase || "waiting for a worker";
  if (["waiting", "running"].includes(job.state)) return false;
  const page = await (await request(location.href, "text/html")).text();
  const fresh = new DOMParser().parseFromString(page, "text/html").getElementById("map-layout");
  if (fresh) part.replaceChildren(...fresh.childNodes);
  isFollowing = false;
  return true;
}
