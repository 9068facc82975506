// A blind test: one clip after the other, and the truth at the end.

import { Player, Shelf, ask, isolate, make } from "./player.js";

const $ = (id) => document.getElementById(id);
const shelf = new Shelf({ pictures: false });
const player = new Player(() => draw());
let left = [];
let total = 0;

function complain(error) {
  $("toast").textContent = error.message;
  $("toast").hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

function draw() {
  const share = player.sound ? player.position / player.sound.buffer.duration : 0;
  $("head").style.transform = `scaleX(${share})`;
  $("play").setAttribute("aria-pressed", player.playing);
  if (player.playing) draw.next ??= requestAnimationFrame(() => { draw.next = undefined; draw(); });
}

async function show(play) {
  $("progress").textContent = `${total - left.length} of ${total} answered`;
  if (!left.length) return finish();
  const [trial] = left;
  $("label").textContent = trial.label;
  player.stop();
  player.sound = undefined; // nothing is heard, and nothing answered, until this clip is here
  const sound = shelf.ready(trial.id) ?? await shelf.load(trial.id, true);
  if (left[0] !== trial) return;
  if (play) player.play(trial.id, sound);
  else Object.assign(player, { id: trial.id, sound, offset: 0 });
  for (const next of left.slice(1, 5)) shelf.load(next.id).catch(() => {});
}

function toggle() {
  if (!left.length) return;
  if (!player.sound) {
    show(true).catch(complain);
    return;
  }
  if (player.playing) player.pause();
  else player.play(left[0].id, player.sound, player.offset);
}

async function answer(said) {
  if (!left.length || !player.sound || answer.busy) return;
  answer.busy = true;
  try {
    await ask("/api/answer", { id: left[0].id, answer: said });
    left.shift();
    await show(true);
  } catch (error) {
    complain(error);
  } finally {
    answer.busy = false;
  }
}

const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(0)} %`);

async function finish() {
  const result = await ask("/api/result");
  player.stop();
  $("trial").hidden = true;
  $("result").hidden = false;
  const verdict = result.p >= 0.05 ? "Not distinguishable from guessing." : result.share > 0.5
    ? "You can tell them apart." : "You take them for each other: worse than guessing.";
  const clips = (title, some) => [make("h3", { text: `${title} (${some.length})` }), make("ul", {}, ...some.map((one) => {
    const button = make("button", { type: "button", text: `▶ ${isolate(one.label)} ${one.clip}` });
    button.addEventListener("click", () => shelf.load(one.id).then((sound) => player.play(one.id, sound), complain));
    return make("li", {}, button);
  }))];
  $("result").replaceChildren(
    make("h2", { text: `${result.right} of ${result.clips} right: ${percent(result.share)}` }),
    make("p", { text: `95 % interval ${percent(result.interval[0])} to ${percent(result.interval[1])}, p against guessing ${result.p.toPrecision(2)}. ${verdict}` }),
    make("p", { text: `Real clips called real: ${percent(result.real_called_real)}; synthetic clips called real: ${percent(result.synthetic_called_real)}.` }),
    ...clips("Gave themselves away", result.gave_away), ...clips("Passed for real", result.mistaken));
  $("result").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const letter = event.key.toLowerCase();
  const place = /^Key([RS])$/.exec(event.code); // where the layout has no such letters
  const key = place && !/^[a-z]$/.test(letter) ? place[1].toLowerCase() : letter;
  if (key === " " && !event.target.closest("button")) {
    event.preventDefault();
    toggle();
  } else if (key === "r") answer("real");
  else if (key === "s") answer("synthetic");
});
for (const [id, act] of [["play", toggle], ["real", () => answer("real")], ["synthetic", () => answer("synthetic")]]) {
  $(id).addEventListener("click", (event) => {
    if (event.detail) $(id).blur();
    act();
  });
}

ask("/api/blind").then(({ run, trials }) => {
  $("run").textContent = run;
  total = trials.length;
  left = trials.filter((trial) => !trial.answered);
  document.body.dataset.ready = "true";
  return show(false);
}).catch(complain);
