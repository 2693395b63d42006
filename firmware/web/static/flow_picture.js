// A flow drawn as boxes and arrows. Where each is drawn is found here each time and never stored.
// The picture is to be looked at and chosen from: one tab stop, arrow keys go to the nearest box,
// Enter opens what the box stands for. No words here: they come with the graph.
import { Graph, layout } from "./vendor/dagre.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 168; // of a box, in the picture's own units
const PAD = 12;
const LINE = 18; // from one line of words to the next
const TITLE_FONT = "600 14px system-ui, sans-serif";
const FONT = "13px system-ui, sans-serif";
const BOTH_WAYS_MOST = 60; // boxes: larger pictures are laid out once
const SMALLEST = 0.2;
const LEGIBLE = 0.75; // as small as it begins; what does not fit then is scrolled to
const LARGEST = 3;

const pen = document.createElement("canvas").getContext("2d");

export class Picture {
  constructor(figure, open) {
    this.canvas = figure.querySelector("[data-canvas]");
    this.open = open;
    this.scale = 0; // as it fits, and legible
    figure.querySelector("[data-zooms]").hidden = false;
    for (const button of figure.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoom(button.dataset.zoom));
    }
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("click", (event) => this.chosen(event));
    new ResizeObserver(() => this.size()).observe(this.canvas);
  }

  draw(graph) {
    const held = this.canvas.contains(document.activeElement)
      ? document.activeElement.dataset.id
      : null;
    this.laid = laidOut(graph, this.canvas.clientWidth || 600);
    const svg = make("svg", { role: "group", "aria-label": this.canvas.dataset.label });
    svg.setAttribute("viewBox", `0 0 ${this.laid.width} ${this.laid.height}`);
    svg.append(tip());
    for (const arrow of this.laid.arrows) svg.append(...drawnArrow(arrow));
    for (const box of this.laid.boxes) svg.append(drawnBox(box));
    this.canvas.replaceChildren(svg);
    this.svg = svg;
    this.size();
    const stop = this.box(held) ?? svg.querySelector("[aria-current]") ?? svg.querySelector("a");
    stop?.setAttribute("tabindex", "0");
    if (held && stop) stop.focus();
    else this.reveal(stop);
  }

  zoom(how) {
    const now = this.shown();
    if (how === "fit") this.scale = Math.max(SMALLEST, Math.min(1, this.fitting()));
    else this.scale = Math.min(LARGEST, Math.max(SMALLEST, how === "in" ? now * 1.25 : now / 1.25));
    this.size();
  }

  shown() {
    if (this.scale) return this.scale;
    return Math.min(1, Math.max(LEGIBLE, this.fitting()));
  }

  fitting() {
    return (this.canvas.clientWidth - 2) / this.laid.width;
  }

  size() {
    if (!this.svg) return;
    const scale = this.shown();
    this.svg.setAttribute("width", Math.floor(this.laid.width * scale));
    this.svg.setAttribute("height", Math.floor(this.laid.height * scale));
  }

  // The chosen box comes into sight, and the screen stays where it is.
  reveal(box) {
    if (!box) return;
    const { left, top, width, height } = box.getBoundingClientRect();
    const { canvas } = this;
    const frame = canvas.getBoundingClientRect();
    canvas.scrollLeft += left + width / 2 - frame.left - frame.width / 2;
    canvas.scrollTop += Math.max(0, top + height / 2 - frame.top - frame.height / 2);
  }

  box(id) {
    return id ? this.svg.querySelector(`a[data-id="${CSS.escape(id)}"]`) : null;
  }

  chosen(event) {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.open(link.getAttribute("href"));
  }

  key(event) {
    if (event.key === "+" || event.key === "-") return this.zoom(event.key === "+" ? "in" : "out");
    const towards = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = towards[event.key];
    const from = this.laid.boxes.find((box) => box.id === event.target.dataset?.id);
    if (!way || !from) return;
    event.preventDefault();
    const next = this.box(nearest(this.laid.boxes, from, way)?.id);
    if (!next) return;
    event.target.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }
}

// The box that is nearest in a direction; what lies aside counts twice.
function nearest(boxes, from, [right, down]) {
  let best = null;
  let least = Infinity;
  for (const box of boxes) {
    const ahead = (box.x - from.x) * right + (box.y - from.y) * down;
    const aside = Math.abs((box.x - from.x) * down) + Math.abs((box.y - from.y) * right);
    if (box !== from && ahead > 1 && ahead + 2 * aside < least) {
      best = box;
      least = ahead + 2 * aside;
    }
  }
  return best;
}

// Downwards or to the right, whichever can be read better in this room.
function laidOut(graph, room) {
  const down = laid(graph, "TB");
  if (down.width <= room || graph.boxes.length > BOTH_WAYS_MOST) return down;
  const right = laid(graph, "LR");
  return right.width < down.width ? right : down;
}

function laid(graph, rankdir) {
  const made = new Graph({ multigraph: false });
  made.setGraph({ rankdir, nodesep: 22, ranksep: 34, marginx: 8, marginy: 8 });
  made.setDefaultEdgeLabel(() => ({}));
  for (const box of graph.boxes) {
    const title = wrapped(box.title, TITLE_FONT);
    const kind = [...wrapped(box.kind, FONT), ...(box.told ? wrapped(box.told, FONT) : [])];
    const height = (title.length + kind.length) * LINE + PAD + 2;
    made.setNode(box.id, { ...box, titleLines: title, kindLines: kind, width: WIDE, height });
  }
  for (const arrow of graph.arrows) {
    const lines = wrapped(arrow.label, FONT);
    const width = Math.max(...lines.map((line) => wide(line, FONT)), 0) + 8;
    const size = { width, height: lines.length * LINE, labelpos: "c" };
    made.setEdge(arrow.from, arrow.to, { ...size, lines, mark: arrow.mark });
  }
  layout(made);
  const { width, height } = made.graph();
  return {
    width: Math.max(width || 0, WIDE + 16),
    height: Math.max(height || 0, 60),
    boxes: made.nodes().map((id) => made.node(id)),
    arrows: made.edges().map((edge) => made.edge(edge)),
  };
}

function wide(text, font) {
  pen.font = font;
  return pen.measureText(text).width;
}

// In lines that fit a box; what cannot be parted at a space is parted where it must be.
function wrapped(text, font) {
  const lines = [];
  let line = "";
  for (let word of text.split(/\s+/).filter(Boolean)) {
    while (wide(word, font) > WIDE - 2 * PAD && word.length > 1) {
      let at = word.length - 1;
      while (at > 1 && wide(word.slice(0, at), font) > WIDE - 2 * PAD) at -= 1;
      if (line) lines.push(line);
      lines.push(word.slice(0, at));
      line = "";
      word = word.slice(at);
    }
    const longer = line ? `${line} ${word}` : word;
    if (line && wide(longer, font) > WIDE - 2 * PAD) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return line || !lines.length ? [...lines, line] : lines;
}

function drawnBox(box) {
  const link = make("a", {
    href: box.href,
    "aria-label": box.label,
    "data-id": box.id,
    "data-what": box.what,
    tabindex: "-1",
    class: ["box", box.told && "faulty", box.isApart && "apart", box.isStart && "start"]
      .filter(Boolean)
      .join(" "),
  });
  if (box.isChosen) link.setAttribute("aria-current", "true");
  if (box.mark) link.dataset.mark = box.mark; // beside another version
  const left = box.x - box.width / 2;
  const top = box.y - box.height / 2;
  const { width, height } = box;
  link.append(make("rect", { x: left, y: top, width, height, rx: box.isStart ? 20 : 8 }));
  const lines = [
    ...box.titleLines.map((text) => [text, "title"]),
    ...box.kindLines.map((text) => [text, "kind"]),
  ];
  lines.forEach(([text, kind], at) => {
    // The space parts what is drawn in lines for whoever has it read aloud.
    link.append(words(`${text} `, box.x, top + PAD / 2 + LINE * (at + 0.75), kind));
  });
  return link;
}

function drawnArrow({ points, lines, x, y, width, height, mark }) {
  const line = { class: "arrow", d: path(points), "marker-end": "url(#arrow-tip)" };
  const drawn = [make("path", line)];
  if (lines.length && lines[0]) {
    const behind = { x: x - width / 2, y: y - height / 2, width, height, class: "behind", rx: 4 };
    drawn.push(make("rect", behind));
    lines.forEach((text, at) => {
      drawn.push(words(text, x, y - height / 2 + LINE * (at + 0.75), "way"));
    });
  }
  for (const each of drawn) each.setAttribute("aria-hidden", "true");
  if (mark) for (const each of drawn) each.dataset.mark = mark;
  return drawn;
}

// Straight at both ends, and round between them.
function path(points) {
  const [first, ...rest] = points;
  const last = rest.pop();
  let drawn = `M${first.x},${first.y}`;
  rest.forEach((point, at) => {
    const next = rest[at + 1] ?? last;
    const end = at === rest.length - 1 ? last : middle(point, next);
    drawn += ` Q${point.x},${point.y} ${end.x},${end.y}`;
  });
  return rest.length ? drawn : `${drawn} L${last.x},${last.y}`;
}

function middle(one, other) {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}

function tip() {
  const defs = make("defs", {});
  const size = { markerWidth: 8, markerHeight: 8, refX: 7, refY: 4, orient: "auto" };
  const marker = make("marker", { id: "arrow-tip", markerUnits: "userSpaceOnUse", ...size });
  marker.append(make("path", { class: "tip", d: "M0,0 L8,4 L0,8 Z" }));
  defs.append(marker);
  return defs;
}

function words(text, x, y, kind) {
  const made = make("text", { x, y, class: kind, "text-anchor": "middle" });
  made.textContent = text;
  return made;
}

function make(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
