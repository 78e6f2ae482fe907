#include "launcher/record.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/log.h"
#include "wire/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct record {
    int fd;
};

struct record *record_open(const char *path, struct idevs_error *ret_err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        refuse_errno(ret_err, "file.unwritable", path);
        return NULL;
    }
    struct record *record = alloc_zero(1, sizeof(*record));
    record->fd = fd;
    log_warning("this launcher RECORDS every frame, body and name that it sees in %s", path);
    return record;
}

void record_close(struct record *record)
{
    if (!record)
        return;
    fd_close(&record->fd);
    free(record);
}

static void put(struct record *record, struct buffer *head, struct bytes body)
{
    if (!fd_write_all(record->fd, head->data, head->len) ||
        !fd_write_all(record->fd, body.data, body.len) || !fd_write_all(record->fd, "\n", 1))
        log_error("the record is incomplete: %s", strerror(errno));
}

void record_frame(struct record *record, const char *run, const char *direction, struct bytes frame)
{
    _cleanup_buffer_ struct buffer head = buffer_up_to(LIMIT_RECORD_HEAD);

    if (record && buffer_append_format(&head, "%lld frame %s %s %zu\n", (long long)clock_unix(),
                                       direction, run, frame.len))
        put(record, &head, frame);
}

static bool put_fields(struct buffer *head, const struct http_message *m)
{
    bool fits = buffer_append_bytes(head, m->method) && buffer_append_text(head, " ") &&
                buffer_append_bytes(head, m->authority) && buffer_append_text(head, " ") &&
                buffer_append_bytes(head, m->path) &&
                buffer_append_format(head, " %u\n", m->status);

    for (size_t i = 0; fits && i < m->n_fields; i++)
        fits = buffer_append_bytes(head, m->fields[i].name) && buffer_append_text(head, ": ") &&
               buffer_append_bytes(head, m->fields[i].value) && buffer_append_text(head, "\n");
    return fits;
}

void record_http(struct record *record, const char *peer, const char *direction,
                 const struct http_message *m)
{
    _cleanup_buffer_ struct buffer head = buffer_up_to(LIMIT_RECORD_HEAD);

    if (record &&
        buffer_append_format(&head, "%lld http %s %s %zu\n", (long long)clock_unix(), direction,
                             peer, m->content.len) &&
        put_fields(&head, m))
        put(record, &head, m->content);
}

static void put_file(struct record *record, int fd)
{
    _cleanup_buffer_ struct buffer head = buffer_up_to(LIMIT_RECORD_HEAD);
    uint8_t chunk[4096];
    ssize_t n;

    if (!buffer_append_text(&head, "descriptor\n"))
        return;
    put(record, &head, bytes_of(NULL, 0));
    for (off_t at = 0; (n = pread(fd, chunk, sizeof(chunk), at)) > 0; at += n)
        if (!fd_write_all(record->fd, chunk, (size_t)n))
            return;
}

void record_message(struct record *record, const char *peer, const char *direction,
                    struct bytes message, const int *fds, size_t n_fds)
{
    _cleanup_buffer_ struct buffer head = buffer_up_to(LIMIT_RECORD_HEAD);

    if (!record || !buffer_append_format(&head, "%lld message %s %s %zu\n", (long long)clock_unix(),
                                         direction, peer, message.len))
        return;
    put(record, &head, message);
    for (size_t i = 0; i < n_fds; i++)
        put_file(record, fds[i]);
}
