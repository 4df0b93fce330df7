// Drives a headless Chromium over its debugging pipe, for tests of the HTML reports. No dependencies: messages are JSON
// over the file descriptors 3 (to the browser) and 4 (from it), each ended by a NUL
// (chromedevtools.github.io/devtools-protocol, `--remote-debugging-pipe`).
//
//   const browser = await launch();              // throws NoBrowser where there is none
//   const page = await browser.open('file:///…');
//   await page.eval('document.title');           // the value of an expression or of its promise
//   await page.click('#search'); await page.type('text'); await page.key('Enter');
//   await page.until('document.querySelector("dialog").open');
//   await page.screenshot('/tmp/page.png', { width: 1200, height: 800 });
//   page.consoleErrors();                        // errors, warnings and exceptions so far
//   page.requests();                             // the addresses of everything that the page loaded
//   await browser.close();

import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** No Chromium is installed. */
export class NoBrowser extends Error {}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** The program: `$CHROMIUM`, or the first of the usual names on the PATH; undefined where there is none. */
export function browserProgram() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // The next one.
      }
    }
  }
  return undefined;
}

/** Starts a browser. `deadline`: milliseconds that any one answer may take. */
export async function launch({ deadline = 60_000, args = [] } = {}) {
  const program = browserProgram();
  if (!program) throw new NoBrowser(`none of ${NAMES.join(', ')} is on the PATH (CHROMIUM names another)`);
  const profile = mkdtempSync(join(tmpdir(), 'roundtable-browser-'));
  const child = spawn(
    program,
    [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions',
      '--force-device-scale-factor=1', `--user-data-dir=${profile}`, '--remote-debugging-pipe', ...args, 'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const browser = new Browser(child, profile, deadline);
  await browser.send('Target.getTargets');
  return browser;
}

class Browser {
  #child;
  #profile;
  #deadline;
  #next = 1;
  #waiting = new Map();
  #pages = new Map();
  #rest = [];
  #gone;

  constructor(child, profile, deadline) {
    this.#child = child;
    this.#profile = profile;
    this.#deadline = deadline;
    child.on('error', (error) => this.#end(`the browser can't be started: ${error.message}`));
    child.on('exit', (code) => this.#end(`the browser ended with code ${code}`));
    child.stdio[3].on('error', () => {});
    child.stdio[4].on('data', (data) => this.#read(data));
  }

  #end(why) {
    this.#gone = new Error(why);
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }

  #read(data) {
    let from = 0;
    for (let at = data.indexOf(0); at >= 0; at = data.indexOf(0, from)) {
      this.#rest.push(data.subarray(from, at));
      const text = Buffer.concat(this.#rest).toString('utf8');
      this.#rest = [];
      from = at + 1;
      this.#take(JSON.parse(text));
    }
    this.#rest.push(data.subarray(from));
  }

  #take(message) {
    if (message.id === undefined) {
      this.#pages.get(message.sessionId)?.heard(message.method, message.params);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error) waiting?.reject(new Error(`${waiting.method}: ${message.error.message}`));
    else waiting?.resolve(message.result);
  }

  /** Sends a command of the protocol, to a page's session where one is given; resolves to its result. */
  send(method, params = {}, sessionId = undefined) {
    if (this.#gone) return Promise.reject(this.#gone);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`${method} got no answer within ${this.#deadline} ms`));
      }, this.#deadline);
      const ended = (then) => (value) => {
        clearTimeout(timer);
        then(value);
      };
      this.#waiting.set(id, { method, resolve: ended(resolve), reject: ended(reject) });
      this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** Opens a page and waits until it has loaded. `colorScheme` is `light` or `dark`. */
  async open(url, { width = 1280, height = 900, colorScheme = 'light' } = {}) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId, this.#deadline);
    this.#pages.set(sessionId, page);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
    await page.setSize(width, height);
    await page.setMedia({ colorScheme });
    await page.goto(url);
    return page;
  }

  /** Ends the browser and removes what it wrote. */
  async close() {
    const ended = new Promise((resolve) => {
      if (this.#gone) resolve();
      else this.#child.once('exit', resolve);
    });
    this.send('Browser.close').catch(() => {});
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  #browser;
  #session;
  #target;
  #deadline;
  #errors = [];
  #requests = [];
  #loaded = () => {};

  constructor(browser, session, target, deadline) {
    this.#browser = browser;
    this.#session = session;
    this.#target = target;
    this.#deadline = deadline;
  }

  heard(method, params) {
    if (method === 'Page.loadEventFired') this.#loaded();
    if (method === 'Network.requestWillBeSent') this.#requests.push(params.request.url);
    if (method === 'Runtime.exceptionThrown') {
      const { text, exception } = params.exceptionDetails;
      this.#errors.push(exception?.description ?? text);
    }
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) {
      this.#errors.push(params.args.map((arg) => arg.value ?? arg.description).join(' '));
    }
    if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level)) {
      this.#errors.push(`${params.entry.text} ${params.entry.url ?? ''}`.trim());
    }
  }

  send(method, params = {}) {
    return this.#browser.send(method, params, this.#session);
  }

  /** Goes to an address and waits until it has loaded. */
  async goto(url) {
    const loaded = new Promise((resolve) => (this.#loaded = resolve));
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  /** The value of an expression in the page, awaited where it is a promise. */
  async eval(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression, awaitPromise: true, returnByValue: true, userGesture: true,
    });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Waits, frame by frame, until an expression is true. */
  async until(expression) {
    const end = Date.now() + this.#deadline;
    while (!(await this.eval(expression))) {
      if (Date.now() > end) throw new Error(`never true: ${expression}`);
      await this.eval('new Promise((next) => requestAnimationFrame(() => next(true)))');
    }
  }

  /** Clicks, with a real mouse event, in the middle of the first element that a selector means. */
  async click(selector, { count = 1 } = {}) {
    const at = await this.eval(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      if (!element) return null;
      element.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
      const box = element.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    })()`);
    if (!at) throw new Error(`nothing to click on: ${selector}`);
    for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased']) {
      await this.send('Input.dispatchMouseEvent', { type, ...at, button: type === 'mouseMoved' ? 'none' : 'left', clickCount: count });
    }
  }

  /** Presses a key: a character, or a name such as `Enter`, `Escape`, `ArrowDown`, `Tab`. */
  async key(key, { shift = false, ctrl = false, alt = false } = {}) {
    const codes = {
      Enter: 13, Escape: 27, Tab: 9, Backspace: 8, Delete: 46, ' ': 32, PageUp: 33, PageDown: 34, End: 35, Home: 36,
      ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40,
    };
    const text = key === 'Enter' ? '\r' : key.length === 1 && !ctrl && !alt ? key : undefined;
    // Other signs have key codes of their own; the codes of their characters would be those of Delete or the arrows.
    const windowsVirtualKeyCode = codes[key] ?? (/^[a-z0-9]$/i.test(key) ? key.toUpperCase().charCodeAt(0) : 0);
    const modifiers = (alt ? 1 : 0) | (ctrl ? 2 : 0) | (shift ? 8 : 0);
    await this.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', key, text, windowsVirtualKeyCode, modifiers });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, windowsVirtualKeyCode, modifiers });
  }

  /** Types a text into what has the focus. */
  async type(text) {
    for (const character of text) await this.key(character);
  }

  /** The size of the page's window in CSS pixels. */
  setSize(width, height) {
    return this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** What the page's media queries find: `colorScheme` is `light` or `dark`, `reducedMotion` a boolean. */
  setMedia({ colorScheme = 'light', reducedMotion = false } = {}) {
    return this.send('Emulation.setEmulatedMedia', {
      features: [
        { name: 'prefers-color-scheme', value: colorScheme },
        { name: 'prefers-reduced-motion', value: reducedMotion ? 'reduce' : 'no-preference' },
      ],
    });
  }

  /** Writes a PNG of the window, or with `full` of the whole page. */
  async screenshot(file, { width = undefined, height = undefined, full = false } = {}) {
    if (width && height) await this.setSize(width, height);
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: full });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  /** Errors, warnings and exceptions of the page so far. */
  consoleErrors() {
    return [...this.#errors];
  }

  /** The addresses of everything that the page asked for so far, its own included. */
  requests() {
    return [...this.#requests];
  }

  async close() {
    await this.#browser.send('Target.closeTarget', { targetId: this.#target });
  }
}
