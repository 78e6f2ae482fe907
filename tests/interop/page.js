/** What docs/interfaces.md says of a gateway's refusals, read from its tables. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { field } from './peer/bhttp.js';

const ROW = /^\| `([a-z.-]+)` \| (\d{3}) \| [^|]+ \|(?: ([^|]*)\|)?$/;

/** [{code, status, sealed, processed}, ...]; `processed` is "no" or undefined. */
function pageOfRefusals() {
    const page = fs.readFileSync(new URL('../../docs/interfaces.md', import.meta.url), 'utf8');
    const [, section] = page.split('### What a gateway refuses');
    const rows = section.split('\n## ')[0].split('\n').map((line) => ROW.exec(line)).filter(Boolean)
        .map(([, code, status, processed]) => ({ code, status: Number(status),
            sealed: processed !== undefined,
            processed: processed?.startsWith('`no`') ? 'no' : undefined }));
    if (rows.length < 30) throw new Error('the tables of docs/interfaces.md cannot be read');
    return rows;
}

const PAGE = pageOfRefusals();

/** Holds an answer against the page's row for `code`, and remembers that the row was met. */
export class Judge {
    constructor() {
        this.met = new Set();
    }

    expect(answer, code, { sealed = true, ...exceptions } = {}) {
        const row = PAGE.find((one) => one.code === code && one.sealed === sealed);
        assert.ok(row, `${code} stands on the page`);
        const problem = JSON.parse(answer.content);
        assert.deepEqual({ sealed: answer.sealed, code: problem.code, status: answer.status },
            { sealed, code, status: row.status });
        assert.ok(problem.expected && problem.remedy && typeof problem.found === 'string');
        if (sealed) {
            assert.equal(field(answer, 'idevs-error'), code);
            const { processed } = { ...row, ...exceptions };
            assert.equal(field(answer, 'idevs-processed'), processed);
        }
        this.met.add(row);
    }

    missed() {
        return PAGE.filter((row) => !this.met.has(row)).map(({ code }) => code);
    }
}
