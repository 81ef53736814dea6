// One timeline: follow its job while it runs, then hand the document to page.js, which draws it.
import { $, ask, clock, keepTheme, make, passes, save, send, switchTheme, tell } from "./talking.js";

const id = location.pathname.split("/").pop();
const base = `/v1/timelines/${id}`;
const AGAIN_MS = 3000; // as browsers wait before they come back to a stream
const READY = new Set(["complete", "partial"]);
const STAGES = {
  queued: "Waiting for a free worker …", sampling: "Watching the video and choosing keyframes …",
  analyzing: "Looking at the keyframes …",
};

// -- a job on its way ---------------------------------------------------------------------------------------------

let stream = null;

function drawJob(job) {
  document.title = `${job.name}: ${job.status}`;
  $("job-name").textContent = job.name;
  drawProgress(job);
  drawPreview(job);
  const ended = job.status === "failed" || job.status === "cancelled", [gone, there] = ended ? ["cancel", "retry"] : ["retry", "cancel"];
  const focused = document.activeElement === $(gone);
  $(gone).hidden = true;
  $(there).hidden = false;
  if (focused) $(there).focus(); // who works by keyboard stays where they were
  $("progress").hidden = $("percent").hidden = ended;
  if (ended) $("stage").textContent = job.status === "failed" ? "This did not work." : "Cancelled.";
  tell($("problem"), job.status === "failed" ? job.error : null);
}

// What was sent can be watched while it is worked on, where the browser can play it.
function drawPreview(job) {
  if (!job.links.video || $("preview").childElementCount) return;
  const video = make("video", { src: job.links.video, controls: true, playsInline: true, muted: true, preload: "metadata", ariaLabel: job.name });
  video.onloadeddata = () => { $("preview").hidden = false; };
  $("preview").append(video);
}

function drawProgress({ progress, status }) {
  $("progress").value = progress;
  $("percent").textContent = `${Math.round(progress * 100)} %`;
  $("stage").textContent = STAGES[status] ?? "";
}

function drawFound(event) {
  $("found").prepend(make("li", {}, make("time", { textContent: clock(event.start_seconds) }),
    make("span", { textContent: event.description || event.label })));
}

// The browser comes back by itself with the last number it saw, so nothing is missed and nothing told twice.
function follow() {
  stream?.close();
  $("found").replaceChildren();
  stream = new EventSource(`${base}/events`);
  stream.addEventListener("progress", (message) => drawProgress(JSON.parse(message.data)));
  stream.addEventListener("event", (message) => drawFound(JSON.parse(message.data)));
  for (const kind of ["done", "failed"]) stream.addEventListener(kind, open);
  stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) open(); };
}

async function open() {
  let job;
  try {
    job = await ask(base);
  } catch (error) {
    stream?.close();
    if (error.status === 401) location.href = "/";
    const missing = error.status === 404 || error.status === 422; // 422: no timeline can have such a name
    tell($("problem"), missing ? new Error("There is no timeline at this address. It may have been deleted.") : error);
    $("progress").hidden = $("percent").hidden = missing;
    $("stage").textContent = "";
    $("cancel").hidden = true;
    if (passes(error)) setTimeout(open, AGAIN_MS);
    return;
  }
  if (READY.has(job.status)) {
    stream?.close();
    show(job);
    return;
  }
  drawJob(job);
  if (job.status === "failed" || job.status === "cancelled") stream?.close();
  else if (!stream || stream.readyState === EventSource.CLOSED) follow();
}

const trying = (problem, work) => async () => {
  tell(problem, null);
  try {
    await work();
  } catch (error) {
    tell(problem, error);
    problem.scrollIntoView({ block: "nearest" }); // on a phone it may lie below what is seen
  }
};
$("cancel").onclick = trying($("problem"), async () => drawJob(await send(`${base}/cancel`, "POST")));
$("retry").onclick = trying($("problem"), async () => { drawJob(await send(`${base}/retry`, "POST")); follow(); });

// -- a finished timeline ------------------------------------------------------------------------------------------

function show(job) {
  document.body.className = "";
  $("job").remove();
  if (job.links.video && !job.timeline.media.container.includes("image")) {
    const player = make("video", { id: "player", src: job.links.video, controls: true, playsInline: true, preload: "auto", ariaLabel: job.name });
    player.muted = true;
    player.onerror = () => player.remove();
    if (matchMedia("(hover: hover)").matches) {
      // A paused player's controls hide what is being looked at: they come with the pointer.
      player.controls = false;
      $("picture").onpointerenter = () => { player.controls = true; };
      $("picture").onpointerleave = () => { player.controls = false; };
    }
    $("picture").append(player);
  }
  $("document").textContent = JSON.stringify(job.timeline);
  document.body.append(make("script", { src: "/static/page.js" }));
  $("export").onchange = trying($("refused"), async () => {
    const form = $("export").value;
    $("export").value = "";
    if (form) await save(`${job.links.export}?format=${form}`);
  });
  drawReviews(job);
  offerQuestions();
  document.title = `${job.name}: timeline`;
}

// Stretches that moderation was unsure of: a person decides.
function drawReviews(job) {
  const open = job.timeline.results.moderation?.review ?? [];
  $("reviews").hidden = !open.length;
  const decided = new Map(job.reviews.map((review) => [review.item, review]));
  $("reviews-count").textContent = `Review: ${open.filter((_, number) => decided.has(number)).length} of ${open.length} decided`;
  $("reviews-list").replaceChildren(...open.map((item, number) => {
    const review = decided.get(number), note = make("input", { value: review?.note ?? "", placeholder: "Note", maxLength: 2000 });
    const problem = make("p", { className: "problem", role: "alert", hidden: true });
    note.setAttribute("aria-label", `Note on ${item.clause}`);
    const jump = make("button", { type: "button", className: "jump", textContent: `${clock(item.start_seconds)} ${item.clause}` });
    jump.onclick = () => window.seek(item.start_seconds);
    const decide = (verdict) => {
      const button = make("button", { type: "button", textContent: verdict, className: verdict });
      button.ariaLabel = `${verdict}: ${item.clause} at ${clock(item.start_seconds)}`;
      button.setAttribute("aria-pressed", String(review?.verdict === verdict));
      button.onclick = trying(problem, async () => drawReviews(await send(`${base}/reviews/${item.id ?? number}`, "PUT", { verdict, note: note.value })));
      return button;
    };
    return make("li", {}, jump, make("span", { textContent: item.reason }), make("span", { className: "decision" }, note, decide("allow"), decide("block")), problem);
  }));
}

// Questions: each is a job of its own over the same keyframes.
async function offerQuestions() {
  const [limits, earlier] = await Promise.all([ask("/v1/limits"), ask(`/v1/timelines?parent=${id}`)]);
  $("ask").hidden = !limits.remote_model;
  for (const job of earlier.items.reverse()) drawAnswer(await ask(job.links.self));
}

function drawAnswer(job) {
  const said = job.timeline?.results.ask, box = $(`answer-${job.id}`) ?? make("div", { id: `answer-${job.id}`, className: "answer" });
  const jump = (index) => {
    const frame = keyframes.find((each) => each.index === index);
    const button = make("button", { type: "button", className: "jump", textContent: clock(frame?.time_seconds ?? 0) });
    button.onclick = () => frame && window.seek(frame.time_seconds);
    return button;
  };
  const steps = (said?.reasoning ?? []).map((step) => make("li", {}, `${step.step} `, ...step.keyframes.map(jump)));
  box.replaceChildren(make("b", { textContent: job.request.ask }),
    make("p", { textContent: job.error?.message ?? (said ? (said.not_visible ? `Not visible. ${said.answer}` : said.answer) : "Looking …") }),
    make("ol", {}, ...steps));
  if (!box.isConnected) $("answers").prepend(box);
}

// An answer outlives a server that begins anew while it is waited for.
async function asked(path) {
  for (;;) {
    try {
      return await ask(path);
    } catch (error) {
      if (!passes(error)) throw error;
      await new Promise((wake) => { setTimeout(wake, AGAIN_MS); });
    }
  }
}

$("ask").onsubmit = async (submit) => {
  submit.preventDefault();
  const question = $("question").value.trim();
  if (!question) return;
  try {
    let job = await send(`${base}/questions`, "POST", { question });
    $("question").value = "";
    drawAnswer(job);
    while (!job.finished_at) drawAnswer(job = await asked(`${job.links.self}?wait=20`));
  } catch (error) {
    $("answers").prepend(make("p", { className: "problem", textContent: error.message }));
  }
};

// page.js has a switch of its own, which forgets; ours keeps the choice.
keepTheme();
$("theme").addEventListener("click", (click) => { click.stopImmediatePropagation(); switchTheme(); }, { capture: true });
open();
