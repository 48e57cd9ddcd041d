"use strict";

const MANY = 16;
const STAGES = ["receive", "decode", "queue", "compute", "other"];
const at = (id) => document.getElementById(id);
const LONGEST = 8; // of a list of numbers, so many are shown
let item = null;  // the Blob that was chosen last
let model = "";   // the one to ask; none stands for the first
let key = "";     // kept in this page alone

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

class Refused extends Error {
  constructor(status, error) {
    super(`${error.message} ${error.remedy}`);
    this.status = status;
  }
}

/** A request to the service, with the key where there is one. */
async function request(path, options = {}) {
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  try {
    return await fetch(path, { ...options, headers });
  } catch {
    throw new Error("The service can't be reached, or the file can't be read. Try again.");
  }
}

/** One item through /predict: the answer, the time around it, and the stages that Server-Timing tells. */
async function predict(blob) {
  const known = typed || blob.type.startsWith("image/");
  const headers = { "Content-Type": known ? blob.type : "application/octet-stream" };
  const path = model ? `models/${encodeURIComponent(model)}/predict` : "predict";
  const started = performance.now();
  const response = await request(path, { method: "POST", body: blob, headers });
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    const unknown = { message: `The service answered ${response.status}.`, remedy: "Try again." };
    throw new Refused(response.status, body?.error ?? unknown);
  }
  const timing = response.headers.get("Server-Timing") ?? "";
  const stages = Object.fromEntries([...timing.matchAll(/(\w+);dur=([\d.]+)/g)].map((m) => [m[1], Number(m[2])]));
  return { ...body, stages, around: performance.now() - started };
}

function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** What is of the model in an answer, long lists cut short. */
function shortened(value) {
  if (Array.isArray(value) && value.length > LONGEST && typeof value[0] === "number")
    return `${value.slice(0, LONGEST).join(", ")}, ... (${value.length} numbers)`;
  if (Array.isArray(value)) return value.map(shortened);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shortened(inner)]));
  return value;
}

/** The objects in the picture, each where it is. */
function showBoxes(answer) {
  const { width, height } = answer.image ?? {};
  at("boxes").replaceChildren(...(answer.objects ?? []).map(({ label, box }) => {
    const made = element("span", "box", label);
    made.style.left = `${(100 * box.xmin) / width}%`;
    made.style.top = `${(100 * box.ymin) / height}%`;
    made.style.width = `${(100 * (box.xmax - box.xmin)) / width}%`;
    made.style.height = `${(100 * (box.ymax - box.ymin)) / height}%`;
    return made;
  }));
}

function headline(answer) {
  if (answer.label !== undefined) return answer.label;
  if (answer.objects) return answer.objects.length === 1 ? "1 object" : `${answer.objects.length} objects`;
  return "The answer";
}

function showAnswer(answer, batches) {
  const { model: asked, batch_size, timings_ms, stages, around, ...said } = answer;
  const ranked = answer.top_k ?? answer.objects;
  at("label").textContent = headline(answer);
  at("values").hidden = ranked !== undefined;
  at("values").textContent = ranked ? "" : JSON.stringify(shortened(said), null, 2);
  showBoxes(answer);
  at("bars").replaceChildren(...(ranked ?? []).map((item) => {
    const row = element("li", "");
    const track = element("div", "track");
    const fill = element("div", "fill");
    fill.style.width = `${item.score * 100}%`;
    track.append(fill);
    row.append(element("span", "name", item.label), element("span", "value", `${(item.score * 100).toFixed(1)} %`), track);
    return row;
  }));
  showTimings(answer.stages, answer.around);
  const sizes = [...new Set(batches)].sort((a, b) => a - b);
  at("batch").textContent = batches.length > 1
    ? `${batches.length} requests at once rode in batches of ${sizes.join(", ")}.`
    : answer.batch_size === 1 ? "It rode alone, in a batch of 1." : `It rode in a batch of ${answer.batch_size}.`;
  at("model").textContent = `${answer.model.name}, version ${answer.model.version}`;
}

function showTimings(stages, around) {
  const known = STAGES.slice(0, -1).reduce((sum, name) => sum + (stages[name] ?? 0), 0);
  const parts = { ...stages, other: Math.max(0, (stages.total ?? known) - known) };
  at("stages").replaceChildren(...STAGES.filter((name) => parts[name] > 0).map((name) => {
    const part = element("div", name);
    part.style.flexGrow = parts[name];
    return part;
  }));
  const rows = [...STAGES.map((name) => [name, parts[name]]), ["total", stages.total], ["round trip", around]];
  at("timings").replaceChildren(...rows.filter(([, value]) => value !== undefined).map(([name, value]) => {
    const row = element("div", "");
    if (STAGES.includes(name)) row.append(element("i", name));
    row.append(element("dt", "", name), element("dd", "", milliseconds(value)));
    return row;
  }));
}

/** Send the item so many times at once, and show the last answer or what went wrong. */
async function ask(times = 1) {
  if (!item) return;
  at("result").setAttribute("aria-busy", "true");
  at("sample").disabled = at("many").disabled = true;
  let problem = null;
  try {
    const answers = await Promise.all(Array.from({ length: times }, () => predict(item)));
    showAnswer(answers[answers.length - 1], answers.map((answer) => answer.batch_size));
  } catch (error) {
    problem = error;
  }
  at("idle").hidden = true;
  at("answer").hidden = problem !== null;
  at("error").hidden = problem === null;
  at("error").textContent = problem?.message ?? "";
  at("gate").hidden = ![401, 403].includes(problem?.status);
  at("sample").disabled = at("many").disabled = false;
  at("result").setAttribute("aria-busy", "false");
}

function choose(blob) {
  const preview = at("preview");
  if (preview.src) URL.revokeObjectURL(preview.src);
  item = blob;
  at("frame").hidden = true; // until it turns out to be an image
  at("boxes").replaceChildren();
  preview.src = URL.createObjectURL(blob);
  ask();
}

let typed = ""; // the type of what is typed in; none where the model takes pictures

/** Show what the chosen model takes: a picture, or something to type in. */
async function follow() {
  const response = model ? await request(`v2/models/${encodeURIComponent(model)}`) : null;
  const [input] = response?.ok ? (await response.json()).inputs : [{ name: "image" }];
  const pictures = input.name === "image";
  typed = pictures ? "" : input.datatype === "BYTES" ? "text/plain" : "application/json";
  at("ask").textContent = pictures ? "What is in the picture?" : "What does the model say?";
  at("words-label").textContent = typed === "text/plain" ? "Text" : "JSON, such as {\"inputs\": {...}}";
  at("words").hidden = pictures;
  at("drop").hidden = at("sample").hidden = !pictures;
}

/** Let people choose, where there are several models. */
async function listModels() {
  const response = await request("v1/models").catch(() => null);
  if (!response?.ok) return; // a key is needed, or the service is ending: the first ask tells
  const names = (await response.json()).data.map((listed) => listed.id);
  at("models").replaceChildren(...names.map((name) => new Option(name, name)));
  at("choice").hidden = names.length < 2;
  model = names[0];
  await follow();
}

at("models").addEventListener("change", (event) => {
  model = event.target.value;
  item = null;
  at("frame").hidden = at("many").disabled = true;
  follow();
});
at("words").addEventListener("submit", (event) => {
  event.preventDefault();
  item = new Blob([at("text").value], { type: typed });
  ask();
});
at("preview").addEventListener("load", () => { at("frame").hidden = false; });
at("file").addEventListener("change", (event) => {
  if (event.target.files[0]) choose(event.target.files[0]);
  event.target.value = ""; // the same file may be chosen again
});
at("sample").addEventListener("click", async () => choose(await (await fetch("page/photograph.jpg")).blob()));
at("many").addEventListener("click", () => ask(MANY));
at("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value;
  at("key").value = "";
  ask();
  if (!model) listModels();
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); at("drop").classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); at("drop").classList.remove("over"); });
}
document.addEventListener("drop", (event) => { if (event.dataTransfer.files[0] && !typed) choose(event.dataTransfer.files[0]); });
listModels();
