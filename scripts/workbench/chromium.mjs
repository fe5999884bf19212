/**
 * The browser of editor tests. CHROMIUM names one of your own; else it is that of the development dependency
 * @sparticuz/chromium, unpacked into the cache with its libraries and fonts, so that a machine without any browser, library or
 * font of a desktop will do. `node scripts/workbench/chromium.mjs` unpacks it and prints where it is.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, setupError } from './cache.mjs';

/** Raised when what is unpacked changes. */
const RECIPE = 2;
const ARGUMENTS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update', '--font-render-hinting=none'],
];

/** @returns Playwright's launch options. */
export async function chromiumOptions() {
  const own = process.env.CHROMIUM;
  if (own) {
    if (!isExecutable(own)) throw setupError(`CHROMIUM=${own} is not a program.`, 'name a Chromium, or unset CHROMIUM');
    return { executablePath: own, args: ARGUMENTS };
  }
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw setupError(
      `The browser that comes with the development dependencies is for linux-x64, this is ${process.platform}-${process.arch}.`,
      'install Chromium or Chrome and set CHROMIUM to its program',
    );
  const folder = await cached(`chromium-${packageVersion()}-r${RECIPE}`, unpack);
  const libraries = [join(folder, 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  const env = {
    ...process.env,
    LD_LIBRARY_PATH: libraries,
    FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    FONTCONFIG_PATH: folder,
  };
  return { executablePath: join(folder, 'chromium'), args: ARGUMENTS, env };
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Its main file is in build/cjs; package.json itself is not exported. */
function packageFolder() {
  return dirname(dirname(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium'))));
}

function packageVersion() {
  return JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')).version;
}

/** The package unpacks into the temporary folder, and its libraries only where it takes the machine for one of AWS. */
function unpack(folder, target) {
  console.error('Unpacking Chromium (once; about 200 MB, some seconds)…');
  const script = "import('@sparticuz/chromium').then((it) => it.default.executablePath())";
  const result = spawnSync(process.execPath, ['-e', script], {
    cwd: packageFolder(),
    stdio: ['ignore', 2, 2],
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
  });
  if (result.status !== 0) throw new Error(`Chromium could not be unpacked (status ${result.status}); see above`);
  renameSync(join(folder, 'al2023', 'lib'), join(folder, 'lib'));
  writeFileSync(join(folder, 'fonts.conf'), fontsConf(target));
}

/** Not the machine's own fonts: pictures would differ between machines. */
const fontsConf = (folder) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`;

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await chromiumOptions()).executablePath);
