/** What docs/interfaces.md says of a gateway's refusals, read from its tables. */
import fs from 'node:fs';

const ROW = /^\| `([a-z.-]+)` \| (\d{3}) \| [^|]+ \|(?: ([^|]*)\|)?$/;

/** [{code, status, sealed, processed}, ...]; `processed` is "no" or undefined. */
export function pageOfRefusals() {
    const page = fs.readFileSync(new URL('../../docs/interfaces.md', import.meta.url), 'utf8');
    const [, section] = page.split('### What a gateway refuses');
    const rows = section.split('\n## ')[0].split('\n').map((line) => ROW.exec(line)).filter(Boolean)
        .map(([, code, status, processed]) => ({ code, status: Number(status),
            sealed: processed !== undefined,
            processed: processed?.startsWith('`no`') ? 'no' : undefined }));
    if (rows.length < 30) throw new Error('the tables of docs/interfaces.md cannot be read');
    return rows;
}
