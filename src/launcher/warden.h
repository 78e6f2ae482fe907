/* The connection to the warden: requests with descriptors, answers, the event `ended`. It connects
 * again with a growing pause; whoever waits for an answer when the connection goes is told so. */
#ifndef IDEVS_LAUNCHER_WARDEN_H
#define IDEVS_LAUNCHER_WARDEN_H

#include "launcher/warden_message.h"

struct event_base;
struct record;
struct warden;

struct warden_events {
    void (*up)(void *context);
    void (*down)(void *context); /* every run that the warden started is gone */
    void (*ended)(const struct warden_answer *ended, void *context);
};
/* `answer` NULL: the connection was lost. `fd` is -1 or a descriptor: whoever keeps it puts -1
 * there. */
typedef void (*warden_done)(const struct warden_answer *answer, int *fd, void *context);

struct warden *warden_new(struct event_base *base, const char *path, struct record *record,
                          const struct warden_events *events, void *context);
void warden_free(struct warden *warden); /* takes NULL; calls nobody back */

/* Of the last status; NULL while the warden is unreachable. */
const struct warden_answer *warden_status(const struct warden *warden);

/* The two descriptors are taken. False (and no callback): the warden is unreachable or has too many
 * requests under way. */
bool warden_build(struct warden *warden, int source, int manifest, warden_done done,
                  void *context) _must_check_;
/* `digest`, 32 bytes, is the executable's. */
bool warden_run(struct warden *warden, const char *back_end, const uint8_t *digest, int executable,
                int manifest, warden_done done, void *context) _must_check_;
void warden_kill(struct warden *warden, uint32_t run); /* its `ended` follows */
/* Whoever waits with this context is not called back any more (what comes is undone: a run that
 * started is killed). */
void warden_forget(struct warden *warden, const void *context);

#endif
