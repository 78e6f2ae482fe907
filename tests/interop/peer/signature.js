/**
 * HTTP message signatures (RFC 9421) in the two shapes of docs/interfaces.md, on the packages
 * http-message-signatures and structured-headers. Messages are those of bhttp.js.
 */
import httpSignatures from 'http-message-signatures';
import * as sf from 'structured-headers';
import { base64url, sha256 } from './bytes.js';
import { field, values } from './bhttp.js';

const { createSigner, createVerifier, httpbis } = httpSignatures;
const ALGORITHM = 'ecdsa-p256-sha256';
const FOR_EVER = 1e12; /* time is judged here, not by the package */

export const REQUEST = { label: 'idevs', tag: 'idevs-attested-request-v1' };
export const KEYS = { label: 'idevs-keys', tag: 'idevs-gateway-keys-v1' };

const KEYS_COMPONENTS = ['@status', 'content-type', 'content-digest'];

/** What a request must cover, exactly, in this order. */
export function requestComponents(message) {
    const has = (name) => values(message, name).length > 0;
    return ['@method', '@scheme', '@authority', '@path', '@query', 'content-digest',
        ...(has('content-type') ? ['content-type'] : []), 'date',
        ...(has('idempotency-key') ? ['idempotency-key'] : [])];
}

export function keyid(certificateDer) {
    return base64url(sha256(certificateDer));
}

export function contentDigest(content) {
    const digest = [arrayBuffer(sha256(content)), new Map()];
    return sf.serializeDictionary(new Map([['sha-256', digest]]));
}

function arrayBuffer(data) {
    return new Uint8Array(data).buffer;
}

/* The package would have the URL parser normalise what it derives from; a signature is over what
 * is sent. */
function derived(name, _parameters, message) {
    const [path, ...query] = (message.path ?? '').split('?');
    switch (name) {
    case '@method': return [message.method];
    case '@scheme': return [message.scheme];
    case '@authority': return [message.authority];
    case '@path': return [path];
    case '@query': return [`?${query.join('?')}`];
    default: return null;
    }
}

function withHeaders(message) {
    return { ...message, headers: Object.fromEntries(message.fields) };
}

async function sign(message, shape, key, fields, parameters) {
    const as = (name) => (typeof parameters[name] === 'number' ? new Date(parameters[name] * 1000)
        : parameters[name]);
    const signed = await httpbis.signMessage({
        key: createSigner(key, ALGORITHM),
        name: shape.label,
        fields,
        params: Object.keys(parameters),
        paramValues: Object.fromEntries(Object.keys(parameters).map((name) => [name, as(name)])),
        componentParser: derived,
    }, withHeaders(message));
    const { 'Signature-Input': input, Signature: signature } = signed.headers;
    return { ...message,
        fields: [...message.fields, ['signature-input', input], ['signature', signature]] };
}

/**
 * Signs a request for an exchange of that nonce. `change` may replace parameters, components, key
 * and shape: for what must be refused.
 */
export function signRequest(message, { key, certificate, nonce, created }, change = {}) {
    const { components = requestComponents(message), shape = REQUEST } = change;
    const parameters = { created, expires: created + 60, nonce, alg: ALGORITHM,
        keyid: keyid(certificate), tag: shape.tag, ...change.parameters };
    return sign(message, shape, change.key ?? key, components, change.order
        ? change.order(parameters) : parameters);
}

/** Signs the response that carries key configurations. */
export function signKeys(message, { key, certificate, created, life = 3600 }, change = {}) {
    const { components = KEYS_COMPONENTS, shape = KEYS } = change;
    const parameters = { created, expires: created + life, keyid: keyid(certificate),
        alg: ALGORITHM, tag: shape.tag, ...change.parameters };
    return sign(message, shape, change.key ?? key, components, parameters);
}

/** The parameters, when the message carries one signature of exactly this shape. */
function read(message, shape, components, names) {
    const text = field(message, 'signature-input') ?? '';
    const inputs = sf.parseDictionary(text);
    const [covered, parameters] = inputs.get(shape.label) ?? [[], new Map()];
    const canonical = inputs.size === 1 && sf.serializeDictionary(inputs) === text
        && JSON.stringify(covered.map(([name]) => name)) === JSON.stringify(components)
        && covered.every(([, of]) => of.size === 0)
        && JSON.stringify([...parameters.keys()]) === JSON.stringify(names)
        && parameters.get('alg') === ALGORITHM && parameters.get('tag') === shape.tag;
    const signatures = sf.parseDictionary(field(message, 'signature') ?? '');
    if (!canonical || signatures.size !== 1) throw new Error('a signature of another shape');
    return Object.fromEntries(parameters);
}

export function readRequestSignature(message) {
    return read(message, REQUEST, requestComponents(message),
        ['created', 'expires', 'nonce', 'alg', 'keyid', 'tag']);
}

export function readKeysSignature(message) {
    return read(message, KEYS, KEYS_COMPONENTS, ['created', 'expires', 'keyid', 'alg', 'tag']);
}

/** Whether the one signature of the message is by that key (RFC 9421, section 3.2). */
export async function verifies(message, publicKey) {
    const verify = createVerifier(publicKey, ALGORITHM);
    try {
        return await httpbis.verifyMessage({
            keyLookup: async () => ({ verify, algs: [ALGORITHM] }),
            componentParser: derived, tolerance: FOR_EVER, notAfter: FOR_EVER,
        }, withHeaders(message)) === true;
    } catch {
        return false;
    }
}
