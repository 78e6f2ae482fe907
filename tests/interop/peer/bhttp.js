/**
 * Binary HTTP, RFC 9292, known-length messages. A message is {method, scheme, authority, path} or
 * {status}, with fields [[name, value], ...] and content.
 */
import { Reader, concat, uint } from './bytes.js';

const KNOWN_LENGTH_REQUEST = 0;
const KNOWN_LENGTH_RESPONSE = 1;
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const FIELD_VALUE = /^(?![\t ])[\t\x20-\x7e\x80-\xff]*(?<![\t ])$/;
const FIELDS_MAX = 64;

/** An integer of RFC 9000, section 16: its two highest bits say in how many bytes. */
export function varint(value) {
    if (value < 2 ** 6) return uint(value, 1);
    if (value < 2 ** 14) return uint(value + 0x4000, 2);
    if (value < 2 ** 30) return uint(value + 0x80000000, 4);
    return uint(BigInt(value) + (3n << 62n), 8);
}

function readVarint(reader) {
    const length = 1 << (reader.data[reader.at] >> 6);
    const b = Buffer.from(reader.bytes(length));
    b[0] &= 0x3f;
    return new Reader(b).uint(length);
}

function vector(value) {
    const data = Buffer.from(value);
    return concat(varint(data.length), data);
}

export function fieldSection(fields) {
    return vector(concat(...fields.flatMap(([name, value]) => [vector(name), vector(value)])));
}

function sections({ fields = [], content = '' }) {
    return concat(fieldSection(fields), vector(content), fieldSection([]));
}

export function encodeRequest(m) {
    return concat(varint(KNOWN_LENGTH_REQUEST), vector(m.method), vector(m.scheme),
        vector(m.authority), vector(m.path), sections(m));
}

export function encodeResponse(m) {
    return concat(varint(KNOWN_LENGTH_RESPONSE), varint(m.status), sections(m));
}

function readVector(reader) {
    return reader.bytes(readVarint(reader));
}

/** Empty sections at the end may be left out (section 3.8). */
function readSection(reader) {
    return reader.left === 0 ? Buffer.alloc(0) : readVector(reader);
}

function readFields(section) {
    const reader = new Reader(section);
    const fields = [];
    while (reader.left > 0) {
        const [name, value] = [readVector(reader), readVector(reader)]
            .map((b) => b.toString('latin1'));
        if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) {
            throw new SyntaxError(`field ${JSON.stringify([name, value])}`);
        }
        fields.push([name, value]);
    }
    if (fields.length > FIELDS_MAX) throw new SyntaxError(`${fields.length} fields`);
    return fields;
}

function readSections(reader, control) {
    const fields = readFields(readSection(reader));
    const content = readSection(reader);
    if (readSection(reader).length > 0) throw new SyntaxError('trailers');
    if (reader.bytes(reader.left).some((byte) => byte !== 0)) throw new SyntaxError('padding');
    return { ...control, fields, content };
}

export function decodeRequest(data) {
    const reader = new Reader(data);
    if (readVarint(reader) !== KNOWN_LENGTH_REQUEST) throw new SyntaxError('no such request');
    const [method, scheme, authority, path] = Array.from({ length: 4 }, () =>
        readVector(reader).toString('latin1'));
    return readSections(reader, { method, scheme, authority, path });
}

export function decodeResponse(data) {
    const reader = new Reader(data);
    if (readVarint(reader) !== KNOWN_LENGTH_RESPONSE) throw new SyntaxError('no such response');
    const status = readVarint(reader);
    if (status < 200 || status > 599) throw new SyntaxError(`status ${status}`);
    return readSections(reader, { status });
}

/** The size class of a message: powers of two from 256 to 64 KiB, then multiples of 64 KiB. */
export function sizeClass(length) {
    const step = 65536;
    if (length > step) return Math.ceil(length / step) * step;
    return Math.max(256, 2 ** Math.ceil(Math.log2(Math.max(length, 1))));
}

/** Zeros up to the size class. */
export function padded(data) {
    return concat(data, Buffer.alloc(sizeClass(data.length) - data.length));
}

/** The values of a field of that name, in order. */
export function values(message, name) {
    return message.fields.filter(([field]) => field === name).map(([, value]) => value);
}

/** The value of the only field of that name, or undefined. */
export function field(message, name) {
    const found = values(message, name);
    return found.length === 1 ? found[0] : undefined;
}
