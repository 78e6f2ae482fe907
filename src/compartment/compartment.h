/* Compartments: where a program, or the compiler, runs. One table of functions a back end, all back
 * ends in one list; today there is `process`, for Linux.
 *
 * Who calls this is privileged (the warden). Whatever runs inside is hostile. Nothing here has a
 * loop of its own: a compartment is started, watched through a descriptor, and taken down. */
#ifndef IDEVS_COMPARTMENT_COMPARTMENT_H
#define IDEVS_COMPARTMENT_COMPARTMENT_H

#include "base/buffer.h"
#include "base/error.h"
#include <sys/types.h>

enum compartment_profile {
    COMPARTMENT_RUN = 1, /* one measured static program: two descriptors, no files, no processes */
    COMPARTMENT_COMPILE, /* the compiler: a read-only toolchain and a bounded folder for its work */
};

/* What to start. Descriptors stay the caller's; all must be given for the profile, the rest -1. */
struct compartment_spec {
    enum compartment_profile profile;
    uid_t uid;          /* on the host, user and group; no other compartment has it meanwhile */
    uint64_t memory;    /* bytes, at least 1 MiB */
    uint32_t processes; /* at most, 1 for COMPARTMENT_RUN */
    /* COMPARTMENT_RUN */
    int executable; /* sealed memfd of a static executable */
    int channel;    /* becomes descriptor 3 */
    int attester;   /* becomes descriptor 4 */
    /* COMPARTMENT_COMPILE */
    int root;                /* a folder: the toolchain; its empty folder `work` is mounted over */
    int work;                /* from compartment_work() */
    int output;              /* becomes descriptors 1 and 2 */
    const char *const *argv; /* argv[0] is a path in the toolchain */
    const char *const *envp;
};

/* How it ended. */
struct compartment_end {
    const char *code; /* "", or compartment.crashed, .forbidden, .limit, or what kill() was told */
    char detail[128]; /* printable */
};

struct compartment; /* one that was started */

struct compartment_back_end {
    const char *name;
    /* Whether this host can make compartments, by what it offers; changes nothing. Refuses
     * `compartment.unavailable`. */
    bool (*probe)(struct idevs_error *ret_err);
    /* What it confines with here, in one line: for people and logs. */
    void (*describe)(char *ret, size_t size);
    /* Returns when the first instruction is about to run. Refuses `compartment.unavailable`, or
     * `compartment.limit` when the memory did not do for the start. */
    bool (*start)(const struct compartment_spec *spec, struct compartment **ret,
                  struct idevs_error *ret_err);
    /* Readable once it has ended. Belongs to the compartment. */
    int (*watch)(const struct compartment *c);
    /* Ends it; `code` (static text) becomes the reason if it still ran. */
    void (*kill)(struct compartment *c, const char *code);
    /* After watch() became readable: collects it. False when it still runs. */
    bool (*wait)(struct compartment *c, struct compartment_end *ret);
    /* Kills what still runs, waits for it, removes every trace. Takes NULL. */
    void (*destroy)(struct compartment *c);
    /* The text of its memory map as the kernel tells it (/proc/PID/maps); false past the buffer's
     * max. */
    bool (*memory_map)(const struct compartment *c, struct buffer *b);
    /* Processor time used so far, nanoseconds. */
    uint64_t (*cpu_time)(const struct compartment *c);
};

/* The back end called `name`, or NULL. */
const struct compartment_back_end *compartment_back_end(const char *name);
/* All of them; `*ret_n` many. */
const struct compartment_back_end *const *compartment_back_ends(size_t *ret_n);

/* A fresh file system of at most `size` bytes and 256 files, mounted nowhere: for the work of a
 * compiler. The result is a descriptor of its root folder, through which its maker reads and writes
 * too; it dies with its last descriptor and mount. -1 and errno when it can't. */
int compartment_work(uint64_t size) _must_check_;

#endif
