/** A line of the chart: a mean with a band, at equally spaced steps. */
export interface RegretCurve {
  readonly label: string;
  /** Mean regret at each point; the first is at step 0. */
  readonly mean: readonly number[];
  /** Half the height of the band at each point. */
  readonly band: readonly number[];
  /** A curve that may leave the chart at the top, so that the others have room. */
  readonly mayLeave: boolean;
}

export interface RegretChart {
  readonly title: string;
  readonly subtitle: string;
  readonly steps: number;
  readonly curves: readonly RegretCurve[];
}

const width = 960;
const height = 560;
const plot = { left: 64, right: 690, top: 72, bottom: 500 };
const labelHeight = 19;

/** Colours that keep 3:1 against white and against #0d1117, and differ in lightness for those who see few hues. */
const colours: readonly string[] = [
  "#0b7fd6",
  "#d1651b",
  "#2b9348",
  "#c9359b",
  "#7d5fe0",
  "#a57c0b",
  "#d64545",
  "#159a9c",
  "#6f7f3a",
  "#7d828a",
];

/** The chart as an SVG document that follows the reader's light or dark theme. At most ten curves. */
export function regretChartSvg(chart: RegretChart): string {
  const yMax = niceCeiling(
    Math.max(...chart.curves.filter(({ mayLeave }) => !mayLeave).flatMap(upperEnds)),
  );
  const x = (point: number, count: number): number =>
    plot.left + ((plot.right - plot.left) * point) / (count - 1);
  const y = (regret: number): number => plot.bottom - ((plot.bottom - plot.top) * regret) / yMax;
  const labels = placeLabels(chart.curves, (curve) => y(curve.mean.at(-1) as number));
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escapeText(chart.title)}</title>`,
    `<desc id="description">${escapeText(description(chart))}</desc>`,
    style,
    `<rect class="paper" width="${width}" height="${height}" rx="8"/>`,
    `<text class="title" x="${plot.left}" y="32">${escapeText(chart.title)}</text>`,
    `<text class="note" x="${plot.left}" y="52">${escapeText(chart.subtitle)}</text>`,
    ...yAxis(yMax, y),
    ...xAxis(chart.steps),
    `<clipPath id="plot"><rect x="${plot.left}" y="${plot.top}" width="${plot.right - plot.left}" height="${plot.bottom - plot.top}"/></clipPath>`,
    `<g clip-path="url(#plot)">`,
    ...chart.curves.map((curve, index) => bandPath(curve, index, { x, y })),
    ...chart.curves.map((curve, index) => meanPath(curve, index, { x, y })),
    "</g>",
    ...chart.curves.map((curve, index) =>
      curve.mayLeave && (curve.mean.at(-1) as number) > yMax
        ? leavingLabel(curve, index, { x, yMax })
        : endLabel(curve, index, {
            from: y(curve.mean.at(-1) as number),
            at: labels[index] as number,
          }),
    ),
    "</svg>",
  ].join("\n")}\n`;
}

const style = `<style>
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
.title { font-size: 17px; font-weight: 600; }
.note, .tick { fill: #59636e; }
.label { font-weight: 600; }
.paper { fill: #ffffff; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.axis { stroke: #59636e; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .note, .tick { fill: #9198a1; }
  .paper { fill: #0d1117; }
  .grid { stroke: #2a313c; }
  .axis { stroke: #9198a1; }
}
${colours
  .map(
    (colour, index) =>
      `.c${index} { stroke: ${colour}; } .f${index} { fill: ${colour}; } text.f${index} { fill: ${colour}; }`,
  )
  .join("\n")}
</style>`;

interface Scales {
  readonly x: (point: number, count: number) => number;
  readonly y: (regret: number) => number;
}

function upperEnds({ mean, band }: RegretCurve): number[] {
  return mean.map((value, at) => value + (band[at] as number));
}

function meanPath({ mean }: RegretCurve, index: number, { x, y }: Scales): string {
  const points = mean.map((value, at) => `${round(x(at, mean.length))},${round(y(value))}`);
  return `<polyline class="c${index}" fill="none" stroke-width="2" stroke-linejoin="round" points="${points.join(" ")}"/>`;
}

function bandPath({ mean, band }: RegretCurve, index: number, { x, y }: Scales): string {
  const edge = (sign: number): string[] =>
    mean.map(
      (value, at) =>
        `${round(x(at, mean.length))},${round(y(Math.max(value + sign * (band[at] as number), 0)))}`,
    );
  const points = [...edge(1), ...edge(-1).reverse()];
  return `<polygon class="f${index}" fill-opacity="0.16" points="${points.join(" ")}"/>`;
}

function yAxis(yMax: number, y: (regret: number) => number): string[] {
  const step = tickStep(yMax);
  const lines: string[] = [];
  for (let tick = 0; tick <= yMax + step * 1e-9; tick += step) {
    const at = round(y(tick));
    const kind = tick === 0 ? "axis" : "grid";
    lines.push(
      `<line class="${kind}" x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}"/>`,
      `<text class="tick" x="${plot.left - 10}" y="${at + 4}" text-anchor="end">${grouped(tick)}</text>`,
    );
  }
  const middle = (plot.top + plot.bottom) / 2;
  lines.push(
    `<text class="tick" transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">regret (reward lost)</text>`,
  );
  return lines;
}

function xAxis(steps: number): string[] {
  const step = tickStep(steps);
  const lines: string[] = [];
  for (let tick = 0; tick <= steps + step * 1e-9; tick += step) {
    const at = round(plot.left + ((plot.right - plot.left) * tick) / steps);
    lines.push(
      `<line class="axis" x1="${at}" x2="${at}" y1="${plot.bottom}" y2="${plot.bottom + 5}"/>`,
      `<text class="tick" x="${at}" y="${plot.bottom + 21}" text-anchor="middle">${grouped(tick)}</text>`,
    );
  }
  const middle = (plot.left + plot.right) / 2;
  lines.push(
    `<text class="tick" x="${middle}" y="${plot.bottom + 44}" text-anchor="middle">decisions</text>`,
  );
  return lines;
}

function endLabel(curve: RegretCurve, index: number, place: { from: number; at: number }): string {
  const { from, at } = place;
  const text = `${curve.label}: ${Math.round(curve.mean.at(-1) as number)}`;
  return [
    `<polyline class="c${index}" fill="none" stroke-width="1" points="${plot.right},${round(from)} ${plot.right + 16},${round(at)} ${plot.right + 22},${round(at)}"/>`,
    `<text class="label f${index}" x="${plot.right + 26}" y="${round(at + 4.5)}">${escapeText(text)}</text>`,
  ].join("\n");
}

/** Beside the point where the curve goes out at the top. */
function leavingLabel(
  curve: RegretCurve,
  index: number,
  { x, yMax }: { x: Scales["x"]; yMax: number },
): string {
  const leaves = curve.mean.findIndex((value) => value > yMax);
  const text = `${curve.label}: ${Math.round(curve.mean.at(-1) as number)}`;
  return `<text class="label f${index}" x="${round(x(leaves, curve.mean.length) + 8)}" y="${plot.top + 14}">${escapeText(text)}</text>`;
}

/** Heights of the labels: each as near to its curve's end as the others allow, none on top of another. */
function placeLabels(
  curves: readonly RegretCurve[],
  endOf: (curve: RegretCurve) => number,
): number[] {
  const places = curves.map(endOf);
  const inside = curves
    .map((_, index) => index)
    .filter((index) => (places[index] as number) >= plot.top);
  inside.sort((a, b) => (places[b] as number) - (places[a] as number));
  let lowest = plot.bottom + 6;
  for (const index of inside) {
    places[index] = Math.min(places[index] as number, lowest);
    lowest = (places[index] as number) - labelHeight;
  }
  return places;
}

function description({ curves, steps }: RegretChart): string {
  const ends = curves.map(({ label, mean }) => `${label} ${Math.round(mean.at(-1) as number)}`);
  return `Mean regret after ${grouped(steps)} decisions: ${ends.join(", ")}.`;
}

/** 1, 2 or 5 times a power of ten, so that there are four to ten ticks. */
function tickStep(range: number): number {
  const power = 10 ** Math.floor(Math.log10(range / 4));
  return power * (range / power >= 20 ? 5 : range / power >= 8 ? 2 : 1);
}

function niceCeiling(value: number): number {
  const step = tickStep(value);
  return Math.ceil(value / step) * step;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-GB");
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
