// Reads what the server sends: gzip of safetensors, https://huggingface.co/docs/safetensors (the browser unpacks gzip).

const ARRAYS = { U8: Uint8Array, U16: Uint16Array, U32: Uint32Array };

// The arrays of a file by name, and `about`, the JSON in its metadata.
export function parse(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: metadata, ...tensors } = header;
  const arrays = { about: JSON.parse(metadata.about) };
  for (const [name, { dtype, data_offsets: [start, end] }] of Object.entries(tensors)) {
    // A copy begins at a multiple of every size of a number.
    arrays[name] = new ARRAYS[dtype](buffer.slice(8 + length + start, 8 + length + end));
  }
  return arrays;
}

// Positions in 0..1, two numbers a point with y upwards, and the ids of the tasks.
export function positions({ x, y, step, about }) {
  const points = new Float32Array(2 * x.length);
  const tasks = new Float64Array(x.length);
  let task = about.first_task;
  for (let i = 0; i < x.length; i++) {
    points[2 * i] = x[i] / 65535;
    points[2 * i + 1] = y[i] / 65535;
    tasks[i] = task += step[i];
  }
  return { points, tasks, about };
}

export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const HEADERS = { "X-Requested-With": "XMLHttpRequest" };

// A response of the server. Throws Refused with the server's sentence.
export async function request(address, accept = "application/json") {
  const response = await fetch(address, { headers: { ...HEADERS, Accept: accept } });
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new Refused(body.error || `The server answered ${response.status}.`, response.status);
}

// The arrays at an address; `isOld` if no worker brought them up to date.
export async function arrays(address) {
  const response = await request(address);
  const found = parse(await response.arrayBuffer());
  found.isOld = response.headers.has("X-Out-Of-Date");
  return found;
}
