/* A recording launcher: writes down everything that it sees and relays, for audits and tests of the
 * claim that a launcher learns nothing. Off unless configured; the log warns when it is on. Each
 * entry is a line "time what name direction length" and then the bytes as they are, so that a
 * search for plaintext in the file means what it seems to. */
#ifndef IDEVS_LAUNCHER_RECORD_H
#define IDEVS_LAUNCHER_RECORD_H

#include "base/buffer.h"
#include "base/error.h"

struct http_message;
struct record;

/* Appends to `path` (mode 0600). Refuses `file.unwritable`. */
struct record *record_open(const char *path, struct idevs_error *ret_err);
void record_close(struct record *record);

/* `record` may be NULL: then these do nothing. */
void record_frame(struct record *record, const char *run, const char *direction,
                  struct bytes frame);
void record_http(struct record *record, const char *peer, const char *direction,
                 const struct http_message *m);
void record_message(struct record *record, const char *peer, const char *direction,
                    struct bytes message, const int *fds, size_t n_fds);

#endif
