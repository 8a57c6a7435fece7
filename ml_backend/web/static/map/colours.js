// Colours and shapes of groups, which differ for people who do not see some colours, on light and on dark pages.

const LIGHT = ["#0072b2", "#d55e00", "#00805f", "#aa3377", "#8a6d00", "#3d2f9e", "#c2185b", "#2e7d1f", "#1b8fb3", "#7a2f2f", "#8e5fd0"];
const DARK = ["#56b4ff", "#ff9a4d", "#2fd6ac", "#f08bc8", "#e6cf4a", "#a99bff", "#ff6f91", "#8fd96b", "#6fdcf5", "#e0a08f", "#d0a8ff"];
// From unsure to sure.
const SURE_LIGHT = ["#a34a00", "#d98a2b", "#8a8a8a", "#7d74c4", "#3c1f87"];
const SURE_DARK = ["#ff8f3d", "#ffc98a", "#b9b9b9", "#b1a8ff", "#7f9bff"];
export const MOST_COLOURS = LIGHT.length;

// Slots of a palette: points without a group, groups beyond the first eleven, then the groups in the order of the legend.
export const PALE = 0;
export const OTHERS = 1;
const FIRST = 2;

export function slotOf(group) {
  if (group === 0) return PALE;
  return group <= MOST_COLOURS ? FIRST + group - 1 : OTHERS;
}

// The colours of all slots, [red, green, blue, opacity] in 0..1.
export function palette(by, isDark) {
  const sure = isDark ? SURE_DARK : SURE_LIGHT;
  const named = by === "confidence" ? [...sure, ...(isDark ? DARK : LIGHT).slice(sure.length)] : isDark ? DARK : LIGHT;
  const grey = isDark ? "#8b949e" : "#6b7280";
  return [rgba(grey, isDark ? 0.45 : 0.35), rgba(grey, 0.75), ...named.map((hex) => rgba(hex, 0.9))];
}

function rgba(hex, opacity) {
  const value = parseInt(hex.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255, opacity];
}

// Disc, square, triangle, diamond: the number of a slot's shape.
export function shapeOf(slot) {
  return slot < FIRST ? 0 : (slot - FIRST) % 4;
}

export const PATHS = ["M6 1a5 5 0 1 0 .01 0z", "M1.5 1.5h9v9h-9z", "M6 .8 11.4 10.6H.6z", "M6 .4 11.6 6 6 11.6.4 6z"];

export function css([red, green, blue, opacity]) {
  return `rgba(${Math.round(red * 255)}, ${Math.round(green * 255)}, ${Math.round(blue * 255)}, ${opacity})`;
}

// The legend's sign for a slot.
export function swatch(slot, colours) {
  const [svg, path] = ["svg", "path"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("swatch");
  path.setAttribute("d", PATHS[shapeOf(slot)]);
  path.setAttribute("fill", css(colours[slot]));
  svg.append(path);
  return svg;
}
