/* Frames of the channel out of a compartment (docs/interfaces.md). Pure, no I/O.
 *
 *   u32 length of the rest | u32 id | u8 kind | u16 status | u16 n | target[n] | u16 m | type[m] |
 * body
 *
 * All integers big endian. `status` is 0 but in replies; `target` is empty in replies. */
#ifndef IDEVS_WIRE_FRAME_H
#define IDEVS_WIRE_FRAME_H

#include "base/buffer.h"
#include "base/limits.h"

enum frame_kind {
    FRAME_REQUEST = 1,
    FRAME_REPLY = 2,
    FRAME_EVENT = 3, /* target "stop" is the one event */
};

struct frame {
    uint32_t id; /* chosen by who asks; a reply repeats it; 0 for events */
    enum frame_kind kind;
    uint16_t status;     /* of a reply, in HTTP's numbers; below 100 none */
    struct bytes target; /* "service:store", "authority:challenge", ...; visible ASCII */
    struct bytes type;   /* media type; visible ASCII and spaces; may be empty */
    struct bytes body;
};

enum frame_verdict {
    FRAME_BAD = 0, /* malformed or over `max_body`: close the channel */
    FRAME_NEED_MORE,
    FRAME_DONE,
};

/* Reads one frame from the beginning of `in`. FRAME_DONE: `ret` points into `in` and `*ret_used`
 * bytes are its. A declared length that cannot be valid is FRAME_BAD at once, before its bytes are
 * there. */
enum frame_verdict frame_decode(struct bytes in, size_t max_body, struct frame *ret,
                                size_t *ret_used);

/* Appends the frame; false past the buffer's max or a limit. */
bool frame_encode(const struct frame *frame, struct buffer *b) _must_check_;

#endif
