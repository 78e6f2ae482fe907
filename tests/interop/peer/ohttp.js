/** Oblivious HTTP, RFC 9458, with the one suite; and the nonce that binds a signature to it. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Reader, base64url, concat, uint } from './bytes.js';

const KEM = 0x0020;
const KDF = 0x0001;
const AEAD = 0x0001;
const SECRET_LEN = 16; /* max(Nn, Nk) */
const TAG_LEN = 16;
const PUBLIC_KEY_LEN = 32;

export const REQUEST_TYPE = 'message/ohttp-req';
export const RESPONSE_TYPE = 'message/ohttp-res';
export const KEYS_TYPE = 'application/ohttp-keys';
export const GATEWAY_PATH = '/.well-known/ohttp-gateway';

/* What both ends mix in. A test may flip a byte of one end's and see that the other refuses. */
export const LABELS = {
    request: 'message/bhttp request',
    response: 'message/bhttp response',
    nonce: 'idevs attested request nonce v1',
};

/* ---- key configurations (section 3) ---- */

export function encodeKeyConfig({ keyId, publicKey, kem = KEM, suites = [[KDF, AEAD]] }) {
    const symmetric = concat(...suites.flatMap(([kdf, aead]) => [uint(kdf, 2), uint(aead, 2)]));
    return concat(uint(keyId, 1), uint(kem, 2), publicKey, uint(symmetric.length, 2), symmetric);
}

/** application/ohttp-keys. */
export function encodeKeys(configs) {
    return concat(...configs.flatMap((config) => [uint(config.length, 2), config]));
}

function decodeKeyConfig(data) {
    const reader = new Reader(data);
    const keyId = reader.uint(1);
    if (reader.uint(2) !== KEM) return undefined;
    const publicKey = reader.bytes(PUBLIC_KEY_LEN);
    const symmetric = new Reader(reader.bytes(reader.uint(2)));
    if (reader.left > 0) throw new SyntaxError('bytes after a key configuration');
    let offered = false;
    while (symmetric.left > 0) {
        const [kdf, aead] = [symmetric.uint(2), symmetric.uint(2)];
        offered ||= kdf === KDF && aead === AEAD;
    }
    return offered ? { keyId, publicKey } : undefined;
}

/** The first configuration of the list that offers the one suite. */
export function decodeKeys(data) {
    const reader = new Reader(data);
    let found;
    while (reader.left > 0) {
        const config = decodeKeyConfig(reader.bytes(reader.uint(2)));
        found ??= config;
    }
    if (!found) throw new SyntaxError('no key configuration with the one suite');
    return found;
}

/* ---- requests and responses (sections 4.3 and 4.4) ---- */

export function requestHeader(keyId) {
    return concat(uint(keyId, 1), uint(KEM, 2), uint(KDF, 2), uint(AEAD, 2));
}

function infoOf(header) {
    return concat(LABELS.request, uint(0, 1), header);
}

async function responseKey(hpke, enc, responseNonce) {
    const secret = await hpke.exported(LABELS.response, SECRET_LEN);
    const salt = concat(enc, responseNonce);
    const derived = (label, length) => Buffer.from(hkdfSync('sha256', secret, salt, label, length));
    return { key: derived('key', 16), nonce: derived('nonce', 12) };
}

async function sealResponse(hpke, enc, plain, responseNonce) {
    const { key, nonce } = await responseKey(hpke, enc, responseNonce);
    const cipher = createCipheriv('aes-128-gcm', key, nonce);
    return concat(responseNonce, cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

async function openResponse(hpke, enc, sealed) {
    const reader = new Reader(sealed);
    const { key, nonce } = await responseKey(hpke, enc, reader.bytes(SECRET_LEN));
    const ciphertext = reader.bytes(reader.left - TAG_LEN);
    const decipher = createDecipheriv('aes-128-gcm', key, nonce);
    decipher.setAuthTag(reader.bytes(TAG_LEN));
    return concat(decipher.update(ciphertext), decipher.final());
}

/** PROTOCOL: the nonce of the signature is an export of this very encapsulation. */
async function signatureNonce(hpke) {
    return base64url(await hpke.exported(LABELS.nonce, 32));
}

/** The client's half of one exchange with the gateway of `config`. */
export async function beginRequest(engine, config) {
    const header = requestHeader(config.keyId);
    const hpke = await engine.sender(config.publicKey, infoOf(header));
    return {
        nonce: await signatureNonce(hpke),
        seal: async (plain) => concat(header, hpke.enc, await hpke.seal(plain)),
        open: (sealed) => openResponse(hpke, hpke.enc, sealed),
    };
}

/** The gateway's half: throws when `sealed` is not for this key and suite. */
export async function openRequest(engine, keyId, keys, sealed) {
    const reader = new Reader(sealed);
    const header = reader.bytes(7);
    if (!header.subarray(1).equals(requestHeader(keyId).subarray(1))) throw new Error('suite');
    if (header[0] !== keyId) throw Object.assign(new Error('key id'), { otherKey: true });
    const enc = Buffer.from(reader.bytes(PUBLIC_KEY_LEN));
    const hpke = await engine.recipient(keys, enc, infoOf(header));
    return {
        enc,
        plain: await hpke.open(reader.bytes(reader.left)),
        nonce: await signatureNonce(hpke),
        seal: (plain, nonce = randomBytes(SECRET_LEN)) => sealResponse(hpke, enc, plain, nonce),
    };
}
