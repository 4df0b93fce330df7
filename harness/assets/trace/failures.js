// What failed, on top: expected and nearest side by side, what came instead, and for broken promises who saw what.

const failed = (() => {
  const pane = $('failures');
  let folded = false;

  /** The paths that a difference speaks of. */
  const pathsOf = (differences) => differences.map((line) => /^(\$[^\s:]*)/.exec(line)?.[1]).filter(Boolean);

  function side(name, body, ...more) {
    return el('div', { class: 'side' }, el('h3', {}, name, more), body);
  }

  function comparison(failure) {
    const { nearest, expected } = failure;
    const paths = pathsOf(nearest?.differences ?? []);
    const item = model.byEntry.get(nearest?.entry);
    const what = nearest && (nearest.what.split(': ')[0] ?? nearest.what);
    const parts = expected ? [side('Expected', pretty(expected, paths))] : [];
    if (nearest) {
      parts.push(side('Nearest', nearest.whole ? pretty(nearest.whole, paths) : el('p', {}, nearest.what), el('small', {}, ' ', item ? jump(item, `${what}, at ${clock(item.t)} ms`) : what)));
    }
    return [
      nearest?.differences.length ? el('ul', { class: 'differences' }, nearest.differences.map((line) => el('li', {}, el('code', {}, line)))) : [],
      failure.late ? el('p', { class: 'late' }, failure.late, failure.came.length ? '' : '; nothing came') : [],
      el('div', { class: 'sides' }, parts, came(failure)),
    ];
  }

  function came(failure) {
    if (!failure.came.length) return [];
    const p = data.participants.indexOf(failure.participant);
    const lines = failure.came.map((one) => {
      const item = one.entry === undefined || one.entry === null ? undefined : model.byEntry.get(one.entry);
      const at = el('span', { class: 'at' }, clock(one.at_us));
      const words = item ? [el('b', {}, labelOf(item).head), ' ', labelOf(item).tail] : short(one.frame, 120);
      const taken = one.taken_by ? el('small', {}, ` taken by line ${one.taken_by}`) : '';
      return el('li', {}, item ? jump(item, at, ' ', words) : [at, ' ', words], taken);
    });
    return side(`What came to ${p < 0 ? 'the inbox' : data.participants[p]}`, el('ol', { class: 'items' }, lines), el('small', {}, ` ${lines.length}`));
  }

  /** For broken promises: each message that the evidence names against each participant. */
  function matrix(failure) {
    const items = failure.entries.map((entry) => model.byEntry.get(entry)).filter(Boolean);
    if (!items.length) return [];
    const links = [...new Set(items.flatMap((item) => item.links))].slice(0, 8).sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
    const evidence = new Set(items);
    const words = failure.details.length === failure.entries.length ? failure.details : undefined;
    const list = el('ul', { class: 'evidence' }, failure.entries.slice(0, 12).map((entry, place) => {
      const item = model.byEntry.get(entry);
      return item && el('li', {}, jump(item, words ? short(readable(words[place]), 220) : `${data.participants[item.p] ?? ''} at ${clock(item.t)} ms`));
    }));
    if (!links.length) return list;
    const reaches = links.map((link) => model.reach(link));
    const body = data.participants.map((_, p) => {
      let latest = -1;
      const cells = reaches.map((reach) => {
        const one = reach[p];
        const seen = one.seen ?? (one.sender ? links[reaches.indexOf(reach)].sent : undefined);
        if (!seen) return el('td', { class: one.there ? 'missing' : 'absent' }, one.there ? 'never' : 'not there');
        const early = seen.t < latest && one.seen;
        latest = Math.max(latest, seen.t);
        const word = one.seen ? `${clock(seen.t)}` : 'sent';
        return el('td', { class: early || evidence.has(seen) ? 'odd' : undefined }, jump(seen, word), early ? ' too early' : '');
      });
      const odd = cells.some((cell) => cell.className === 'odd' || cell.className === 'missing');
      return { odd, row: el('tr', {}, el('th', { scope: 'row' }, person(p)), cells) };
    });
    // Of many participants those come first who saw something else than the others.
    if (body.length > 12) body.sort((a, b) => b.odd - a.odd);
    const head = el('tr', {}, el('th', {}, 'seen at, ms'), links.map((link) => el('th', { scope: 'col' }, `${link.stream} ${link.order ?? link.id ?? ''}`)));
    return [el('table', { class: 'matrix' }, el('thead', {}, head), el('tbody', {}, body.map(({ row }) => row))), list];
  }

  function difference(failure) {
    if (!failure.diff.length) return [];
    const sign = { shape: '! ', hunk: '', context: '  ', removed: '- ', added: '+ ' };
    return el('pre', { class: 'diff' }, failure.diff.map((line) => {
      const found = line.kind === 'shape' ? changed(line.text) : undefined;
      const words = `${sign[line.kind]}${line.text}`;
      return el('span', { class: line.kind }, found ? [el('button', { type: 'button', class: 'jump', onclick: () => viewer.select(found.item, true, [found.path]) }, words), ` ${clock(found.item.t)} ms`] : words, '\n');
    }));
  }

  /** The value at the rest of a path: `.participants[0].name`. */
  const under = (value, path) => [...path.matchAll(/\.([^.[\]]+)|\[(\d+)\]/g)].reduce((inner, [, field, index]) => inner?.[field ?? index], value);

  /** The frame or answer that a changed path of a snapshot shows, and the path in it. */
  function changed(text) {
    const [path] = text.split(': ');
    const parts = /^([^.]+)\.(frames|messages|state)(?: \([^)]*\))?(.*)$/.exec(path);
    const p = data.participants.indexOf(parts?.[1]);
    if (p < 0) return undefined;
    const of = (kind) => model.items.filter((item) => item.p === p && item.k === 'received' && !item.b && kindOf(item) === kind);
    let item;
    let rest;
    if (parts[2] === 'state') {
      rest = parts[3].replace(/^\.[^.[]+/, '');
      item = model.items.findLast((one) => one.p === p && one.k === 'answer' && under(parsed(one.x), rest) !== undefined);
    } else if (parts[2] === 'frames') {
      const frame = /^\.([^.[]+)(?:\[(\d+)\])?(.*)$/.exec(parts[3]);
      rest = frame?.[3];
      item = frame && of(frame[1])[Number(frame[2] ?? 0)];
    } else {
      const frame = /^\[(\d+)\]\.(\S+) (\S+?)((?:\.|\[).*)?$/.exec(parts[3]);
      rest = frame?.[4] ?? '';
      item = frame && of(frame[2]).find((one) => one.links.some((link) => String(link.order) === frame[3]));
    }
    return item && { item, path: `$${rest}` };
  }

  /** Where a change of a snapshot is to be seen first. */
  const shown = (failure) => failure.diff.filter((line) => line.kind === 'shape').map((line) => changed(line.text)).find(Boolean);

  function place(failure) {
    const step = model.steps.get(failure.step);
    if (!failure.place) return [];
    const at = `${failure.place.file}:${failure.place.line}`;
    return el('p', { class: 'place' }, step ? el('button', { type: 'button', class: 'jump', onclick: () => viewer.chooseSteps([step]) }, at) : at, ' ', el('code', {}, failure.place.text));
  }

  function one(failure) {
    return [
      place(failure),
      matrix(failure),
      comparison(failure),
      failure.details.length && failure.details.length !== failure.entries.length ? el('ul', { class: 'details' }, failure.details.map((line) => el('li', {}, line))) : [],
      difference(failure),
    ];
  }

  function build() {
    const outcome = result?.outcome;
    if (!failures.length) {
      const reason = outcome?.reason;
      pane.hidden = !reason;
      if (reason) pane.replaceChildren(el('p', { class: 'reason' }, `${{ failed_as_expected: 'failed as expected', no_server: 'no server' }[outcome.status] ?? outcome.status}: ${reason}`));
      return;
    }
    pane.hidden = false;
    pane.classList.toggle('folded', folded);
    const tabs = failures.map((failure, number) =>
      el('button', { type: 'button', role: 'tab', class: 'tab', 'aria-selected': String(number === view.failure), title: failure.headline, onclick: () => viewer.chooseFailure(number) }, el('span', { class: 'sort' }, failure.kind.replace('_', ' ')), ' ', readable(failure.headline)),
    );
    pane.replaceChildren(
      el('div', { class: 'tabs', role: 'tablist' }, tabs),
      el('button', { type: 'button', id: 'fold', 'aria-expanded': String(!folded), title: 'Fold (x)', onclick: fold }, folded ? '▾' : '▴'),
      el('div', { class: 'body', role: 'tabpanel', tabindex: '0' }, one(failures[view.failure]).flat(Infinity).filter(Boolean)),
    );
    // Of a long payload the part that differs is in sight.
    for (const json of pane.querySelectorAll('.json')) {
      const marked = json.querySelector('.marked');
      if (marked) json.scrollTop = marked.offsetTop - json.offsetTop - 40;
    }
  }

  function fold() {
    folded = !folded;
    build();
    diagram.resize();
  }

  return { build, fold, shown };
})();
