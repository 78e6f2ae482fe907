/** An independent gateway around a small service, and a program with our run-time that uses it. */
import fs from 'node:fs';
import { Gateway } from './peer/gateway.js';
import { Host } from './peer/host.js';
import { AUTHORITY, executable, folder, ServiceCa } from './ours.js';

/** A service that says what it was asked, and by whom. */
function echo() {
    const asked = [];
    const answer = async (request) => {
        asked.push(request);
        const { method, path, program } = request;
        const content = path === '/large' ? 'x'.repeat(300000) : `${method} ${path} by ${program}`;
        return { status: path === '/missing' ? 404 : 200, type: 'text/plain', content };
    };
    return { asked, answer };
}

/**
 * Starts a program that may read and write at `store`, and only write at `transport`; both are one
 * gateway, whose certificate our idevs-ca made. `change`, given that CA, may change what the
 * gateway is made of, and the anchors of the manifest.
 */
export async function startProgram({ engine, patience = 120, change = () => ({}) }) {
    const where = folder();
    const ca = new ServiceCa(where);
    const service = echo();
    const host = new Host({ engine, patience });
    const { anchors = [ca.anchor], ...changed } = change(ca);
    const gateway = new Gateway({ engine, authority: AUTHORITY, ...ca.server('store.example'),
        anchors: [host.tier.certificate], service: service.answer, ...changed });
    await gateway.start();
    host.services = {
        store: { gateway, anchors, reads: true, writes: true },
        transport: { gateway, anchors, reads: false, writes: true },
    };
    const opened = await host.start(executable());
    fs.rmSync(where, { recursive: true });
    return { host, gateway, service, opened };
}
