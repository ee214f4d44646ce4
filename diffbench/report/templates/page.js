// Theme, enlarging, definitions, charts and the long table. Every label is set as text.
"use strict";
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const root = document.documentElement;

// --- theme: auto, light, dark
const themes = ["auto", "light", "dark"];
const toggle = document.getElementById("theme");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const keep = (value) => { try { localStorage.setItem("diffbench-theme", value); } catch { /* a page of a file may not */ } };
const kept = () => { try { return localStorage.getItem("diffbench-theme"); } catch { return null; } };
function show(theme) {
  if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
  root.classList.toggle("dark", theme === "dark" || (theme === "auto" && dark.matches));
  toggle.textContent = `Theme: ${theme}`;
}
let theme = themes.includes(kept()) ? kept() : "auto";
show(theme);
toggle.hidden = false;
dark.addEventListener("change", () => show(theme));
toggle.addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  keep(theme);
  show(theme);
});

// --- pictures that enlarge
const large = document.getElementById("large");
document.addEventListener("click", (event) => {
  const zoom = event.target.closest(".zoom");
  if (zoom) {
    const image = large.querySelector("img");
    image.src = (zoom.querySelector(".film") || zoom.querySelector("img")).src;
    image.alt = zoom.querySelector("img").alt;
    large.showModal();
  } else if (event.target === large) {
    large.close();
  }
});

// --- films: nothing moves until it is asked to, and a film lies over its still, so nothing else moves then
let plays = 0;
document.addEventListener("click", (event) => {
  const play = event.target.closest(".play");
  if (!play) return;
  const zoom = play.closest(".picture").querySelector(".zoom");
  const film = zoom.querySelector(".film");
  play.firstElementChild.textContent = film ? "Play" : "Stop";
  if (film) {
    film.remove();
    return;
  }
  const moving = new Image();
  moving.className = "film";
  moving.alt = "";
  // An address of its own begins the film at its beginning.
  moving.src = `${play.dataset.film}#${(plays += 1)}`;
  zoom.append(moving);
});

// --- definitions on a tap
const tip = document.getElementById("tip");
document.addEventListener("click", (event) => {
  const term = event.target.closest(".term");
  if (tip.matches(":popover-open")) tip.hidePopover();
  if (!term) return;
  tip.textContent = term.title;
  tip.showPopover();
  const place = term.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(place.left, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(8, Math.min(place.bottom + 6, innerHeight - tip.offsetHeight - 8))}px`;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && tip.matches(":popover-open")) tip.hidePopover();
});

// --- charts, each when it comes into sight
async function draw(figure) {
  if (figure.dataset.drawn) return;
  figure.dataset.drawn = "begun";
  const spec = read(figure.id.replace("chart-", "spec-"));
  const place = document.createElement("div");
  figure.replaceChildren(place);
  try {
    await window.vegaEmbed(place, spec, { renderer: "svg", actions: false, logLevel: 1 });
    for (const select of place.querySelectorAll("select")) {
      select.setAttribute("aria-label", select.closest("label")?.textContent.trim().split(" ")[0] || "chosen");
    }
    figure.dataset.drawn = "done";
  } catch (error) {
    figure.dataset.drawn = "failed";
    place.textContent = `This chart cannot be drawn here: ${error.message}`;
  }
}
const figures = [...document.querySelectorAll(".chart")];
const seen = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
  { rootMargin: "600px" },
);
figures.forEach((figure) => seen.observe(figure));
// --- paper: what is folded opens, and wide screens draw what is out of sight beforehand, for no event waits
const folded = [];
window.addEventListener("beforeprint", () => {
  figures.forEach(draw);
  folded.push(...document.querySelectorAll("details:not([open])"));
  folded.forEach((one) => { one.open = true; });
});
window.addEventListener("afterprint", () => folded.splice(0).forEach((one) => { one.open = false; }));
if (innerWidth > 900 && window.requestIdleCallback) {
  const next = () => {
    const left = figures.find((one) => !one.dataset.drawn);
    if (left) requestIdleCallback(() => draw(left).then(next));
  };
  setTimeout(next, 2000);
}

// --- the long table
const { heads, texts, hidden, words, rows, more } = read("long-data");
const links = read("links");
const safe = (text) => {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML;
};
const spoken = new Set(texts);
const word = (row, i) => (spoken.has(i) ? words[row[i]] : row[i]);
const shown = (value) => {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
};
const columns = heads.map((head, i) => ({
  title: safe(head),
  visible: !hidden.includes(head),
  type: spoken.has(i) ? "string" : "num",
  className: head === "reason" ? "wide" : head === "record" ? "record" : spoken.has(i) ? "label" : "num",
  data: (row, type) => {
    const value = word(row, i);
    if (type === "display") {
      if (value === null) return "";
      if (head === "record" && links !== null && /^[0-9a-f]{16}$/.test(value)) {
        return `<a href="${encodeURI(links)}measurements/${value}.json">${value}</a>`;
      }
      return safe(typeof value === "number" ? shown(value) : value);
    }
    if (type === "filter") return value === null ? "" : String(value);
    return value === null ? "" : value;
  },
}));
const table = new window.DataTable("#long", {
  data: rows,
  columns,
  deferRender: true,
  autoWidth: false,
  pageLength: 25,
  order: [],
  layout: { topStart: "pageLength", topEnd: "search", bottomStart: "info", bottomEnd: "paging" },
  language: { emptyTable: "no number has been measured yet", search: "Search" },
});
const meanings = new Map(
  [...document.querySelectorAll("dl.terms > div")].map((one) => [one.children[0].textContent, one.children[1].textContent]),
);
for (const head of document.querySelectorAll("#long thead th")) {
  const meaning = meanings.get({ floor_mean: "floor", floor_sd: "floor", nfe: "NFE" }[head.textContent] || head.textContent);
  if (meaning) head.title = meaning;
}
const filters = document.getElementById("filters");
for (const head of ["run", "dataset", "score", "family", "sampler", "metric", "status"]) {
  const i = heads.indexOf(head);
  const values = [...new Set(rows.map((row) => row[i]))].map((value) => words[value]);
  if (values.length < 2) continue;
  const label = document.createElement("label");
  const select = document.createElement("select");
  label.append(head, select);
  select.append(new Option("all", ""));
  values.forEach((value, k) => select.append(new Option(value === "" ? "none" : value, String(k))));
  select.addEventListener("change", () => {
    const value = select.value === "" ? null : values[Number(select.value)];
    table.column(i).search(value === null ? "" : (cell) => cell === value).draw();
  });
  filters.append(label);
}
if (more) {
  const note = document.createElement("p");
  note.className = "quiet";
  note.textContent = `${more} rows more are in tables/measurements.csv.`;
  filters.after(note);
}
root.dataset.ready = "yes";
