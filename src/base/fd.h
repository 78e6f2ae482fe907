/* Descriptors and files. fd -1 is unset; every descriptor is CLOEXEC at birth. */
#ifndef IDEVS_BASE_FD_H
#define IDEVS_BASE_FD_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"
#include <sys/types.h>

void fd_close(int *fd); /* leaves -1; keeps errno */
#define _cleanup_fd_ _cleanup_(fd_close)

bool fd_read_exactly(int fd, void *ret, size_t len) _must_check_; /* false: end of file or errno */
bool fd_write_all(int fd, const void *data, size_t len) _must_check_;
/* Everything up to the end of file; false with EFBIG past the buffer's max. */
bool fd_read_to_end(int fd, struct buffer *b) _must_check_;

/* The whole regular file, at most the buffer's max. Refuses `file.unreadable`, `file.too-large`. */
bool file_read(const char *path, struct buffer *b, struct idevs_error *ret_err) _must_check_;
/* Replaces `path` atomically and durably (temporary file, fsync, rename, fsync of the folder).
 * Refuses `file.unwritable`, `disk.full`. */
bool file_write(const char *path, struct bytes data, mode_t mode,
                struct idevs_error *ret_err) _must_check_;
/* Creates `path` and its parents; an existing folder is fine. Refuses `file.unwritable`. */
bool folder_make(const char *path, mode_t mode, struct idevs_error *ret_err) _must_check_;

/* An anonymous file of `data`, sealed against every change. -1 and errno when it can't. */
int memfd_sealed(const char *name, struct bytes data) _must_check_;

/* One message of a SOCK_SEQPACKET socket with up to LIMIT_FDS descriptors. */
bool fd_send(int sock, struct bytes message, const int *fds, size_t n_fds) _must_check_;
/* `b` is cleared and gets the message (at most its max, a longer one is false with EMSGSIZE);
 * received descriptors (the rest of `ret_fds` is -1) are the caller's. An empty message is end of
 * file. */
bool fd_receive(int sock, struct buffer *b, int ret_fds[LIMIT_FDS], size_t *ret_n_fds) _must_check_;

#endif
