"use strict";
const filter = document.getElementById("filter");
const left = document.getElementById("left");
const sections = [...document.querySelectorAll("section")];
filter.addEventListener("input", () => {
  const wanted = filter.value.toLowerCase();
  let shown = 0;
  for (const section of sections) {
    section.hidden = !section.textContent.toLowerCase().includes(wanted);
    shown += section.hidden ? 0 : 1;
  }
  left.textContent = wanted ? `${shown} of ${sections.length}` : "";
});
document.getElementById("open").addEventListener("click", () => {
  const all = [...document.querySelectorAll("details")];
  const open = all.some((one) => !one.open);
  for (const one of all) one.open = open;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== filter) {
    event.preventDefault();
    filter.focus();
  }
});
