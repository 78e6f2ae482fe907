/** A program with our run-time, libidevs, starts among strangers and works with their gateway. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { field, sizeClass, values } from './peer/bhttp.js';
import { ENGINES } from './peer/engines.js';
import { startProgram } from './theirs.js';

const CLAIMS = {
    async 'it starts: attested, certified and with keys'({ opened, host }) {
        assert.equal(opened.status, 200, opened.found);
        assert.equal(host.chain.length, 2);
        assert.ok(host.reportData.equals(host.expectedReportData(host.certified)));
    },

    async 'it reads'({ host, gateway }) {
        const answer = await host.order('read', 'store', '/api/sales?after=809');
        assert.equal(answer.status, 200);
        assert.equal(answer.content,
            'GET /api/sales?after=809 by spiffe://interop.example/program/free-ride');
        assert.equal(answer.type, 'text/plain');
        assert.equal(gateway.requests.at(-1).message.method, 'GET');
    },

    async 'it writes'({ host, gateway }) {
        const answer = await host.order('write', 'store', '/trips', 'application/json', '{"é":1}');
        assert.equal(answer.status, 200);
        const { message } = gateway.requests.at(-1);
        assert.equal(message.content.toString(), '{"é":1}');
        assert.equal(field(message, 'content-type'), 'application/json');
    },

    async 'it writes once: the same key again gives the first answer'({ host, service }) {
        const order = ['write_once', 'store', '/api/trips', 'sale-809', 'text/plain', 'x'];
        const before = service.asked.length;
        const first = await host.order(...order);
        assert.deepEqual(await host.order(...order), first);
        assert.equal(service.asked.length, before + 1);
        assert.equal(service.asked.at(-1).key, 'sale-809');
    },

    async 'other content under the same key is refused'({ host }) {
        const answer = await host.order('write_once', 'store', '/api/trips', 'sale-809',
            'text/plain', 'y');
        assert.equal(answer.code, 'idempotency.mismatch');
    },

    async 'it saves and loads'({ host }) {
        assert.equal((await host.order('load', 'store', 'cursor')).status, 404);
        for (const value of ['809', '810']) {
            assert.equal((await host.order('save', 'store', 'cursor', value)).status, 204);
        }
        const loaded = await host.order('load', 'store', 'cursor');
        assert.deepEqual([loaded.status, loaded.content], [200, '810']);
    },

    async 'a save that another instance overtook is refused'({ host, gateway }) {
        const [[place, { version }]] = gateway.states;
        gateway.states.set(place, { version: version + 1, content: Buffer.from('other') });
        const answer = await host.order('save', 'store', 'cursor', '811');
        assert.equal(answer.code, 'state.conflict');
    },

    async 'an HTTP error of the service is an answer'({ host }) {
        assert.equal((await host.order('read', 'store', '/missing')).status, 404);
    },

    async 'a large answer arrives whole'({ host }) {
        const answer = await host.order('read', 'store', '/large');
        assert.ok(answer.content === 'x'.repeat(300000), answer.found);
    },

    async 'what it may not is not even sent'({ host, gateway }) {
        const before = gateway.requests.length;
        const answer = await host.order('read', 'transport', '/');
        assert.equal(answer.code, 'policy.reads');
        assert.equal(gateway.requests.length, before);
    },

    async 'a line for the owner is opened by the owner'({ host }) {
        await host.order('log', 'sale 809 has no phone');
        assert.match(host.log.at(-1), /sale 809 has no phone/);
    },

    async 'every request had a size class, and only the signed fields'({ gateway }) {
        for (const { message, size } of gateway.requests) {
            assert.equal(size, sizeClass(size));
            for (const name of ['content-digest', 'date', 'signature', 'signature-input']) {
                assert.equal(values(message, name).length, 1);
            }
        }
    },

    async 'every request was of another encapsulation, and accepted once'({ gateway }) {
        assert.equal(gateway.claimed.size, gateway.requests.length);
    },

    async 'it ends by itself'({ host }) {
        assert.equal(await host.stop(), 0);
    },
};

for (const engine of ENGINES) {
    describe(`our run-time and a gateway on ${engine.name}`, () => {
        const scene = {};

        before(async () => Object.assign(scene, await startProgram({ engine })));
        after(() => scene.host?.stop());
        for (const [claim, holds] of Object.entries(CLAIMS)) it(claim, () => holds(scene));
    });
}
