"use strict";
const filter = document.getElementById("filter");
const left = document.getElementById("left");
const sections = [...document.querySelectorAll("section")];
const kind = document.getElementById("kind");
function narrow() {
  const wanted = filter.value.toLowerCase();
  const isOfKind = (section) =>
    !kind.value || section.dataset.kind === kind.value || (kind.value === "outlier" && "outlier" in section.dataset);
  let shown = 0;
  for (const section of sections) {
    section.hidden = !section.textContent.toLowerCase().includes(wanted) || !isOfKind(section);
    shown += section.hidden ? 0 : 1;
  }
  left.textContent = wanted || kind.value ? `${shown} of ${sections.length}` : "";
}
filter.addEventListener("input", narrow);
kind.addEventListener("change", narrow);
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
