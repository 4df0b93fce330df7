// The HTML report of a run that has only begun.

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { launch } from './cdp.mjs';

const browser = await launch();
try {
  const tab = await browser.open(pathToFileURL(join(process.argv[2], 'index.html')).href);
  assert.match(await tab.eval("document.querySelector('#list').textContent"), /No scenario has ended yet/);
  assert.match(await tab.eval("document.querySelector('.banner').textContent"), /The run was interrupted; 3 scenarios were not begun/);
  for (const key of ['j', 'k', 'Enter', 't', 'f']) await tab.key(key);
  assert.deepEqual(tab.consoleErrors(), []);
} finally {
  await browser.close();
}
