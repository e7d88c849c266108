// What is on the canvas is a list of strokes and images, so that the last one can be taken back.
const canvas = document.querySelector("canvas");
const pen = canvas.getContext("2d");
const find = (name) => document.querySelector("." + name);
// Units of the canvas, wide on a desktop and square on a phone.
const WIDE = { width: 1200, height: 400, pen: 20 };
const SQUARE = { width: 800, height: 800, pen: 36 };
const narrow = window.matchMedia("(max-width: 640px)");
// The longest side of what is sent: enough to read, and quick to encode.
const SENT_SIDE = 640;
// What stands for an answer while more connections are open than the program takes.
const BUSY = null;
const PAUSE = 500; // ms
// The token of the server is after the # of the page's address, which no server ever sees.
const TOKEN = new URLSearchParams(location.hash.slice(1)).get("token");
const HEADERS = TOKEN ? { Authorization: `Bearer ${TOKEN}` } : {};
// Below this probability an answer is marked as a guess.
const SURE = 0.5;
let shape = WIDE;
let items = [];
let stroke = null;
// Counts what was taken back or opened: an answer to what was there before is not shown.
let edition = 0;
let asking = false;
let stale = false;

function fitCanvas() {
  shape = narrow.matches ? SQUARE : WIDE;
  canvas.width = shape.width;
  canvas.height = shape.height;
  paint();
  if (items.length > 0) read();
}
narrow.addEventListener("change", fitCanvas);

function paint() {
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "black";
  for (const item of items) {
    if (item.points) paintStroke(item);
    else if (item.picture) paintPicture(item.picture);
  }
  find("undo").disabled = find("clear").disabled = items.length === 0;
}

function paintPicture(picture) {
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const width = picture.width * scale;
  const height = picture.height * scale;
  pen.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

function paintStroke(item) {
  // In the middle, and as large as possible, if the canvas had another shape when it was drawn.
  const scale = Math.min(shape.width / item.shape.width, shape.height / item.shape.height);
  pen.save();
  pen.translate(shape.width / 2, shape.height / 2);
  pen.scale(scale, scale);
  pen.translate(-item.shape.width / 2, -item.shape.height / 2);
  pen.lineWidth = item.shape.pen;
  pen.beginPath();
  pen.moveTo(...item.points[0]);
  // A line to where it begins is a dot.
  for (const point of item.points) pen.lineTo(...point);
  pen.stroke();
  pen.restore();
}

function locate(event) {
  const box = canvas.getBoundingClientRect();
  return [
    ((event.clientX - box.left) * canvas.width) / box.width,
    ((event.clientY - box.top) * canvas.height) / box.height,
  ];
}

canvas.addEventListener("pointerdown", (event) => {
  // One stroke at a time: a second finger, or a palm, draws nothing.
  if (event.button !== 0 || stroke) return;
  canvas.setPointerCapture(event.pointerId);
  stroke = { pointer: event.pointerId, shape, points: [locate(event)] };
  items.push(stroke);
  paint();
});
canvas.addEventListener("pointermove", (event) => {
  if (stroke?.pointer !== event.pointerId) return;
  stroke.points.push(locate(event));
  paint();
  read();
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, (event) => {
    if (stroke?.pointer !== event.pointerId) return;
    stroke = null;
    read();
  });
}

function change(rest) {
  edition += 1;
  stroke = null;
  items = rest;
  paint();
  read();
}

find("undo").addEventListener("click", () => change(items.slice(0, -1)));
find("clear").addEventListener("click", () => change([]));
canvas.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) find("undo").click();
});

async function open(file) {
  if (!file) return;
  const opened = ++edition;
  // The server reads formats that browsers do not show, and says what is no picture.
  const picture = await createImageBitmap(file).catch(() => null);
  if (opened === edition) change([{ file, picture }]);
}
canvas.addEventListener("dragover", (event) => {
  event.preventDefault();
  canvas.classList.add("dropping");
});
canvas.addEventListener("dragleave", () => canvas.classList.remove("dropping"));
canvas.addEventListener("drop", (event) => {
  event.preventDefault();
  canvas.classList.remove("dropping");
  open(event.dataTransfer.files[0]);
});
// What is dropped beside the canvas would take the page's place in the browser.
for (const miss of ["dragover", "drop"]) {
  document.addEventListener(miss, (event) => event.preventDefault());
}
document.addEventListener("paste", (event) => open(event.clipboardData.files[0]));
for (const chooser of document.querySelectorAll("input")) {
  chooser.addEventListener("change", () => {
    open(chooser.files[0]);
    chooser.value = "";
  });
}

// Ask about the newest state: while an answer is awaited, further changes wait for it together.
async function read() {
  stale = asking;
  if (asking) return;
  asking = true;
  try {
    do {
      stale = false;
      await readOnce();
    } while (stale);
  } finally {
    asking = false;
  }
}

async function readOnce() {
  const asked = edition;
  if (items.length === 0) {
    show(say(""));
    return;
  }
  // An image alone is read as its file, not as the canvas shows it.
  const picture = (items.length === 1 && items[0].file) || (await encode());
  let answer = await post(picture);
  while (answer === BUSY) {
    show(say("The program is busy with other pages. Trying again ..."));
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (stale) return;
    answer = await post(picture);
  }
  if (asked === edition) show(answer);
}

function encode() {
  const scale = SENT_SIDE / Math.max(canvas.width, canvas.height);
  const small = document.createElement("canvas");
  small.width = canvas.width * scale;
  small.height = canvas.height * scale;
  const context = small.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, small.width, small.height);
  return new Promise((resolve) => small.toBlob(resolve, "image/png"));
}

async function post(picture) {
  let response;
  try {
    response = await fetch("read", { method: "POST", body: picture, headers: HEADERS });
  } catch {
    return say("The program that answers is gone. Start it again.");
  }
  if (response.status === 503) return BUSY;
  try {
    return await response.json();
  } catch {
    return say(`The program failed to answer (HTTP status ${response.status}).`);
  }
}

function say(message) {
  return { text: "", message, crops: [] };
}

function show(answer) {
  // The first dot of a stroke is nothing to read yet.
  if (stroke && answer.crops.length === 0) return;
  find("message").textContent = answer.message;
  const rows = [];
  for (const crop of answer.crops) (rows[crop.row] ??= []).push(crop);
  const text = rows.length > 1 ? rows.map(join).join("\n") : answer.text;
  const output = find("text");
  // A screen reader says the answer when the stroke is drawn, not on the way, and once.
  output.ariaLive = stroke || stale ? "off" : "polite";
  if (output.textContent !== text) output.textContent = text;
  find("crops").replaceChildren(
    ...rows.map((row) => make("div", { className: "row" }, ...row.map(makeCrop))),
  );
}

function join(row) {
  const names = row.map((crop) => (crop.known ? crop.predicted : "?"));
  return names.join(names.every((name) => name.length === 1) ? "" : " ");
}

function make(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function makeCrop(crop) {
  const shares = crop.top.map((row) => {
    const bar = make("span", {});
    bar.style.width = 100 * row.probability + "%";
    return make(
      "div",
      { className: "share" },
      make("span", { textContent: row.class }),
      make("span", { textContent: (100 * row.probability).toFixed(1) + " %" }),
      make("div", { className: "bar" }, bar),
    );
  });
  const picture = make("img", { src: crop.image, alt: "As the model sees it" });
  const sure = crop.known && crop.confidence >= SURE;
  const doubt = sure ? [] : [make("figcaption", { textContent: describeDoubt(crop) })];
  return make("figure", {}, picture, ...doubt, ...shares);
}

function describeDoubt(crop) {
  return crop.known ? "not sure" : `not sure, looks most like ${crop.top[0].class}`;
}

fitCanvas();
