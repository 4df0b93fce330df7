// Joins the parts: what is chosen in one shows in the others, by pointer and by keyboard.

const viewer = (() => {
  const scroller = $('scroller');

  function relay() {
    const keep = view.selected ?? view.rows[rowAt(scroller.scrollTop + 20)]?.items[0];
    const offset = keep && placeOf(keep) - scroller.scrollTop;
    layRows();
    find();
    tell();
    diagram.resize();
    if (keep) scroller.scrollTop = placeOf(keep) - offset;
    if (view.selected) diagram.reveal(view.selected);
  }

  /** The figures beside the filters. */
  function tell() {
    const shown = view.rows.reduce((sum, row) => sum + row.items.length, 0);
    $('shown').textContent = shown === model.items.length ? `${shown} events` : `${shown} of ${model.items.length} events`;
    const place = view.hits.indexOf(view.selected);
    $('hits').textContent = view.query ? (view.hits.length ? `${place < 0 ? '–' : place + 1}/${view.hits.length}` : 'none') : '';
    $('query').classList.toggle('none', Boolean(view.query) && !view.hits.length);
  }

  function select(item, move = false, marks = []) {
    view.marks = marks;
    view.selected = item;
    view.steps = undefined;
    view.marked = new Set();
    if (item && item.row === undefined) {
      // It was asked for by name: the filters make room.
      view.chain = undefined;
      if (item.b) view.barriers = true;
      if (item.k === 'log') view.log = true;
      view.hiddenPeople.delete(item.p);
      view.hiddenKinds.delete(kindOf(item));
      buttons();
      relay();
    }
    if (item && move) diagram.reveal(item);
    const row = item && view.rows[item.row];
    $('current').textContent = item ? spoken(item) : '';
    $('current').setAttribute('aria-posinset', String((item?.row ?? 0) + 1));
    $('current').setAttribute('aria-setsize', String(view.rows.length));
    view.lane = row ? row.items.indexOf(item) : 0;
    panel.build();
    source.sync();
    buttons();
    tell();
    diagram.draw();
  }

  function chooseSteps(steps) {
    view.steps = steps;
    view.selected = undefined;
    view.marked = new Set(steps.flatMap((step) => step.items));
    const first = [...view.marked].find((item) => item.row !== undefined);
    if (first) diagram.reveal(first);
    else scroller.scrollTop = yOf(steps[0].t) - scroller.clientHeight * 0.4;
    panel.build();
    source.sync();
    buttons();
    diagram.draw();
  }

  function chooseFailure(number) {
    view.failure = number;
    failed.build();
    placeRows();
    diagram.resize();
    const failure = failures[number];
    const step = model.steps.get(failure?.step);
    const entries = (failure?.entries ?? []).map((entry) => model.byEntry.get(entry)).filter(Boolean);
    const change = failure && failed.shown(failure);
    if (entries.length) {
      select(entries.findLast((item) => item.links.length) ?? entries.at(-1), true);
    } else if (change) {
      select(change.item, true, [change.path]);
    } else {
      const fail = model.fails.find((item) => item.failure === number);
      const near = model.byEntry.get(failure?.nearest?.entry);
      // What came nearest may be far from the step that failed, which is what stands in sight.
      if (near) select(near);
      if (fail) (near ? diagram.reveal(fail) : select(fail, true));
      else if (step) (near ? (scroller.scrollTop = yOf(step.t) - scroller.clientHeight * 0.4) : chooseSteps([step]));
    }
  }

  function walk(by) {
    const last = view.rows.length - 1;
    if (last < 0) return;
    let place = view.selected?.row;
    if (place === undefined) place = by > 0 ? rowAt(scroller.scrollTop) - 1 : rowAt(scroller.scrollTop + scroller.clientHeight);
    const row = view.rows[Math.max(0, Math.min(last, place + by))];
    select(row.items[0], true);
  }

  function across(by) {
    const row = view.rows[view.selected?.row];
    if (!row) return;
    select(row.items[(row.items.indexOf(view.selected) + by + row.items.length) % row.items.length], true);
  }

  function nextHit(by) {
    if (!view.hits.length) return;
    const now = view.selected?.i ?? (by > 0 ? -1 : Infinity);
    const hit = by > 0 ? view.hits.find((item) => item.i > now) ?? view.hits[0] : view.hits.findLast((item) => item.i < now) ?? view.hits.at(-1);
    select(hit, true);
  }

  function alongChain(by) {
    const chain = view.selected?.links[0]?.all;
    if (!chain) return;
    const sorted = [...chain].sort((a, b) => a.i - b.i);
    select(sorted[(sorted.indexOf(view.selected) + by + sorted.length) % sorted.length], true);
  }

  function buttons() {
    const press = (id, on) => $(id).setAttribute('aria-pressed', String(Boolean(on)));
    press('even', !view.time);
    press('time', view.time);
    press('log', view.log);
    press('group', view.group);
    press('barriers', view.barriers);
    press('chain', view.chain);
    $('chain').disabled = !view.chain && !view.selected?.links.length;
    $('group').disabled = view.time;
  }

  const flip = {
    time: (to = !view.time) => {
      view.time = to;
    },
    log: () => {
      view.log = !view.log;
    },
    group: () => {
      view.group = !view.group;
    },
    barriers: () => {
      view.barriers = !view.barriers;
    },
    chain: () => {
      view.chain = view.chain ? undefined : view.selected?.links[0];
    },
  };
  const change = (name, ...rest) => {
    flip[name](...rest);
    buttons();
    relay();
  };

  function zoom(by) {
    if (!view.time) view.time = true;
    view.zoom = Math.max(0.02, Math.min(400, view.zoom * by));
    buttons();
    relay();
  }

  function togglePerson(p) {
    if (!view.hiddenPeople.delete(p)) view.hiddenPeople.add(p);
    menus();
    relay();
  }

  /** The menus of participants and of types, with how many events each has. */
  function menus() {
    const count = (key) => {
      const counts = new Map();
      for (const item of model.items) {
        const of = key(item);
        if (of !== undefined) counts.set(of, (counts.get(of) ?? 0) + 1);
      }
      return counts;
    };
    const fill = (id, hidden, entries, name) => {
      const box = (of, number) => {
        const input = el('input', { type: 'checkbox', onchange: () => (hidden.delete(of) || hidden.add(of), menus(), relay()) });
        input.checked = !hidden.has(of);
        const only = el('button', { type: 'button', class: 'only', onclick: () => (entries.forEach(([other]) => (other === of ? hidden.delete(other) : hidden.add(other))), menus(), relay()) }, 'only');
        return el('div', { class: 'choice' }, el('label', {}, input, ' ', name(of)), el('span', { class: 'count' }, String(number)), only);
      };
      const all = el('button', { type: 'button', class: 'everything', onclick: () => (hidden.clear(), menus(), relay()) }, 'show all');
      $(id).querySelector('.list').replaceChildren(all, ...entries.map(([of, number]) => box(of, number)));
      $(id).classList.toggle('narrowed', hidden.size > 0);
      const word = id === 'people' ? 'Participants' : 'Types';
      $(id).querySelector('summary').textContent = hidden.size ? `${word} ${entries.length - hidden.size}/${entries.length}` : word;
    };
    const focused = document.activeElement?.closest('.menu .choice, .menu .everything');
    const where = focused && [focused.closest('.menu'), [...focused.parentElement.children].indexOf(focused), document.activeElement.tagName];
    const people = count((item) => item.p);
    fill('people', view.hiddenPeople, data.participants.map((_, p) => [p, people.get(p) ?? 0]), (p) => person(p));
    const kinds = count((item) => (item.k === 'log' || item.k === 'fail' || item.b ? undefined : kindOf(item)));
    fill('kinds', view.hiddenKinds, [...kinds].sort((a, b) => b[1] - a[1]), (kind) => kind);
    if (where) {
      const row = where[0].querySelector('.list').children[where[1]];
      (row?.matches('button') ? row : row?.querySelector(where[2]))?.focus();
    }
  }

  function theme(next) {
    const root = document.documentElement;
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    if (next) root.dataset.theme = (root.dataset.theme || (dark ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark';
    diagram.readColours();
    menus();
    panel.build();
    diagram.resize();
  }

  const KEYS = [
    ['j k  ↓ ↑', 'next, previous'],
    ['← →', 'among those who got one broadcast'],
    ['[ ]', 'along a message: sending, acks, deliveries'],
    ['Enter', 'to the details; Esc goes back'],
    ['/', 'search; n and N go to the next and previous match'],
    ['f', 'the failure, and the next one'],
    ['s', 'the scenario: arrows walk and unfold, Enter chooses a step'],
    ['t  + −', 'true to time or evenly spaced; zoom'],
    ['c', 'only the selected message'],
    ['b  l  g', 'frames of barriers, the server’s log, broadcasts in one row'],
    ['y', 'copy the payload'],
    ['x', 'fold what failed'],
    ['d', 'dark or light'],
    ['Home End PgUp PgDn', 'far'],
    ['?', 'these keys'],
  ];

  function help() {
    const dialog = $('help');
    if (dialog.open) return dialog.close();
    dialog.replaceChildren(
      el('h2', {}, 'Keys'),
      el('table', {}, KEYS.map(([keys, what]) => el('tr', {}, el('th', { scope: 'row' }, el('kbd', {}, keys)), el('td', {}, what)))),
      el('p', { class: 'quiet' }, 'Time goes down; every arrow stands at the moment at which the runner sent or got it. Dashed are requests and answers; a wide bar on a lane is an open connection. Filled heads are frames.'),
      el('button', { type: 'button', onclick: () => dialog.close() }, 'Close'),
    );
    return dialog.showModal();
  }

  const page = () => Math.max(1, Math.floor(scroller.clientHeight / ROW) - 3);
  const far = (to) => view.rows.length && select(view.rows.at(to).items[0], true);
  const keys = {
    j: () => walk(1), ArrowDown: () => walk(1), k: () => walk(-1), ArrowUp: () => walk(-1),
    ArrowLeft: () => across(-1), ArrowRight: () => across(1),
    PageDown: () => walk(page()), PageUp: () => walk(-page()), Home: () => far(0), End: () => far(-1),
    '[': () => alongChain(-1), ']': () => alongChain(1),
    Enter: () => (view.selected || walk(1), $('panel').focus()),
    Escape: () => escape(),
    '/': () => ($('query').focus(), $('query').select()),
    n: () => nextHit(1), N: () => nextHit(-1),
    f: () => failures.length && chooseFailure(view.selected || view.steps ? (view.failure + 1) % failures.length : view.failure),
    s: () => $('source').querySelector('.step[tabindex="0"]')?.focus(),
    t: () => change('time'), '+': () => zoom(1.6), '=': () => zoom(1.6), '-': () => zoom(1 / 1.6),
    c: () => (view.chain || view.selected?.links.length) && change('chain'),
    b: () => change('barriers'), l: () => change('log'), g: () => change('group'),
    y: () => $('panel').querySelector('.copy')?.click(),
    x: () => failures.length && failed.fold(),
    d: () => theme(true), '?': help,
  };

  function escape() {
    if (document.querySelector('.menu[open]')) return document.querySelectorAll('.menu[open]').forEach((menu) => (menu.open = false));
    if (document.activeElement !== scroller) return scroller.focus({ preventScroll: true });
    if (view.chain) return change('chain');
    return select(undefined);
  }

  function wire() {
    document.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || $('help').open) return;
      if (event.target.matches('input:not([type=checkbox])')) {
        if (event.key === 'Enter') nextHit(event.shiftKey ? -1 : 1);
        else if (event.key === 'Escape') scroller.focus({ preventScroll: true });
        else return;
        event.preventDefault();
        return;
      }
      const walks = event.key.startsWith('Arrow') || event.key === 'Home' || event.key === 'End' || event.key.startsWith('Page');
      // Where the focus is on something that has keys of its own, it keeps them.
      if (walks && event.target !== scroller && event.target !== document.body) return;
      if ((event.key === 'Enter' || event.key === ' ') && event.target.matches('button, summary, input, a')) return;
      const act = keys[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    let waiting;
    $('query').addEventListener('input', () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        view.query = $('query').value.trim();
        find();
        if (view.hits.length && !view.hits.includes(view.selected)) diagram.reveal(view.hits.find((item) => placeOf(item) >= scroller.scrollTop) ?? view.hits[0]);
        panel.build();
        tell();
        diagram.draw();
      }, 80);
    });
    $('next').onclick = () => nextHit(1);
    $('previous').onclick = () => nextHit(-1);
    $('even').onclick = () => change('time', false);
    $('time').onclick = () => change('time', true);
    for (const name of ['log', 'group', 'barriers', 'chain']) $(name).onclick = () => change(name);
    $('theme').onclick = () => theme(true);
    $('ask').onclick = help;
    scroller.addEventListener('scroll', () => (diagram.slide(), diagram.draw()), { passive: true });
    scroller.addEventListener('mousemove', (event) => {
      const item = diagram.itemAt(event);
      scroller.style.cursor = item ? 'pointer' : '';
      if (item === view.hovered) return;
      view.hovered = item;
      diagram.draw();
    });
    scroller.addEventListener('mouseleave', () => {
      view.hovered = undefined;
      diagram.draw();
    });
    scroller.addEventListener('click', (event) => {
      const item = diagram.itemAt(event);
      scroller.focus({ preventScroll: true });
      select(item);
    });
    scroller.addEventListener('wheel', (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.25 : 1 / 1.25);
    }, { passive: false });
    document.addEventListener('click', (event) => {
      for (const menu of document.querySelectorAll('.menu[open]')) if (!menu.contains(event.target) && document.contains(event.target)) menu.open = false;
    });
    new ResizeObserver(() => (placeRows(), diagram.resize())).observe(scroller);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => theme());
  }

  function head() {
    const status = result?.outcome?.status;
    const words = { passed: 'passed', failed: 'failed', failed_as_expected: 'failed as expected', skipped: 'skipped', no_server: 'no server', interrupted: 'interrupted' };
    $('mark').textContent = { passed: '✓', failed: '✗', failed_as_expected: '✓', no_server: '✗' }[status] ?? '–';
    document.body.dataset.status = status;
    $('label').textContent = data.label;
    $('scenario').textContent = data.title;
    // The report stands in the folder that has the folder of traces, which has a folder for each part of a label.
    const depth = data.label.split('@')[0].split('/').filter((part) => !['', '.', '..'].includes(part)).length;
    $('report').hidden = !data.report;
    $('report').href = `${'../'.repeat(depth)}index.html`;
    const facts = [words[status] ?? 'unfinished', result ? duration(result.took_us) : undefined, result?.attempt > 1 ? `attempt ${result.attempt}` : undefined, result?.repetition > 1 ? `repetition ${result.repetition}` : undefined, data.server, ...data.tags.map((tag) => `#${tag}`)];
    $('facts').replaceChildren(...facts.filter(Boolean).map((fact) => el('li', {}, fact)));
  }

  function begin() {
    head();
    diagram.readColours();
    failed.build();
    compared.build();
    grips.build();
    source.build();
    layRows();
    diagram.resize();
    panel.build();
    wire();
    buttons();
    menus();
    tell();
    diagram.centre();
    if (failures.length) chooseFailure(0);
    scroller.focus({ preventScroll: true });
  }

  return { select, chooseSteps, chooseFailure, togglePerson, begin };
})();

viewer.begin();
