"use strict";
// The page: sends a plan, draws what the server found on it, and asks again when a threshold or the scale changes.
// Names from files and models reach the page as text nodes and attributes only, never as HTML.
const $ = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const LAYERS = [["picture", "Plan", ""], ["rooms", "Rooms", "--room"], ["walls", "Walls", "--wall"],
  ["openings", "Doors, windows", "--opening"], ["labels", "Numbers", ""]];
const NAMES = {geojson: "GeoJSON", svg: "SVG", dxf: "DXF", areas: "Areas (CSV)", csv: "Boxes (CSV)"};
let model = null, file = null, plan = null, view = null, size = null, redraw = null, sending = null, timer = null;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
function shape(name, attributes, title) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (title) made.append(Object.assign(document.createElementNS(SVG, "title"), {textContent: title}));
  return made;
}
function say(text, kind = "") {
  clearInterval(timer);
  $("status").textContent = text;
  $("status").className = kind;
}
async function ask(url, options) {
  let answer;
  try { answer = await fetch(url, options); } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer: is it still running in its terminal?");
  }
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.error), {status: answer.status});
  return content;
}

async function send(chosen, page = 1) {
  if (!chosen || !model) return;
  if (chosen.size > model.most_bytes) {
    return say(`${chosen.name} has ${chosen.size.toLocaleString()} bytes, more than the ${model.most_bytes.toLocaleString()} that are read.`, "wrong");
  }
  sending?.abort();
  const mine = sending = new AbortController();
  const start = Date.now(), query = new URLSearchParams({name: chosen.name, page});
  say(`Looking for walls and rooms on ${chosen.name} …`, "busy");
  timer = setInterval(() => {
    $("status").textContent = `Looking for walls and rooms on ${chosen.name} … ${Math.round((Date.now() - start) / 1000)} s`;
  }, 1000);
  for (;;) {
    try {
      const found = await ask(`/plans?${query}`, {method: "POST", body: chosen, signal: mine.signal});
      file = chosen;
      return await show(found, (Date.now() - start) / 1000);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error.status !== 503) return say(error.message, "wrong");
      await new Promise(done => setTimeout(done, 700));  // the plan before is still being predicted on
      if (mine.signal.aborted) return;
    }
  }
}
async function show(found, seconds) {
  plan = found;
  view = null;
  stopMeasuring();
  $("drop").hidden = true;
  $("choose").hidden = $("result").hidden = false;
  $("name").textContent = plan.name;
  $("pages").hidden = plan.pages < 2;
  $("page").replaceChildren(...Array.from({length: plan.pages}, (_, i) => element("option", {value: i + 1}, `${i + 1} of ${plan.pages}`)));
  $("page").value = plan.page;
  document.title = `${plan.name} – walls and rooms`;
  await draw();
  if (!$("status").classList.contains("wrong")) {
    say(`Done in ${seconds.toFixed(1)} s${plan.tiles ? `, on ${plan.tiles} overlapping tiles` : ""}.`);
  }
}

function settings() {
  const query = new URLSearchParams({thresholds: JSON.stringify(sliders().map(slider => Number(slider.value)))});
  if (Number($("scale").value) > 0) query.set("scale", $("scale").value);
  return query;
}
const sliders = () => [...$("sliders").querySelectorAll("input")];
async function draw() {
  if (!plan) return;
  redraw?.abort();
  redraw = new AbortController();
  const query = settings(), id = plan.id;
  for (const link of $("downloads").children) link.href = `/plans/${id}/files/${link.dataset.format}?${query}`;
  try {
    paint(await ask(`/plans/${id}/drawing?${query}`, {signal: redraw.signal}), id);
  } catch (error) {
    if (error.status === 410 && file) return send(file, plan.page);  // forgotten: the browser still has it
    if (error.name !== "AbortError") say(error.message, "wrong");
  }
}
function paint(drawing, id) {
  const {features, picture} = drawing.plan, scaled = picture.metres_per_pixel !== null;
  const groups = Object.fromEntries(LAYERS.map(([name]) => [name, shape("g", {class: `layer-${name}`})]));
  size = [picture.width, picture.height];
  const old = $("canvas").querySelector("image");
  groups.picture.append(old?.dataset.plan === id ? old : Object.assign(shape("image",
    {class: "picture", width: size[0], height: size[1], preserveAspectRatio: "none", href: `/plans/${id}/picture`, "data-plan": id})));
  const of = kind => features.filter(feature => feature.id.startsWith(kind));
  const rows = of("room-").map((room, index) => {
    const {area_px, area_m2, outline, score} = room.properties, boxed = outline === "box";
    const area = scaled ? `${area_m2.toFixed(1)} m²` : `${Math.round(area_px).toLocaleString()} px²`;
    const path = room.geometry.coordinates.map(ring => `M${ring.map(point => point.join(" ")).join("L")}Z`).join("");
    const note = boxed ? "box only: walls do not close it" : "walls all around";
    const drawn = shape("path", {class: boxed ? "room box" : "room", d: path}, `Room ${index + 1}: ${area}, ${note}, score ${score}`);
    const [x, y] = drawing.labels[index];
    groups.rooms.append(drawn);
    groups.labels.append(Object.assign(shape("text", {x, y}), {textContent: scaled ? `${index + 1}: ${area}` : index + 1}));
    const row = element("tr", {}, element("td", {}, `Room ${index + 1}`),
      element("td", boxed ? {class: "kind", title: note} : {}, boxed ? "box only" : ""), element("td", {}, area));
    row.onpointerenter = () => drawn.classList.add("lit");
    row.onpointerleave = () => drawn.classList.remove("lit");
    return row;
  });
  of("wall-").forEach((wall, index) => {
    const {thickness_px, thickness_m, score} = wall.properties, [x0, y0, x1, y1] = drawing.bodies[index];
    const thick = scaled ? `${thickness_m.toFixed(2)} m` : `${thickness_px.toFixed(1)} px`;
    const drawn = shape("g", {class: "wall"}, `Wall ${index + 1}: ${thick} thick, score ${score}`);
    const [[ax, ay], [bx, by]] = wall.geometry.coordinates;
    drawn.append(shape("rect", {x: x0, y: y0, width: x1 - x0, height: y1 - y0}), shape("line", {x1: ax, y1: ay, x2: bx, y2: by}));
    groups.walls.append(drawn);
  });
  for (const opening of of("opening-")) {
    const ring = opening.geometry.coordinates[0].map(point => point.join(" ")).join("L");
    groups.openings.append(shape("path", {class: "opening", d: `M${ring}Z`}, `${opening.properties.class}, score ${opening.properties.score}`));
  }
  $("canvas").replaceChildren(...Object.values(groups));
  $("canvas").style.setProperty("--aspect", size[0] / size[1]);
  if (!view) fit();
  $("rooms").replaceChildren(...rows);
  $("rooms-section").hidden = !rows.length;
  const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
  const openings = of("opening-").length;
  $("counts").textContent = [count(of("wall-").length, "wall"), count(rows.length, "room"),
    ...(openings ? [count(openings, "door or window")] : [])].join(", ") + ` from ${count(drawing.boxes, "box").replace("boxs", "boxes")}`;
  const notes = [...picture.notes];
  if (drawing.full) notes.push("The model found as many objects as it can, so there may be more: predict on it in a terminal with --tile.");
  $("notes").replaceChildren(...notes.map(note => element("p", {}, note)));
  showLayers();
}
function showLayers() {
  for (const box of $("layers").querySelectorAll("input")) {
    const group = $("canvas").querySelector(`.layer-${box.value}`);
    if (group) group.style.display = box.checked ? "" : "none";
  }
}

// The view: drag, wheel, two fingers, buttons.
const pointers = new Map();
let measured = null;
function setView(next) {
  view = next;
  $("canvas").setAttribute("viewBox", view.join(" "));
  $("canvas").style.setProperty("--pixel", 1 / $("canvas").getScreenCTM().a);  // of the screen, in those of the plan
}
function fit() { const edge = Math.max(...size) * .02; setView([-edge, -edge, size[0] + 2 * edge, size[1] + 2 * edge]); }
function place(x, y) { return new DOMPoint(x, y).matrixTransform($("canvas").getScreenCTM().inverse()); }
function zoom(factor, x, y) {
  const box = $("canvas").getBoundingClientRect(), at = place(x ?? box.x + box.width / 2, y ?? box.y + box.height / 2);
  const width = Math.min(Math.max(view[2] * factor, 20), 4 * Math.max(...size));
  const by = width / view[2];
  setView([at.x - (at.x - view[0]) * by, at.y - (at.y - view[1]) * by, width, view[3] * by]);
}
const canvas = $("canvas");
new ResizeObserver(() => view && setView(view)).observe(canvas);
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 200), event.clientX, event.clientY);
}, {passive: false});
canvas.addEventListener("pointerdown", event => {
  if (measured) return measure(place(event.clientX, event.clientY));
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, event);
  canvas.classList.add("dragged");
});
canvas.addEventListener("pointermove", event => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const other = [...pointers.values()].find(each => each.pointerId !== event.pointerId);
  if (other) {
    const far = each => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY) || 1;
    zoom(far(before) / far(event), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
  } else {
    const from = place(before.clientX, before.clientY), to = place(event.clientX, event.clientY);
    setView([view[0] + from.x - to.x, view[1] + from.y - to.y, view[2], view[3]]);
  }
  pointers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, event => { pointers.delete(event.pointerId); canvas.classList.toggle("dragged", pointers.size > 0); });
}
canvas.addEventListener("keydown", event => {
  const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
  if (step) setView([view[0] + step[0] * view[2] / 10, view[1] + step[1] * view[3] / 10, view[2], view[3]]);
  else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? .8 : 1.25);
  else return;
  event.preventDefault();
});
$("closer").onclick = () => zoom(.75);
$("farther").onclick = () => zoom(1 / .75);
$("fit").onclick = fit;

// The scale: two points, and how far apart they are.
function stopMeasuring() {
  measured = null;
  $("measure").setAttribute("aria-pressed", "false");
  $("hint").hidden = $("known").hidden = true;
  canvas.classList.remove("measuring");
  canvas.querySelector(".measure")?.remove();
}
$("measure").onclick = () => {
  if (measured || !$("known").hidden) return stopMeasuring();
  measured = [];
  $("measure").setAttribute("aria-pressed", "true");
  canvas.classList.add("measuring");
  $("hint").textContent = "Touch the two ends of a length that you know.";
  $("hint").hidden = false;
};
function measure(point) {
  measured.push(point);
  const [from, to = from] = measured;
  canvas.querySelector(".measure")?.remove();
  canvas.append(shape("line", {class: "measure", x1: from.x, y1: from.y, x2: to.x, y2: to.y, "stroke-linecap": "round"}));
  if (measured.length < 2) return;
  $("known").dataset.pixels = Math.hypot(to.x - from.x, to.y - from.y);
  measured = null;
  $("hint").hidden = true;
  $("known").hidden = false;
  $("length").focus();
}
$("known").onsubmit = event => {
  event.preventDefault();
  const metres = Number($("length").value) / Number($("known").dataset.pixels);
  if (Number.isFinite(metres) && metres > 0) $("scale").value = Number(metres.toPrecision(5));
  stopMeasuring();
  draw();
};
$("scale").onchange = draw;

function setUp(about) {
  model = about;
  $("sliders").replaceChildren(...model.classes.map(({name, threshold}) => {
    const slider = element("input", {type: "range", min: model.lowest, max: .99, step: .01, value: threshold, "data-own": threshold});
    const output = element("output", {}, threshold.toFixed(2));
    slider.oninput = () => {
      output.textContent = Number(slider.value).toFixed(2);
      $("reset").disabled = sliders().every(each => each.value === each.defaultValue);
      draw();
    };
    slider.step = "any";
    slider.value = threshold;
    return element("label", {}, element("span", {}, name), output, slider);
  }));
  $("reset").onclick = () => { for (const slider of sliders()) { slider.value = slider.dataset.own; slider.oninput(); } $("reset").disabled = true; };
  $("box-only").style.setProperty("--swatch", "var(--box)");
  const opens = model.classes.some(({name}) => /^(doors?|windows?)$/i.test(name.trim()));
  $("layers").replaceChildren(...LAYERS.filter(([name]) => opens || name !== "openings").map(([name, title, colour]) => {
    const box = element("input", {type: "checkbox", value: name, checked: ""});
    box.onchange = showLayers;
    const swatch = element("i");
    if (colour) swatch.style.setProperty("--swatch", `var(${colour})`);
    return element("label", {}, box, ...(colour ? [swatch] : []), title);
  }));
  $("downloads").replaceChildren(...model.files.map(format => element("a", {"data-format": format, download: "", href: "#"}, NAMES[format] ?? format)));
}
for (const input of document.querySelectorAll("input[type=file]")) {
  input.onchange = () => { send(input.files[0]); input.value = ""; };
}
$("page").onchange = () => send(file, Number($("page").value));
document.ondragover = event => { event.preventDefault(); document.body.classList.add("over"); };
document.ondragleave = event => { if (!event.relatedTarget) document.body.classList.remove("over"); };
document.ondrop = event => { event.preventDefault(); document.body.classList.remove("over"); send(event.dataTransfer.files[0]); };
ask("/model").then(setUp).catch(error => say(error.message, "wrong"));
