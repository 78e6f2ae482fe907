/** Our run-time refuses what a bad gateway signs and answers, and repeats only what it may. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { encodeResponse, fieldSection, padded, varint } from './peer/bhttp.js';
import { concat, flipped } from './peer/bytes.js';
import { now } from './peer/client.js';
import { ENGINES } from './peer/engines.js';
import { encodeKeyConfig, encodeKeys, LABELS } from './peer/ohttp.js';
import { contentDigest, KEYS } from './peer/signature.js';
import { CLIENT_AUTH, EXTENSION, issue, keyPair, makeCa, SERVER_AUTH } from './peer/x509.js';
import { adding, having, setting, twice, without } from './changes.js';
import { startProgram } from './theirs.js';

/* ---- signed keys ---- */

const listing = (...configs) => (m) => {
    const content = encodeKeys(configs.map((config) => (config === 'own' ? m.content.subarray(2)
        : config)));
    return setting('content-digest', contentDigest(content))({ ...m, content });
};

const keys = (lie) => () => ({ lie: { keys: lie } });
const signing = (sign) => keys({ sign });
const parameters = (change) => signing({ get parameters() { return change(now()); } });
const OTHER_SUITE = encodeKeyConfig({ keyId: 1, publicKey: randomBytes(32), suites: [[1, 3]] });
const OTHER_KEM = encodeKeyConfig({ keyId: 1, kem: 0x10, publicKey: randomBytes(65) });

/** A service's certificate that our idevs-ca would not make; its CA is the manifest's anchor. */
function certified(fields, extensions) {
    const ca = makeCa('services');
    const own = keyPair();
    const leaf = issue({ subject: 'service', ...own, issuer: ca, notBefore: now() - 60,
        notAfter: now() + 3600, ...fields,
        extensions: [EXTENSION.notCa(), EXTENSION.keyUsage(0), ...extensions] });
    return { chain: [leaf.certificate], key: leaf.key, anchors: [ca.certificate] };
}

const HOST = EXTENSION.host('store.example');
const SERVER = EXTENSION.extKeyUsage(SERVER_AUTH);

const BAD_KEYS = [
    ['keys signed by another key', 'keys.signature', signing({ key: keyPair().key })],
    ['keys whose digest is that of others', 'keys.signature',
        keys({ message: setting('content-digest', contentDigest('other')) })],
    ['keys changed after signing', 'keys.signature',
        keys({ signed: (m) => ({ ...m, content: flipped(m.content, 10) }) })],
    ['keys with a digest of another algorithm', 'keys.signature',
        keys({ message: setting('content-digest', (old) => old.replace('256', '512')) })],
    ['keys of another type', 'keys.signature',
        keys({ message: setting('content-type', 'application/octet-stream') })],
    ['keys under another status', 'keys.signature', keys({ message: having({ status: 203 }) })],
    ...['content-digest', 'signature', 'signature-input', 'idevs-service-cert'].flatMap((name) => [
        [`keys without ${name}`, 'keys.signature', keys({ signed: without(name) })],
        [`keys with two of ${name}`, 'keys.signature', keys({ signed: twice(name) })],
    ]),
    ['keys under another label', 'keys.signature', signing({ shape: { ...KEYS, label: 'idevs' } })],
    ['keys under another tag', 'keys.signature',
        parameters(() => ({ tag: 'idevs-gateway-keys-v2' }))],
    ['keys under another algorithm', 'keys.signature', parameters(() => ({ alg: 'ed25519' }))],
    ['keys with the keyid of another certificate', 'keys.signature',
        parameters(() => ({ keyid: 'A'.repeat(43) }))],
    ...['@status', 'content-type', 'content-digest'].map((name) => [
        `keys that do not cover ${name}`, 'keys.signature',
        signing({ components: ['@status', 'content-type', 'content-digest']
            .filter((one) => one !== name) })]),
    ['keys of yesterday', 'keys.signature',
        parameters((at) => ({ created: at - 86400, expires: at - 60 }))],
    ['keys of tomorrow', 'keys.signature',
        parameters((at) => ({ created: at + 60, expires: at + 3600 }))],
    ['keys for longer than a day', 'keys.signature',
        parameters((at) => ({ created: at, expires: at + 86401 }))],
    ['keys of no known suite', 'keys.signature',
        keys({ message: listing(OTHER_SUITE, OTHER_KEM) })],
    ['a key of low order', 'keys.signature',
        keys({ message: listing(encodeKeyConfig({ keyId: 1, publicKey: Buffer.alloc(32) })) })],
    ['a key configuration that is cut', 'keys.signature',
        keys({ message: listing(OTHER_SUITE.subarray(0, -1)) })],
    ['no keys at all', 'keys.signature', keys({ message: listing() })],
    ['the service\'s certificate in PEM', 'certificate.malformed',
        keys({ signed: setting('idevs-service-cert', '-----BEGIN CERTIFICATE-----') })],
    ['keys of another service of the same CA', 'certificate.name',
        (ca) => ca.server('other.example')],
    ['keys under another CA', 'certificate.chain',
        () => ({ ...certified({}, [HOST, SERVER]), anchors: undefined })],
    ['an expired certificate of the service', 'certificate.expired',
        () => certified({ notBefore: now() - 120, notAfter: now() - 60 }, [HOST, SERVER])],
    ['a certificate that is for clients', 'certificate.malformed',
        () => certified({}, [HOST, EXTENSION.extKeyUsage(CLIENT_AUTH)])],
    ['a certificate that names no host', 'certificate.name', () => certified({}, [SERVER])],
];

const GOOD_KEYS = [
    ['a certificate of any CA that the manifest names', () => certified({}, [HOST, SERVER])],
    ['keys of other suites before the one',
        keys({ message: listing(OTHER_SUITE, OTHER_KEM, 'own') })],
    ['unsigned fields beside the keys', keys({ signed: adding('via', '1.1 relay') })],
];

/* ---- answers ---- */

const sealed = (f) => ({ sealed: f });
const plain = (f) => ({ plain: f });
const response = (m) => padded(encodeResponse({ status: 200, fields: [], ...m }));

/** None of these is an answer; each comes once, the next one is honest. */
const BAD_ANSWERS = {
    'with one bit changed': sealed((b) => flipped(b, 40)),
    'with one bit of its tag changed': sealed((b) => flipped(b, -1)),
    'with one bit of its nonce changed': sealed((b) => flipped(b, 0)),
    'under another nonce': sealed((b) => concat(randomBytes(16), b.subarray(16))),
    'without its last byte': sealed((b) => b.subarray(0, -1)),
    'with one byte more': sealed((b) => concat(b, 'x')),
    'cut in half': sealed((b) => b.subarray(0, b.length / 2)),
    'that is its nonce alone': sealed((b) => b.subarray(0, 16)),
    'that is empty': sealed(() => Buffer.alloc(0)),
    'to the request before': sealed((_, gateway) => gateway.sent.at(-1)),
    'that is no Binary HTTP': plain(() => padded(Buffer.from('hello'))),
    'that is a request': plain((b) => flipped(b, 0)),
    'of indeterminate length': plain((b) => concat(varint(3), b.subarray(1))),
    'with padding that is not zero': plain((b) => flipped(b, -1)),
    'with trailers': plain(() => concat(varint(1), varint(200), fieldSection([]), varint(0),
        fieldSection([['a', 'b']]))),
    'with an informational status': plain(() => response({ status: 103 })),
    'with status 600': plain(() => response({ status: 600 })),
    'with a field name in upper case': plain(() => response({ fields: [['Date', 'x']] })),
    'with a line break in a field': plain(() => response({ fields: [['x', 'a\r\nb']] })),
    'longer than it is': plain((b) => b.subarray(0, 20)),
};
const BAD_CARRIERS = {
    'of another media type': { outer: having({ type: 'application/octet-stream' }) },
    'under another status': { outer: having({ status: 203 }) },
    'instead of which a plain error comes': { outer: () => ({ status: 400,
        type: 'application/problem+json', content: '{"code":"request.date"}' }) },
    'instead of which plain content comes': { outer: () => ({ status: 200, type: 'text/plain',
        content: 'GET / by you' }) },
};

/** The next answer is that lie. */
function arm(gateway, lie) {
    gateway.lie = { ...lie, outer(answer) {
        gateway.lie = {};
        return (lie.outer ?? ((same) => same))(answer);
    } };
}

/** What a write, a write_once and a read make of an answer that is `lie`, refused with `code`. */
async function repeatsOnlyWhatItMay({ host, gateway, service }, lie, code) {
    const trial = async (...order) => {
        const [asked, requests] = [service.asked.length, gateway.requests.length];
        arm(gateway, lie);
        const answer = await host.order(...order);
        const sent = gateway.requests.slice(requests);
        assert.equal(new Set(sent.map(({ enc }) => enc)).size, sent.length, 'new encapsulations');
        return { answer, sent: sent.length, asked: service.asked.length - asked };
    };
    await host.order('read', 'store', '/'); /* so that there is an answer before */
    const write = await trial('write', 'store', '/w', 'text/plain', 'x');
    assert.equal(write.answer.code, 'outcome.unknown');
    assert.ok(write.answer.found.startsWith(code), write.answer.found);
    assert.deepEqual([write.sent, write.asked], [1, 1]);
    const once = await trial('write_once', 'store', '/o', `key-${gateway.requests.length}`,
        'text/plain', 'x');
    assert.deepEqual([once.answer.status, once.sent, once.asked], [200, 2, 1]);
    const read = await trial('read', 'store', '/r');
    assert.deepEqual([read.answer.status, read.sent, read.asked], [200, 2, 2]);
}

const refusal = (code, ...more) => ({ answer: (m) => ({ status: 403,
    content: '{"found":"what the gateway found"}',
    fields: [...m.fields.filter(([name]) => name === 'date'), ['idevs-error', code], ...more] }) });
const UNPROCESSED = ['idevs-processed', 'no'];
const READ = ['read', 'store', '/'];
const WRITE = ['write', 'store', '/', 'text/plain', 'x'];

const SCENES = {
    async 'a sealed refusal reaches the program with its code and finding'({ host, gateway }) {
        for (const order of [READ, WRITE]) {
            arm(gateway, refusal('policy.path', UNPROCESSED));
            const { code, found } = await host.order(...order);
            assert.equal(code, 'policy.path');
            assert.match(found, /what the gateway found$/);
        }
    },

    async 'a refused write that may have been done has an unknown outcome'({ host, gateway }) {
        arm(gateway, refusal('policy.path'));
        assert.equal((await host.order(...WRITE)).code, 'outcome.unknown');
    },

    async 'two refusals in one answer are none'({ host, gateway }) {
        arm(gateway, refusal('policy.path', ['idevs-error', 'policy.reads']));
        assert.equal((await host.order(...READ)).code, 'exchange.response');
    },

    async 'a write that certainly did not reach the service is sent again'({ host, gateway }) {
        arm(gateway, refusal('service.unreachable', UNPROCESSED));
        assert.equal((await host.order(...WRITE)).status, 200);
    },

    async 'an answer under another label does not open'({ host, gateway }) {
        const right = LABELS.response;
        LABELS.response = right.replace('b', 'c');
        try {
            assert.match((await host.order(...WRITE)).found, /^exchange.response/);
        } finally {
            LABELS.response = right;
        }
        assert.equal((await host.order(...READ)).status, 200);
        assert.ok(gateway.sent.length > 0);
    },

    async 'a save that is answered without a version is no save'({ host, gateway }) {
        await host.order('load', 'store', 'x');
        arm(gateway, { answer: without('etag') });
        assert.equal((await host.order('save', 'store', 'x', 'y')).code, 'service.status');
    },

    async 'a gateway\'s clock is learned from its sealed answer'({ host, gateway }) {
        gateway.clock = () => now() + 1000;
        const before = gateway.requests.length;
        assert.equal((await host.order(...READ)).status, 200);
        assert.equal(gateway.requests.length, before + 2);
        assert.equal((await host.order(...WRITE)).status, 200);
        gateway.clock = now;
        assert.equal((await host.order(...READ)).status, 200);
    },

    async 'new keys of the gateway are fetched, verified and used'({ host, gateway }) {
        await gateway.start();
        assert.equal((await host.order(...READ)).status, 200);
        assert.equal((await host.order(...WRITE)).status, 200);
    },

    async 'new keys that the service did not sign are not used'({ host, gateway }) {
        const { engine, keys: own, config } = gateway;
        const stolen = await engine.generate();
        gateway.lie = { keys: { sign: { key: keyPair().key } } };
        Object.assign(gateway, { keys: stolen.keys,
            config: encodeKeyConfig({ keyId: gateway.keyId, publicKey: stolen.publicKey }) });
        const answer = await host.order(...WRITE);
        assert.equal(answer.code, 'outcome.unknown');
        Object.assign(gateway, { keys: own, config, lie: {} });
        assert.equal((await host.order(...READ)).status, 200);
    },
};

for (const engine of ENGINES) {
    describe(`our run-time, and bad keys on ${engine.name}`, { concurrency: 4 }, () => {
        for (const [claim, code, change] of BAD_KEYS) {
            it(`${claim}: ${code}`, async () => {
                const { host, opened } = await startProgram({ engine, change });
                assert.equal(await host.stop(), 1, 'the program does not start');
                assert.equal(opened.code, code, opened.found);
            });
        }
        for (const [claim, change] of GOOD_KEYS) {
            it(`${claim}: accepted`, async () => {
                const { host, opened } = await startProgram({ engine, change });
                const answer = opened.status === 200 ? await host.order(...READ) : opened;
                assert.equal(await host.stop(), 0, opened.found);
                assert.equal(answer.status, 200);
            });
        }
    });

    describe(`our run-time, and bad answers on ${engine.name}`, () => {
        const scene = {};

        before(async () => Object.assign(scene, await startProgram({ engine })));
        after(() => scene.host?.stop());
        for (const [what, lie] of Object.entries(BAD_ANSWERS)) {
            it(`an answer ${what}: exchange.response`, () =>
                repeatsOnlyWhatItMay(scene, lie, 'exchange.response'));
        }
        for (const [what, lie] of Object.entries(BAD_CARRIERS)) {
            it(`an answer ${what}: service.unreachable`, () =>
                repeatsOnlyWhatItMay(scene, lie, 'service.unreachable'));
        }
        for (const [claim, holds] of Object.entries(SCENES)) it(claim, () => holds(scene));
    });

    describe(`our run-time, and nothing but bad answers on ${engine.name}`, () => {
        it('a read is given up at the end of the run', async () => {
            const { host, gateway } = await startProgram({ engine, patience: 4 });
            gateway.lie = BAD_ANSWERS['under another nonce'];
            const answer = await host.order(...READ);
            await host.stop();
            assert.equal(answer.code, 'exchange.response');
            assert.ok(gateway.requests.length > 3);
        });
    });
}
