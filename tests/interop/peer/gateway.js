/**
 * An independent gateway: opens, verifies and answers sealed requests as docs/interfaces.md says.
 * It has no network of its own; whoever carries hands messages to keys() and answer().
 *
 * `lie` makes it a bad one, for what a program must refuse: {keys: {message, sign, signed}} steps
 * into the signed keys, {answer, plain, sealed, outer} into each stage of an answer.
 */
import { X509Certificate } from 'node:crypto';
import { decodeRequest, encodeResponse, field, padded, values } from './bhttp.js';
import { base64url, sha256 } from './bytes.js';
import { clientCert, httpDate, now, readChain } from './client.js';
import { encodeKeyConfig, encodeKeys, KEYS_TYPE, openRequest, REQUEST_TYPE, RESPONSE_TYPE }
    from './ohttp.js';
import { contentDigest, keyid, readRequestSignature, signKeys, verifies } from './signature.js';
import { readClaims, uriOf, verifyChain } from './x509.js';

const SKEW = 5;
const LIFE = 60;
const READS = -70024;
const WRITES = -70025;
const READ_METHODS = ['GET', 'HEAD'];
const KEY = /^[A-Za-z0-9._-]{1,128}$/;
const STATE_PATH = '/.well-known/idevs/state/';
const STATE = /^([A-Za-z0-9._-]{1,64})(?:\?version=(0|[1-9]\d*))?$/;
const SIGNED = ['content-digest', 'content-type', 'date', 'idempotency-key', 'signature-input',
    'signature'];
const MAY_BE_ABSENT = ['content-type', 'idempotency-key'];

const STATUS = {
    'api.field': 400, 'bhttp.malformed': 400, 'certificate.chain': 403, 'certificate.expired': 403,
    'certificate.malformed': 400, 'exchange.claimed': 403, 'exchange.decrypt': 400,
    'exchange.key': 400, 'exchange.media-type': 415, 'idempotency.mismatch': 422,
    'policy.reads': 403, 'policy.writes': 403, 'request.authority': 421, 'request.date': 400,
    'request.digest': 400, 'request.field': 400, 'request.nonce': 400, 'request.signature': 403,
    'state.conflict': 412,
};
/* What another delivery of the same bytes could contradict. */
const DOUBTFUL = ['exchange.claimed', 'request.date', 'request.signature'];

class Refusal extends Error {
    constructor(code) {
        super(code);
        this.code = code;
    }
}

function must(condition, code) {
    if (!condition) throw new Refusal(code);
}

/** What `f` gives; any error of its own means `code`. */
async function orRefuse(code, f) {
    try {
        return await f();
    } catch (error) {
        throw error instanceof Refusal ? error : new Refusal(code);
    }
}

function problem(code) {
    return { status: STATUS[code], type: 'application/problem+json',
        content: JSON.stringify({ code, expected: 'what docs/interfaces.md says', found: '',
            remedy: 'Compare the message with the page.' }) };
}

const SAME = (value) => value;

export class Gateway {
    /** `service`: {method, path, type, key, content, program} -> {status, type, content}. */
    constructor({ engine, authority, chain, key, anchors, service, clock = now, lie = {} }) {
        Object.assign(this, { engine, authority, chain, key, anchors, service, clock, lie });
        this.keyId = 7;
        this.claimed = new Set();
        this.once = new Map();
        this.states = new Map();
        this.requests = []; /* every one that was opened: {message, size, enc} */
        this.sent = []; /* every sealed answer */
        this.callers = new Map(); /* by SPIFFE ID: the claims of the latest certificate */
    }

    async start() {
        const { keys, publicKey } = await this.engine.generate();
        this.keys = keys;
        this.config = encodeKeyConfig({ keyId: this.keyId, publicKey });
    }

    /** The signed key configuration. */
    async keysMessage() {
        const { message = SAME, sign, signed = SAME } = this.lie.keys ?? {};
        const { 'Client-Cert': cert, 'Client-Cert-Chain': above } = clientCert(this.chain);
        const content = encodeKeys([this.config]);
        return signed(await signKeys(message({
            status: 200,
            fields: [['content-type', KEYS_TYPE], ['content-digest', contentDigest(content)],
                ['idevs-service-cert', cert],
                ...(above ? [['idevs-service-cert-chain', above]] : [])],
            content,
        }), { key: this.key, certificate: this.chain[0], created: this.clock() }, sign));
    }

    /* ---- verifying ---- */

    async caller(outer) {
        return orRefuse('certificate.malformed', async () => {
            const chain = readChain(outer.clientCert, outer.clientCertChain);
            const { raw, publicKey } = new X509Certificate(chain[0]);
            const claims = readClaims(raw);
            const program = uriOf(raw);
            try {
                verifyChain(chain, this.anchors, this.clock());
            } catch (error) {
                throw new Refusal(error.expired ? 'certificate.expired' : 'certificate.chain');
            }
            this.callers.set(program, claims);
            return { program, claims, publicKey, keyid: keyid(raw) };
        });
    }

    async opened(outer) {
        try {
            return await openRequest(this.engine, this.keyId, this.keys, outer.content);
        } catch (error) {
            throw new Refusal(error.otherKey ? 'exchange.key' : 'exchange.decrypt');
        }
    }

    checkTime(message, { created, expires }) {
        const at = this.clock();
        const text = field(message, 'date');
        const date = Date.parse(text) / 1000;
        must(expires > created && expires - created <= LIFE && created <= at + SKEW
            && expires >= at - SKEW && Math.abs(date - created) <= SKEW && httpDate(date) === text,
        'request.date');
    }

    /* What the signature does not forbid. */
    checkForm(message) {
        const isRead = READ_METHODS.includes(message.method);
        const key = field(message, 'idempotency-key');
        must(!isRead || (message.content.length === 0 && key === undefined), 'request.field');
        must(key === undefined || KEY.test(key), 'request.field');
    }

    async verify(message, exchange, caller) {
        must(message.scheme === 'https' && message.authority === this.authority,
            'request.authority');
        must(message.fields.every(([name]) => SIGNED.includes(name)), 'request.field');
        for (const name of SIGNED) {
            const n = values(message, name).length;
            must(n === 1 || (n === 0 && MAY_BE_ABSENT.includes(name)), 'request.field');
        }
        const signed = await orRefuse('request.signature', () => readRequestSignature(message));
        this.checkTime(message, signed);
        must(signed.nonce === exchange.nonce, 'request.nonce');
        must(signed.keyid === caller.keyid, 'request.signature');
        must(field(message, 'content-digest') === contentDigest(message.content), 'request.digest');
        must(await verifies(message, caller.publicKey), 'request.signature');
        this.checkForm(message);
        this.checkPolicy(message, caller);
        const claim = `${caller.keyid} ${base64url(exchange.enc)}`;
        must(!this.claimed.has(claim), 'exchange.claimed');
        this.claimed.add(claim);
    }

    checkPolicy(message, { claims }) {
        const may = (claim) => (claims.get(claim) ?? []).includes(this.authority);
        if (message.path.startsWith(STATE_PATH)) {
            must(may(READS) || may(WRITES), 'policy.reads');
        } else if (READ_METHODS.includes(message.method)) {
            must(may(READS), 'policy.reads');
        } else {
            must(may(WRITES), 'policy.writes');
        }
    }

    /* ---- answering ---- */

    state(message, program) {
        const [, name, version] = STATE.exec(message.path.slice(STATE_PATH.length)) ?? [];
        must(name, 'api.field');
        const place = `${program} ${name}`;
        const saved = this.states.get(place);
        const etag = (n) => [['etag', `"${n}"`]];
        if (message.method === 'GET') {
            return saved ? { status: 200, fields: etag(saved.version), content: saved.content }
                : { status: 404 };
        }
        const current = saved?.version ?? 0;
        if (current === Number(version) + 1 && saved.content.equals(message.content)) {
            return { status: 204, fields: etag(current) };
        }
        must(current === Number(version), 'state.conflict');
        this.states.set(place, { version: current + 1, content: Buffer.from(message.content) });
        return { status: 204, fields: etag(current + 1) };
    }

    async forward(message, program, key) {
        const { status, type, content } = await this.service({ method: message.method,
            path: message.path, type: field(message, 'content-type'), key, program,
            content: message.content.toString() });
        return { status, fields: type ? [['content-type', type]] : [], content };
    }

    async forwardOnce(message, program) {
        const key = field(message, 'idempotency-key');
        if (!key) return this.forward(message, program);
        const place = `${program} ${key}`;
        const { method, path, content } = message;
        const digest = base64url(sha256(JSON.stringify([method, path,
            field(message, 'content-type'), content.toString('hex')])));
        const before = this.once.get(place);
        must(!before || before.digest === digest, 'idempotency.mismatch');
        if (before) return before.answer;
        const answer = await this.forward(message, program, key);
        this.once.set(place, { digest, answer });
        return answer;
    }

    async carryOut(exchange, caller) {
        try {
            const message = await orRefuse('bhttp.malformed', () => decodeRequest(exchange.plain));
            this.requests.push({ message, size: exchange.plain.length,
                enc: base64url(exchange.enc) });
            await this.verify(message, exchange, caller);
            return message.path.startsWith(STATE_PATH)
                ? this.state(message, caller.program)
                : await this.forwardOnce(message, caller.program);
        } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            const { status, type, content } = problem(error.code);
            const processed = DOUBTFUL.includes(error.code) ? [] : [['idevs-processed', 'no']];
            return { status, content,
                fields: [['content-type', type], ['idevs-error', error.code], ...processed] };
        }
    }

    /** `outer`: {type, clientCert, clientCertChain, content}; gives {status, type, content}. */
    async answer(outer) {
        const { answer: change = SAME, plain = SAME, sealed = SAME, outer: carry = SAME }
            = this.lie;
        try {
            must(outer.type === REQUEST_TYPE, 'exchange.media-type');
            const caller = await this.caller(outer);
            const exchange = await this.opened(outer);
            const inner = await this.carryOut(exchange, caller);
            const dated = { ...inner, fields: [...(inner.fields ?? []),
                ['date', httpDate(this.clock())]] };
            const bytes = plain(padded(encodeResponse(change(dated, this))), this);
            const content = sealed(await exchange.seal(bytes), this);
            this.sent.push(content);
            return carry({ status: 200, type: RESPONSE_TYPE, content }, this);
        } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            return problem(error.code);
        }
    }
}
