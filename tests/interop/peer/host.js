/**
 * Everything that stands around a program, without a compartment: launcher, attester and authority
 * at the far ends of its two channels (docs/interfaces.md), written from the page.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import readline from 'node:readline';
import { encodeResponse } from './bhttp.js';
import { Reader, concat, sha256, uint } from './bytes.js';
import { decode, encode } from './cbor.js';
import { serveChannel } from './channel.js';
import { clientCert, now } from './client.js';
import { claimsOf, issue, keyPair, makeCa, pem, programExtensions, readRequest, spki }
    from './x509.js';

const NAME = 'free-ride';
const DOMAIN = 'interop.example';
const LOGS_TO_OWNER = 1;

function problem(status, code) {
    return { status, type: 'application/problem+json', body: JSON.stringify({ code }) };
}

export class Host {
    /** `services`: {NAME: {gateway, anchors, reads, writes}}; `patience`: seconds of one run. */
    constructor({ engine, services, patience = 3 }) {
        Object.assign(this, { engine, services, patience });
        this.root = makeCa('authority', { domain: DOMAIN });
        this.tier = makeCa('isolated', { issuer: this.root, domain: DOMAIN });
        this.log = [];
        this.spans = new Set();
    }

    async manifest() {
        this.owner = await this.engine.generate();
        const services = Object.entries(this.services).sort(([a], [b]) => (a < b ? -1 : 1));
        return encode(new Map([
            [1, NAME], [2, 1], [3, 64 << 20], [4, 1], [5, this.patience], [6, LOGS_TO_OWNER],
            [7, spki(keyPair().publicKey)], [8, this.owner.publicKey],
            [9, 'https://authority.example:8440'], [10, [this.root.certificate]],
            [11, services.map(([name, { gateway, anchors, reads, writes }]) => new Map([
                [1, name], [2, gateway.authority], [3, anchors], [4, reads], [5, writes]]))],
        ]));
    }

    /* ---- attester ---- */

    attester({ target, body }) {
        if (target === 'manifest') {
            return { status: 200, type: 'application/vnd.idevs.manifest+cbor', body: this.cbor };
        }
        if (target !== 'attest') return problem(404, 'api.not-found');
        this.reportData = body;
        this.evidence = encode(['application/eat+cwt', randomBytes(40)]);
        return { status: 200, type: 'application/cmw+cbor', body: this.evidence };
    }

    /* ---- authority ---- */

    /** What evidence must be over, so that it is good for one key, one time and one authority. */
    expectedReportData(keyDer) {
        return createHash('sha512').update(concat('idevs attestation v1', uint(0, 1),
            sha256(keyDer), this.challenge, sha256(this.root.certificate))).digest();
    }

    certify({ body }) {
        const request = decode(body);
        const { publicKey, spki: keyDer, evidence } = readRequest(request.get(2));
        const good = request.get(1).equals(this.challenge) && request.get(3).equals(this.cbor)
            && evidence.equals(this.evidence)
            && this.reportData.equals(this.expectedReportData(keyDer));
        if (!good) return problem(403, 'evidence.freshness');
        const authorities = (which) => Object.values(this.services)
            .filter((service) => service[which]).map(({ gateway }) => gateway.authority);
        const claims = claimsOf({ reads: authorities('reads'), writes: authorities('writes') });
        const leaf = issue({ subject: NAME, publicKey, issuer: this.tier, notBefore: now(),
            notAfter: now() + 3600,
            extensions: programExtensions({ claims, uri: `spiffe://${DOMAIN}/program/${NAME}` }) });
        this.certified = keyDer;
        this.chain = [leaf.certificate, this.tier.certificate];
        return { status: 200, type: 'application/pem-certificate-chain', body: pem(this.chain) };
    }

    authority(frame) {
        if (frame.target === 'authority:certificate') return this.certify(frame);
        this.challenge = randomBytes(32);
        return { status: 200, type: 'application/octet-stream', body: this.challenge };
    }

    /* ---- launcher ---- */

    /** A line for the owner: HPKE to the owner's key, padded like messages. */
    async ownersLine({ body }) {
        const info = concat('idevs owner log v1', uint(0, 1), NAME);
        const reader = new Reader(body);
        const hpke = await this.engine.recipient(this.owner.keys, reader.bytes(32), info);
        const block = new Reader(await hpke.open(reader.bytes(reader.left)));
        this.log.push(block.bytes(block.uint(2)).toString());
        return { status: 204 };
    }

    async launcher(frame) {
        const [what, name] = frame.target.split(':');
        if (what === 'authority') return this.authority(frame);
        if (frame.target === 'log:owner') return this.ownersLine(frame);
        if (frame.target === 'report:spans') {
            for (const step of decode(frame.body).keys()) this.spans.add(step);
            return { status: 204 };
        }
        const { gateway } = this.services[name];
        if (what === 'service-keys') {
            return { status: 200, type: 'message/bhttp',
                body: encodeResponse(await gateway.keysMessage()) };
        }
        const { 'Client-Cert': cert, 'Client-Cert-Chain': above } = clientCert(this.chain);
        const { status, type, content } = await gateway.answer({ type: frame.type,
            clientCert: cert, clientCertChain: above, content: frame.body });
        return { status, type, body: content };
    }

    /* ---- the program ---- */

    /** Starts the program; gives what it says of idevs_open(). */
    async start(executable) {
        this.cbor = await this.manifest();
        this.process = spawn(executable, { stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe'] });
        const [, , , launcher, attester] = this.process.stdio;
        const served = [serveChannel(launcher, (frame) => this.launcher(frame)),
            serveChannel(attester, (frame) => this.attester(frame))];
        this.ended = new Promise((done) => this.process.once('exit', done));
        this.failed = Promise.race(served).then(() => new Promise(() => {}));
        const lines = readline.createInterface({ input: this.process.stdout });
        this.lines = lines[Symbol.asyncIterator]();
        return this.line();
    }

    async line() {
        const { value } = await Promise.race([this.lines.next(), this.failed]);
        const [, how, first, second, rest]
            = /^(ok|refused) (\S+) ?(\S*) ?(.*)$/.exec(value ?? '') ?? [];
        if (how === 'refused') return { code: first, found: `${second} ${rest}`.trim() };
        return { status: Number(first), content: Buffer.from(second ?? '', 'hex').toString(),
            type: rest };
    }

    /** One order to the program, and what came of it. */
    order(...words) {
        this.process.stdin.write(`${words.join('\t')}\n`);
        return this.line();
    }

    async stop() {
        this.process.stdin.end();
        return this.ended;
    }
}
