// Menus drawn beside another version, with what differs marked.
import { Picture } from "./flow_picture.js";

for (const figure of document.querySelectorAll("figure[data-graph]")) {
  const drawn = new Picture(figure, (href) => href !== "#" && location.assign(href));
  drawn.draw(JSON.parse(figure.dataset.graph));
}
