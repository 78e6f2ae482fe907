/* Archives of the one kind that Linux unpacks as its first file system: cpio, "newc". The same
 * entries make the same bytes: no times, owners or inode numbers of the host. */
#ifndef IDEVS_COMPARTMENT_CPIO_H
#define IDEVS_COMPARTMENT_CPIO_H

#include "base/buffer.h"
#include <sys/types.h>

/* Appends one file or folder, which belongs to root. `name` has no leading slash; `mode` has its
 * type too (S_IFREG, S_IFDIR). `b` begins where the archive begins. False past the buffer's max. */
bool cpio_add(struct buffer *b, const char *name, mode_t mode, struct bytes content) _must_check_;
/* The entry that ends an archive. */
bool cpio_end(struct buffer *b) _must_check_;

#endif
