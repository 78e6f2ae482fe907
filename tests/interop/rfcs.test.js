/** Before they judge anybody, the independent peers meet the examples of the RFCs themselves. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, padded, sizeClass, varint }
    from './peer/bhttp.js';
import { flipped } from './peer/bytes.js';
import { decode, encode } from './peer/cbor.js';
import { ENGINES } from './peer/engines.js';
import { decodeKeys, encodeKeys, openRequest } from './peer/ohttp.js';
import { verifies } from './peer/signature.js';

const hex = (text) => Buffer.from(text, 'hex');

describe('Binary HTTP', () => {
    /* RFC 9292, section 5.1 */
    const REQUEST = hex('0003474554056874747073000a2f68656c6c6f2e747874406c0a757365722d6167656e74'
        + '346375726c2f372e31362e33206c69626375726c2f372e31362e33204f70656e53534c2f302e392e376c20'
        + '7a6c69622f312e322e3304686f73740f7777772e6578616d706c652e636f6d0f6163636570742d6c616e67'
        + '7561676506656e2c206d690000');
    /* RFC 9292, section 5.2: with trailers, which this protocol has not */
    const WITH_TRAILERS = hex('0140c8001d5468697320636f6e74656e7420636f6e7461696e732043524c462e0d'
        + '0a0d07747261696c65720474657874');

    it('is that of RFC 9292, 5.1, both ways', () => {
        const message = decodeRequest(REQUEST);
        assert.deepEqual(message.fields[2], ['accept-language', 'en, mi']);
        assert.deepEqual([message.method, message.scheme, message.path],
            ['GET', 'https', '/hello.txt']);
        assert.deepEqual(encodeRequest(message), REQUEST);
    });
    it('refuses the trailers of RFC 9292, 5.2', () => {
        assert.throws(() => decodeResponse(WITH_TRAILERS), /trailers/);
        assert.equal(decodeResponse(WITH_TRAILERS.subarray(0, 34)).content.length, 29);
    });
    it('writes the integers of RFC 9000, A.1', () => {
        const written = [37, 15293, 494878333, 151288809941952652n]
            .map((value) => varint(value).toString('hex'));
        assert.deepEqual(written, ['25', '7bbd', '9d7f3e7d', 'c2197c5eff14e88c']);
    });
    it('refuses a message cut anywhere but before empty sections', () => {
        const control = 23; /* bytes, before the fields */
        for (let length = 0; length < REQUEST.length - 2; length++) {
            const cut = REQUEST.subarray(0, length);
            if (length === control) assert.equal(decodeRequest(cut).fields.length, 0);
            else assert.throws(() => decodeRequest(cut), undefined, `${length} bytes`);
        }
    });
    it('pads to size classes', () => {
        assert.deepEqual([1, 256, 257, 65536, 65537, 131073].map(sizeClass),
            [256, 256, 512, 65536, 131072, 196608]);
        assert.deepEqual(decodeResponse(padded(encodeResponse({ status: 204 }))),
            { status: 204, fields: [], content: Buffer.alloc(0) });
    });
});

describe('HTTP message signatures', () => {
    /* RFC 9421, B.1.3 and B.2.4 */
    const KEY = createPublicKey(`-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----
`);
    const RESPONSE = {
        status: 200,
        fields: [['content-type', 'application/json'],
            ['content-digest', 'sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oG'
                + 'X69wWdXymyU0rjJuahq4l5aGgfLQ==:'],
            ['content-length', '23'],
            ['signature-input', 'sig-b24=("@status" "content-type" "content-digest" "content-length'
                + '");created=1618884473;keyid="test-key-ecc-p256"'],
            ['signature', 'sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnD'
                + 'AUy5eCdlYUEkLIj+32oiasw==:']],
    };

    it('verify that of RFC 9421, B.2.4', async () => {
        assert.equal(await verifies(RESPONSE, KEY), true);
    });
    it('do not verify it under another status', async () => {
        assert.equal(await verifies({ ...RESPONSE, status: 201 }, KEY), false);
    });
});

describe('CBOR', () => {
    /* RFC 8949, appendix A */
    const EXAMPLES = [['1903e8', 1000], ['3863', -100], ['83010203', [1, 2, 3]],
        ['a201020304', new Map([[1, 2], [3, 4]])], ['4401020304', hex('01020304')], ['f5', true],
        ['62c3bc', 'ü']];

    it('is that of RFC 8949, appendix A', () => {
        for (const [bytes, value] of EXAMPLES) {
            assert.equal(encode(value).toString('hex'), bytes);
            assert.deepEqual(decode(hex(bytes)), value);
        }
    });
    it('is deterministic', () => {
        for (const bytes of ['1801', 'a203040102', '9f01ff', '0100', 'a201020103']) {
            assert.throws(() => decode(hex(bytes)), undefined, bytes);
        }
    });
});

for (const engine of ENGINES) {
    describe(`Oblivious HTTP on ${engine.name}`, () => {
        /* RFC 9458, appendix A */
        const SECRET = hex('3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a');
        const CONFIG = hex('01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e79815'
            + '500080001000100010003');
        const REQUEST = hex('010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec'
            + '96c208b4726374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c01852'
            + '04b4d63525');
        const RESPONSE = hex('c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857'
            + 'fbd');

        async function opened(message) {
            const { keyId, publicKey } = decodeKeys(encodeKeys([CONFIG]));
            const { keys } = await engine.load(SECRET, publicKey);
            return openRequest(engine, keyId, keys, message);
        }

        it('opens the request of RFC 9458, appendix A', async () => {
            const { plain } = await opened(REQUEST);
            assert.equal(plain.toString('hex'),
                '00034745540568747470730b6578616d706c652e636f6d012f');
        });
        it('seals the response of RFC 9458, appendix A', async () => {
            const { seal } = await opened(REQUEST);
            assert.deepEqual(await seal(hex('0140c8'), RESPONSE.subarray(0, 16)), RESPONSE);
        });
        it('opens nothing in which one bit was changed', async () => {
            for (let at = 0; at < REQUEST.length; at++) {
                await assert.rejects(opened(flipped(REQUEST, at)), undefined, `byte ${at}`);
            }
        });
    });
}
