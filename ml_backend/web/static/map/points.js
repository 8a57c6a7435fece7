// Draws points on a canvas: with WebGL 2, or where there is none with the canvas's own functions, which are slower.

import { css, shapeOf } from "./colours.js";

const VERTEX = `#version 300 es
in vec2 place;
in float slot;
uniform vec2 scale;
uniform vec2 shift;
uniform float size;
uniform vec4 palette[16];
uniform vec4 ring;
out vec4 colour;
flat out int shape;
void main() {
  gl_Position = vec4(place * scale + shift, 0.0, 1.0);
  gl_PointSize = size;
  int number = int(slot);
  colour = ring.a > 0.0 ? ring : palette[number];
  shape = ring.a > 0.0 ? 4 : (number < 2 ? 0 : (number - 2) % 4);
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour;
flat in int shape;
out vec4 pixel;
void main() {
  vec2 p = 2.0 * gl_PointCoord - 1.0;
  float r = length(p);
  bool isInside = shape == 1 ? max(abs(p.x), abs(p.y)) < 0.8
    : shape == 2 ? p.y < 0.75 && p.y > 1.9 * abs(p.x) - 0.95
    : shape == 3 ? abs(p.x) + abs(p.y) < 0.98
    : shape == 4 ? r < 1.0 && r > 0.76
    : r < 0.9;
  if (!isInside) discard;
  pixel = vec4(colour.rgb * colour.a, colour.a);
}`;

export function renderer(canvas, allowWebGL = true) {
  const gl = allowWebGL ? canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true }) : null;
  return gl ? new WebGLPoints(gl, canvas) : new CanvasPoints(canvas);
}

// Both renderers have:
// place(points): two numbers in 0..1 a point; colour(slots, colours): a byte a point, and the palette;
// show(visible, chosen): numbers of the points to draw, later ones on top, and of those with a ring;
// draw(view): view = {x, y, scale, size}, the middle of the canvas, pixels for the whole map, and pixels of a point.

class WebGLPoints {
  visible = [];
  chosen = [];

  constructor(gl, canvas) {
    this.gl = gl;
    this.canvas = canvas;
    this.set();
    // The browser may take the memory back, for instance while the computer sleeps.
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.set();
      if (this.points) this.place(this.points);
      if (this.slots) this.colour(this.slots, this.colours);
      this.show(this.visible, this.chosen);
      if (this.view) this.draw(this.view);
    });
  }

  set() {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "place");
    gl.bindAttribLocation(program, 1, "slot");
    gl.linkProgram(program);
    gl.useProgram(program);
    this.at = Object.fromEntries(["scale", "shift", "size", "palette", "ring"].map((name) => [name, gl.getUniformLocation(program, name)]));
    this.buffers = { place: gl.createBuffer(), slot: gl.createBuffer(), visible: gl.createBuffer(), chosen: gl.createBuffer() };
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  place(points) {
    this.points = points;
    this.#attribute(0, this.buffers.place, points, 2, this.gl.FLOAT);
  }

  colour(slots, colours) {
    this.slots = slots;
    this.colours = colours;
    this.#attribute(1, this.buffers.slot, slots, 1, this.gl.UNSIGNED_BYTE);
    this.gl.uniform4fv(this.at.palette, new Float32Array(colours.flat()));
  }

  #attribute(number, buffer, data, size, type) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(number);
    gl.vertexAttribPointer(number, size, type, false, 0, 0);
  }

  show(visible, chosen) {
    this.visible = visible;
    this.chosen = chosen;
    for (const name of ["visible", "chosen"]) {
      this.gl.bindBuffer(this.gl.ELEMENT_ARRAY_BUFFER, this.buffers[name]);
      this.gl.bufferData(this.gl.ELEMENT_ARRAY_BUFFER, Uint32Array.from(this[name]), this.gl.STATIC_DRAW);
    }
  }

  draw(view) {
    const gl = this.gl;
    const { width, height } = this.canvas;
    this.view = view;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const [across, up] = [(2 * view.scale) / width, (2 * view.scale) / height];
    gl.uniform2f(this.at.scale, across, up);
    gl.uniform2f(this.at.shift, -view.x * across, -view.y * up);
    gl.uniform1f(this.at.size, view.size);
    gl.uniform4f(this.at.ring, 0, 0, 0, 0);
    this.#elements("visible");
    gl.uniform1f(this.at.size, view.size + 5);
    gl.uniform4f(this.at.ring, ...view.ring);
    this.#elements("chosen");
  }

  #elements(name) {
    this.gl.bindBuffer(this.gl.ELEMENT_ARRAY_BUFFER, this.buffers[name]);
    this.gl.drawElements(this.gl.POINTS, this[name].length, this.gl.UNSIGNED_INT, 0);
  }
}

class CanvasPoints {
  visible = [];
  chosen = [];

  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
  }

  place(points) {
    this.points = points;
  }

  colour(slots, colours) {
    this.slots = slots;
    this.fills = colours.map(css);
  }

  show(visible, chosen) {
    this.visible = visible;
    this.chosen = chosen;
  }

  draw(view) {
    const { width, height } = this.canvas;
    const pen = this.pen;
    const [left, top, size] = [width / 2 - view.x * view.scale, height / 2 + view.y * view.scale, view.size];
    pen.clearRect(0, 0, width, height);
    for (const i of this.visible) {
      const [x, y] = [left + this.points[2 * i] * view.scale, top - this.points[2 * i + 1] * view.scale];
      if (x < 0 || y < 0 || x > width || y > height) continue;
      pen.fillStyle = this.fills[this.slots[i]];
      if (shapeOf(this.slots[i]) === 1) pen.fillRect(x - size / 2, y - size / 2, size, size);
      else this.#polygon(shapeOf(this.slots[i]), x, y, size / 2);
    }
    pen.strokeStyle = css(view.ring);
    pen.lineWidth = 2;
    for (const i of this.chosen) {
      pen.beginPath();
      pen.arc(left + this.points[2 * i] * view.scale, top - this.points[2 * i + 1] * view.scale, size / 2 + 2, 0, 7);
      pen.stroke();
    }
  }

  #polygon(shape, x, y, r) {
    this.pen.beginPath();
    if (shape === 0) this.pen.arc(x, y, r, 0, 7);
    else for (const [dx, dy] of shape === 2 ? [[0, -1], [1, 0.8], [-1, 0.8]] : [[0, -1], [1, 0], [0, 1], [-1, 0]]) this.pen.lineTo(x + dx * r, y + dy * r);
    this.pen.fill();
  }
}
