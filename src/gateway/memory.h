/* Everything of a gateway that outlives its process: the folder with the database, the vault's key
 * and the lock. */
#ifndef IDEVS_GATEWAY_MEMORY_H
#define IDEVS_GATEWAY_MEMORY_H

#include "gateway/vault.h"
#include "store/store.h"

struct memory {
    struct store *store;
    struct vault vault;
    int lock_fd; /* one gateway a folder: two would each take the other's intents for old ones */
};

/* Opens `folder`, or makes it. `previous` may be NULL (see vault.h). Refuses `state.*`, `file.*`,
 * `disk.full`. On failure `ret` needs no closing. */
bool memory_open(const char *folder, const struct key *key, const struct key *previous,
                 struct memory *ret, struct idevs_error *ret_err) _must_check_;
void memory_close(struct memory *memory);
#define _cleanup_memory_ _cleanup_(memory_close)

#endif
