#include "base/fd.h"
#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

bool fd_read_exactly(int fd, void *ret, size_t len)
{
    uint8_t *at = ret;

    while (len > 0) {
        ssize_t n = read(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = 0;
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool fd_write_all(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool fd_read_to_end(int fd, struct buffer *b)
{
    uint8_t chunk[16384];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        if (!buffer_append(b, chunk, (size_t)n)) {
            explicit_bzero(chunk, sizeof(chunk));
            errno = EFBIG;
            return false;
        }
    }
    explicit_bzero(chunk, sizeof(chunk)); /* it may have been a key */
    return true;
}

bool file_read(const char *path, struct buffer *b, struct idevs_error *ret_err)
{
    /* O_NONBLOCK: a FIFO in place of a file must not hang us. */
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return refuse_errno(ret_err, "file.unreadable", path);
    if (!S_ISREG(st.st_mode))
        return refuse(ret_err, "file.unreadable", "%s is not a regular file", path);
    if (!fd_read_to_end(fd, b)) {
        if (errno == EFBIG)
            return refuse(ret_err, "file.too-large", "%s is larger than %zu bytes", path, b->max);
        return refuse_errno(ret_err, "file.unreadable", path);
    }
    return true;
}

static bool write_failed(const char *path, struct idevs_error *ret_err)
{
    bool full = errno == ENOSPC || errno == EDQUOT;

    return refuse_errno(ret_err, full ? "disk.full" : "file.unwritable", path);
}

static bool sync_folder_of(const char *path)
{
    _cleanup_text_ char *copy = alloc_text(path);
    _cleanup_fd_ int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0;
}

static bool write_and_sync(const char *path, struct bytes data, mode_t mode)
{
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

    return fd >= 0 && fd_write_all(fd, data.data, data.len) && fsync(fd) == 0;
}

bool file_write(const char *path, struct bytes data, mode_t mode, struct idevs_error *ret_err)
{
    _cleanup_text_ char *temporary = alloc_format("%s.new-%d", path, (int)getpid());

    if (!write_and_sync(temporary, data, mode) || rename(temporary, path) < 0) {
        write_failed(path, ret_err);
        unlink(temporary);
        return false;
    }
    if (!sync_folder_of(path))
        return write_failed(path, ret_err);
    return true;
}

bool folder_make(const char *path, mode_t mode, struct idevs_error *ret_err)
{
    _cleanup_text_ char *copy = alloc_text(path);
    struct stat st;

    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return write_failed(path, ret_err);
        *slash = '/';
    }
    if (mkdir(copy, mode) < 0 && errno != EEXIST)
        return write_failed(path, ret_err);
    if (stat(copy, &st) < 0 || !S_ISDIR(st.st_mode))
        return refuse(ret_err, "file.unwritable", "%s is not a folder", path);
    return true;
}

int memfd_sealed(const char *name, struct bytes data)
{
    _cleanup_fd_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || !fd_write_all(fd, data.data, data.len))
        return -1;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return -1;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    int sealed = fd;
    fd = -1;
    return sealed;
}

bool fd_send(int sock, struct bytes message, const int *fds, size_t n_fds)
{
    union {
        char room[CMSG_SPACE(sizeof(int) * LIMIT_FDS)];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {.iov_base = (void *)message.data, .iov_len = message.len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (n_fds > LIMIT_FDS) {
        errno = EINVAL;
        return false;
    }
    if (n_fds > 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)message.len;
}

/* Takes every descriptor that came; too many are closed at once and counted. */
static size_t take_fds(struct msghdr *msg, int ret_fds[LIMIT_FDS])
{
    size_t n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (n < LIMIT_FDS)
                ret_fds[n] = fd;
            else
                close(fd);
            n++;
        }
    }
    return n;
}

bool fd_receive(int sock, struct buffer *b, int ret_fds[LIMIT_FDS], size_t *ret_n_fds)
{
    union {
        char room[CMSG_SPACE(sizeof(int) * 2 * LIMIT_FDS)];
        struct cmsghdr align;
    } control = {0};
    struct msghdr msg = {.msg_control = control.room, .msg_controllen = sizeof(control.room)};
    ssize_t n;

    for (size_t i = 0; i < LIMIT_FDS; i++)
        ret_fds[i] = -1;
    *ret_n_fds = 0;
    buffer_clear(b);
    struct iovec iov = {.iov_base = buffer_extend(b, b->max), .iov_len = b->max};
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    b->len = n > 0 ? (size_t)n : 0;
    if (n < 0)
        return false;
    size_t n_fds = take_fds(&msg, ret_fds);
    if (n_fds > LIMIT_FDS || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        for (size_t i = 0; i < LIMIT_FDS; i++)
            fd_close(&ret_fds[i]);
        errno = EMSGSIZE;
        return false;
    }
    *ret_n_fds = n_fds;
    return true;
}
