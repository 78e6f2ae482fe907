/** The frames of the channel out of a compartment (docs/interfaces.md). */
import { Reader, concat, uint } from './bytes.js';

export const KIND = { request: 1, reply: 2, event: 3 };

export function encodeFrame({ id, kind, status = 0, target = '', type = '', body = '' }) {
    const rest = concat(uint(id, 4), uint(kind, 1), uint(status, 2), uint(target.length, 2), target,
        uint(type.length, 2), type, body);
    return concat(uint(rest.length, 4), rest);
}

function decodeFrame(data) {
    const reader = new Reader(data);
    const [id, kind, status] = [reader.uint(4), reader.uint(1), reader.uint(2)];
    const target = reader.bytes(reader.uint(2)).toString('latin1');
    const type = reader.bytes(reader.uint(2)).toString('latin1');
    return { id, kind, status, target, type, body: Buffer.from(reader.bytes(reader.left)) };
}

async function* frames(stream) {
    let waiting = Buffer.alloc(0);
    for await (const part of stream) {
        waiting = concat(waiting, part);
        while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE()) {
            const length = 4 + waiting.readUInt32BE();
            yield decodeFrame(waiting.subarray(4, length));
            waiting = waiting.subarray(length);
        }
    }
}

/**
 * Answers every request on a stream, one after the other, until the program is gone:
 * `answer(frame)` gives {status, type, body}.
 */
export async function serveChannel(stream, answer) {
    try {
        for await (const frame of frames(stream)) {
            if (frame.kind !== KIND.request) throw new Error(`a frame of kind ${frame.kind}`);
            stream.write(encodeFrame({ ...await answer(frame), id: frame.id, kind: KIND.reply }));
        }
    } catch (error) {
        if (!['EPIPE', 'ECONNRESET'].includes(error.code)) throw error;
    }
}
