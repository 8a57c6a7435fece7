// A chart of points that people move, zoom and choose in, with mouse, fingers or keys.

import { Grid } from "./nearest.js";
import { renderer } from "./points.js";

const DEEPEST = 300;
const KEY_STEP = 0.12;
const CLICK_PIXELS = 4;
const REACH_PIXELS = 10;

// points: the canvas that takes the input; overlay: another one above it; on: functions that are called,
// hover(number or -1, x, y), pin(number or -1), choose(numbers, isAdded).
export class Chart {
  constructor(points, overlay, on, allowWebGL = true) {
    Object.assign(this, { canvas: points, overlay, on, mode: "move", extent: [1, 1], fingers: new Map(), visible: [], chosen: [] });
    this.renderer = renderer(points, allowWebGL);
    this.pen = overlay.getContext("2d");
    this.grid = new Grid(new Float32Array());
    this.isVisible = () => true;
    new ResizeObserver(() => this.resize()).observe(points);
    points.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    for (const name of ["down", "move", "up", "cancel", "leave"]) {
      points.addEventListener(`pointer${name}`, (event) => this[`_${name}`](event));
    }
    points.addEventListener("keydown", (event) => this.#key(event));
    points.addEventListener("focus", () => this.draw());
    points.addEventListener("blur", () => this.draw());
  }

  // two numbers in 0..1 a point
  place(points) {
    this.grid = new Grid(points);
    this.extent = [0, 1].map((side) => extent(points, side));
    this.renderer.place(points);
    this.resize();
  }

  // visible: numbers of the points to draw, later ones on top; isVisible(number): whether a point is one of them.
  show(visible, isVisible, chosen) {
    Object.assign(this, { visible, isVisible, chosen });
    this.renderer.show(visible, chosen);
    this.draw();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    for (const canvas of [this.canvas, this.overlay]) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
    }
    this.ratio = ratio;
    this.whole = 0.94 * Math.min(this.canvas.width / this.extent[0], this.canvas.height / this.extent[1]);
    if (!this.view) this.reset();
    else this.#set(this.view);
  }

  reset() {
    this.#set({ x: 0.5, y: 0.5, zoom: 1 });
  }

  zoomBy(factor, at = [this.canvas.width / 2, this.canvas.height / 2]) {
    const [x, y] = this.#toMap(at);
    const zoom = Math.max(0.5, Math.min(DEEPEST, this.view.zoom * factor));
    const kept = this.view.zoom / zoom;
    this.#set({ x: x + (this.view.x - x) * kept, y: y + (this.view.y - y) * kept, zoom });
  }

  moveBy(right, up) {
    this.#set({ ...this.view, x: this.view.x + right, y: this.view.y + up });
  }

  #set({ x, y, zoom }) {
    this.view = { x: Math.max(0, Math.min(1, x)), y: Math.max(0, Math.min(1, y)), zoom };
    this.draw();
  }

  get scale() {
    return this.whole * this.view.zoom;
  }

  // CSS pixels of a point: larger for few points and after zooming in, smaller on a small screen.
  get size() {
    const n = this.grid.points.length / 2;
    const small = n > 20000 ? 3.5 : n > 3000 ? 5 : 8;
    const room = Math.max(0.8, Math.min(1, Math.min(this.canvas.clientWidth, this.canvas.clientHeight) / 550));
    return Math.min(13, Math.max(3, small * room) * this.view.zoom ** 0.3);
  }

  draw() {
    if (this.isDue || !this.view) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.renderer.draw({ x: this.view.x, y: this.view.y, scale: this.scale, size: this.size * this.ratio, ring: this.ring || [0, 0, 0, 1] });
      this.#drawOverlay();
    });
  }

  #drawOverlay() {
    const { width, height } = this.overlay;
    const pen = this.pen;
    pen.clearRect(0, 0, width, height);
    pen.lineWidth = 1.5 * this.ratio;
    pen.strokeStyle = getComputedStyle(this.canvas).color;
    if (this.outline) {
      pen.setLineDash([5, 4]);
      pen.beginPath();
      for (const [x, y] of this.outline) pen.lineTo(x, y);
      pen.closePath();
      pen.stroke();
      pen.setLineDash([]);
    }
    if (this.canvas.matches(":focus-visible")) {
      const reach = 9 * this.ratio;
      pen.beginPath();
      for (const [dx, dy] of [[reach, 0], [0, reach]]) {
        pen.moveTo(width / 2 - dx, height / 2 - dy);
        pen.lineTo(width / 2 + dx, height / 2 + dy);
      }
      pen.stroke();
    }
  }

  // Pixels of the canvas ↔ the map.
  #toMap([x, y]) {
    return [this.view.x + (x - this.canvas.width / 2) / this.scale, this.view.y - (y - this.canvas.height / 2) / this.scale];
  }

  #pixels(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * this.ratio, (event.clientY - box.top) * this.ratio];
  }

  // The point at these pixels, -1 without one.
  #at(pixels) {
    const [x, y] = this.#toMap(pixels);
    return this.grid.nearest(x, y, ((this.size / 2 + REACH_PIXELS) * this.ratio) / this.scale, this.isVisible);
  }

  // CSS pixels of a point, from the upper left corner of the canvas.
  whereIs(number) {
    const [x, y] = [this.grid.points[2 * number], this.grid.points[2 * number + 1]];
    const [left, top] = [(x - this.view.x) * this.scale + this.canvas.width / 2, (this.view.y - y) * this.scale + this.canvas.height / 2];
    return [left / this.ratio, top / this.ratio];
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.zoomBy(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) / 300), this.#pixels(event));
  }

  _down(event) {
    if (event.button > 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const pixels = this.#pixels(event);
    this.fingers.set(event.pointerId, pixels);
    this.isClick = this.fingers.size === 1;
    this.start = pixels;
    this.isAdding = event.ctrlKey || event.metaKey;
    this.drawing = this.fingers.size > 1 ? null : this.mode !== "move" ? this.mode : event.shiftKey ? "box" : null;
    this.outline = this.drawing ? [pixels] : null;
    this.on.hover(-1);
  }

  _move(event) {
    const pixels = this.#pixels(event);
    const before = this.fingers.get(event.pointerId);
    if (!before) return this.on.hover(this.#at(pixels));
    const others = [...this.fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.fingers.set(event.pointerId, pixels);
    if (distance(pixels, this.start) > CLICK_PIXELS * this.ratio) this.isClick = false;
    if (this.drawing === "box") this.outline = corners(this.start, pixels);
    else if (this.drawing === "lasso") this.outline.push(pixels);
    else if (others.length) {
      this.zoomBy(distance(pixels, others[0]) / Math.max(1, distance(before, others[0])), middle(pixels, others[0]));
      this.moveBy((before[0] - pixels[0]) / 2 / this.scale, (pixels[1] - before[1]) / 2 / this.scale);
    } else if (!this.isClick) this.moveBy((before[0] - pixels[0]) / this.scale, (pixels[1] - before[1]) / this.scale);
    this.draw();
  }

  _up(event) {
    if (!this.fingers.delete(event.pointerId)) return;
    if (this.isClick) this.on.pin(this.#at(this.start));
    else if (this.drawing && this.outline.length > 2) {
      const polygon = this.outline.map((pixels) => this.#toMap(pixels));
      this.on.choose(this.grid.inside(polygon, this.isVisible), this.isAdding);
    }
    this.#endDrawing();
  }

  _cancel(event) {
    this.fingers.delete(event.pointerId);
    this.#endDrawing();
  }

  _leave() {
    if (!this.fingers.size) this.on.hover(-1);
  }

  #endDrawing() {
    this.drawing = this.outline = null;
    this.draw();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = KEY_STEP / this.view.zoom;
    const act = {
      ArrowLeft: () => this.moveBy(-step, 0),
      ArrowRight: () => this.moveBy(step, 0),
      ArrowUp: () => this.moveBy(0, step),
      ArrowDown: () => this.moveBy(0, -step),
      "+": () => this.zoomBy(1.5),
      "=": () => this.zoomBy(1.5),
      "-": () => this.zoomBy(1 / 1.5),
      0: () => this.reset(),
      Enter: () => this.on.pin(this.#nearMiddle()),
      Escape: () => this.on.choose([], false),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
    if (event.key !== "Enter" && event.key !== "Escape") this.on.hover(this.#nearMiddle());
  }

  #nearMiddle() {
    return this.grid.nearest(this.view.x, this.view.y, (60 * this.ratio) / this.scale, this.isVisible);
  }
}

// How far the points reach to either side of the middle, which is where layouts have theirs.
function extent(points, side) {
  let most = 0.05;
  for (let i = side; i < points.length; i += 2) most = Math.max(most, 2 * Math.abs(points[i] - 0.5));
  return most;
}

function distance([x1, y1], [x2, y2]) {
  return Math.hypot(x1 - x2, y1 - y2);
}

function middle([x1, y1], [x2, y2]) {
  return [(x1 + x2) / 2, (y1 + y2) / 2];
}

function corners([x1, y1], [x2, y2]) {
  return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
}
