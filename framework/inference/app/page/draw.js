// What is on the canvas is a list of strokes and images, so that the last one can be taken back.
const canvas = document.querySelector("canvas");
const pen = canvas.getContext("2d");
const find = (name) => document.querySelector("." + name);
const PEN_WIDTH = 20;
// What stands for an answer while more connections are open than the program takes.
const BUSY = null;
const PAUSE = 500; // ms
let items = [];
let stroke = null;
let question = 0;

function paint() {
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.lineWidth = PEN_WIDTH;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "black";
  for (const item of items) {
    if (item.picture) paintPicture(item.picture);
    else paintStroke(item.points);
  }
  find("undo").disabled = find("clear").disabled = items.length === 0;
}

function paintPicture(picture) {
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const width = picture.width * scale;
  const height = picture.height * scale;
  pen.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

function paintStroke(points) {
  pen.beginPath();
  pen.moveTo(...points[0]);
  // A line to where it begins is a dot.
  for (const point of points) pen.lineTo(...point);
  pen.stroke();
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
  stroke = { pointer: event.pointerId, points: [locate(event)] };
  items.push(stroke);
  paint();
});
canvas.addEventListener("pointermove", (event) => {
  if (stroke?.pointer !== event.pointerId) return;
  stroke.points.push(locate(event));
  paint();
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, (event) => {
    if (stroke?.pointer !== event.pointerId) return;
    stroke = null;
    read();
  });
}

find("undo").addEventListener("click", () => {
  items.pop();
  paint();
  read();
});
find("clear").addEventListener("click", () => {
  items = [];
  paint();
  read();
});
canvas.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) find("undo").click();
});

async function open(file) {
  if (!file) return;
  try {
    items = [{ picture: await createImageBitmap(file), file }];
  } catch {
    // The server reads formats that browsers do not show, and says what is no picture.
    items = [];
    paint();
    ask(file);
    return;
  }
  paint();
  read();
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
const chooser = document.querySelector("input");
chooser.addEventListener("change", () => {
  open(chooser.files[0]);
  chooser.value = "";
});

async function read() {
  if (items.length === 0) {
    question += 1;
    show(say(""));
    return;
  }
  // An image alone is read as its file, not as the canvas shows it.
  const alone = items.length === 1 && items[0].file;
  ask(alone || (await new Promise((resolve) => canvas.toBlob(resolve, "image/png"))));
}

async function ask(picture) {
  question += 1;
  const number = question;
  let answer = await post(picture);
  while (answer === BUSY && number === question) {
    show(say("The program is busy with other pages. Trying again ..."));
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (number === question) answer = await post(picture);
  }
  // Only the newest question counts, in whatever order the answers come.
  if (number === question) show(answer);
}

async function post(picture) {
  let response;
  try {
    response = await fetch("read", { method: "POST", body: picture });
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
  find("message").textContent = answer.message;
  find("text").textContent = answer.text;
  find("crops").replaceChildren(...answer.crops.map(makeCrop));
}

function make(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function makeCrop(crop) {
  const shares = crop.top.map((row) =>
    make(
      "div",
      { className: "share" },
      make("span", { textContent: row.class }),
      make("span", { textContent: (100 * row.probability).toFixed(1) + " %" }),
      make("meter", { value: row.probability }),
    ),
  );
  const picture = make("img", { src: crop.image, alt: "As the model sees it" });
  return make("figure", {}, picture, make("figcaption", { textContent: crop.predicted }), ...shares);
}

paint();
