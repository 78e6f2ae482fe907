/**
 * What a gateway must refuse, and with which code. `change` steps into the client at one of its
 * stages (peer/client.js). A gateway that is asked so is one that serves `programs` of this file.
 */
import { sign as rawSign } from 'node:crypto';
import { fieldSection, varint } from './peer/bhttp.js';
import { concat, flipped } from './peer/bytes.js';
import { now } from './peer/client.js';
import { contentDigest, keyid, requestComponents } from './peer/signature.js';
import { EXTENSION, makeCa, SERVER_AUTH } from './peer/x509.js';
import { adding, edit, having, later, setting, twice, without } from './changes.js';
import { AUTHORITY, makeProgram, PROGRAM } from './ours.js';

const NARROW = `${PROGRAM}-narrow`;
const AGREED = `${PROGRAM}-agreed`;
const OWNED = `${PROGRAM}-owned`;
const GET = { method: 'GET', path: '/api/sales' };
const POST = { method: 'POST', path: '/api/trips', type: 'application/json', content: '{"to":1}' };
const STATE = '/.well-known/idevs/state/';
const SOMETHING = 'A'.repeat(43); /* as long as a nonce or keyid */

/** The policy that the refusals are about, as lines of a gateway's configuration. */
export const POLICY = `tiers: [isolated]
back_ends: [process]
programs:
  - {name: '${PROGRAM}'}
  - {name: '${NARROW}', methods: [GET], paths: [/api/*]}
  - {name: '${AGREED}', code: ['${'00'.repeat(32)}'], reaches_only: [hospital.example]}
  - {name: '${OWNED}', owners: ['${'ab'.repeat(32)}']}
`;

const signing = (sign) => ({ sign });
const parameter = (name, value) => signing({ parameters: { [name]: value } });
const components = (...names) => signing({ components: names });

/* ---- one group of refusals a stage ---- */

/** Certificates, and the fields that carry them. */
function certificates(tier, stranger) {
    const outer = (change) => ({ outer: (headers) => ({ ...headers, ...change }) });
    const certified = (change) => ({ program: makeProgram(tier, change) });
    const extension = (change) => certified({ extensions: change });
    const at = now();
    return [
        ['no certificate', 'certificate.malformed', outer({ 'Client-Cert': [] })],
        ['two certificate fields', 'certificate.malformed',
            { outer: (h) => ({ ...h, 'Client-Cert': [h['Client-Cert'], h['Client-Cert']] }) }],
        ['a certificate that is not RFC 9440', 'certificate.malformed',
            { outer: (h) => ({ ...h, 'Client-Cert': h['Client-Cert'].replaceAll(':', '') }) }],
        ['a certificate with a parameter', 'certificate.malformed',
            { outer: (h) => ({ ...h, 'Client-Cert': `${h['Client-Cert']};a=1` }) }],
        ['a chain that ends in a comma', 'certificate.malformed',
            { outer: (h) => ({ ...h, 'Client-Cert-Chain': `${h['Client-Cert-Chain']},` }) }],
        ['bytes that are no certificate', 'certificate.malformed',
            outer({ 'Client-Cert': ':AAAA:' })],
        ['a certificate without an attestation result', 'certificate.malformed',
            extension({ cmw: undefined })],
        ['an attestation result that cannot be read', 'certificate.malformed',
            extension({ cmw: EXTENSION.cmw(Buffer.from('a1', 'hex')) })],
        ['a certificate for servers', 'certificate.malformed',
            extension({ extKeyUsage: EXTENSION.extKeyUsage(SERVER_AUTH) })],
        ['a certificate without use of its key', 'certificate.malformed',
            extension({ keyUsage: undefined })],
        ['a certificate without a SPIFFE ID', 'certificate.malformed',
            extension({ uri: undefined })],
        ['a CA\'s own certificate', 'certificate.malformed',
            { program: { key: tier.key, chain: [tier.certificate] } }],
        ['a certificate of a program in another trust domain', 'certificate.chain',
            certified({ uri: PROGRAM.replace('free-ride.example', 'other.example') })],
        ['a certificate of another CA', 'certificate.chain',
            { program: makeProgram(makeCa('another')) }],
        ['a certificate of another CA with the right name', 'certificate.chain',
            { program: makeProgram(makeCa(tier.subject)) }],
        ['a certificate that a program issued', 'certificate.chain',
            { program: makeProgram({ ...stranger, certificate: stranger.chain[0] }) }],
        ['a certificate that has expired', 'certificate.expired',
            certified({ fields: { notBefore: at - 120, notAfter: at - 60 } })],
        ['a certificate that is not valid yet', 'certificate.expired',
            certified({ fields: { notBefore: at + 60, notAfter: at + 120 } })],
    ];
}

/** Sealing: nothing of this can be opened. */
function sealing(config, other) {
    const sealed = (f) => ({ sealed: f });
    const zeroEnc = (b) => concat(b.subarray(0, 7), Buffer.alloc(32), b.subarray(39));
    return [
        ['another media type', 'exchange.media-type',
            { outer: (headers) => ({ ...headers, 'Content-Type': 'message/ohttp-res' }) }],
        ['another key identifier', 'exchange.key', sealed((b) => flipped(b, 0))],
        ['another KEM', 'exchange.decrypt', sealed((b) => flipped(b, 2))],
        ['another KDF', 'exchange.decrypt', sealed((b) => flipped(b, 4))],
        ['another AEAD', 'exchange.decrypt', sealed((b) => flipped(b, 6))],
        ['another encapsulated key', 'exchange.decrypt', sealed((b) => flipped(b, 10))],
        ['an encapsulated key of zeros', 'exchange.decrypt', sealed(zeroEnc)],
        ['ciphertext with one bit changed', 'exchange.decrypt', sealed((b) => flipped(b, 100))],
        ['a tag with one bit changed', 'exchange.decrypt', sealed((b) => flipped(b, -1))],
        ['ciphertext without its last byte', 'exchange.decrypt', sealed((b) => b.subarray(0, -1))],
        ['ciphertext with one byte more', 'exchange.decrypt', sealed((b) => concat(b, 'x'))],
        ['a header alone', 'exchange.decrypt', sealed((b) => b.subarray(0, 7))],
        ['nothing', 'exchange.decrypt', sealed(() => Buffer.alloc(0))],
        ['sealing to another key', 'exchange.decrypt', { config: { ...config, publicKey: other } }],
        ['a megabyte', 'http.body-too-large', sealed(() => Buffer.alloc(1 << 20))],
    ];
}

/** Binary HTTP inside the seal. */
function encoding() {
    const plain = (f) => ({ plain: f });
    /* The content ends in a brace; the zeros after it are the empty trailers, and padding. */
    const trailers = (b) =>
        concat(b.subarray(0, b.lastIndexOf('}') + 1), fieldSection([['a', 'b']]));
    return [
        ['no message', 'bhttp.malformed', plain(() => Buffer.alloc(0))],
        ['a response', 'bhttp.malformed', plain((b) => flipped(b, 0))],
        ['a message of indeterminate length', 'bhttp.malformed',
            plain((b) => concat(varint(2), b.subarray(1)))],
        ['padding that is not zero', 'bhttp.malformed', plain((b) => flipped(b, -1))],
        ['a field name in upper case', 'bhttp.malformed', { signed: adding('X-Y', 'z') }],
        ['a field name with a colon', 'bhttp.malformed', { signed: adding('x:y', 'z') }],
        ['a line break in a field', 'bhttp.malformed',
            { signed: adding('x-y', 'z\r\nhost: evil') }],
        ['a space after a field', 'bhttp.malformed', { signed: adding('x-y', 'z ') }],
        ['65 fields', 'bhttp.malformed',
            { signed: edit((f) => [...f, ...Array(65).fill(['x', 'y'])]) }],
        ['trailers', 'bhttp.malformed', plain(trailers)],
        ['a message cut in the middle of a field', 'bhttp.malformed',
            plain((b) => b.subarray(0, 120))],
    ];
}

/** Where a request goes, and with which fields. */
function fields() {
    const message = (changes) => ({ message: having(changes) });
    return [
        ['plain HTTP', 'request.authority', message({ scheme: 'http' })],
        ['another authority', 'request.authority',
            message({ authority: 'transport.example:8443' })],
        ['the authority without its port', 'request.authority',
            message({ authority: AUTHORITY.split(':')[0] })],
        ['no authority', 'request.authority', message({ authority: '' })],
        ['an unsigned field', 'request.field', { signed: adding('x-forwarded-for', '::1') }],
        ['an unsigned field of the gateway\'s own', 'request.field',
            { signed: adding('idevs-program', 'spiffe://evil') }],
        ['an unsigned type', 'request.signature', { signed: adding('content-type', 'text/plain') },
            GET],
        ['an unsigned key', 'request.signature', { signed: adding('idempotency-key', 'k') }],
        ...['content-digest', 'date', 'signature', 'signature-input'].flatMap((name) => [
            [`no ${name}`, 'request.field', { signed: without(name) }],
            [`${name} twice`, 'request.field', { signed: twice(name) }],
        ]),
        ['content in a read', 'request.field', {}, { ...GET, content: 'x' }],
        ['a key in a read', 'request.field', {}, { ...GET, key: 'k' }],
        ['a key of other characters', 'request.field', {}, { ...POST, key: 'a/b' }],
        ['a key of 129 characters', 'request.field', {}, { ...POST, key: 'k'.repeat(129) }],
        ['an empty key', 'request.field', { message: adding('idempotency-key', '') }],
    ];
}

/** The text of the signature, and the signature. */
function signatures(tier, program, stranger) {
    const again = makeProgram(tier, { keys: program });
    const all = requestComponents({ fields: [['content-type', '']] });
    const input = (f) => ({ signed: setting('signature-input', f) });
    const second = (m) => setting('signature',
        (old) => `${old}, ${old.replace('idevs=', 'other=')}`)(setting('signature-input',
        (old) => `${old}, ${old.replace('idevs=', 'other=')}`)(m));
    const der = (m) => setting('signature',
        `idevs=:${rawSign('sha256', Buffer.from('x'), program.key).toString('base64')}:`)(m);
    const reordered = ({ created, expires, ...rest }) => ({ expires, created, ...rest });
    const tampered = (claim, changes) => [claim, 'request.signature', { signed: having(changes) }];
    return [
        ['another label', 'request.signature',
            signing({ shape: { label: 'sig1', tag: 'idevs-attested-request-v1' } })],
        ['another tag', 'request.signature', parameter('tag', 'idevs-attested-request-v2')],
        ['the tag of key configurations', 'request.signature',
            parameter('tag', 'idevs-gateway-keys-v1')],
        ['another algorithm', 'request.signature', parameter('alg', 'ecdsa-p384-sha384')],
        ...['created', 'expires', 'nonce', 'alg', 'keyid', 'tag'].map((name) => [
            `no ${name}`, 'request.signature',
            signing({ order: ({ [name]: _, ...rest }) => rest })]),
        ['one parameter more', 'request.signature', parameter('context', 'x')],
        ['parameters in another order', 'request.signature', signing({ order: reordered })],
        ...all.map((name) => [`${name} not covered`, 'request.signature',
            components(...all.filter((other) => other !== name))]),
        ['components in another order', 'request.signature', components(...[...all].reverse())],
        ['a component twice', 'request.signature', input((old) => old.replace(' "date"',
            ' "date" "date"'))],
        ['a space more', 'request.signature', input((old) => old.replace(';created', '; created'))],
        ['a second signature', 'request.signature', { signed: second }],
        ['a signature in DER', 'request.signature', { signed: der }],
        ['a signature of another key', 'request.signature', signing({ key: stranger.key })],
        ['the keyid of another certificate', 'request.signature',
            parameter('keyid', keyid(stranger.chain[0]))],
        ['another certificate beside the request', 'request.signature', { beside: stranger }],
        ['a certificate of the same key beside it', 'request.signature',
            { beside: again }],
        tampered('a path changed after signing', { path: '/api/other' }),
        tampered('a query added after signing', { path: '/api/trips?x=1' }),
        tampered('a method changed after signing', { method: 'PUT' }),
        ['a type changed after signing', 'request.signature',
            { signed: setting('content-type', 'text/plain') }],
        ['a key changed after signing', 'request.signature',
            { signed: setting('idempotency-key', 'other') }, { ...POST, key: 'once' }],
        ['a date changed after signing', 'request.signature',
            { signed: setting('date', later(1)) }],
        ['the nonce of another encapsulation', 'request.nonce', parameter('nonce', SOMETHING)],
        ['content changed after signing', 'request.digest',
            { signed: having({ content: '{"to":2}' }) }],
        ['the signed digest of other content', 'request.digest',
            { message: setting('content-digest', contentDigest('other')) }],
        ['a signed digest of another algorithm', 'request.digest',
            { message: setting('content-digest', (old) => old.replace('sha-256', 'sha-512')) }],
    ];
}

function times() {
    const life = (seconds) => signing({
        order: (parameters) => ({ ...parameters, expires: parameters.created + seconds }) });
    const signed = (f) => ({ message: setting('date', f) });
    return [
        ['a request that came too late', 'request.date', { shift: -66 }],
        ['a request from the future', 'request.date', { shift: 30 }],
        ['a signature valid for 61 s', 'request.date', life(61)],
        ['a signature that expires before it begins', 'request.date', life(-1)],
        ['a signed date that contradicts its signature', 'request.date', signed(later(-30))],
        ['a signed date of another form', 'request.date',
            signed((old) => new Date(old).toISOString())],
    ];
}

/** Well signed, and yet not what a service should see. */
function forms() {
    const get = (path) => [`the path ${path}`, 'http.malformed', {}, { ...GET, path }];
    return [
        ['TRACE', 'api.method', {}, { ...GET, method: 'TRACE' }],
        ['a method in lower case', 'api.method', {}, { ...GET, method: 'get' }],
        ...['//evil.example/', '/api/../admin', '/api/%2e%2e/admin', '/api/./x', '/api%2fadmin',
            '/api%5cadmin', '/api%00', '/api%zz', '/api#x', '/api\\admin'].map(get),
        ['content over the gateway\'s limit', 'http.body-too-large', {},
            { ...POST, content: 'x'.repeat(128 * 1024 + 1) }],
    ];
}

function policies(tier) {
    const certified = (change) => ({ program: makeProgram(tier, change) });
    const narrow = certified({ uri: NARROW });
    return [
        ['a program that is not named', 'policy.program', certified({ uri: `${PROGRAM}-x` })],
        ['a certificate that says another tier', 'policy.tier',
            certified({ claims: { tier: 'development' } }), GET],
        ['another back end', 'policy.back-end', certified({ claims: { backEnd: 'none' } }), GET],
        ['a program of another owner', 'policy.owner', certified({ uri: OWNED })],
        ['another program under a known name', 'policy.code',
            certified({ uri: AGREED, claims: { executable: 1 } })],
        ['a program whose data could go elsewhere', 'policy.reaches',
            certified({ uri: AGREED, claims: { writes: [AUTHORITY, 'elsewhere.example'] } })],
        ['a read of a program that only writes here', 'policy.reads',
            certified({ claims: { reads: ['other.example'] } }), GET],
        ['a write of a program that only reads here', 'policy.writes',
            certified({ claims: { writes: [] } })],
        ['state of a program that does neither here', 'policy.reads',
            certified({ claims: { reads: [], writes: [] } }), { ...GET, path: `${STATE}x` }],
        ['a method that is not granted', 'policy.method', narrow],
        ['a path that is not granted', 'policy.path', narrow, { ...GET, path: '/admin' }],
        ['a path that only begins like the one granted', 'policy.path', narrow,
            { ...GET, path: '/apix' }],
    ];
}

function states() {
    const put = { method: 'PUT', type: 'application/octet-stream', content: 'x' };
    return [
        ['DELETE of a state', 'api.method', {}, { method: 'DELETE', path: `${STATE}x` }],
        ['a state without a name', 'api.field', {}, { ...GET, path: STATE }],
        ['a name of 65 characters', 'api.field', {}, { ...GET, path: STATE + 'n'.repeat(65) }],
        ['a save without a version', 'api.field', {}, { ...put, path: `${STATE}x` }],
        ['a version that is no number', 'api.field', {}, { ...put, path: `${STATE}x?version=01` }],
        ['a save over a version that was not there', 'state.conflict', {},
            { ...put, path: `${STATE}absent?version=3` }],
        ['a value over 64 KiB', 'state.full', {},
            { ...put, path: `${STATE}x?version=0`, content: 'x'.repeat(65537) }],
    ];
}

function rows(sealed, list) {
    return list.map(([claim, code, change, request = POST]) =>
        ({ claim: `${claim}: ${code}`, sealed, code, change, request }));
}

/** Every refusal that one request provokes. `config` is the gateway's, `other` a key not its. */
export function refusals({ tier, program, config, other }) {
    const stranger = makeProgram(tier);
    return [
        ...rows(false, [...certificates(tier, stranger), ...sealing(config, other)]),
        ...rows(true, [...encoding(), ...fields(), ...signatures(tier, program, stranger),
            ...times(), ...forms(), ...policies(tier), ...states()]),
    ];
}
