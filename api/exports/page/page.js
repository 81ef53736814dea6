"use strict";
// Draws one timeline document. Every text goes through textContent, so nothing in it can act as markup.
const timeline = JSON.parse(document.getElementById("document").textContent);
const { media, keyframes, shots, events, results, coverage } = timeline;
const duration = Math.max(media.duration_seconds, 0.001);
const $ = (id) => document.getElementById(id);
// A page that has the video itself brings a player of that id; without one the keyframes are shown.
const player = $("player");
const state = { time: 0, frame: null, event: null, tab: "Events", search: "", zoom: 1, boxes: true };

// -- small tools ------------------------------------------------------------------------------------------------------

function make(kind, properties = {}, ...children) {
  const { style = {}, tint, data, ...rest } = properties;
  const element = Object.assign(document.createElement(kind), rest);
  Object.assign(element.style, style);
  if (tint) element.style.setProperty("--tint", tint);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function clock(seconds, decimals = 1) {
  const scale = 10 ** decimals, ticks = Math.round(seconds * scale), whole = Math.floor(ticks / scale);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const part = decimals ? "." + String(ticks % scale).padStart(decimals, "0") : "";
  return (hours ? `${hours}:${two(minutes)}` : minutes) + `:${two(whole % 60)}${part}`;
}

const lasting = (seconds) => `${(Math.round(seconds * 10) / 10).toFixed(1)} s`;
const span = (thing) => `${clock(thing.start_seconds)} – ${clock(thing.end_seconds)}`;
const percent = (seconds) => `${(100 * Math.min(Math.max(seconds / duration, 0), 1)).toFixed(4)}%`;
const sure = (confidence) => (confidence === null ? "" : `${Math.round(confidence * 100)} %`);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const shotAt = (time) => shots.find((shot) => time < shot.end_seconds) ?? shots[shots.length - 1];
const picture = (frame) => (/^(data:image\/|\/v1\/)/.test(frame.image ?? "") ? frame.image : null);
const byIndex = new Map(keyframes.map((frame) => [frame.index, frame]));
const framesOf = (indexes) => indexes.map((index) => byIndex.get(index)).filter(Boolean);

function frameAt(time) {
  const inShot = framesOf(shotAt(time)?.keyframes ?? []);
  const choice = inShot.length ? inShot : keyframes;
  const away = (frame) => Math.abs(frame.time_seconds - time);
  return choice.reduce((best, frame) => (away(frame) < away(best) ? frame : best), choice[0]);
}

const hue = (degrees) => `light-dark(oklch(0.76 0.12 ${degrees}), oklch(0.51 0.13 ${degrees}))`;
const tracks = [...new Set(events.map((event) => event.track))];
const tintOf = new Map(tracks.map((track, i) => [track, hue((250 + i * 137.5) % 360)]));
const tint = (track) => tintOf.get(track) ?? "var(--accent)";

// -- what the lists hold: {start, end, title, more, sure, measure, tint, event, frames, tables} ------------------------------------------

const instancesOf = (element, title, extra = {}) => element.instances.map((each) => ({
  start: each.start_seconds, end: each.end_seconds, title, frames: each.keyframes, ...extra,
}));
const described = new Map((results.describe?.shots ?? []).map((each) => [each.shot, each.description]));
const reasons = {
  only: "the only picture", first: "first keyframe", last: "last keyframe", shot: "stands for its shot", change: "something changes",
  settled: "a change has come to rest", coverage: "fills a long gap", uniform: "evenly spaced", interval: "at the interval asked for",
  zoom: "a closer look",
};
const begins = { start: "begins the video", cut: "after a cut", gradual: "after a gradual transition" };
const entry = (thing, title, extra) => ({ start: thing.start_seconds, end: thing.end_seconds, title, ...extra });
const whole = { start: 0, end: duration, frames: [] };
const things = new Map((results.objects?.tracks ?? []).map((track) => [track.id, `${track.label} ${track.id}`]));
const thing = (id) => things.get(id) ?? id;
// Tables of a page are shown as such; its Markdown holds them once more.
const withoutTables = (markdown) => markdown.split("\n").filter((line) => !line.trimStart().startsWith("|")).join("\n").trim();
const lists = {
  Answer: !results.ask ? [] : [
    { ...whole, ...instancesOf(results.ask, "")[0], title: `${results.ask.not_visible ? "Not visible. " : ""}${results.ask.answer}`,
      more: results.ask.question, sure: results.ask.confidence },
    ...results.ask.reasoning.map((step) => {
      const seen = framesOf(step.keyframes).map((frame) => frame.time_seconds);
      return { start: seen[0] ?? 0, end: seen.at(-1) ?? duration, title: step.step, frames: step.keyframes, more: "reasoning" };
    }),
  ],
  Events: events.map((event) => entry(event, event.description || event.label, {
    more: event.description ? event.label : "", sure: event.confidence, tint: tint(event.track), event,
    frames: event.evidence,
  })),
  Shots: shots.map((shot) => entry(shot, described.get(shot.index) || `Shot ${shot.index}`, {
    more: `${begins[shot.transition]}, ${plural(shot.keyframes.length, "keyframe")}`, frames: shot.keyframes,
  })),
  Chapters: (results.describe?.chapters ?? []).map((part) => entry(part, part.title, { more: part.description })),
  Text: (results.text ?? []).flatMap((text) => instancesOf(text, text.text, { sure: text.confidence })),
  Tags: (results.tags ?? []).flatMap((tag) => instancesOf(tag, tag.tag, { sure: tag.confidence })),
  Objects: [
    ...(results.objects?.tracks ?? []).flatMap((track) =>
      instancesOf(track, track.label, { more: track.id, sure: track.confidence })),
    ...(results.objects?.relations ?? []).flatMap((each) =>
      instancesOf(each, `${thing(each.subject)} ${each.relation} ${thing(each.object)}`, { more: "relation" })),
  ],
  Moderation: !results.moderation ? [] : [
    { ...whole, title: results.moderation.verdict, more: `the video as a whole, by the policy ${results.moderation.policy}` },
    ...results.moderation.clauses.flatMap((clause) => {
      const said = { more: [clause.verdict, clause.explanation].filter(Boolean).join(": "), sure: clause.confidence, measure: "likelihood" };
      return clause.instances.length ? instancesOf(clause, clause.id, said) : [{ ...whole, title: clause.id, ...said }];
    }),
  ],
};
for (const page of results.documents ?? []) {
  const values = Object.entries(page.fields).map(([name, value]) => `${name}: ${value}`);
  const more = [...values, page.tables.length ? withoutTables(page.markdown) : page.markdown].filter(Boolean).join("\n");
  lists.Documents = [...lists.Documents ?? [], ...instancesOf(page, page.title || "Untitled", { more, tables: page.tables })];
}
if (results.custom) {
  const { text, ...others } = results.custom;
  const said = typeof text === "string" && !Object.keys(others).length ? text : JSON.stringify(results.custom, null, 2);
  lists.Custom = [{ ...whole, title: said }];
}
for (const part of results.custom_parts ?? []) {
  lists.Custom = [...lists.Custom ?? [], { ...whole, title: JSON.stringify(part, null, 2) }];
}
for (const name of Object.keys(lists)) if (name !== "Events" && !lists[name].length) delete lists[name];
for (const [name, list] of Object.entries(lists)) if (name !== "Answer") list.sort((a, b) => a.start - b.start);
// What was asked for is seen first: shots are there always.
state.tab = lists.Answer ? "Answer" : Object.keys(lists).find((name) => name !== "Shots" && lists[name].length) ?? "Events";
const wordsOf = (item) => [item.title, item.more, item.event?.track, ...(item.tables ?? []).flatMap((each) => [each.columns, ...each.rows]).flat()];
const found = (item) => !state.search || wordsOf(item).join(" ").toLowerCase().includes(state.search);

// -- head, stage and lists ----------------------------------------------------------------------------------------------

function drawHead() {
  $("name").textContent = media.name;
  $("facts").textContent = [clock(duration), `${media.width} × ${media.height}`, media.codec,
    media.frame_count !== 1 && media.average_fps >= 0.005 ? `${+media.average_fps.toFixed(2)} fps` : "", plural(shots.length, "shot"),
    plural(events.length, "event"), `${coverage.keyframes_analyzed} of ${coverage.keyframes} keyframes looked at by ${timeline.model.name}`]
    .filter(Boolean).join(" · ");
  $("status").textContent = timeline.status;
  $("status").classList.add(timeline.status);
  $("summary").textContent = timeline.summary;
  $("summary").hidden = !timeline.summary;
  for (const cut of ["name", "facts"]) $(cut).title = $(cut).textContent;
  drawNotices();
}

// What a reader must know before they rely on the rest; all of it is under About.
function drawNotices() {
  const unseen = coverage.gaps.map((gap) => `Not looked at: ${span(gap)} (${gap.reason.replaceAll("_", " ")})`);
  const said = [...unseen, ...timeline.warnings.map((warning) => warning.message)], shown = said.slice(0, said.length > 3 ? 2 : 3);
  const more = make("button", { type: "button", textContent: `${said.length - shown.length} more` });
  more.onclick = () => { openTab("About"); focusTab(); };
  $("notices").replaceChildren(...shown.map((text) => make("li", { textContent: text })), ...(said.length > shown.length ? [make("li", {}, more)] : []));
  $("notices").hidden = !said.length;
}

function boxesOn(frame) {
  const ofEvents = events.flatMap((event) => event.boxes.filter((box) => box.keyframe === frame.index)
    .map((box) => ({ ...box, tint: tint(event.track), chosen: event === state.event, unnamed: event.track === "text" && event !== state.event })));
  const ofText = (results.text ?? []).filter((text) => text.instances.some((each) => each.keyframes.includes(frame.index)))
    .map((text) => ({ box: text.box, label: text.text, tint: "#f3d36b", faint: true, unnamed: true }));
  const ofTracks = (results.objects?.tracks ?? []).flatMap((track) => track.boxes
    .filter((box) => box.keyframe === frame.index).map((box) => ({ ...box, label: track.label, tint: "#7fd1c7" })));
  const unique = new Map([...ofText, ...ofTracks, ...ofEvents].map((box) => [box.label + box.box.map((n) => n.toFixed(2)), box]));
  return [...unique.values()].filter((box) => !state.event?.boxes.length || box.chosen || box.faint);
}

function drawStage() {
  const frame = state.frame, figure = $("picture");
  if (!frame) return;
  figure.style.aspectRatio = `${frame.width} / ${frame.height}`;
  figure.style.width = `min(100cqw, ${(100 * frame.width / frame.height).toFixed(3)}cqh)`;
  const name = `Keyframe ${frame.index} at ${clock(frame.time_seconds)}`;
  const still = picture(frame) ? make("img", { src: picture(frame), alt: name })
    : make("div", { className: "absent" }, make("b", { textContent: clock(frame.time_seconds) }), "picture not stored");
  const image = player ?? still, onIt = !player || (player.paused && Math.abs(state.time - frame.time_seconds) < 0.05);
  const boxes = state.boxes && onIt ? boxesOn(frame).map(({ box: [x0, y0, x1, y1], label, tint: colour, faint, unnamed }) =>
    make("div", {
      className: `box${faint ? " faint" : ""}${y0 < 0.06 ? " low" : ""}`, tint: colour,
      style: { left: `${100 * x0}%`, top: `${100 * y0}%`, width: `${100 * (x1 - x0)}%`, height: `${100 * (y1 - y0)}%` },
    }, unnamed ? null : make("span", { textContent: label }))) : []; // a name beside each text would hide the text above it
  if (image.parentElement !== figure) figure.replaceChildren(image);
  while (image.nextSibling) image.nextSibling.remove();
  figure.append(...boxes);
  $("now").replaceChildren(clock(state.time), make("small", {
    textContent: `keyframe ${frame.index} at ${clock(frame.time_seconds, 2)} · shot ${frame.shot} · ${reasons[frame.reason] ?? frame.reason}`,
  }));
  $("now").ariaLive = player && !player.paused ? "off" : "polite"; // a screen reader is not to read a running clock
}

function drawTabs() {
  const names = [...Object.keys(lists), "About"];
  const held = $("tabs").querySelector(":focus-visible"); // who clicked goes on with the keys of the page
  $("tabs").replaceChildren(...names.map((name) => {
    const tab = make("button", { type: "button", textContent: lists[name] ? `${name} ${lists[name].filter(found).length}` : name });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "list");
    tab.setAttribute("aria-selected", String(name === state.tab));
    tab.tabIndex = name === state.tab ? 0 : -1; // the arrows lead to the others
    tab.onclick = () => openTab(name);
    if (name === state.tab) $("list").setAttribute("aria-label", name);
    return tab;
  }));
  if (held) focusTab();
}

const focusTab = () => $("tabs").querySelector("[aria-selected=true]").focus();

function openTab(name) {
  state.tab = name;
  drawTabs();
  drawList();
}

function stepTab(by) {
  const names = [...Object.keys(lists), "About"];
  openTab(names[(names.indexOf(state.tab) + by + names.length) % names.length]);
}

function drawRow(item) {
  const chosen = item.event && item.event === state.event;
  const row = make("button", { type: "button", className: `row${chosen ? " chosen" : ""}`, tint: item.tint },
    make("time", { textContent: item.start === item.end ? clock(item.start) : `${clock(item.start)} – ${clock(item.end)}` }),
    make("span", { className: "what", textContent: item.title }),
    make("span", { className: "sure", textContent: sure(item.sure ?? null), title: item.measure ?? "confidence" }),
    item.more ? make("span", { className: "more", textContent: item.more }) : null);
  row.dataset.start = item.event ? item.event.start_range_seconds[0] : item.start;
  row.dataset.end = item.event ? item.event.end_range_seconds[1] : item.end;
  if (chosen) {
    const [earliest, latest] = item.event.start_range_seconds, [from, until] = item.event.end_range_seconds;
    row.append(make("span", { className: "more", textContent:
      `starts between ${clock(earliest)} and ${clock(latest)}, ends between ${clock(from)} and ${clock(until)}; `
      + `${item.event.confidence_kind}, ${item.event.source}` }));
    row.append(make("span", { className: "evidence" }, ...framesOf(item.frames).slice(0, 12).filter(picture)
      .map((frame) => make("img", { src: picture(frame), alt: `keyframe ${frame.index}` }))));
  }
  row.onclick = () => (item.event ? choose(item.event) : seek(framesOf(item.frames ?? [])[0]?.time_seconds ?? item.start));
  return item.tables?.length ? make("div", {}, row, ...item.tables.map(drawTable)) : row;
}

function drawTable({ columns, rows }) {
  const line = (kind, cells) => make("tr", {}, ...cells.map((cell) => make(kind, { textContent: cell })));
  return make("div", { className: "grid" }, make("table", {},
    make("thead", {}, line("th", columns)), make("tbody", {}, ...rows.map((cells) => line("td", cells)))));
}

// One row is a stop for the Tab key, the arrows lead to the others.
function rowsForKeys() {
  const rows = [...$("list").querySelectorAll(".row")], stop = rows.find((row) => row.matches(".chosen")) ?? rows[0];
  for (const row of rows) row.tabIndex = row === stop ? 0 : -1;
  return rows;
}

function stepRow(by) {
  const rows = rowsForKeys(), next = rows[rows.indexOf(document.activeElement) + by];
  next?.focus();
}

function drawList() {
  if (state.tab === "About") {
    $("list").replaceChildren(drawAbout());
    $("count").textContent = "";
    return;
  }
  const items = lists[state.tab].filter(found), held = [...$("list").querySelectorAll(".row")].indexOf(document.activeElement);
  $("list").replaceChildren(...(items.length ? items.map(drawRow)
    : [make("p", { className: "nothing", textContent: state.search ? "Nothing matches." : nothing() })]));
  const rows = rowsForKeys();
  if (held >= 0) (rows.find((row) => row.matches(".chosen")) ?? rows[held])?.focus(); // who is in the list stays in it
  $("count").textContent = state.search ? `${items.length} of ${lists[state.tab].length}` : "";
  mark();
}

function nothing() {
  if (coverage.keyframes && !coverage.keyframes_analyzed) return "Nothing was looked at, so nothing was found.";
  return coverage.gaps.length ? "Nothing was found in what was looked at." : "Nothing was found.";
}

function drawAbout() {
  const facts = [["file", `${media.name}, ${media.bytes.toLocaleString("en")} bytes`], ["sha-256", media.sha256],
    ["container", `${media.container}, ${media.codec}`], ["first frame", clock(media.start_seconds, 3)],
    ["frames", `${media.frame_count ?? "unknown"}${media.variable_frame_rate ? ", variable frame rate" : ""}`],
    ["taken from the header", media.guessed.join(", ") || "nothing"],
    ["asked", JSON.stringify(timeline.request)], ["model", `${timeline.model.name} (${timeline.model.backend})`],
    ["longest stretch unseen", lasting(coverage.longest_unseen_seconds)],
    ...coverage.gaps.map((gap) => ["not looked at", `${span(gap)}: ${gap.reason.replaceAll("_", " ")}`]),
    ["took", `${timeline.usage.wall_seconds.toFixed(1)} s`], ["timeline", timeline.id]];
  return make("dl", { className: "about" },
    ...timeline.warnings.map((warning) => make("dd", { className: "warning", textContent: `⚠ ${warning.message}` })),
    ...facts.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
}

// -- lanes --------------------------------------------------------------------------------------------------------------

function lane(name, className = "", colour = null) {
  const body = make("div", { className: "body" });
  const label = make("div", { className: "label", title: name, tint: colour }, colour ? make("i") : null, make("span", { textContent: name }));
  $("canvas").append(make("div", { className: `lane ${className}` }, label, body));
  return body;
}

function bar(className, start, end, row, text, pressed) {
  const button = make("button", {
    type: "button", className: `span ${className}`, tabIndex: -1, // for pointers; for keys there is the list
    style: { left: percent(start), width: `calc(${percent(end - start)} - 1px)`, top: `${row * 1.6 + 0.25}rem` },
  }, make("span", { textContent: text }));
  button.onclick = (click) => { click.stopPropagation(); pressed(click); };
  return button;
}

// From nothing at the earliest moment to solid at the latest, and the same at the other end.
function softened(event, button) {
  const [from, sureFrom] = event.start_range_seconds, [sureUntil, until] = event.end_range_seconds;
  const width = Math.max(until - from, 1e-6), colour = tint(event.track);
  const at = (time) => `${(100 * Math.min(Math.max((time - from) / width, 0), 1)).toFixed(2)}%`;
  const [a, b] = [Math.min(sureFrom, sureUntil), Math.max(sureFrom, sureUntil)];
  const clear = `color-mix(in oklab, ${colour} 14%, transparent)`;
  button.style.background = `linear-gradient(90deg, ${a > from ? clear : colour}, ${colour} ${at(a)}, ${colour} ${at(b)}, ${b < until ? clear : colour})`;
  return button;
}

// Overlapping spans of one track go into rows below each other (greedy interval partitioning).
function rowsOf(items) {
  const ends = [];
  return items.map((event) => {
    let row = ends.findIndex((end) => end <= event.start_range_seconds[0]);
    if (row < 0) row = ends.length;
    ends[row] = event.end_range_seconds[1];
    return [event, row, ends];
  });
}

const bars = new Map();
let strip, ruler, over;

function drawLanes() {
  ruler = lane("", "ruler");
  strip = lane(plural(keyframes.length, "keyframe"), "strip");
  const shotLane = lane(plural(shots.length, "shot"));
  shotLane.style.height = "1.9rem";
  shotLane.append(...shots.map((shot) => bar(`shot ${shot.transition}`, shot.start_seconds, shot.end_seconds, 0,
    described.get(shot.index) || String(shot.index), (click) => seek(timeOf(click)))));
  for (const track of tracks) {
    const body = lane(track, "", tint(track));
    const rows = rowsOf(events.filter((event) => event.track === track));
    for (const [event, row] of rows) {
      const [start, end] = [event.start_range_seconds[0], event.end_range_seconds[1]];
      const button = softened(event, bar("event", start, end, row, event.label, () => choose(event)));
      button.setAttribute("aria-label", `${event.description || event.label}, ${span(event)}`);
      button.event = event;
      bars.set(event, button);
      body.append(button);
    }
    body.style.height = `${rows[0][2].length * 1.6 + 0.3}rem`;
  }
  over = make("div", { className: "over" },
    ...coverage.gaps.map((gap) => make("div", { className: "gap", title: gap.reason,
      style: { left: percent(gap.start_seconds), width: percent(gap.end_seconds - gap.start_seconds) } })),
    make("div", { className: "hover", hidden: true }), make("div", { className: "head" }));
  $("canvas").append(over);
}

function drawRuler() {
  const wanted = Math.max(over.clientWidth / 90, 1);
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200]
    .find((each) => duration / each <= wanted) ?? 14400;
  const ticks = [];
  for (let i = 0; i * step < duration - step * 0.6; i++) {
    ticks.push(make("span", { className: "tick", textContent: clock(i * step, step < 1 ? 1 : 0), style: { left: percent(i * step) } }));
  }
  ticks.push(make("span", { className: "tick last", textContent: clock(duration), style: { left: "100%" } }));
  ruler.replaceChildren(...ticks);
}

// As many pictures as fit side by side; the others keep their mark.
function drawStrip() {
  const room = strip.clientWidth, height = 3.1 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  let free = 0;
  strip.replaceChildren();
  for (const frame of keyframes) {
    const width = Math.min(height * frame.width / frame.height, room), share = (pixels) => `${(100 * pixels / room).toFixed(4)}%`;
    const left = Math.min(Math.max(frame.time_seconds / duration * room - width / 2, 0), room - width);
    const chosen = frame === state.frame ? " chosen" : "";
    if (left >= free) {
      free = left + width + 3;
      const style = { left: share(left), width: share(width) }; // paper is narrower than the screen
      strip.append(picture(frame) ? make("img", { src: picture(frame), alt: "", className: chosen, style })
        : make("div", { className: `absent${chosen}`, style }));
    }
    strip.append(make("i", { className: `mark${chosen}`, style: { left: percent(frame.time_seconds) } }));
  }
}

// -- moving about -------------------------------------------------------------------------------------------------------

function mark() {
  for (const row of document.querySelectorAll(".row")) {
    row.classList.toggle("current", row.dataset.start <= state.time && state.time < row.dataset.end);
  }
  for (const [event, button] of bars) {
    button.classList.toggle("chosen", event === state.event);
    button.classList.toggle("filtered", !found({ title: event.description, more: event.label, event }));
  }
  over.querySelector(".head").style.left = percent(state.time);
}

function seek(time, event = null) {
  state.time = Math.min(Math.max(time, 0), duration);
  state.frame = (event && framesOf(event.evidence).find((frame) => frame.time_seconds === time)) ?? frameAt(state.time);
  const redraw = event !== state.event;
  state.event = event;
  if (player && Math.abs(player.currentTime - state.time) > 0.001) player.currentTime = state.time;
  drawStage();
  drawStrip();
  if (redraw) drawList();
  mark();
}

// While the video plays, everything follows it; the event that was chosen stays chosen until it is over.
function follow() {
  const time = player.currentTime, before = state.frame;
  if (player.paused && Math.abs(time - state.time) < 0.05) return;
  state.time = Math.min(time, duration);
  state.frame = frameAt(state.time);
  if (state.event && !(state.event.start_range_seconds[0] <= time && time < state.event.end_range_seconds[1])) {
    state.event = null;
    drawList();
  }
  drawStage();
  if (state.frame !== before) drawStrip();
  mark();
  if (player.paused) return;
  const list = $("list"), current = list.querySelector(".row.current");
  if (current && !list.matches(":hover, :focus-within")) list.scrollTop = current.offsetTop - list.offsetTop - 8;
}

function play() {
  if (!player) return;
  if (player.paused) player.play().catch(() => {});
  else player.pause();
}

function choose(event) {
  if (state.tab !== "Events") openTab("Events");
  seek(framesOf(event.evidence)[0]?.time_seconds ?? event.start_seconds, event);
  document.querySelector(".row.chosen")?.scrollIntoView({ block: "nearest" });
  bars.get(event).scrollIntoView({ block: "nearest", inline: "nearest" });
}

function step(by) {
  const frame = keyframes[keyframes.indexOf(state.frame) + by];
  if (!frame) return;
  seek(frame.time_seconds);
  reveal();
}

// Zoomed in, the place that is looked at may lie outside of what is shown of the lanes.
function reveal() {
  const view = $("scroller"), gutter = over.offsetLeft, at = gutter + over.clientWidth * state.time / duration;
  if (at < view.scrollLeft + gutter || at > view.scrollLeft + view.clientWidth - 8) view.scrollLeft = at - (view.clientWidth + gutter) / 2;
}

function stepEvent(by) {
  const shown = lists.Events.filter(found).map((item) => item.event);
  const at = shown.indexOf(state.event);
  const next = at >= 0 ? shown[at + by] : by > 0 ? shown.find((event) => event.start_seconds >= state.time) ?? shown[0] : shown[shown.length - 1];
  if (next) choose(next);
}

function zoom(factor) {
  const middle = $("scroller").scrollLeft + $("scroller").clientWidth / 2, before = $("canvas").clientWidth;
  state.zoom = Math.min(Math.max(state.zoom * factor, 1), 64);
  $("canvas").style.setProperty("--zoom", state.zoom);
  $("scroller").scrollLeft = middle * $("canvas").clientWidth / before - $("scroller").clientWidth / 2;
  drawRuler();
  drawStrip();
}

const timeOf = (pointer) => {
  const { left, width } = over.getBoundingClientRect();
  return Math.min(Math.max((pointer.clientX - left) / width, 0), 1) * duration;
};

function hover(pointer) {
  const time = timeOf(pointer), frame = frameAt(time), event = pointer.target.event, line = over.querySelector(".hover");
  line.hidden = false;
  line.style.left = percent(time);
  const words = event ? [make("b", { textContent: event.description || event.label }), make("br"), `${span(event)} ${sure(event.confidence)}`]
    : [make("b", { textContent: clock(time) }), frame ? ` · keyframe at ${clock(frame.time_seconds)}` : ""];
  $("tip").replaceChildren(frame && picture(frame) ? make("img", { src: picture(frame), alt: "" }) : "", ...words);
  $("tip").hidden = false;
  const { offsetWidth: width, offsetHeight: height } = $("tip");
  $("tip").style.left = `${Math.min(Math.max(pointer.clientX - width / 2, 8), innerWidth - width - 8)}px`;
  $("tip").style.top = `${Math.max(over.getBoundingClientRect().top - height - 10, 8)}px`;
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  root.dataset.theme = (root.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
}

const keys = {
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => stepEvent(-1), ArrowDown: () => stepEvent(1),
  Home: () => seek(0), End: () => seek(duration), "+": () => zoom(1.6), "=": () => zoom(1.6), "-": () => zoom(1 / 1.6),
  " ": play, "/": () => $("search").focus(), b: () => { state.boxes = !state.boxes; drawStage(); }, t: theme,
};

document.addEventListener("keydown", (press) => {
  if (press.target === $("search")) {
    if (press.key === "Escape") { press.target.value = ""; press.target.oninput(); press.target.blur(); }
    return;
  }
  if (press.ctrlKey || press.metaKey || press.altKey || !keys[press.key]) return;
  const within = press.target.closest?.("#tabs, #list")?.id, aside = { ArrowLeft: -1, ArrowRight: 1 }[press.key], along = { ArrowUp: -1, ArrowDown: 1 }[press.key];
  if (within === "tabs" && aside) { press.preventDefault(); stepTab(aside); return; }
  if (within === "list" && along && state.tab !== "Events") { press.preventDefault(); stepRow(along); return; }
  if (press.target.closest?.("input, textarea, select, [contenteditable]")) return;
  if (press.key === " " && press.target.closest?.("button, a, summary")) return;
  press.preventDefault();
  keys[press.key]();
});
$("search").oninput = () => { state.search = $("search").value.trim().toLowerCase(); drawTabs(); drawList(); mark(); };
$("previous").onclick = () => step(-1);
$("next").onclick = () => step(1);
$("in").onclick = () => zoom(1.6);
$("out").onclick = () => zoom(1 / 1.6);
$("theme").onclick = theme;
$("canvas").onclick = (click) => { if (!click.target.closest(".label")) seek(timeOf(click)); };
$("canvas").onpointermove = (pointer) => { if (pointer.pointerType === "mouse") hover(pointer); };
$("canvas").onpointerleave = () => { $("tip").hidden = true; over.querySelector(".hover").hidden = true; };
$("scroller").addEventListener("wheel", (wheel) => {
  if (!wheel.ctrlKey) return;
  wheel.preventDefault();
  zoom(wheel.deltaY < 0 ? 1.2 : 1 / 1.2);
}, { passive: false });

if (player) {
  const tick = () => { follow(); if (!player.paused) requestAnimationFrame(tick); };
  player.onplay = tick;
  for (const name of ["pause", "seeked", "timeupdate"]) player.addEventListener(name, () => { follow(); drawStage(); });
}

drawHead();
drawTabs();
drawLanes();
drawList();
new ResizeObserver(() => { drawRuler(); drawStrip(); }).observe($("scroller"));
seek(keyframes[0]?.time_seconds ?? 0);
