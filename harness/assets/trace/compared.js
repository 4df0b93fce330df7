// The attempt that passed beside the one that failed, and where they first differ.

const compared = (() => {
  const pane = $('compared');

  function build() {
    const found = data.compared;
    pane.hidden = !found;
    if (!found) return;
    const row = ({ left, right, kind }) => el('tr', { class: kind }, el('td', {}, left), el('td', {}, right));
    const names = found.names.map((name) => el('th', { scope: 'col' }, name));
    pane.replaceChildren(el('details', { open: true, ontoggle: () => diagram.resize() },
      el('summary', {}, `Why an attempt failed: ${found.sentence}`),
      found.differences.length > 0 && el('ul', { class: 'differences' }, found.differences.map((line) => el('li', {}, el('code', {}, line)))),
      found.cause && el('p', { class: 'quiet' }, `caused by ${found.cause}`),
      el('table', {}, el('thead', {}, el('tr', {}, names)), el('tbody', {}, found.rows.map(row))),
    ));
  }

  return { build };
})();
