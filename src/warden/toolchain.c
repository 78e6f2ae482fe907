#include "warden/toolchain.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct entries {
    char **path; /* relative, sorted later */
    size_t n;
    size_t room;
};

static void entries_free(struct entries *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->path[i]);
    free(e->path);
}

static bool entries_add(struct entries *e, const char *path)
{
    if (e->n == LIMIT_TOOLCHAIN_ENTRIES)
        return false;
    if (e->n == e->room) {
        e->room = e->room ? 2 * e->room : 1024;
        e->path = alloc_grow(e->path, e->room, sizeof(*e->path));
    }
    e->path[e->n++] = alloc_text(path);
    return true;
}

static bool collect(int folder, const char *prefix, unsigned depth, struct entries *e,
                    struct idevs_error *ret_err);

static bool collect_one(int folder, const char *path, const char *name, unsigned depth,
                        struct entries *e, struct idevs_error *ret_err)
{
    struct stat st;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return refuse_errno(ret_err, "build.toolchain", path);
    if (!S_ISLNK(st.st_mode) && (st.st_mode & (S_IWGRP | S_IWOTH)))
        return refuse(ret_err, "build.toolchain", "%s can be written by others", path);
    if (S_ISDIR(st.st_mode)) {
        int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return collect(below, path, depth + 1, e, ret_err);
    }
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return refuse(ret_err, "build.toolchain", "%s is no file, link or folder", path);
    if (!entries_add(e, path))
        return refuse(ret_err, "build.toolchain", "more than %d entries", LIMIT_TOOLCHAIN_ENTRIES);
    return true;
}

/* Takes `folder`. */
static bool collect(int folder, const char *prefix, unsigned depth, struct entries *e,
                    struct idevs_error *ret_err)
{
    DIR *dir = folder >= 0 && depth < LIMIT_TOOLCHAIN_DEPTH ? fdopendir(folder) : NULL;
    bool ok = dir != NULL;

    if (!dir) {
        refuse_errno(ret_err, "build.toolchain", *prefix ? prefix : "its root folder");
        fd_close(&folder);
        return false;
    }
    for (struct dirent *at = readdir(dir); at && ok; at = readdir(dir)) {
        if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0)
            continue;
        _cleanup_text_ char *path = alloc_format("%s%s%s", prefix, *prefix ? "/" : "", at->d_name);
        ok = collect_one(dirfd(dir), path, at->d_name, depth, e, ret_err);
    }
    closedir(dir);
    return ok;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool digest_of(int root, const char *path, uint8_t ret[SHA256_LEN])
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(root, path, target, sizeof(target));

    if (n >= 0) {
        sha256(bytes_of(target, (size_t)n), ret);
        return n < (ssize_t)sizeof(target);
    }
    _cleanup_fd_ int fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && sha256_fd(fd, ret);
}

bool toolchain_digest(const char *folder, uint8_t ret[SHA256_LEN], struct idevs_error *ret_err)
{
    _cleanup_(entries_free) struct entries e = {0};
    _cleanup_fd_ int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return refuse_errno(ret_err, "build.toolchain", folder);
    if (!collect(dup(root), "", 0, &e, ret_err))
        return false;
    if (e.n == 0)
        return refuse(ret_err, "build.toolchain", "%s is empty", folder);
    qsort(e.path, e.n, sizeof(*e.path), by_path);
    struct sha256_run *run = sha256_begin();
    bool ok = true;
    for (size_t i = 0; i < e.n && ok; i++) {
        uint8_t digest[SHA256_LEN];
        ok = digest_of(root, e.path[i], digest);
        if (!ok)
            refuse_errno(ret_err, "build.toolchain", e.path[i]);
        sha256_add(run, bytes_of(e.path[i], strlen(e.path[i]) + 1)); /* with its NUL */
        sha256_add(run, bytes_of(digest, sizeof(digest)));
    }
    sha256_end(run, ret);
    return ok;
}

bool toolchain_verify(const char *folder, uint8_t ret[SHA256_LEN], struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s.digest", folder);
    _cleanup_buffer_ struct buffer text = buffer_up_to(128);
    uint8_t wanted[SHA256_LEN];
    uint8_t found[SHA256_LEN];

    if (!file_read(path, &text, ret_err) || !toolchain_digest(folder, found, ret_err))
        return false;
    if (text.len == 2 * SHA256_LEN + 1 && text.data[2 * SHA256_LEN] == '\n')
        text.len--;
    if (!hex_exactly(buffer_bytes(&text), wanted, sizeof(wanted)))
        return refuse(ret_err, "build.toolchain", "%s is no digest", path);
    if (memcmp(wanted, found, sizeof(found)) != 0)
        return refuse(ret_err, "build.toolchain", "%s is not what its digest says", folder);
    memcpy(ret, found, sizeof(found));
    return true;
}
