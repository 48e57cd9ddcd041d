"use strict";

const MANY = 16;
const STAGES = ["receive", "decode", "queue", "compute", "other"];
const at = (id) => document.getElementById(id);
let image = null; // the Blob that was chosen last
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

/** One image through /predict: the answer, the time around it, and the stages that Server-Timing tells. */
async function predict(blob) {
  const headers = { "Content-Type": blob.type.startsWith("image/") ? blob.type : "application/octet-stream" };
  if (key) headers.Authorization = `Bearer ${key}`;
  const started = performance.now();
  let response;
  try {
    response = await fetch("predict", { method: "POST", body: blob, headers });
  } catch {
    throw new Error("The service can't be reached, or the file can't be read. Try again.");
  }
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

function showAnswer(answer, batches) {
  at("label").textContent = answer.label;
  at("bars").replaceChildren(...answer.top_k.map((item) => {
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

/** Send the image so many times at once, and show the last answer or what went wrong. */
async function ask(times = 1) {
  if (!image) return;
  at("result").setAttribute("aria-busy", "true");
  at("sample").disabled = at("many").disabled = true;
  let problem = null;
  try {
    const answers = await Promise.all(Array.from({ length: times }, () => predict(image)));
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
  image = blob;
  preview.hidden = true; // until it turns out to be an image
  preview.src = URL.createObjectURL(blob);
  ask();
}

at("preview").addEventListener("load", () => { at("preview").hidden = false; });
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
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); at("drop").classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); at("drop").classList.remove("over"); });
}
document.addEventListener("drop", (event) => { if (event.dataTransfer.files[0]) choose(event.dataTransfer.files[0]); });
