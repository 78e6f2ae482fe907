/**
 * Our gateway refuses to an independent client what docs/interfaces.md says that it refuses: with
 * that code and status, sealed or not, and saying "not processed" exactly where the page says so.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { field } from './peer/bhttp.js';
import { LABELS } from './peer/ohttp.js';
import { ENGINES } from './peer/engines.js';
import { makeProgram, OurGateway, until } from './ours.js';
import { Judge } from './page.js';
import { POLICY, refusals } from './refusals.js';

const POST = { method: 'POST', path: '/api/trips', type: 'application/json' };

/** Refusals that need more than one request, or a service that fails. */
const SCENES = {
    async 'a request that was accepted before: exchange.claimed'({ client, judge, asked }) {
        const { exchange, sealed } = await client.seal({ ...POST, path: '/replayed' });
        await client.post(sealed);
        judge.expect(await client.open(exchange, await client.post(sealed)), 'exchange.claimed');
        assert.equal(asked('/replayed'), 1);
    },

    async 'twenty deliveries at once: one is accepted'({ client, judge, asked }) {
        const { exchange, sealed } = await client.seal({ ...POST, path: '/storm' });
        const answers = await Promise.all(Array.from({ length: 20 }, async () =>
            client.open(exchange, await client.post(sealed))));
        const refused = answers.filter((answer) => field(answer, 'idevs-error'));
        assert.equal(refused.length, 19);
        for (const answer of refused) judge.expect(answer, 'exchange.claimed');
        assert.equal(asked('/storm'), 1);
    },

    async 'a delivery beside another certificate spoils nothing'({ client, judge, tier }) {
        const { exchange, sealed } = await client.seal(POST);
        const beside = makeProgram(tier);
        judge.expect(await client.open(exchange, await client.post(sealed, { beside })),
            'request.signature');
        assert.equal((await client.open(exchange, await client.post(sealed))).status, 200);
    },

    async 'another request under the same key: idempotency.mismatch'({ client, judge }) {
        const request = { ...POST, key: 'mismatch', content: '1' };
        await client.exchange(request);
        for (const change of [{ content: '2' }, { path: '/other' }, { method: 'PUT' }]) {
            judge.expect(await client.exchange({ ...request, ...change }), 'idempotency.mismatch');
        }
    },

    async 'a key that is being carried out: idempotency.in-progress'({ client, judge, gateway }) {
        const request = { ...POST, path: '/held', key: 'held' };
        const first = client.exchange(request);
        await until(() => gateway.service.held.length === 1);
        judge.expect(await client.exchange(request), 'idempotency.in-progress');
        gateway.service.held[0]();
        assert.equal((await first).status, 200);
    },

    async 'a write that the service took and did not answer: outcome.unknown'({ client, judge }) {
        judge.expect(await client.exchange({ ...POST, path: '/close' }), 'outcome.unknown');
    },

    async 'the key of such a write: outcome.unknown, ever after'({ client, judge, asked }) {
        const request = { ...POST, path: '/close?once', key: 'lost' };
        for (let i = 0; i < 2; i++) judge.expect(await client.exchange(request), 'outcome.unknown');
        assert.equal(asked('/close?once'), 1);
    },

    async 'a read that was not answered: service.unreachable'({ client, judge }) {
        judge.expect(await client.exchange({ method: 'GET', path: '/close' }),
            'service.unreachable', { processed: undefined });
    },

    async 'an answer that is not HTTP: service.status'({ client, judge }) {
        judge.expect(await client.exchange({ method: 'GET', path: '/garbage' }), 'service.status');
    },

    async 'a second save over the same version: state.conflict'({ client, judge }) {
        const save = (content) => client.exchange({ method: 'PUT', content,
            path: '/.well-known/idevs/state/cursor?version=0', type: 'application/octet-stream' });
        assert.equal((await save('a')).status, 204);
        judge.expect(await save('b'), 'state.conflict');
    },

    async 'sealing with another label cannot be opened: exchange.decrypt'({ client, judge }) {
        const answer = await mislabelled('request', () => client.exchange(POST));
        judge.expect(answer, 'exchange.decrypt', { sealed: false });
    },

    async 'a nonce exported under another label: request.nonce'({ client, judge }) {
        judge.expect(await mislabelled('nonce', () => client.exchange(POST)), 'request.nonce');
    },

    async 'an answer opened under another label does not open'({ client }) {
        await assert.rejects(mislabelled('response', () => client.exchange(POST)));
    },

    async 'no service: service.unreachable, not processed'({ client, judge, gateway }) {
        await gateway.service.stop();
        judge.expect(await client.exchange(POST), 'service.unreachable', { processed: 'no' });
    },
};

/** With one byte of a label flipped while `f` runs. */
async function mislabelled(name, f) {
    const right = LABELS[name];
    LABELS[name] = right.replace('e', 'f');
    try {
        return await f();
    } finally {
        LABELS[name] = right;
    }
}

for (const engine of ENGINES) {
    describe(`our gateway refuses a client on ${engine.name}`, () => {
        const gateway = new OurGateway(POLICY);
        const { tier, program } = gateway;
        const judge = new Judge();
        const scene = { gateway, judge, tier,
            asked: (path) => gateway.service.asked.filter((one) => one.path === path).length };

        before(async () => {
            await gateway.start();
            scene.client = gateway.client(engine);
            await scene.client.fetchKeys();
        });
        after(() => gateway.stop());

        it('what one request can do wrong', async (t) => {
            const other = (await engine.generate()).publicKey;
            const { config } = scene.client;
            for (const one of refusals({ tier, program, config, other })) {
                await t.test(one.claim, async () => {
                    const answer = await scene.client.exchange(one.request, one.change);
                    judge.expect(answer, one.code, { sealed: one.sealed });
                });
            }
            assert.equal(gateway.service.asked.length, 0, 'nothing of it reached the service');
        });
        for (const [claim, holds] of Object.entries(SCENES)) it(claim, () => holds(scene));
        it('every refusal of the page was met', () => assert.deepEqual(judge.missed(), []));
    });
}
