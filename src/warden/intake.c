#include "warden/intake.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define FUSE_MAGIC 0x65735546
#define STEP       KIB(256)

/* A regular file, and not one behind which somebody's process answers when it likes. */
static bool check_file(int fd, const char *code, size_t max, struct idevs_error *ret_err)
{
    struct stat st;
    struct statfs fs;

    if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
        return refuse_errno(ret_err, code, "the file");
    if (!S_ISREG(st.st_mode) || fs.f_type == FUSE_MAGIC)
        return refuse(ret_err, code, "what is no ordinary file");
    if (st.st_size < 1 || (uint64_t)st.st_size > max)
        return refuse(ret_err, code, "%lld bytes", (long long)st.st_size);
    return true;
}

/* Its size may change meanwhile: what counts is what was read. */
bool intake_bytes(int fd, const char *code, struct buffer *b, struct idevs_error *ret_err)
{
    uint8_t step[16384];

    if (!check_file(fd, code, b->max, ret_err))
        return false;
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, step, sizeof(step), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(ret_err, code, "the file");
        if (n == 0)
            return b->len > 0 || refuse(ret_err, code, "0 bytes");
        if (!buffer_append(b, step, (size_t)n))
            return refuse(ret_err, code, "more than %zu bytes", b->max);
        at += n;
    }
}

static bool copy_into(int to, int from, size_t max, const char *code, struct idevs_error *ret_err)
{
    static uint8_t step[STEP];
    size_t total = 0;

    for (;;) {
        ssize_t n = pread(from, step, sizeof(step), (off_t)total);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(ret_err, code, "the file");
        if (n == 0)
            return total > 0 || refuse(ret_err, code, "0 bytes");
        total += (size_t)n;
        if (total > max)
            return refuse(ret_err, code, "more than %zu bytes", max);
        if (!fd_write_all(to, step, (size_t)n))
            return refuse_errno(ret_err, code, "memory for a copy");
    }
}

int intake_sealed(int fd, const char *code, size_t max, uint8_t ret[SHA256_LEN],
                  struct idevs_error *ret_err)
{
    if (!check_file(fd, code, max, ret_err))
        return -1;
    _cleanup_fd_ int copy = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0) {
        refuse_errno(ret_err, code, "memory for a copy");
        return -1;
    }
    if (!copy_into(copy, fd, max, code, ret_err))
        return -1;
    /* Sealed first, measured then: nothing can come between the two. */
    if (fcntl(copy, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 ||
        !sha256_fd(copy, ret)) {
        refuse_errno(ret_err, code, "sealing a copy");
        return -1;
    }
    int sealed = copy;
    copy = -1;
    return sealed;
}

bool intake_manifest(int fd, struct buffer *b, struct manifest *ret, uint8_t digest[SHA256_LEN],
                     struct idevs_error *ret_err)
{
    if (!intake_bytes(fd, "manifest.syntax", b, ret_err) ||
        !manifest_decode(buffer_bytes(b), ret, ret_err))
        return false;
    sha256(buffer_bytes(b), digest);
    return true;
}
