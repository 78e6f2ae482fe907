/** DER (X.690), as much as certificates and certificate requests need. */
import { Reader, concat, uint } from './bytes.js';

export const TAG = {
    BOOLEAN: 0x01, INTEGER: 0x02, BITS: 0x03, OCTETS: 0x04, OID: 0x06, UTF8: 0x0c, TIME: 0x18,
    UTC_TIME: 0x17, SEQUENCE: 0x30, SET: 0x31,
};

function lengthOf(length) {
    if (length < 0x80) return uint(length, 1);
    return length < 0x100 ? concat(uint(0x81, 1), uint(length, 1))
        : concat(uint(0x82, 1), uint(length, 2));
}

export function tlv(tag, ...contents) {
    const content = concat(...contents);
    return concat(uint(tag, 1), lengthOf(content.length), content);
}

export const sequence = (...items) => tlv(TAG.SEQUENCE, ...items);
export const octets = (...items) => tlv(TAG.OCTETS, ...items);
export const bits = (data, unused = 0) => tlv(TAG.BITS, uint(unused, 1), data);
export const integer = (data) => tlv(TAG.INTEGER, data);
export const explicit = (n, ...items) => tlv(0xa0 + n, ...items);
export const TRUE = tlv(TAG.BOOLEAN, Buffer.from([0xff]));

function base128(value) {
    const digits = [value & 0x7f];
    for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
        digits.unshift((rest & 0x7f) | 0x80);
    }
    return Buffer.from(digits);
}

/** From "1.2.840.10045.4.3.2". */
export function oid(dotted) {
    const [first, second, ...rest] = dotted.split('.').map(Number);
    return tlv(TAG.OID, base128(40 * first + second), ...rest.map(base128));
}

/** A time of X.509: UTCTime through 2049 (RFC 5280, 4.1.2.5). */
export function time(unixSeconds) {
    const digits = new Date(unixSeconds * 1000).toISOString().replace(/[-:T]|\.\d+/g, '');
    return tlv(TAG.UTC_TIME, digits.slice(2));
}

/** One element: its tag, its content, and itself with both. */
function readElement(reader) {
    const start = reader.at;
    const tag = reader.uint(1);
    let length = reader.uint(1);
    if (length >= 0x80) length = reader.uint(length - 0x80);
    const content = reader.bytes(length);
    return { tag, content, whole: reader.data.subarray(start, reader.at) };
}

/** The elements behind each other in `data`. */
export function elements(data) {
    const reader = new Reader(data);
    const found = [];
    while (reader.left > 0) found.push(readElement(reader));
    return found;
}

/** The elements inside the one element that `data` is. */
export function inside(data) {
    const [only, ...more] = elements(data);
    if (!only || more.length > 0) throw new SyntaxError('not one element');
    return elements(only.content);
}
