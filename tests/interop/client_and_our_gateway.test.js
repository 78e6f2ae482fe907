/** An independent client reads, writes, writes once and keeps state through our gateway. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { field, sizeClass } from './peer/bhttp.js';
import { fetchOver } from './peer/client.js';
import { ENGINES } from './peer/engines.js';
import { makeProgram, OurGateway, PROGRAM } from './ours.js';

const STATE = '/.well-known/idevs/state/';
const TRIP = { method: 'POST', path: '/api/trips', type: 'application/json' };

/** What each of the claims below is made about. */
class Pair {
    constructor(engine) {
        this.engine = engine;
        this.gateway = new OurGateway();
    }

    async start() {
        await this.gateway.start();
        this.client = this.gateway.client(this.engine);
        await this.client.fetchKeys();
    }

    asked(path) {
        return this.gateway.service.asked.filter((one) => one.path === path).length;
    }

    save(name, version, content, program) {
        return this.client.exchange({ method: 'PUT', path: `${STATE}${name}?version=${version}`,
            type: 'application/octet-stream', content }, { program });
    }

    load(name, program) {
        return this.client.exchange({ method: 'GET', path: `${STATE}${name}` }, { program });
    }
}

const CLAIMS = {
    async 'the gateway is well'({ client }) {
        const answer = await fetchOver(client.tls,
            { method: 'GET', path: '/.well-known/idevs/health' });
        assert.equal(JSON.parse(answer.content).status, 'ok');
    },

    async 'a service is told who asks, and nothing unverified'({ client, gateway }) {
        const spoof = (headers) => ({ ...headers, 'Idevs-Program': 'spiffe://evil', 'X-Relay': 1 });
        const answer = await client.exchange({ method: 'GET', path: '/api/sales?after=809' },
            { outer: spoof });
        assert.equal(answer.status, 200);
        assert.match(answer.content.toString(), /^GET \/api\/sales\?after=809/);
        const { fields } = gateway.service.asked.at(-1);
        assert.equal(fields['idevs-program'], PROGRAM);
        assert.equal(fields['client-cert'], `:${gateway.program.chain[0].toString('base64')}:`);
        assert.equal(fields['x-relay'] ?? fields.signature ?? fields['content-digest'], undefined);
    },

    async 'a write reaches the service with its content and type'({ client, gateway }) {
        const answer = await client.exchange({ ...TRIP, content: '{"to":"Graça"}' });
        assert.equal(answer.status, 200);
        const { content, fields } = gateway.service.asked.at(-1);
        assert.deepEqual([content, fields['content-type']], ['{"to":"Graça"}', TRIP.type]);
    },

    async 'PUT, PATCH, DELETE and HEAD pass as well'({ client, gateway }) {
        for (const method of ['PUT', 'PATCH', 'DELETE', 'HEAD']) {
            const answer = await client.exchange({ method, path: '/api/trips/1' });
            assert.deepEqual([answer.status, gateway.service.asked.at(-1).method], [200, method]);
        }
    },

    async 'a status of the service is an answer, and not the gateway\'s refusal'({ client }) {
        const answer = await client.exchange({ method: 'GET', path: '/missing' });
        assert.deepEqual([answer.status, field(answer, 'idevs-error')], [404, undefined]);
    },

    async 'every sealed answer has a date and a size class'({ client }) {
        for (const path of ['/short', `/long?${'x'.repeat(700)}`]) {
            const answer = await client.exchange({ method: 'GET', path });
            assert.ok(Math.abs(Date.parse(field(answer, 'date')) - Date.now()) < 5000);
            assert.equal(answer.size, sizeClass(answer.size));
        }
    },

    async 'content of 128 KiB goes both ways'({ client, gateway }) {
        const content = 'x'.repeat(128 * 1024);
        const answer = await client.exchange({ ...TRIP, path: '/', content });
        assert.equal(gateway.service.asked.at(-1).content, content);
        assert.equal(field(answer, 'idevs-error'), 'service.status'); /* the echo is longer */
        const half = await client.exchange({ ...TRIP, path: '/', content: content.slice(70000) });
        assert.ok(half.content.length > 60000);
    },

    async 'the leaf alone is enough where its issuer is the anchor'({ client }) {
        const only = (headers) => ({ ...headers, 'Client-Cert-Chain': [] });
        const answer = await client.exchange({ method: 'GET', path: '/' }, { outer: only });
        assert.equal(answer.status, 200);
    },

    async 'a write under a key is carried out once, and its answer given again'(pair) {
        const request = { ...TRIP, path: '/once', key: 'sale-809', content: '1' };
        const first = await pair.client.exchange(request);
        const again = await pair.client.exchange(request);
        assert.deepEqual(again.content, first.content);
        assert.equal(pair.asked('/once'), 1);
        assert.equal(pair.gateway.service.asked.at(-1).fields['idempotency-key'], 'sale-809');
    },

    async 'the same key of another program is another key'(pair) {
        const other = makeProgram(pair.gateway.tier, { uri: `${PROGRAM}-2` });
        const request = { ...TRIP, path: '/twice', key: 'sale-810' };
        await pair.client.exchange(request);
        await pair.client.exchange(request, { program: other });
        assert.equal(pair.asked('/twice'), 2);
    },

    async 'nothing was saved at first'(pair) {
        const answer = await pair.load('fresh');
        assert.deepEqual([answer.status, field(answer, 'idevs-error')], [404, undefined]);
    },

    async 'what is saved is loaded, with its version'(pair) {
        const saved = await pair.save('cursor', 0, '809');
        assert.deepEqual([saved.status, field(saved, 'etag')], [204, '"1"']);
        await pair.save('cursor', 1, '810');
        const loaded = await pair.load('cursor');
        assert.deepEqual([loaded.status, field(loaded, 'etag'), loaded.content.toString()],
            [200, '"2"', '810']);
    },

    async 'the same save again, whose answer was lost, is no conflict'(pair) {
        await pair.save('lost', 0, 'a');
        const again = await pair.save('lost', 0, 'a');
        assert.deepEqual([again.status, field(again, 'etag')], [204, '"1"']);
    },

    async 'another program has a state of its own'(pair) {
        const other = makeProgram(pair.gateway.tier, { uri: `${PROGRAM}-3` });
        await pair.save('mine', 0, 'a');
        assert.equal((await pair.load('mine', other)).status, 404);
    },

    async 'no state reaches the service'(pair) {
        assert.ok(pair.gateway.service.asked.every(({ path }) => !path.startsWith(STATE)));
    },
};

for (const engine of ENGINES) {
    describe(`a client on ${engine.name} and our gateway`, () => {
        const pair = new Pair(engine);

        before(() => pair.start());
        after(() => pair.gateway.stop());
        for (const [claim, holds] of Object.entries(CLAIMS)) it(claim, () => holds(pair));
    });
}
