/**
 * An independent client: what a program's run-time and its launcher do together, from fetching a
 * gateway's signed keys to opening its sealed answer.
 */
import https from 'node:https';
import { X509Certificate } from 'node:crypto';
import * as sf from 'structured-headers';
import { decodeResponse, encodeRequest, field, padded } from './bhttp.js';
import { beginRequest, decodeKeys, GATEWAY_PATH, KEYS_TYPE, REQUEST_TYPE, RESPONSE_TYPE }
    from './ohttp.js';
import { contentDigest, keyid, readKeysSignature, signRequest, verifies } from './signature.js';
import { verifyChain } from './x509.js';

const SKEW = 5;
const KEYS_LIFE = 24 * 3600;

export function now() {
    return Math.floor(Date.now() / 1000);
}

export function httpDate(unixSeconds) {
    return new Date(unixSeconds * 1000).toUTCString();
}

/* ---- RFC 9440 ---- */

function byteSequence(data) {
    return [new Uint8Array(data).buffer, new Map()];
}

/** Client-Cert and Client-Cert-Chain of a chain, leaf first. */
export function clientCert([leaf, ...above]) {
    return {
        'Client-Cert': sf.serializeItem(byteSequence(leaf)),
        ...(above.length && { 'Client-Cert-Chain': sf.serializeList(above.map(byteSequence)) }),
    };
}

/** A chain out of two such field values, the second of which may be absent. */
export function readChain(cert, chain) {
    return [sf.parseItem(cert), ...(chain === undefined ? [] : sf.parseList(chain))]
        .map(([value, parameters]) => {
            if (parameters.size > 0) throw new SyntaxError('a parameter of a certificate');
            return Buffer.from(value);
        });
}

/* ---- plain HTTPS ---- */

/** One request: {status, fields, content}. `headers` may be an object, or a flat list. */
export function fetchOver(tls, { method, path, headers, content }) {
    return new Promise((resolve, reject) => {
        const options = { ...tls, method, path, headers, agent: false };
        const request = https.request(options, (response) => {
            const parts = [];
            response.on('data', (part) => parts.push(part));
            response.on('end', () => resolve({
                status: response.statusCode,
                fields: Object.entries(response.headers),
                content: Buffer.concat(parts),
            }));
        });
        request.on('error', reject);
        request.end(content);
    });
}

/* ---- keys ---- */

/** The key configuration of a signed response; throws unless the service of `authority` signed. */
export async function verifyKeys(message, { authority, anchors, at = now() }) {
    const chain = readChain(field(message, 'idevs-service-cert'),
        field(message, 'idevs-service-cert-chain'));
    verifyChain(chain, anchors, at);
    const leaf = new X509Certificate(chain[0]);
    const host = authority.replace(/:\d+$/, '');
    if (!leaf.checkHost(host) && !leaf.checkIP(host)) throw new Error('another host');
    const signed = readKeysSignature(message);
    const inTime = signed.expires - signed.created <= KEYS_LIFE && signed.created <= at + SKEW
        && signed.expires >= at - SKEW;
    const good = message.status === 200 && field(message, 'content-type') === KEYS_TYPE
        && field(message, 'content-digest') === contentDigest(message.content)
        && signed.keyid === keyid(chain[0]) && inTime && await verifies(message, leaf.publicKey);
    if (!good) throw new Error('not the keys of this service');
    return decodeKeys(message.content);
}

/* ---- exchanges ---- */

const SAME = (value) => value;

export class Client {
    /** `tls` says how to reach the gateway; `program` is {key, chain: [DER, ...]}. */
    constructor({ engine, tls, authority, anchors, program }) {
        Object.assign(this, { engine, tls, authority, anchors, program });
    }

    async fetchKeys() {
        const message = await fetchOver(this.tls, { method: 'GET', path: GATEWAY_PATH });
        this.config = await verifyKeys(message, this);
        return message;
    }

    /** The message before it is signed. */
    compose({ method, path, content = '', type, key, created }) {
        const fields = [['content-digest', contentDigest(content)], ['date', httpDate(created)]];
        if (type) fields.splice(1, 0, ['content-type', type]);
        if (key) fields.push(['idempotency-key', key]);
        return { method, scheme: 'https', authority: this.authority, path, fields, content };
    }

    /**
     * Signs and seals a request. `change` may step in at each stage, for what must be refused:
     * message (before signing), sign (see signature.js), signed, plain, sealed; or as another
     * program, under another key configuration, or on a clock that is off by `shift` seconds.
     */
    async seal(request, change = {}) {
        const { program = this.program } = change;
        const created = now() + (change.shift ?? 0);
        const exchange = await beginRequest(this.engine, change.config ?? this.config);
        const message = (change.message ?? SAME)(this.compose({ ...request, created }));
        const signed = await signRequest(message, {
            key: program.key, certificate: program.chain[0], nonce: exchange.nonce, created,
        }, change.sign);
        const plain = padded(encodeRequest((change.signed ?? SAME)(signed)));
        const sealed = await exchange.seal((change.plain ?? SAME)(plain));
        return { exchange, sealed: (change.sealed ?? SAME)(sealed) };
    }

    /** What stands beside the sealed bytes: the program's certificate. */
    headers(change = {}) {
        const { chain } = change.beside ?? change.program ?? this.program;
        return (change.outer ?? SAME)({ 'Content-Type': REQUEST_TYPE, ...clientCert(chain) });
    }

    /** As the launcher does. */
    post(sealed, change) {
        return fetchOver(this.tls, { method: 'POST', path: GATEWAY_PATH, content: sealed,
            headers: this.headers(change) });
    }

    /** The answer: {sealed: true, status, fields, content}, or the plain one with sealed false. */
    async open(exchange, outer) {
        if (outer.status !== 200 || field(outer, 'content-type') !== RESPONSE_TYPE) {
            return { ...outer, sealed: false };
        }
        const plain = await exchange.open(outer.content);
        return { ...decodeResponse(plain), sealed: true, size: plain.length };
    }

    async exchange(request, change = {}) {
        const { exchange, sealed } = await this.seal(request, change);
        return this.open(exchange, await this.post(sealed, change));
    }
}
