/* A folder that is filled with files, programs and libraries of this host, and gets its name when
 * it is whole: the toolchain, what guests are made of. Trusts the host. */
#ifndef IDEVS_WARDEN_GATHER_H
#define IDEVS_WARDEN_GATHER_H

#include "base/buffer.h"
#include "base/error.h"

struct gather {
    const char *out;  /* its name in the end */
    const char *code; /* with which it refuses */
    char *folder;     /* OUT.new */
    char *root;       /* where files are put: `folder`, or one that the caller makes in it */
    char *triple;     /* "x86_64-linux-gnu": where libraries are put; the caller's to set */
    struct idevs_error *err;
};

/* `out` must not be there. `code` is static text. */
bool gather_begin(struct gather *ret, const char *out, const char *code,
                  struct idevs_error *ret_err) _must_check_;
/* Gives it its name when `whole`, else removes it; frees. Returns whether it is there. */
bool gather_end(struct gather *g, bool whole) _must_check_;

/* The folders in which programs look for libraries, and `work`. */
bool gather_folders(struct gather *g) _must_check_;
/* The file behind `from`, as `to` below the root; of its mode only "executable" is kept. */
bool gather_file(struct gather *g, const char *from, const char *to) _must_check_;
bool gather_link(struct gather *g, const char *target, const char *to) _must_check_;
/* A program and the shared libraries that it needs. */
bool gather_program(struct gather *g, const char *from, const char *to) _must_check_;

/* What a command prints; appended with a NUL behind it. */
bool gather_output(struct gather *g, const char *const *argv, struct buffer *b) _must_check_;
/* Its first line; NULL when there is none. The caller frees it. */
char *gather_line(struct gather *g, const char *const *argv) _must_check_;

#endif
