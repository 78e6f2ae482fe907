/* An input as a file that has no place on any disk, for what takes a path. */
#ifndef IDEVS_FUZZ_FILE_H
#define IDEVS_FUZZ_FILE_H

#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* The path of a file with this content; the next call gives it another one. */
static inline const char *file_with(struct bytes content)
{
    static char path[32];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("input", MFD_CLOEXEC);
        must(fd >= 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    must(ftruncate(fd, 0) == 0);
    must(pwrite(fd, content.data, content.len, 0) == (ssize_t)content.len);
    return path;
}

#endif
