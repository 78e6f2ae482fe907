/**
 * Certificates in the profile of docs/certificates.md: made here field by field, so that a test can
 * also make those that must be refused. CAs and leaves are {certificate: DER, key, publicKey,
 * subject}.
 */
import {
    createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, verify, X509Certificate,
} from 'node:crypto';
import { concat, uint } from './bytes.js';
import { decode, encode } from './cbor.js';
import * as der from './der.js';

const ECDSA_WITH_SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'));
const ATTESTATION = '1.2.840.113549.1.9.16.2.59'; /* id-aa-attestation */
const CMW = '1.3.6.1.5.5.7.1.35'; /* id-pe-cmw */
const CLAIMS_TYPE = 'application/eat-ucs+cbor';

export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** {key, publicKey} of P-256. */
export function keyPair() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return { key: privateKey, publicKey };
}

export function spki(publicKey) {
    return publicKey.export({ type: 'spki', format: 'der' });
}

/* ---- extensions ---- */

function extension(oid, critical, value) {
    return der.sequence(der.oid(oid), ...(critical ? [der.TRUE] : []), der.octets(value));
}

export const EXTENSION = {
    ca: (pathLength) => extension('2.5.29.19', true,
        der.sequence(der.TRUE, der.integer(uint(pathLength, 1)))),
    notCa: () => extension('2.5.29.19', true, der.sequence()),
    keyUsage: (bit) => extension('2.5.29.15', true, der.bits(uint(0x80 >> bit, 1), 7 - bit)),
    extKeyUsage: (oid) => extension('2.5.29.37', false, der.sequence(der.oid(oid))),
    uri: (uri) => extension('2.5.29.17', false, der.sequence(der.tlv(0x86, uri))),
    host: (name) => extension('2.5.29.17', false, der.sequence(der.tlv(0x82, name))),
    cmw: (claims) => extension(CMW, false, der.octets(encode([CLAIMS_TYPE, claims]))),
    subjectKeyId: (id) => extension('2.5.29.14', false, der.octets(id)),
    authorityKeyId: (id) => extension('2.5.29.35', false, der.sequence(der.tlv(0x80, id))),
};

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the key's bits, which are the last 65 bytes. */
function keyIdOf(publicKey) {
    return createHash('sha1').update(spki(publicKey).subarray(-65)).digest();
}

/* ---- certificates ---- */

function nameOf(commonName) {
    return der.sequence(der.tlv(der.TAG.SET,
        der.sequence(der.oid('2.5.4.3'), der.tlv(der.TAG.UTF8, commonName))));
}

/** `issuer` is a CA, or absent for a self-signed certificate; times are Unix seconds. */
export function issue({ subject, publicKey, key, issuer, notBefore, notAfter, extensions }) {
    const by = issuer ?? { subject, key, publicKey };
    const serial = randomBytes(16);
    serial[0] = 0x40 | (serial[0] & 0x3f); /* positive, and never shorter */
    const tbs = der.sequence(
        der.explicit(0, der.integer(uint(2, 1))), der.integer(serial), ECDSA_WITH_SHA256,
        nameOf(by.subject), der.sequence(der.time(notBefore), der.time(notAfter)), nameOf(subject),
        spki(publicKey),
        der.explicit(3, der.sequence(...extensions, EXTENSION.subjectKeyId(keyIdOf(publicKey)),
            EXTENSION.authorityKeyId(keyIdOf(by.publicKey)))));
    const certificate = der.sequence(tbs, ECDSA_WITH_SHA256, der.bits(sign('sha256', tbs, by.key)));
    return { certificate, key, publicKey, subject };
}

/** A root that may have CAs below it, or a CA below `issuer` that may not; of a trust domain. */
export function makeCa(subject, { issuer, domain } = {}) {
    const { key, publicKey } = keyPair();
    const now = Math.floor(Date.now() / 1000);
    return issue({ subject, key, publicKey, issuer, notBefore: now - 3600, notAfter: now + 86400,
        extensions: [EXTENSION.ca(issuer ? 0 : 1), EXTENSION.keyUsage(5),
            ...(domain ? [EXTENSION.uri(`spiffe://${domain}`)] : [])] });
}

/* ---- the attestation result ---- */

/** Claims as docs/certificates.md lists them; `reads` and `writes` are lists of authorities. */
export function claimsOf({ reads = [], writes = [], tier = 'isolated', backEnd = 'process',
    executable = 0 }) {
    const measurements = encode(new Map([[1, Buffer.alloc(32, executable)], [3, Buffer.alloc(32)]]));
    return encode(new Map([
        [6, Math.floor(Date.now() / 1000)], [10, Buffer.alloc(64)], [256, Buffer.alloc(33, 1)],
        [263, 1], [273, [[65000, measurements]]], [-70001, backEnd], [-70020, tier],
        ...(reads.length ? [[-70024, reads]] : []), ...(writes.length ? [[-70025, writes]] : []),
    ]));
}

/** The profile of a program's leaf; `change` replaces extensions, or leaves out undefined ones. */
export function programExtensions({ uri, claims }, change = {}) {
    const all = {
        notCa: EXTENSION.notCa(), keyUsage: EXTENSION.keyUsage(0), uri: EXTENSION.uri(uri),
        extKeyUsage: EXTENSION.extKeyUsage(CLIENT_AUTH), cmw: EXTENSION.cmw(claims), ...change,
    };
    return Object.values(all).filter((one) => one !== undefined);
}

/** The extensions of a certificate, as DER. */
function extensionsOf(certificate) {
    const [tbs] = der.inside(certificate);
    const extensions = der.elements(tbs.content).find(({ tag }) => tag === 0xa3);
    const [list] = der.elements(extensions.content);
    return der.elements(list.content).map(({ whole }) => whole);
}

/** Claims of the attestation result in a certificate; throws unless it is a program's. */
export function readClaims(certificate) {
    const extensions = extensionsOf(certificate);
    const wanted = der.oid(CMW);
    const found = extensions.map(der.inside).filter(([oid]) => oid.whole.equals(wanted));
    if (found.length !== 1) throw new SyntaxError('no attestation result, or several');
    for (const needed of [EXTENSION.keyUsage(0), EXTENSION.extKeyUsage(CLIENT_AUTH)]) {
        if (!extensions.some((one) => one.equals(needed))) throw new SyntaxError('another use');
    }
    const [cmw] = der.elements(found[0].at(-1).content);
    const [type, claims] = decode(cmw.content);
    if (cmw.tag !== der.TAG.OCTETS || type !== CLAIMS_TYPE) throw new SyntaxError('another CMW');
    return decode(claims);
}

/** The SPIFFE ID of a certificate, its only alternative name. */
export function uriOf(certificate) {
    const [, uri] = /^URI:(spiffe:[^,\s]+)$/.exec(new X509Certificate(certificate).subjectAltName)
        ?? [];
    if (!uri) throw new SyntaxError('no SPIFFE ID');
    return uri;
}

/* ---- certificate requests ---- */

/** A PKCS#10 request of docs/certificates.md, its self-signature verified. */
export function readRequest(csr) {
    const [info, algorithm, signature] = der.inside(csr);
    const [, , key, attributes] = der.elements(info.content);
    const publicKey = createPublicKey({ key: key.whole, format: 'der', type: 'spki' });
    const [type, evidence] = der.elements(der.inside(attributes.content)[0] && attributes.content)
        .flatMap(({ content }) => der.elements(content));
    const good = algorithm.whole.equals(ECDSA_WITH_SHA256)
        && type.whole.equals(der.oid(ATTESTATION))
        && verify('sha256', info.whole, publicKey, signature.content.subarray(1));
    if (!good) throw new SyntaxError('not a certificate request of the profile');
    return { publicKey, spki: key.whole, evidence: der.elements(evidence.content)[0].content };
}

/* ---- chains ---- */

/** The trust domain of a certificate with a SPIFFE ID, or undefined. */
function domainOf(certificate) {
    return /^URI:spiffe:\/\/([^/,\s]+)/.exec(certificate.subjectAltName ?? '')?.[1];
}

/**
 * Throws unless each certificate is signed by the next, and the last by an anchor, all in time, and
 * the leaf is of the trust domain of each CA that names one.
 */
export function verifyChain(chain, anchors, now) {
    const certificates = chain.map((one) => new X509Certificate(one));
    const roots = anchors.map((one) => new X509Certificate(one));
    const issuerOf = (one, at) => [...roots, ...certificates.slice(at + 1, at + 2)]
        .find((issuer) => issuer.ca && one.checkIssued(issuer) && one.verify(issuer.publicKey));
    for (const [at, one] of certificates.entries()) {
        if (Date.parse(one.validFrom) / 1000 > now || Date.parse(one.validTo) / 1000 < now) {
            throw Object.assign(new Error('expired'), { expired: true });
        }
        const issuer = issuerOf(one, at);
        if (!issuer) throw new Error(`nobody known issued ${one.subject}`);
        const domain = domainOf(issuer);
        if (domain && domain !== domainOf(certificates[0])) throw new Error('another domain');
        if (roots.includes(issuer)) return;
    }
    throw new Error('no anchor');
}

export function pem(certificates) {
    return certificates.map((one) => new X509Certificate(one).toString()).join('');
}

/** The certificates of a PEM text, as DER. */
export function fromPem(text) {
    return (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\s*/g) ?? [])
        .map((one) => new X509Certificate(one).raw);
}
