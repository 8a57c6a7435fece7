// The texts of tasks, fetched when they are looked at.

import { request } from "./data.js";

const MOST_AT_ONCE = 50;
const MOST_KEPT = 3000;

export class Texts {
  constructor(address) {
    this.address = address;
    this.known = new Map();
  }

  // Task id → text, of those of the tasks that have one. Throws Refused.
  async of(tasks) {
    const missing = tasks.filter((task) => !this.known.has(task));
    for (let start = 0; start < missing.length; start += MOST_AT_ONCE) {
      const query = new URLSearchParams(missing.slice(start, start + MOST_AT_ONCE).map((task) => ["task", task]));
      const { texts } = await (await request(`${this.address}?${query}`)).json();
      if (this.known.size > MOST_KEPT) this.known.clear();
      for (const { task, text } of texts) this.known.set(task, text);
    }
    return new Map(tasks.filter((task) => this.known.has(task)).map((task) => [task, this.known.get(task)]));
  }
}
