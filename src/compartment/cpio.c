#include "compartment/cpio.h"

#define TRAILER "TRAILER!!!"

static bool pad(struct buffer *b)
{
    static const uint8_t zeros[4];

    return buffer_append(b, zeros, (4 - b->len % 4) % 4);
}

/* Magic and thirteen fields: inode, mode, user, group, links, time, length, device, device of a
 * node, length of the name with its NUL, and a checksum that this kind does not have. */
bool cpio_add(struct buffer *b, const char *name, mode_t mode, struct bytes content)
{
    size_t name_len = strlen(name) + 1;

    if (content.len > UINT32_MAX)
        return false;
    return buffer_append_format(b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 0,
                                mode, 0, 0, 1, 0, (uint32_t)content.len, 0, 0, 0, 0,
                                (uint32_t)name_len, 0) &&
           buffer_append(b, name, name_len) && pad(b) && buffer_append_bytes(b, content) && pad(b);
}

bool cpio_end(struct buffer *b)
{
    return cpio_add(b, TRAILER, 0, bytes_of(NULL, 0));
}
