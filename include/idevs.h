/* iDevS: the API that an integration process is written against.
 *
 * An integration process is a C program that runs inside a Trusted Execution Environment and
 * reaches digital services through a launcher that it does not trust. Every call below is one
 * exchange: it is sealed to the service's gateway and signed with a key that was born in this
 * compartment and that the authority certified. A program links libidevs and, if it likes, jansson;
 * it needs nothing else, and inside the compartment there is nothing else: no files, no sockets, no
 * other processes.
 *
 * All functions are for one thread. Functions that return int return 0 when done and -1 when not;
 * then idevs_last_error() says why. Memory handed out through a reply belongs to the library and is
 * valid until the next call on the same handle. */
#ifndef IDEVS_H
#define IDEVS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct idevs; /* one attested program: its key, certificate and channels */

/* Why something was refused: a stable code (`idevs explain CODE` prints its page), what was
 * expected, what was found, and what to do. All four are printable text and never hold secrets. */
struct idevs_error {
    char code[48];
    char expected[160];
    char found[160];
    char remedy[240];
};

/* What a service answered. `body` is `body_len` bytes, followed by a NUL that is not counted. */
struct idevs_reply {
    int status;
    const char *content_type;
    const uint8_t *body;
    size_t body_len;
};

enum idevs_level {
    IDEVS_DEBUG,
    IDEVS_INFO,
    IDEVS_WARNING,
    IDEVS_ERROR,
};

/* Attests this program, has it certified by the authority of its manifest, and exchanges keys with
 * every service of the manifest. NULL: `ret_err` (may be NULL) says why. One handle a process. */
struct idevs *idevs_open(struct idevs_error *ret_err);

/* Wipes the keys and frees the handle. Takes NULL. */
void idevs_close(struct idevs *ip);

/* GET `path` (origin form, "/api/sales?after=809") from a service that the manifest lets us read.
 * Repeated with backoff while the service or its gateway is out, until the run's limit. An HTTP
 * error status is an answer: 0 is returned and `ret_reply->status` has it. */
int idevs_read(struct idevs *ip, const char *service, const char *path,
               struct idevs_reply *ret_reply);

/* POST `len` bytes of `content_type` to `path` of a service that the manifest lets us write. Never
 * sent twice: when no authentic answer came, fails with `outcome.unknown`. */
int idevs_write(struct idevs *ip, const char *service, const char *path, const char *content_type,
                const void *body, size_t len, struct idevs_reply *ret_reply);

/* As idevs_write, but repeated until answered, and carried out at most once for each `key` (1 to
 * 128 characters of [A-Za-z0-9._-]) of this program at this service, across crashes and restarts of
 * anything between. The gateway keeps the answer for 24 hours; what it does after a crash of its
 * own in the middle depends on whether the service honours Idempotency-Key (see
 * docs/writing-programs.md). */
int idevs_write_once(struct idevs *ip, const char *service, const char *path, const char *key,
                     const char *content_type, const void *body, size_t len,
                     struct idevs_reply *ret_reply);

/* Waits for the next tick of the manifest's schedule: true at the first call at once, then at every
 * tick. False when the program was asked to stop, or when a manifest without a schedule had its one
 * run: leave the loop, close, return from main. */
bool idevs_wait(struct idevs *ip);

/* Keeps `len` bytes (at most 64 KiB) under `name` ([A-Za-z0-9._-], 1 to 64) at the gateway of
 * `service`, across restarts and upgrades of this program. That service can read it. Fails with
 * `state.conflict` when another instance of this program saved since our last load. */
int idevs_save(struct idevs *ip, const char *service, const char *name, const void *data,
               size_t len);

/* The newest saved value as `ret_reply->body`; status 404 and length 0 when nothing was ever saved.
 */
int idevs_load(struct idevs *ip, const char *service, const char *name,
               struct idevs_reply *ret_reply);

/* Sends a line to whoever the manifest names under `logs` (sealed to the owner, or in the open), at
 * most 4 KiB, printf-like. Beyond 10,000 lines in a run it is dropped and the loss is reported. */
int idevs_log(struct idevs *ip, enum idevs_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The error of the last call that failed on this handle; never NULL. */
const struct idevs_error *idevs_last_error(const struct idevs *ip);

#ifdef __cplusplus
}
#endif
#endif
