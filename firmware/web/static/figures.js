// Draws the figures' lines. Their words stand in the template, the numbers come as JSON, and the same
// numbers stand in the table behind each. Lines differ by their strokes too, not by colour alone.

const LOOKS = [
  { colour: "--ink", dash: [], width: 2 },
  { colour: "--accent", dash: [7, 4], width: 2 },
  { colour: "--alarm", dash: [2, 4], width: 3 },
];
const HEIGHT = 240;

const screen = document.querySelector("[data-lines]");
const charts = screen.querySelectorAll("[data-draws]");
const drawn = new Map();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function asClock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`;
}

function options(chart, labels, names) {
  const axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--edge"), width: 1 },
    ticks: { stroke: colour("--edge") },
    font: "14px system-ui, sans-serif",
  };
  const single = names.length === 1;
  return {
    width: chart.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [-0.5, labels.length - 0.5] },
      y: { range: (_plot, _least, most) => [0, Math.max(single ? 10 : 4, most * 1.1)] },
    },
    axes: [
      {
        ...axis,
        space: 90,
        incrs: [1, 2, 3, 5, 7, 10, 14, 20, 30],
        values: (_plot, at) => at.map((place) => labels[place] ?? ""),
      },
      {
        ...axis,
        size: 60,
        incrs: [1, 2, 5, 10, 15, 20, 30, 60, 100, 120, 200, 300, 500, 600, 1000, 2000, 5000],
        values: (_plot, at) => at.map((value) => ("clock" in chart.dataset ? asClock(value) : value)),
      },
    ],
    series: [
      {},
      ...names.map((_name, index) => ({
        stroke: colour(LOOKS[index].colour),
        width: LOOKS[index].width,
        dash: LOOKS[index].dash,
        points: { show: labels.length < 40, size: 6, fill: colour(LOOKS[index].colour) },
      })),
    ],
  };
}

function draw(chart, told) {
  const names = chart.dataset.draws.split(" ");
  const numbers = [told.labels.map((_label, place) => place), ...names.map((name) => told[name])];
  drawn.get(chart)?.destroy();
  drawn.set(chart, new uPlot(options(chart, told.labels, names), numbers, chart));
}

async function begin() {
  const answer = await fetch(screen.dataset.lines);
  if (!answer.ok) return; // the tables have it all
  const told = await answer.json();
  const all = () => charts.forEach((chart) => draw(chart, told));
  all();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  const watching = new ResizeObserver((seen) => {
    for (const { target } of seen) {
      const plot = drawn.get(target);
      if (plot && plot.width !== target.clientWidth) {
        plot.setSize({ width: target.clientWidth, height: HEIGHT });
      }
    }
  });
  charts.forEach((chart) => watching.observe(chart));
}

if (charts.length) begin();

// What is folded away would not be on the paper.
const opened = [];
addEventListener("beforeprint", () => {
  for (const behind of document.querySelectorAll("details.behind:not([open])")) {
    behind.open = true;
    opened.push(behind);
  }
});
addEventListener("afterprint", () => {
  while (opened.length) opened.pop().open = false;
});
