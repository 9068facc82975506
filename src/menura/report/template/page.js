"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  let current = null;
  let queue = [];

  const stop = () => {
    if (!current) return;
    current.querySelector("audio").pause();
    current.classList.remove("playing");
    current = null;
  };
  const play = (player, fromShare = 0) => {
    stop();
    const audio = player.querySelector("audio");
    if (Number.isFinite(audio.duration)) audio.currentTime = fromShare * audio.duration;
    current = player;
    player.classList.add("playing");
    audio.play().catch(stop);
    follow(player, audio);
  };
  const follow = (player, audio) => {
    const head = player.querySelector(".playhead");
    head.hidden = false;
    const step = () => {
      if (current !== player) { head.hidden = true; return; }
      if (audio.duration) head.style.left = `${(100 * audio.currentTime) / audio.duration}%`;
      requestAnimationFrame(step);
    };
    step();
  };
  const playQueue = () => { const next = queue.shift(); if (next) play(next); };

  for (const player of all(".player")) {
    const audio = player.querySelector("audio");
    const button = player.querySelector(".play");
    audio.removeAttribute("controls");
    button.hidden = false;
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      queue = [];
      if (current === player) stop(); else play(player);
    });
    player.querySelector(".screen").addEventListener("click", (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      queue = [];
      play(player, (event.clientX - box.left) / box.width);
    });
    audio.addEventListener("ended", () => { if (current === player) stop(); playQueue(); });
  }
  for (const family of all(".family")) {
    const button = family.querySelector(".in-turn");
    if (!button) continue;
    button.hidden = false;
    button.addEventListener("click", () => { queue = all(".player", family); playQueue(); });
  }

  const press = (chips, pressed) => chips.forEach((chip) => chip.setAttribute("aria-pressed", String(chip === pressed)));
  const chips = all(".chips .chip");
  for (const group of all(".chips")) group.hidden = false;
  const show = (label) => {
    for (const family of all("#listen .family")) {
      family.hidden = label === "" ? "repeat" in family.dataset : family.dataset.label !== label;
    }
  };
  for (const chip of chips) chip.addEventListener("click", () => { press(chips, chip); show(chip.dataset.show); });
  if (chips.length) show("");

  const keys = all(".label-keys .chip");
  for (const key of keys) {
    key.addEventListener("click", () => {
      const off = key.getAttribute("aria-pressed") === "true";
      press(keys, off ? null : key);
      for (const mark of all("svg.map circle")) mark.classList.toggle("dim", !off && mark.dataset.label !== key.dataset.index);
    });
  }
  const now = document.querySelector(".now");
  for (const link of all("svg.map a")) {
    link.addEventListener("click", (event) => {
      const player = document.getElementById(link.getAttribute("href").slice(1));
      if (!player) return;
      event.preventDefault();
      queue = [];
      play(player);
      now.textContent = `Playing ${player.querySelector("audio").getAttribute("aria-label")}`;
    });
  }

  const say = (button, text) => {
    const before = button.textContent;
    button.textContent = text;
    setTimeout(() => { button.textContent = before; }, 1500);
  };
  for (const button of all(".copy")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const source = document.getElementById(button.dataset.copy);
      const byHand = () => {
        getSelection().selectAllChildren(source);
        say(button, document.execCommand("copy") ? "Copied" : "Press Ctrl+C");
      };
      if (!navigator.clipboard) { byHand(); return; }
      navigator.clipboard.writeText(source.textContent).then(() => say(button, "Copied"), byHand);
    });
  }

  const sortKey = (cell) => {
    const text = cell.textContent.trim().replace("−", "-").replace(/^[+±<]\s*/, "");
    const number = parseFloat(text);
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  for (const table of all("table.sortable")) {
    all("thead th", table).forEach((header, column) => {
      if (header.classList.contains("wide")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const down = header.getAttribute("aria-sort") === "ascending";
        all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        header.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = all("tbody tr", table).sort((a, b) => {
          const [x, y] = [sortKey(a.children[column]), sortKey(b.children[column])];
          const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
          return down ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
