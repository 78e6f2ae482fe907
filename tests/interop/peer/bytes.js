/** Bytes: Buffers throughout, big endian, and a reader that never reads past the end. */
import { createHash } from 'node:crypto';

/** Buffers and texts behind each other. */
export function concat(...parts) {
    return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

/** A number in `length` bytes. */
export function uint(value, length) {
    const b = Buffer.alloc(8);
    b.writeBigUInt64BE(BigInt(value));
    return b.subarray(8 - length);
}

export function sha256(data) {
    return createHash('sha256').update(data).digest();
}

export function base64url(data) {
    return Buffer.from(data).toString('base64url');
}

/** The same bytes with one bit of one byte turned over; `at` may count from the end. */
export function flipped(data, at) {
    const b = Buffer.from(data);
    b[at < 0 ? b.length + at : at] ^= 1;
    return b;
}

export class Reader {
    constructor(data) {
        this.data = data;
        this.at = 0;
    }

    get left() {
        return this.data.length - this.at;
    }

    bytes(length) {
        if (length > this.left) throw new RangeError(`${length} bytes wanted, ${this.left} left`);
        this.at += length;
        return this.data.subarray(this.at - length, this.at);
    }

    uint(length) {
        const value = this.bytes(length).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
        if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('a number over 2^53');
        return Number(value);
    }
}
