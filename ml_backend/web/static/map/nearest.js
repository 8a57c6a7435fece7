// Finds points of the map by their place.

const CELLS = 128;

// A grid over 0..1 × 0..1 with the points of each cell, two numbers a point.
export class Grid {
  constructor(points) {
    this.points = points;
    const n = points.length / 2;
    this.starts = new Uint32Array(CELLS * CELLS + 1);
    this.members = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.starts[this.#cell(i) + 1]++;
    for (let c = 0; c < CELLS * CELLS; c++) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice();
    for (let i = 0; i < n; i++) this.members[next[this.#cell(i)]++] = i;
  }

  #cell(i) {
    return row(this.points[2 * i + 1]) * CELLS + row(this.points[2 * i]);
  }

  // The point nearest to (x, y) within `radius` for which `counts` holds, or -1.
  nearest(x, y, radius, counts) {
    let found = -1;
    let least = radius * radius;
    this.#around(x - radius, y - radius, x + radius, y + radius, (i) => {
      const distance = (this.points[2 * i] - x) ** 2 + (this.points[2 * i + 1] - y) ** 2;
      if (distance <= least && counts(i)) [found, least] = [i, distance];
    });
    return found;
  }

  // The points inside a polygon, [[x, y], …], for which `counts` holds.
  inside(polygon, counts) {
    const found = [];
    const [xs, ys] = [polygon.map((p) => p[0]), polygon.map((p) => p[1])];
    this.#around(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (i) => {
      if (counts(i) && contains(polygon, this.points[2 * i], this.points[2 * i + 1])) found.push(i);
    });
    return found;
  }

  #around(left, low, right, high, visit) {
    for (let r = row(low); r <= row(high); r++) {
      const end = this.starts[r * CELLS + row(right) + 1];
      for (let m = this.starts[r * CELLS + row(left)]; m < end; m++) visit(this.members[m]);
    }
  }
}

function row(value) {
  return Math.max(0, Math.min(CELLS - 1, Math.floor(value * CELLS)));
}

// Whether a ray from the point to the right crosses the polygon an odd number of times.
function contains(polygon, x, y) {
  let isInside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [x1, y1] = polygon[i];
    const [x2, y2] = polygon[j];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) isInside = !isInside;
  }
  return isInside;
}
