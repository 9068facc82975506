// The review page: one clip on the stage, its neighbours decoded ahead, every decision sent at once.

import { ClipList } from "./list.js";
import { Player, Shelf, ask, isolate, make } from "./player.js";

const AHEAD = 4;
const $ = (id) => document.getElementById(id);
const shelf = new Shelf();
const details = new Map();
const player = new Player(() => draw());
const state = { facts: null, current: -1, detail: null, auto: true, settle: false, moves: 0 };
const sending = { count: 0, refused: null };
const frames = new Map();
const NOT_YET = "No clip is on the stage yet: nothing was decided.";
const SAID = { accept: "accepted", reject: "rejected", relabel: "relabelled" };
const STATES = {
  undecided: "undecided by you", kept: "kept by the judges", surplus: "passed, not needed", rejected: "rejected by the judges",
  accepted: "accepted by you", refused: "rejected by you", relabelled: "relabelled by you", flagged: "flagged by you",
};
const list = new ClipList($("list"), (index) => {
  sideOpen(false);
  go(index);
});

function complain(error) {
  $("toast").textContent = error.message ?? String(error);
  $("toast").hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

// ---- the clip on the stage

function detailOf(id) {
  if (!details.has(id)) {
    const promise = ask(`/api/clip?id=${id}`);
    promise.then((value) => { if (details.get(id) === promise) details.set(id, value); }, () => details.delete(id));
    details.set(id, promise);
    if (details.size > 400) details.delete(details.keys().next().value);
  }
  return details.get(id);
}

function prepare(index) {
  list.row(index).then(async (row) => {
    if (!row) return;
    shelf.load(row.id).catch(() => {});
    const detail = await detailOf(row.id);
    for (const parent of detail.parents) shelf.load(parent.id).catch(() => {});
  }).catch(() => {});
}

/** Go to a place in the list. When everything is at hand, the clip plays before this function returns. */
function go(index, { pressed = performance.now(), play = state.auto } = {}) {
  if (index < 0 || index >= list.total) {
    if (list.total) complain(index < 0 ? "This is the first clip." : "This was the last clip of the list.");
    return;
  }
  state.current = index;
  state.settle = false;
  const move = ++state.moves;
  const row = list.rows.get(index);
  const sound = row && shelf.ready(row.id);
  const detail = row && details.get(row.id);
  if (sound && detail && !(detail instanceof Promise)) {
    arrive(row, detail, sound, pressed, play);
  } else {
    player.stop();
    state.detail = null; // a decision now would be about the clip before
    $("clip").classList.add("loading");
    (async () => {
      const late = await list.row(index);
      const [known, heard] = await Promise.all([detailOf(late.id), shelf.load(late.id, true).catch(() => null)]);
      if (move === state.moves) arrive(late, known, heard, pressed, play); // without a sound, its frame says why
    })().catch(complain);
  }
}

function arrive(row, detail, sound, pressed, play) {
  if (play && sound) player.play(row.id, sound);
  else player.stop();
  performance.measure("step", { start: pressed, end: performance.now() });
  state.detail = detail;
  $("clip").classList.remove("loading");
  if (!play || !sound) Object.assign(player, { id: row.id, sound, offset: 0 });
  list.choose(state.current);
  show();
  for (const k of [1, -1, 2, 3, AHEAD]) prepare(state.current + k);
}

function show() {
  const { detail } = state;
  const row = list.rows.get(state.current) ?? detail;
  $("empty").hidden = true;
  $("clip").hidden = false;
  $("label").textContent = row.labels.length ? `${isolate(row.labels.join(", "))} (made as ${isolate(detail.label)})` : detail.label;
  $("said").textContent = SAID[row.said] ?? "undecided";
  $("said").className = `chip ${row.said || "open"}`;
  $("place").textContent = `${state.current + 1} of ${list.total}${row.flags.length ? ` · ⚑ ${row.flags.join(", ")}` : ""}`;
  $("dispute").hidden = !row.disputed;
  if (row.disputed) {
    const others = detail.others.map((one) => `${one.reviewer}: ${one.said}`).join("; ");
    $("dispute-text").textContent = `Reviewers disagree${others ? ` (${others})` : ""}. ${state.settle
      ? "Your next decision settles it." : ""}`;
    press("settle", state.settle);
  }
  $("reason").textContent = detail.reason
    ? `${detail.verdict === "surplus" ? "Left out" : "Rejected"} by Menura – ${detail.reason}` : "Kept by the judges";
  $("prompt").textContent = detail.prompt;
  $("now").textContent = `${$("label").textContent}, ${$("place").textContent}, ${$("said").textContent}`;
  $("scores").replaceChildren(...Object.entries(detail.scores).flatMap(([name, value]) => [
    make("dt", { text: name.replaceAll("_", " ") }), make("dd", { text: value })]));
  frames.clear();
  const parents = detail.parents.map((parent, k) => frame(parent.id, k + 1, `real ${parent.role}`, parent.detail ? `${isolate(parent.label)}, ${parent.detail}` : parent.label));
  $("sounds").replaceChildren(frame(detail.id, 0, "synthetic", detail.label), ...parents);
  draw();
}

function frame(id, number, role, title) {
  const picture = make("img", { alt: `Spectrogram of the ${role} clip`, draggable: "false" });
  const head = make("div", { className: "head" });
  const hover = make("div", { className: "hover" });
  const area = make("div", {
    className: "picture", role: "slider", tabindex: "0", "aria-label": `Position in the ${role} clip of ${title}`,
    "aria-valuemin": "0", "aria-valuenow": "0",
  }, picture, head, hover);
  const trouble = make("p", { className: "trouble" });
  const button = make("button", { type: "button", className: "play", "aria-label": `Play the ${role} clip of ${title}` });
  const box = make("figure", { className: `sound ${number ? "real" : "synthetic"}` },
    make("figcaption", {}, button, make("b", { text: role }), make("span", { className: "soft", dir: title.startsWith("\u2068") ? "ltr" : "auto", text: title, title }), make("kbd", { text: String(number) })), area, trouble);
  frames.set(id, { head, button, area, box });
  const put = (sound) => {
    picture.src = sound.url;
    area.setAttribute("aria-valuemax", sound.buffer.duration.toFixed(2));
  };
  const sound = shelf.ready(id);
  if (sound) put(sound);
  else {
    shelf.load(id).then(put, (error) => {
      trouble.textContent = `This clip cannot be played: ${error.message}`;
      complain(error);
    });
  }
  const seconds = (event) => {
    const { left, width } = area.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1) * (shelf.ready(id)?.buffer.duration ?? 0);
  };
  area.addEventListener("click", (event) => start(id, seconds(event)));
  area.addEventListener("pointermove", (event) => {
    const known = shelf.ready(id);
    if (!known) return;
    const { top, height, left } = area.getBoundingClientRect();
    const hertz = (1 - (event.clientY - top) / height) * melOf(known.top);
    hover.style.transform = `translateX(${event.clientX - left}px)`;
    hover.dataset.at = `${seconds(event).toFixed(2)} s, ${Math.round(hertzOf(hertz))} Hz`;
    hover.classList.toggle("left", event.clientX - left > area.clientWidth / 2);
  });
  area.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    nudge(event.key === "ArrowLeft" ? -0.5 : 0.5, id);
  });
  button.addEventListener("click", (event) => {
    if (event.detail) button.blur();
    toggle(id);
  });
  return box;
}

const melOf = (hertz) => 2595 * Math.log10(1 + hertz / 700);
const hertzOf = (mel) => 700 * (10 ** (mel / 2595) - 1);

function start(id, from = 0) {
  shelf.load(id, true).then((sound) => player.play(id, sound, from), complain);
}

function toggle(id = player.id ?? state.detail?.id) {
  if (!id) return;
  if (player.playing && player.id === id) player.pause();
  else start(id, player.id === id ? player.offset : 0);
}

function nudge(seconds, id = player.id) {
  if (id && player.sound) start(id, Math.max(0, (player.id === id ? player.position : 0) + seconds));
}

function draw() {
  for (const [id, { head, button, area, box }] of frames) {
    const own = player.id === id;
    const at = own ? player.position : 0;
    const duration = shelf.ready(id)?.buffer.duration ?? 1;
    head.style.transform = `translateX(${(at / duration) * area.clientWidth}px)`;
    area.setAttribute("aria-valuenow", at.toFixed(2));
    const playing = own && player.playing;
    box.classList.toggle("playing", playing);
    button.setAttribute("aria-pressed", playing);
    button.textContent = playing ? "❚❚" : "▶";
  }
  if (player.playing) draw.next ??= requestAnimationFrame(() => { draw.next = undefined; draw(); });
}

// ---- decisions

async function decide(action, extra = {}, pressed = performance.now()) {
  const { detail, current } = state;
  if (!detail) return complain(NOT_YET);
  const settles = state.settle && action !== "flag";
  const { query } = list;
  sending.count += 1;
  const sent = ask("/api/decide", { id: detail.id, action, settles, ...extra });
  if (action !== "flag" && current + 1 < list.total) go(current + 1, { pressed });
  try {
    learn(await sent);
    if (state.detail?.id === detail.id) show(); // it stayed, or was come back to before the answer was there
  } catch (error) {
    complain(error);
    sending.refused = Math.min(sending.refused ?? current, current);
  } finally {
    sending.count -= 1;
  }
  if (sending.count || sending.refused === null) return;
  const back = sending.refused; // the first of several that were not taken
  sending.refused = null;
  if (query === list.query && back !== state.current) go(back, { play: false });
}

function learn({ row, counts }) {
  if (row) {
    details.delete(row.id);
    list.update(row);
    if (state.detail?.id === row.id) detailOf(row.id);
  }
  const decided = counts.accept + counts.reject + counts.relabel;
  $("progress").textContent = `${decided} decided (${counts.accept} accepted, ${counts.reject} rejected, ${counts.relabel} relabelled), ${counts.undecided} to go`;
}

async function undo() {
  try {
    const answer = await ask("/api/undo", { query: list.query });
    if (!answer.row) return complain(answer.action ? "Undone; this run no longer has that clip." : "There is nothing to undo.");
    learn(answer);
    if (answer.index !== null) go(answer.index, { play: false });
    else complain("Undone; that clip is not in this list.");
  } catch (error) {
    complain(error);
  }
}

// ---- choosing a label or a reason

function choose({ title, options, free = false, many = false, chosen = [] }) {
  const [dialog, text, box] = [$("chooser"), $("chooser-text"), $("chooser-list")];
  const picked = new Set(chosen);
  let shown = [];
  let at = 0;
  $("chooser-title").textContent = title;
  text.value = "";
  text.placeholder = free ? "type a reason, or pick one" : "type to search";
  text.setAttribute("aria-label", title);
  $("chooser-done").hidden = !(many || free);
  return new Promise((resolve) => {
    const redraw = () => {
      const wanted = plain(text.value.trim());
      shown = options.filter((one) => plain(one).includes(wanted));
      shown.sort((a, b) => plain(b).startsWith(wanted) - plain(a).startsWith(wanted));
      at = Math.min(at, Math.max(0, shown.length - 1));
      box.replaceChildren(...shown.slice(0, 200).map((one, k) => make("div", {
        className: `option${k === at ? " at" : ""}`, role: "option", id: `option-${k}`, "data-k": k,
        "aria-selected": many ? picked.has(one) : k === at, dir: "auto", text: `${many && picked.has(one) ? "✓ " : ""}${one}`,
      })));
      if (!shown.length && !free) box.replaceChildren(make("p", { className: "soft", text: options.length ? "No label fits." : "There is no other label." }));
      text.setAttribute("aria-activedescendant", shown.length ? `option-${at}` : "");
      box.children[at]?.scrollIntoView({ block: "nearest" });
    };
    const end = (value) => {
      text.oninput = text.onkeydown = box.onclick = dialog.oncancel = null;
      text.blur();
      dialog.close();
      resolve(value);
    };
    const typed = () => (free && text.value.trim() && !shown.some((one) => plain(one) === plain(text.value.trim()))
      ? text.value.trim() : shown[at]);
    const pick = (value) => {
      if (!value) return;
      if (!many) return end([value]);
      if (!picked.delete(value)) picked.add(value);
      text.value = "";
      redraw();
    };
    text.oninput = () => { at = 0; redraw(); };
    text.onkeydown = (event) => {
      if (event.isComposing) return; // this Enter ends a character, not the choice
      if (event.key === "Enter") {
        event.preventDefault();
        if (many && (event.ctrlKey || event.metaKey)) end([...picked]);
        else pick(typed());
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        end(null);
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        at = Math.min(Math.max(at + (event.key === "ArrowDown" ? 1 : -1), 0), Math.max(0, shown.length - 1));
        redraw();
      }
    };
    box.onclick = (event) => {
      const option = event.target.closest("[data-k]");
      if (option) pick(shown[Number(option.dataset.k)]);
    };
    $("chooser-done").onclick = () => (many ? end([...picked]) : pick(typed()));
    $("chooser-cancel").onclick = () => end(null);
    dialog.oncancel = () => end(null);
    redraw();
    dialog.showModal();
    text.focus();
  });
}

/** For comparison: a letter may be written as one character or as two. */
function plain(text) {
  return text.normalize("NFKC").toLowerCase();
}

async function relabel() {
  const { facts, detail } = state;
  if (!detail) return complain(NOT_YET);
  const many = facts.is_multilabel;
  const labels = await choose({
    title: many ? "Labels of this clip (Ctrl+Enter when done)" : "Label of this clip", many,
    options: many ? facts.labels : facts.labels.filter((label) => !detail.own_labels.includes(label)),
    chosen: many ? detail.own_labels : [],
  });
  if (labels?.length) decide("relabel", { labels });
}

async function flag() {
  if (!state.detail) return complain(NOT_YET);
  const chosen = await choose({ title: "What is wrong with this clip?", options: state.facts.flags, free: true });
  if (chosen) decide("flag", { note: chosen[0] });
}

// ---- filters

function filters() {
  const asked = new URLSearchParams();
  for (const name of ["label", "state", "reason", "sort", "order", "least", "most", "text"]) {
    const value = $(`f-${name}`).value.trim();
    if (value && !$(`f-${name}`).disabled) asked.set(name, value);
  }
  return asked;
}

async function refresh() {
  const turn = (refresh.turn = (refresh.turn ?? 0) + 1);
  for (const name of ["least", "most"]) $(`f-${name}`).disabled = ["", "label"].includes($("f-sort").value);
  const began = performance.now();
  try {
    const { query, total, counts } = await ask(`/api/query?${filters()}`);
    if (turn !== refresh.turn) return;
    list.reset(query, total);
    $("found").textContent = total === 1 ? "1 clip" : `${total} clips`;
    learn({ counts });
    if (total) {
      go(0, { play: false });
      await list.row(0);
    } else {
      player.stop();
      state.moves += 1; // what is on its way has no place here
      state.detail = null;
      $("empty").hidden = false;
      $("clip").hidden = true;
    }
    performance.measure("filter", { start: began, end: performance.now() });
  } catch (error) {
    complain(error);
  }
}

function wait(action, ms) {
  clearTimeout(wait.timer);
  wait.timer = setTimeout(action, ms);
}

// ---- people

async function people() {
  $("invitation").textContent = "";
  const { agreements, disputed } = await ask("/api/agreement");
  const lines = agreements.map((one) => make("p", {
    text: `${one.reviewers.join(" and ")}: ${one.same} of ${one.clips} clips alike, kappa ${one.kappa === null
      ? "undefined" : `${one.kappa.toFixed(2)} (${one.interval.map((end) => end.toFixed(2)).join(" to ")})`}`,
  }));
  lines.push(make("p", { text: agreements.length ? `${disputed.length} disagreements to settle.` : "No clip has been decided by two reviewers yet." }));
  $("agreement").replaceChildren(...lines);
  $("show-disputed").disabled = !disputed.length;
  $("more").showModal();
}

$("invite").addEventListener("click", async () => {
  try {
    const { link, reviewer } = await ask("/api/invite", { reviewer: $("invitee").value });
    $("invitation").textContent = `For ${reviewer}, once: ${link}`;
  } catch (error) {
    complain(error);
  }
});
$("show-disputed").addEventListener("click", () => {
  $("more").close();
  $("f-state").value = "disputed";
  refresh();
});

// ---- keys and buttons

function press(id, on) {
  $(id).setAttribute("aria-pressed", on);
}

const does = {
  play: () => toggle(),
  next: (pressed) => go(state.current + 1, { pressed }),
  previous: (pressed) => go(state.current - 1, { pressed }),
  accept: (pressed) => decide("accept", {}, pressed),
  reject: (pressed) => decide("reject", {}, pressed),
  relabel, flag, undo,
  loop: () => { player.setLoop(!player.loop); press("loop", player.loop); },
  match: () => { player.setMatch(!player.match); press("match", player.match); },
  auto: () => { state.auto = !state.auto; press("auto", state.auto); },
  settle: () => { state.settle = !state.settle; if (state.detail) show(); },
  search: () => { sideOpen(true); $("f-text").focus(); },
  people: () => people().catch(complain),
  help: () => $("help").showModal(),
  back: () => nudge(-0.5),
  ahead: () => nudge(0.5),
};
const keys = {
  " ": "play", j: "next", arrowright: "next", arrowdown: "next", k: "previous", arrowleft: "previous",
  arrowup: "previous", a: "accept", r: "reject", l: "relabel", f: "flag", u: "undo", z: "undo", o: "loop", m: "match",
  p: "auto", t: "settle", "/": "search", g: "people", "?": "help", ",": "back", ".": "ahead",
};

/** The key by its letter; where the layout has no such letter, by its place on the keyboard. */
function keyOf(event) {
  const key = event.key.toLowerCase();
  const place = /^(?:Key([A-Z])|Digit([0-9]))$/.exec(event.code);
  return key in keys || /^[a-z0-9]$/.test(key) || !place ? key : (place[1] ?? place[2]).toLowerCase();
}

document.addEventListener("keydown", (event) => {
  const dialog = document.querySelector("dialog[open]");
  if (dialog && dialog.id !== "chooser" && event.key === "Escape") { // at once, so that the next key counts
    event.preventDefault();
    document.activeElement.blur();
    dialog.close();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || dialog) return;
  const field = event.target.closest("input, select, textarea");
  if (field) {
    if (event.key === "Escape" || (event.key === "Enter" && field.id === "f-text")) field.blur();
    return;
  }
  if (event.isComposing) return;
  const key = keyOf(event);
  if (key === " " && event.target.closest("button")) return;
  if (/^[0-9]$/.test(key) && state.detail) {
    const id = key === "0" ? state.detail.id : state.detail.parents[Number(key) - 1]?.id;
    if (id) start(id);
    return;
  }
  const name = keys[key];
  if (!name || (event.repeat && !["next", "previous", "back", "ahead"].includes(name))) return;
  event.preventDefault();
  does[name](event.timeStamp);
});

function sideOpen(open) {
  document.body.classList.toggle("with-list", open);
  $("show-list").setAttribute("aria-expanded", open);
}

for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", (event) => {
    if (event.detail) button.blur();
    does[button.dataset.do](event.timeStamp);
  });
}
for (const [id, name] of [["loop", "loop"], ["match", "match"], ["auto", "auto"], ["show-more", "people"], ["show-help", "help"]]) {
  $(id).addEventListener("click", (event) => {
    if (event.detail) $(id).blur();
    does[name]();
  });
}
$("show-list").addEventListener("click", () => sideOpen(!document.body.classList.contains("with-list")));
for (const button of document.querySelectorAll("dialog .close")) button.addEventListener("click", () => button.closest("dialog").close());
for (const name of ["label", "state", "reason", "sort", "order"]) {
  const field = $(`f-${name}`);
  let byHand = false;
  field.addEventListener("pointerdown", () => { byHand = true; });
  field.addEventListener("keydown", () => { byHand = false; });
  field.addEventListener("change", () => {
    if (byHand) field.blur(); // the next key is a decision, not another filter
    refresh();
  });
}
for (const name of ["text", "least", "most"]) $(`f-${name}`).addEventListener("input", () => wait(refresh, 150));
addEventListener("resize", () => draw());

async function begin() {
  const facts = (state.facts = await ask("/api/facts"));
  $("run").textContent = facts.run;
  $("reviewer").textContent = facts.reviewer;
  document.title = `${facts.run} – Menura review`;
  const fill = (id, values, say = (value) => value.replaceAll("_", " ")) =>
    $(id).append(...values.map((value) => make("option", { value, text: say(value) })));
  $("f-label").append(...facts.labels.map((value) => make("option", { value, text: value })));
  fill("f-state", facts.states, (value) => STATES[value] ?? value);
  fill("f-reason", facts.reasons);
  fill("f-sort", facts.scores);
  learn(facts);
  if (facts.torn) complain(`${facts.torn} torn lines of an earlier crash were passed over.`);
  await refresh();
  document.body.dataset.ready = "true";
}

begin().catch(complain);
