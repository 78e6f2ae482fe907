/* Compartments: where a program, or the compiler, runs. A back end is one const table of functions;
 * all of them stand in one list (compartment.c). tests/unit/compartment/conformance.c holds every
 * back end that a machine can use to what is written here.
 *
 * Who calls this is privileged (the warden). Whatever runs inside is hostile. Nothing here has a
 * loop of its own: a compartment is started, watched through a descriptor, and taken down.
 *
 * The order of calls is: probe() at any time and by anybody; open() once, while the warden still
 * has its rights and a network, before anything is started; start(), then watch(), measure(),
 * cpu_time() and kill() while it runs; wait() once watch() is readable; destroy(); at last
 * close(). */
#ifndef IDEVS_COMPARTMENT_COMPARTMENT_H
#define IDEVS_COMPARTMENT_COMPARTMENT_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"
#include "wire/eat.h"
#include <sys/types.h>

enum compartment_profile {
    COMPARTMENT_RUN = 1, /* one measured static program: two descriptors, no files, no processes */
    COMPARTMENT_COMPILE, /* the compiler: a read-only toolchain and a bounded folder for its work */
    COMPARTMENT_MONITOR, /* a back end's own helper: as the compiler, with three streams */
};

/* Whether what a program writes to is memory that the kernel itself does not map
 * (base/secret_memory.h). libidevs moves there before main(); a program without it stays as it
 * is, and what was measured says so. Back ends in which it would protect from nobody leave it. */
enum compartment_secrecy {
    SECRECY_OFF,
    SECRECY_PREFERRED, /* where the host can; the log says why not */
    SECRECY_REQUIRED,  /* or it does not start */
};

/* What to start. Descriptors stay the caller's; all must be given for the profile, the rest -1. The
 * two streams are attached by start(): inside they are descriptors 3 and 4 whatever lies between
 * (an inherited socket, a virtio port); both keep order and end when the compartment does. */
struct compartment_spec {
    enum compartment_profile profile;
    uid_t uid;          /* on the host, user and group; no other compartment has it meanwhile */
    uint64_t memory;    /* bytes that the program has, at least 1 MiB */
    uint32_t processes; /* at most, 1 for COMPARTMENT_RUN */
    /* COMPARTMENT_RUN */
    int executable; /* sealed memfd of a static executable: what was measured is what runs */
    int channel;    /* stream to the launcher */
    int attester;   /* stream to the warden */
    enum compartment_secrecy secrecy;
    /* COMPARTMENT_MONITOR: both streams above, and */
    int report; /* stream to the back end: becomes descriptor 5 */
    /* COMPARTMENT_COMPILE, COMPARTMENT_MONITOR */
    int root;                /* a folder: the toolchain; its empty folder `work` is mounted over */
    int work;                /* from compartment_work() */
    int output;              /* becomes descriptors 1 and 2 */
    const char *const *argv; /* argv[0] is a path in the toolchain */
    const char *const *envp;
};

/* How it ended. */
struct compartment_end {
    /* "" (the program, by itself, with status 0), compartment.crashed, .forbidden, .limit, .lost
     * (what held it is gone: a virtual machine monitor that died), .secret-memory (it could not
     * move there), or what kill() was told. */
    const char *code;
    char detail[128]; /* printable */
};

/* What a machine lacks for a back end. Each is a refusal with the code `compartment.missing`: what
 * was found, what was expected, and as remedy how to get it. None: the back end can be used. */
struct compartment_gaps {
    struct idevs_error at[LIMIT_GAPS];
    size_t n;
};

struct compartment; /* one that was started; each back end has its own */

struct compartment_back_end {
    const char *name; /* name_is_valid(), under LIMIT_BACK_END: as in manifests and certificates */
    /* False: whoever may debug processes of this host sees everything. Evidence says so, and no
     * authority certifies it above the development tier. */
    bool isolates;
    bool compiles; /* takes COMPARTMENT_COMPILE */
    /* In words, each one sentence without its full stop, under LIMIT_EAT_TEXT * 2: for
     * `idevs-warden backends` and docs/compartments.md. `exposed_to` is what the authority writes
     * into certificates, too (src/evidence/appraisal.c has its own copy: it believes no warden). */
    const char *protects_from;
    const char *exposed_to;
    /* How the compiler is told to build for it, beside what it is told for all; NULL-terminated. */
    const char *const *build_flags;

    /* What this machine lacks, all of it and not only the first. Changes nothing, needs no rights
     * (it says when they are missing), and never waits. `*ret` has n = 0 before. */
    void (*probe)(struct compartment_gaps *ret);
    /* Prepares what starts share: control groups, files that are read only now, helpers. Once,
     * after a probe() without gaps. Refuses `compartment.unavailable`. */
    bool (*open)(struct idevs_error *ret_err);
    void (*close)(void); /* gives it back, every trace; nothing runs any more. May be NULL */
    /* What it confines with here, in one line, after open(): for people and logs. */
    void (*describe)(char *ret, size_t size);

    /* Checks all, then acts; on refusal nothing is left. The descriptors of `spec` may be closed
     * when it returns. Never waits for what runs inside: a guest boots after it, the streams hold
     * what was written meanwhile, and one that does not come up is told by wait(). Refuses
     * `compartment.executable` (not one of this machine), `compartment.too-large` (more memory than
     * this host has), `compartment.limit` (the memory did not do for the start),
     * `compartment.missing`, `compartment.secret-memory`, `compartment.unavailable`. */
    bool (*start)(const struct compartment_spec *spec, struct compartment **ret,
                  struct idevs_error *ret_err);
    /* Readable once it has ended. Belongs to the compartment. */
    int (*watch)(const struct compartment *c);
    /* What was measured of it now, beside the executable: a process's memory map, a guest's kernel,
     * initramfs and command line, the host's hardening. `*ret` is zero before. False when it
     * cannot be had: no evidence is made then. */
    bool (*measure)(const struct compartment *c, struct eat_measured *ret);
    /* Processor time used so far, nanoseconds: of a guest, all of it. */
    uint64_t (*cpu_time)(const struct compartment *c);
    /* Ends it at once, without its consent; `code` (static text) becomes the reason if it still
     * ran. Asking politely is an event of the launcher's on the channel. */
    void (*kill)(struct compartment *c, const char *code);
    /* After watch() became readable: collects it. False when it still runs. */
    bool (*wait)(struct compartment *c, struct compartment_end *ret);
    /* Kills what still runs, waits for it, removes every trace: processes, mounts, control groups,
     * files, descriptors. Takes NULL. */
    void (*destroy)(struct compartment *c);
};

/* The back end called `name`, or NULL. */
const struct compartment_back_end *compartment_back_end(const char *name);
/* All of them; `*ret_n` many, at most LIMIT_BACK_ENDS. */
const struct compartment_back_end *const *compartment_back_ends(size_t *ret_n);

/* For probe(): notes what is missing (refuse() with `compartment.missing`) and how to get it. Past
 * LIMIT_GAPS it is dropped: there are enough to mend already. */
void compartment_lacks(struct compartment_gaps *gaps, const char *expected, const char *remedy,
                       const char *found, ...) _printf_(4, 5);

/* A fresh file system of at most `size` bytes and 256 files, mounted nowhere: for the work of a
 * compiler. The result is a descriptor of its root folder, through which its maker reads and writes
 * too; it dies with its last descriptor and mount. -1 and errno when it can't. */
int compartment_work(uint64_t size) _must_check_;

#endif
