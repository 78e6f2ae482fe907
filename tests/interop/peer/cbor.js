/**
 * Deterministic CBOR (RFC 8949, section 4.2.1): integers, byte and text strings, arrays, maps and
 * booleans; definite lengths, map keys in the order of their encodings.
 */
import { Reader, concat, uint } from './bytes.js';

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const FALSE = 0xf4;
const TRUE = 0xf5;

function head(type, value) {
    const first = type << 5;
    if (value < 24) return Buffer.from([first | value]);
    if (value < 2 ** 8) return concat(Buffer.from([first | 24]), uint(value, 1));
    if (value < 2 ** 16) return concat(Buffer.from([first | 25]), uint(value, 2));
    if (value < 2 ** 32) return concat(Buffer.from([first | 26]), uint(value, 4));
    return concat(Buffer.from([first | 27]), uint(value, 8));
}

function encodeMap(map) {
    const entries = [...map].map(([key, value]) => [encode(key), encode(value)]);
    entries.sort(([a], [b]) => Buffer.compare(a, b));
    return concat(head(MAP, map.size), ...entries.flat());
}

/** Numbers, Buffers, texts, booleans, arrays and Maps of these. */
export function encode(value) {
    if (typeof value === 'boolean') return Buffer.from([value ? TRUE : FALSE]);
    if (typeof value === 'number') {
        return value < 0 ? head(NEGATIVE, -1 - value) : head(UNSIGNED, value);
    }
    if (typeof value === 'string') return concat(head(TEXT, Buffer.byteLength(value)), value);
    if (Buffer.isBuffer(value)) return concat(head(BYTES, value.length), value);
    if (Array.isArray(value)) return concat(head(ARRAY, value.length), ...value.map(encode));
    if (value instanceof Map) return encodeMap(value);
    throw new TypeError(`no CBOR for ${typeof value}`);
}

function readArgument(reader, short) {
    if (short < 24) return short;
    if (short > 27) throw new SyntaxError('an indefinite or reserved length');
    return reader.uint(2 ** (short - 24));
}

function readItem(reader) {
    const first = reader.uint(1);
    if (first === FALSE || first === TRUE) return first === TRUE;
    const argument = readArgument(reader, first & 0x1f);
    switch (first >> 5) {
    case UNSIGNED: return argument;
    case NEGATIVE: return -1 - argument;
    case BYTES: return Buffer.from(reader.bytes(argument));
    case TEXT: return reader.bytes(argument).toString('utf8');
    case ARRAY: return Array.from({ length: argument }, () => readItem(reader));
    case MAP: return new Map(Array.from({ length: argument },
        () => [readItem(reader), readItem(reader)]));
    default: throw new SyntaxError(`CBOR that begins with ${first}`);
    }
}

/** Exactly one item, in its one encoding. */
export function decode(data) {
    const reader = new Reader(data);
    const value = readItem(reader);
    if (reader.left > 0 || !encode(value).equals(data)) throw new SyntaxError('not deterministic');
    return value;
}
