#!/usr/bin/env node
/**
 * Stands in for the desktop program `code` towards @vscode/test-cli and @vscode/test-electron: runs the same extensionTestsPath
 * in the extension host of a real VS Code server, with a headless Chromium as its window. The exit status is that of the tests.
 * A failed run leaves a picture and all logs in test-results/host.
 * Environment: SSAE_TEST_VSIX, a .vsix to install and test in place of the folder of the extension; VSCODE_SHIM_VERBOSE=1, the
 * workbench's own messages too.
 */
import { chromium } from '@playwright/test';
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { format } from 'node:util';
import { chromiumOptions } from './chromium.mjs';
import { startServer } from './server.mjs';

const LIMIT_MILLISECONDS = 300_000;
const results = resolve('test-results', 'host');
/** What the workbench says itself. */
const NOISE =
  /^(Resolv|No search provider|Creating a socket|Ignoring fetching|Updating additional|Timed out waiting for authentication provider|Creation of workbench contribution|\[(reconnection|AgentHost|AccountPolicy|Service Worker|remote-connection))/;

/** @returns paths that VS Code's arguments name */
function parse(given) {
  const values = (name) =>
    given.filter((word) => word.startsWith(`--${name}=`)).map((word) => resolve(word.slice(name.length + 3)));
  const opened = given.find((word) => !word.startsWith('-'));
  const [tests] = values('extensionTestsPath');
  const extensions = values('extensionDevelopmentPath');
  if (tests === undefined || extensions.length === 0) {
    console.error('code-shim: runs tests only: --extensionDevelopmentPath=… and --extensionTestsPath=… are needed');
    process.exit(2);
  }
  return { tests, extensions, folder: opened === undefined ? null : folderOf(resolve(opened)) };
}

function folderOf(path) {
  return statSync(path).isFile() && !path.endsWith('.code-workspace') ? dirname(path) : path;
}

/** Waits for the tests. @returns their exit status */
async function runTests(page, server, { tests, extensions }) {
  const done = new Promise((resolve, reject) => {
    setTimeout(() => {
      reject(new Error(`the tests did not report within ${LIMIT_MILLISECONDS / 1000} s`));
    }, LIMIT_MILLISECONDS).unref();
    page.on('crash', () => {
      reject(new Error('the page crashed'));
    });
    void server.exited.then((status) => {
      reject(new Error(`code-server ended (${status})`));
    });
    void page.exposeFunction('codeAutomationExit', resolve); // VS Code calls it when run() has settled.
  });
  done.catch(() => undefined); // It may fail before it is awaited.
  await page.exposeFunction('codeAutomationLog', (type, args) => {
    const line = format(...args).replace(/^%c\s*/, '');
    if (process.env.VSCODE_SHIM_VERBOSE || !NOISE.test(line))
      (type === 'error' ? process.stderr : process.stdout).write(`${line}\n`);
  });
  const payload = [
    ...extensions.map((path) => ['extensionDevelopmentPath', server.remote(path)]),
    ['extensionTestsPath', server.remote(tests)],
  ];
  await page.goto(server.url(payload));
  return done;
}

const given = parse(process.argv.slice(2));
let server = null;
let browser = null;
let status = 1;

async function cleanUp() {
  await browser?.close().catch(() => undefined);
  if (status !== 0) server?.copyLogs(join(results, 'logs'));
  await server?.stop();
}

for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    void cleanUp().finally(() => process.exit(130));
  });
try {
  const options = await chromiumOptions();
  server = await startServer({ folder: given.folder, vsix: process.env.SSAE_TEST_VSIX ?? null, extensionTests: true });
  browser = await chromium.launch(options);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  try {
    status = await runTests(page, server, given);
  } finally {
    if (status !== 0) {
      mkdirSync(results, { recursive: true });
      await page.screenshot({ path: join(results, 'failure.png') }).catch(() => undefined);
      console.error(`a picture and the logs are in ${relative('.', results)}`);
    }
  }
} catch (error) {
  console.error('code-shim:', error.message);
} finally {
  await cleanUp();
}
process.exit(status);
