// The data, and what stands above the list: the verdict, what failed and why, the slowest.

const head = JSON.parse(document.getElementById('head').textContent);
const items = JSON.parse(document.getElementById('cases').textContent);

const GROUPS = {
  failed: { mark: '✗', style: 'bad', name: 'failed' },
  not_run: { mark: '✗', style: 'bad', name: 'not run' },
  interrupted: { mark: '■', style: 'note', name: 'interrupted' },
  quarantined: { mark: '✗', style: 'note', name: 'quarantined' },
  flaky: { mark: '✓', style: 'note', name: 'flaky' },
  passed: { mark: '✓', style: 'good', name: 'passed' },
  skipped: { mark: '–', style: 'dim', name: 'skipped' },
};
const CLASSES = { server_died: 'server died' };

/** What invariants and expectations of nothing can end as, and how many of an item do. */
const said = (status, fits = () => true) => (item) => item.invariants.filter(({ verdict }) => verdict.status === status && fits(verdict)).length;
const VERDICTS = {
  violated: { name: 'violated', of: said('violated') },
  unknown: { name: 'unknown', of: said('unknown', (verdict) => !verdict.excepted) },
  excepted: { name: 'unknown but excepted', of: said('unknown', (verdict) => verdict.excepted) },
  unproven: { name: 'unproven', of: (item) => item.unproven },
  held: { name: 'held', of: said('held') },
  not_asked: { name: 'not asked', of: said('not_asked') },
};
const verdicts = (of) => Object.values(VERDICTS)
  .map((one) => [one.name, of.reduce((sum, item) => sum + one.of(item), 0)])
  .filter(([, number]) => number > 0)
  .map(([name, number]) => `${number} ${name}`)
  .join(', ');

const pastRuns = head.history.runs;
for (const item of items) {
  const slash = item.label.lastIndexOf('/');
  item.suite = slash < 0 ? '' : item.label.slice(0, slash);
  item.name = item.repetition > 1 ? `${item.label} #${item.repetition}` : item.label;
  item.stem = item.name.slice(slash + 1);
  item.group = item.quarantined ? 'quarantined'
    : item.flaky ? 'flaky'
      : { failed_as_expected: 'passed', no_server: 'failed' }[item.status] ?? item.status;
  item.classes = [...new Set([...item.failures.map((one) => one.class), item.class].filter(Boolean))];
  item.history = head.history.scenarios[item.label] ?? [];
  item.pending = item.failures.filter((one) => one.snapshot);
  item.text = [item.name, item.title, item.headline, item.owner, item.tags.join(' '), ...item.failures.map((one) => one.headline)].join('\n').toLowerCase();
}

const longest = items.reduce((most, item) => Math.max(most, item.took), 1);

/** How often a scenario went wrong in the runs before. */
function past(item) {
  const bad = item.history.filter(([, status]) => status === 'failed' || status === 'no_server').length;
  const flaky = item.history.filter(([, status]) => status === 'flaky').length;
  const of = `of ${plural(item.history.length, 'earlier run', 'earlier runs')}`;
  return bad + flaky === 0 ? `passed in all ${of.replace('of ', '')}` : `failed in ${bad} ${of}, flaky in ${flaky}`;
}

/** A bar a run, as high as the run was long; the last is this one. */
function spark(item) {
  const bars = [...item.history.slice(-15).map(([, status, took]) => [status, took]), [item.group, item.took]];
  if (bars.length < 2) return el('span.spark');
  const most = Math.max(...bars.map(([, took]) => took), 1);
  const style = (status) => ({ passed: 'passed', failed_as_expected: 'passed', failed: 'failed', no_server: 'failed', flaky: 'flaky', quarantined: 'flaky' })[status] ?? 'other';
  const drawn = bars.map(([status, took], at) => {
    const height = Math.max(2, (took / most) * 16);
    return svg('rect', { x: 64 - (bars.length - at) * 4, y: 16 - height, width: 3, height, class: style(status) });
  });
  const title = svg('title', {});
  title.textContent = past(item);
  return svg('svg', { class: 'spark', viewBox: '0 0 64 16', role: 'img', 'aria-label': past(item) }, title, ...drawn);
}

const count = (group) => items.filter((item) => item.group === group).length;

function top() {
  const counts = Object.keys(GROUPS).map((group) => [group, count(group)]).filter(([group, number]) => number > 0 || group === 'passed' || group === 'failed');
  const { run, summary, gaps } = head;
  const bad = count('failed') + count('not_run') > 0 || gaps.length > 0;
  document.title = `${bad ? '✗' : '✓'} ${gaps.length > 0 ? 'incomplete: ' : ''}${counts.map(([group, number]) => `${number} ${GROUPS[group].name}`).join(', ')}`;
  const started = run?.started ? new Date(run.started) : undefined;
  const about = [
    summary && `ran in ${duration(summary.took_us)}`,
    started && started.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' }),
    run?.server && `server ${run.server}`,
    run?.jobs && plural(run.jobs, 'at once', 'at once'),
    run?.seed ? `seed ${run.seed}` : '',
    run?.shard && `part ${run.shard}`,
    pastRuns.length > 0 && `history of ${plural(pastRuns.length, 'run', 'runs')}`,
    run?.roundtable && `roundtable ${run.roundtable}`,
    verdicts(items) && `invariants and expectations of nothing: ${verdicts(items)}`,
  ].filter(Boolean).join(' · ');
  const orphans = summary?.orphans ?? [];
  document.getElementById('top').replaceChildren(...[
    el('.line', null,
      el('span.verdict', null,
        gaps.length > 0 && el('span.number.bad', null, 'incomplete'), gaps.length > 0 && el('span.dim', null, ' · '),
        ...counts.flatMap(([group, number], at) => [
        at > 0 && el('span.dim', null, ' · '), el(`span.number.${number ? GROUPS[group].style : 'dim'}`, null, `${number} ${GROUPS[group].name}`)])),
      el('span.right', null,
        el('button', { id: 'theme', type: 'button', title: 'Light or dark', onclick: turn }, '◐'),
        el('button', { type: 'button', title: 'Keys', onclick: () => document.getElementById('keys').showModal() }, '?'))),
    el('.about', null, about),
    el('.share', { role: 'presentation' }, ...counts.filter(([, number]) => number).map(([group, number]) => {
      const span = el(`span.${group}`, { title: `${number} ${GROUPS[group].name}` });
      span.style.flexGrow = number;
      return span;
    })),
    ...gaps.map((gap) => el('.banner', { role: 'alert' }, `Incomplete: ${gap}.`)),
    orphans.length > 0 && el('.banner', null, `${plural(orphans.length, 'snapshot belongs', 'snapshots belong')} to no scenario: ${orphans.join(', ')}`),
  ].filter(Boolean));
}

/** Goes from what the browser asks for to the other, and back. */
function turn() {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const now = document.documentElement.dataset.theme ?? (dark ? 'dark' : 'light');
  theme(now === 'dark' ? 'light' : 'dark');
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem('roundtable-theme', name);
  } catch {
    // A page of a file may not be allowed to keep anything.
  }
}

function overview(show, filter) {
  const cards = [];
  const card = (title, entries) => entries.length && cards.push(el('div', null, el('h2', null, title), ...entries));
  const entry = (text, right, onclick, fill, style = '') => {
    const bar = fill && el('span.fill');
    if (bar) bar.style.width = `${Math.max(1, fill * 100)}%`;
    return el('button', { type: 'button', onclick, title: text }, bar, el(`span${style}`, null, text), el('span.number.dim', null, right));
  };
  const tally = (values) => {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  };
  const bad = items.filter((item) => item.group === 'failed' || item.group === 'not_run');
  card('Failures by class', tally(bad.flatMap((item) => item.classes.slice(0, 1))).map(([name, number]) =>
    entry(CLASSES[name] ?? name, number, () => filter({ class: name }), number / bad.length)));
  const owners = tally(bad.map((item) => item.owner ?? ''));
  if (owners.some(([name]) => name)) {
    card('Failures by owner', owners.map(([name, number]) => entry(name || 'nobody', number, () => filter({ owner: name || '-' }), number / bad.length)));
  }
  const pending = items.filter((item) => item.pending.length);
  card(`Snapshots to review (${pending.reduce((sum, item) => sum + item.pending.length, 0)})`, pending.slice(0, 6).map((item) =>
    entry(item.name, item.pending.map((one) => one.snapshot.name).join(', '), () => show(item))));
  card('Flaky', items.filter((item) => item.flaky).slice(0, 6).map((item) => entry(item.name, plural(item.earlier.length + 1, 'attempt', 'attempts'), () => show(item))));
  const slowest = [...items].sort((a, b) => b.took - a.took).slice(0, 6).filter((item) => item.took > 0);
  card('Slowest', slowest.map((item) => entry(item.name, duration(item.took), () => show(item), item.took / longest)));
  document.getElementById('overview').replaceChildren(...cards);
}
