/** Runs one test file, or says that it is skipped where the packages were never fetched. */
import fs from 'node:fs';

const SKIPPED = 77; /* as meson reads it */

if (fs.existsSync(new URL('node_modules', import.meta.url))) {
    await import(new URL(process.argv[2], import.meta.url));
} else {
    console.log('skipped: the independent peer stands on packages that are not there; '
        + 'script/interop-packages fetches them');
    process.exitCode = SKIPPED;
}
