// The first page: drop a video, see what there is.
import { $, ask, clock, keepTheme, make, passes, send, switchTheme, tell } from "./talking.js";

const ASKED_ELSEWHERE = new Set(["ask", "custom"]); // these need more than a click
const RUNNING = new Set(["queued", "sampling", "analyzing"]);
const REFRESH_MS = 1500;
const PAGE = 24, MOST = 200; // timelines that are asked for at once
const state = { next: null, sending: null, away: false, cards: new Map() };

// -- sending ------------------------------------------------------------------------------------------------------

// Without a key the server does not say; once more when one was shown.
async function drawTasks() {
  const { tasks } = await ask("/v1/limits").catch(() => ({ tasks: ["events", "objects", "text"] }));
  for (const earlier of $("tasks").querySelectorAll(".chip")) earlier.remove();
  for (const task of tasks.filter((each) => !ASKED_ELSEWHERE.has(each))) {
    const box = make("input", { type: "checkbox", name: "task", value: task, checked: ["events", "objects", "text"].includes(task) });
    $("tasks").append(make("label", { className: "chip" }, box, task));
  }
}

// What happened this year needs no year.
function when(seconds) {
  const then = new Date(seconds * 1000), year = then.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return then.toLocaleString([], { year, month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
}

function wanted() {
  const form = new FormData($("new")), request = { tasks: form.getAll("task"), frames: Number(form.get("frames")) };
  if (!request.tasks.length) throw new Error("Choose at least one thing to find.");
  for (const name of ["start", "end"]) if (form.get(name).trim()) request[name] = form.get(name).trim();
  const tags = form.get("taxonomy").split(",").map((tag) => tag.trim()).filter(Boolean);
  if (tags.length) request.taxonomy = tags;
  return request;
}

// XMLHttpRequest, since fetch does not tell how much has been sent.
async function upload(files) {
  await drawn; // a file may be dropped before there is anything to choose from
  if (state.sending || !files.length) return;
  const body = new FormData();
  try {
    body.append("request", JSON.stringify(wanted()));
  } catch (error) {
    $("files").value = ""; // or choosing the same file again would be no change
    tell($("problem"), error);
    return;
  }
  for (const file of files) body.append("video", file, file.name);
  const request = new XMLHttpRequest();
  const ended = (error) => {
    state.sending = null;
    $("sending").hidden = true;
    $("files").value = "";
    tell($("problem"), error);
  };
  request.upload.onprogress = (step) => { $("sent").value = step.total ? step.loaded / step.total : 0; };
  request.onload = () => {
    if (request.status < 300) location.href = `/timelines/${JSON.parse(request.responseText).id}`;
    else {
      let problem = null;
      try { problem = JSON.parse(request.responseText); } catch { /* not from us */ }
      ended(new Error(problem?.detail ?? `The server answered with status ${request.status}.`));
    }
  };
  request.onerror = () => ended(new Error("The server does not answer, or the file is larger than it accepts."));
  request.onabort = () => ended(null);
  request.open("POST", "/v1/timelines");
  request.send(body);
  state.sending = request;
  tell($("problem"), null);
  $("sent").value = 0;
  $("sending-name").textContent = files.length === 1 ? files[0].name : `${files.length} pictures`;
  $("sending").hidden = false;
}

$("files").onchange = () => upload([...$("files").files]);
$("stop").onclick = () => state.sending?.abort();
$("files").onkeydown = (press) => { if (press.key === "Enter" || press.key === " ") { press.preventDefault(); $("files").click(); } };
for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (drag) => { drag.preventDefault(); $("drop").classList.add("over"); });
for (const name of ["dragleave", "drop"]) document.addEventListener(name, (drag) => { drag.preventDefault(); $("drop").classList.remove("over"); });
document.addEventListener("drop", (drop) => upload([...drop.dataTransfer.files]));
$("new").onsubmit = (submit) => submit.preventDefault();

// -- what there is ------------------------------------------------------------------------------------------------

function card(job) {
  const running = RUNNING.has(job.status), done = job.status === "complete" || job.status === "partial";
  const picture = make("div", { className: "picture" });
  if (done || job.progress >= 0.3) picture.append(make("img", { src: `${job.links.self}/keyframes/0.jpg`, alt: "", loading: "lazy" }));
  if (job.duration_seconds) picture.append(make("span", { className: "length", textContent: clock(job.duration_seconds) }));
  const words = job.error && job.status === "failed" ? job.error.message : job.summary;
  const remove = make("button", { type: "button", className: "quiet remove", textContent: "×", title: "Delete" });
  remove.setAttribute("aria-label", `Delete ${job.name}`);
  remove.onclick = async () => {
    if (!confirm(`Delete ${job.name}, its video and its timeline?`)) return;
    await send(job.links.self, "DELETE").catch((error) => tell($("problem"), error));
    refresh();
  };
  const status = make("span", { className: `badge ${job.status}`, textContent: job.status });
  return make("li", { className: "card entry" },
    make("a", { href: `/timelines/${job.id}` }, picture,
      make("b", { textContent: job.name }),
      running ? make("progress", { max: 1, value: job.progress, ariaLabel: "Progress" }) : null,
      words ? make("span", { className: "words", textContent: words }) : null),
    make("div", { className: "foot" }, status,
      make("time", { textContent: when(job.created_at) }), remove));
}

// A card stays as long as nothing of its job changes, and with it its picture and what is focused in it.
function cardOf(job) {
  const said = JSON.stringify(job), kept = state.cards.get(job.id);
  if (kept?.said === said) return kept.card;
  const fresh = card(job), focused = kept?.card.contains(document.activeElement) ? document.activeElement.tagName : null;
  kept?.card.replaceWith(fresh);
  if (focused) fresh.querySelector(focused).focus({ preventScroll: true });
  state.cards.set(job.id, { said, card: fresh });
  return fresh;
}

function place(cards) {
  const list = $("timelines"), wanted = new Set(cards);
  for (const each of [...list.children]) if (!wanted.has(each)) each.remove();
  cards.forEach((each, at) => { if (list.children[at] !== each) list.insertBefore(each, list.children[at] ?? null); });
  for (const [id, { card }] of state.cards) if (!card.isConnected) state.cards.delete(id);
}

// All that is shown is asked for again, also what is older.
async function refresh(cursor = null) {
  const limit = cursor ? PAGE : Math.min(MOST, Math.max(PAGE, $("timelines").childElementCount));
  const query = new URLSearchParams({ limit, ...(cursor ? { cursor } : {}) });
  if ($("search").value.trim()) query.set("q", $("search").value.trim());
  clearTimeout(state.timer);
  let page;
  try {
    page = await ask(`/v1/timelines?${query}`);
  } catch (error) {
    if (error.status === 401) showKey();
    else tell($("problem"), error);
    state.away = passes(error);
    if (state.away) again();
    return;
  }
  if (state.away) tell($("problem"), null);
  state.away = false;
  const cards = page.items.map(cardOf);
  place(cursor ? [...$("timelines").children, ...cards] : cards);
  state.next = page.next;
  $("older").hidden = !page.next;
  $("nothing").hidden = $("timelines").childElementCount > 0;
  $("nothing").textContent = $("search").value.trim() ? "Nothing matches." : "None yet. Drop a video above.";
  if ($("timelines").querySelector("progress")) again();
}

function again() {
  clearTimeout(state.timer);
  state.timer = setTimeout(refresh, REFRESH_MS);
}

$("older").onclick = () => refresh(state.next);
$("search").oninput = () => { clearTimeout(state.typing); state.typing = setTimeout(refresh, 200); };

// -- coming in ----------------------------------------------------------------------------------------------------

function showKey() {
  $("key").hidden = false;
  $("new").hidden = true;
}

$("key").onsubmit = async (submit) => {
  submit.preventDefault();
  const form = $("key"), problem = form.querySelector(".problem");
  try {
    await ask("/v1/session", { method: "POST", body: new URLSearchParams(new FormData(form)) });
    form.hidden = true;
    $("new").hidden = false;
    tell(problem, null);
    drawn = drawTasks();
    refresh();
  } catch (error) {
    tell(problem, error);
  }
};

keepTheme();
$("theme").onclick = switchTheme;
let drawn = drawTasks();
refresh();
