#include "warden/executables.h"
#include "base/fd.h"
#include "warden/intake.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct kept_executable *find(struct executables *kept, const uint8_t digest[SHA256_LEN])
{
    for (size_t i = 0; i < LIMIT_KEPT_EXECUTABLES; i++)
        if (kept->at[i].size > 0 && memcmp(kept->at[i].digest, digest, SHA256_LEN) == 0)
            return &kept->at[i];
    return NULL;
}

static void drop(struct kept_executable *one)
{
    if (one->size > 0)
        fd_close(&one->fd);
    *one = (struct kept_executable){.size = 0};
}

/* The one whose last use is longest ago; with `free_too`, a free place before all others. */
static struct kept_executable *oldest(struct executables *kept, bool free_too)
{
    struct kept_executable *found = NULL;

    for (size_t i = 0; i < LIMIT_KEPT_EXECUTABLES; i++) {
        struct kept_executable *one = &kept->at[i];
        if ((one->size > 0 || free_too) && (!found || one->used < found->used))
            found = one;
    }
    return found;
}

static uint64_t total(const struct executables *kept)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < LIMIT_KEPT_EXECUTABLES; i++)
        sum += kept->at[i].size;
    return sum;
}

/* Without a descriptor to spare it is just not kept. */
static void keep(struct executables *kept, int sealed, const uint8_t digest[SHA256_LEN])
{
    struct stat st;
    int fd = -1;

    if (fstat(sealed, &st) < 0 || (uint64_t)st.st_size > LIMIT_KEPT_BYTES ||
        (fd = fcntl(sealed, F_DUPFD_CLOEXEC, 0)) < 0)
        return;
    while (total(kept) + (uint64_t)st.st_size > LIMIT_KEPT_BYTES)
        drop(oldest(kept, false));
    struct kept_executable *one = oldest(kept, true);
    drop(one);
    *one = (struct kept_executable){.fd = fd, .size = (uint64_t)st.st_size, .used = ++kept->uses};
    memcpy(one->digest, digest, SHA256_LEN);
}

int executables_take(struct executables *kept, int fd, const uint8_t *said, const char *code,
                     uint8_t ret[SHA256_LEN], struct idevs_error *ret_err)
{
    struct kept_executable *one = said ? find(kept, said) : NULL;
    int again = one ? fcntl(one->fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (again >= 0) {
        one->used = ++kept->uses;
        memcpy(ret, one->digest, SHA256_LEN);
        return again;
    }
    int sealed = intake_sealed(fd, code, LIMIT_EXECUTABLE, ret, ret_err);
    if (sealed >= 0 && !find(kept, ret))
        keep(kept, sealed, ret);
    return sealed;
}

void executables_close(struct executables *kept)
{
    for (size_t i = 0; i < LIMIT_KEPT_EXECUTABLES; i++)
        drop(&kept->at[i]);
}
