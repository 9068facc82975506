// A list of any length: only the rows in sight exist, and they are fetched in pages.

import { ask, make } from "./player.js";

const PAGE = 200;
const SAID = { accept: "accepted", reject: "rejected", relabel: "relabelled" };

export class ClipList {
  constructor(element, onChoose) {
    this.element = element;
    this.onChoose = onChoose;
    this.spacer = make("div", { className: "spacer", role: "presentation" });
    element.append(this.spacer);
    this.pool = new Map();
    this.reset(0, 0);
    element.addEventListener("scroll", () => this.schedule(), { passive: true });
    new ResizeObserver(() => this.schedule()).observe(element);
    element.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) this.onChoose(Number(row.dataset.index));
    });
  }

  get rowHeight() {
    return matchMedia("(pointer: coarse)").matches ? 52 : 38;
  }

  reset(query, total) {
    Object.assign(this, { query, total, current: -1 });
    this.rows = new Map();
    this.pages = new Map();
    this.indexOf = new Map();
    for (const row of this.pool.values()) row.remove();
    this.pool.clear();
    this.spacer.style.height = `${total * this.rowHeight}px`;
    this.element.scrollTop = 0;
    this.schedule();
  }

  /** The row at a place; fetches its page when it is not here. */
  async row(index) {
    if (index < 0 || index >= this.total) return undefined;
    if (!this.rows.has(index)) await this.page(Math.floor(index / PAGE));
    return this.rows.get(index);
  }

  page(number) {
    const { query } = this;
    if (!this.pages.has(number)) {
      this.pages.set(number, ask(`/api/rows?query=${query}&offset=${number * PAGE}&limit=${PAGE}`).then(({ rows }) => {
        if (query !== this.query) return;
        rows.forEach((row, k) => {
          this.rows.set(number * PAGE + k, row);
          this.indexOf.set(row.id, number * PAGE + k);
        });
        this.schedule(true);
      }, (error) => {
        this.pages.delete(number);
        throw error;
      }));
    }
    return this.pages.get(number);
  }

  /** A row with news. */
  update(row) {
    const index = this.indexOf.get(row.id);
    if (index === undefined) return;
    this.rows.set(index, row);
    this.fill(this.pool.get(index), index);
  }

  choose(index) {
    const before = this.current;
    this.current = index;
    for (const one of [before, index]) this.fill(this.pool.get(one), one);
    const height = this.rowHeight;
    const { scrollTop, clientHeight } = this.element;
    if (clientHeight && (index * height < scrollTop || (index + 1) * height > scrollTop + clientHeight)) {
      this.element.scrollTop = index * height - clientHeight / 3;
    }
    this.element.setAttribute("aria-activedescendant", `row-${index}`);
  }

  schedule(again = false) {
    this.stale ||= again;
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.draw();
    });
  }

  draw() {
    const height = this.rowHeight;
    const first = Math.max(0, Math.floor(this.element.scrollTop / height) - 4);
    const last = Math.min(this.total, Math.ceil((this.element.scrollTop + this.element.clientHeight) / height) + 4);
    for (const [index, row] of this.pool) {
      if (index < first || index >= last) {
        row.remove();
        this.pool.delete(index);
      }
    }
    for (let index = first; index < last; index += 1) {
      let row = this.pool.get(index);
      if (!row) {
        row = make("div", { className: "row", role: "option", id: `row-${index}`, "data-index": index });
        row.style.transform = `translateY(${index * height}px)`;
        row.style.height = `${height}px`;
        this.pool.set(index, row);
        this.spacer.append(row);
        this.fill(row, index);
      } else if (this.stale) this.fill(row, index);
    }
    this.stale = false;
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page += 1) this.page(page).catch(() => {});
  }

  fill(element, index) {
    if (!element) return;
    const row = this.rows.get(index);
    element.setAttribute("aria-setsize", this.total);
    element.setAttribute("aria-posinset", index + 1);
    element.setAttribute("aria-selected", index === this.current);
    element.classList.toggle("current", index === this.current);
    if (!row) {
      element.replaceChildren(make("span", { className: "soft", text: "…" }));
      return;
    }
    const judged = row.verdict === "rejected" ? `rejected: ${row.kind}` : row.verdict;
    const mark = make("span", { className: `mark ${row.said || "open"}`, "aria-hidden": "true" });
    const label = make("span", { className: "name", dir: "auto", text: row.labels.length ? row.labels.join(", ") : row.label });
    const parts = [mark, label, make("span", { className: `judged ${row.verdict}`, text: judged })];
    if (row.flags.length) parts.push(make("span", { className: "flag", text: "⚑", title: row.flags.join(", ") }));
    if (row.disputed) parts.push(make("span", { className: "dispute", text: "≠", title: "reviewers disagree" }));
    parts.push(make("span", { className: "unseen", text: SAID[row.said] ?? "undecided" }));
    element.replaceChildren(...parts);
  }
}
