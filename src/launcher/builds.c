#include "launcher/builds.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "launcher/waiters.h"
#include "store/store.h"

#include <stdlib.h>
#include <unistd.h>

/* A build under way: asked for, or waiting for the warden to be back. */
struct building {
    struct building *next;
    struct launcher *launcher;
    struct build build;
    unsigned n_attempts;
    bool asked;
};

static void building_free(struct building *b)
{
    struct building **at = &b->launcher->building;

    while (*at && *at != b)
        at = &(*at)->next;
    if (*at)
        *at = b->next;
    build_free(&b->build);
    free(b);
}

static void end(struct building *b, const struct idevs_error *err)
{
    struct launcher *l = b->launcher;
    struct idevs_error failed;

    b->build.state = err ? BUILD_FAILED : BUILD_DONE;
    b->build.error = err ? *err : (struct idevs_error){0};
    if (err)
        b->build.executable.set = false;
    if (!state_end_build(&l->state, &b->build, &failed))
        log_refusal(IDEVS_ERROR, b->build.id, &failed);
    waiters_wake(l, WAITS_FOR_BUILD, b->build.id);
    building_free(b);
}

static void set_digest(struct digest *ret, bool set, const uint8_t sha256[32])
{
    ret->set = set;
    if (set)
        memcpy(ret->sha256, sha256, 32);
}

/* The executable must be what the warden says it is: a run names it by this digest. */
static bool keep_executable(struct building *b, int fd, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer bytes = buffer_up_to(LIMIT_EXECUTABLE);
    uint8_t found[32];
    bool added;

    if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0 || !fd_read_to_end(fd, &bytes))
        return refuse(ret_err, "internal", "the warden's executable cannot be read");
    sha256(buffer_bytes(&bytes), found);
    if (!b->build.executable.set || memcmp(found, b->build.executable.sha256, 32) != 0)
        return refuse(ret_err, "internal", "the warden's executable has another digest");
    return state_put_blob(&b->launcher->state, &b->build.owner, found, buffer_bytes(&bytes), &added,
                          ret_err);
}

static void finish(struct building *b, const struct warden_answer *answer, int fd)
{
    struct idevs_error err;

    set_digest(&b->build.executable, answer->has_executable, answer->executable);
    set_digest(&b->build.toolchain, answer->has_toolchain, answer->toolchain);
    b->build.cached = answer->cached;
    b->build.milliseconds = (int64_t)answer->milliseconds;
    if (!buffer_append_bytes(&b->build.messages, answer->text))
        log_warning("%s: messages are too long", b->build.id);
    if (answer->refused)
        end(b, &answer->error);
    else if (!answer->done) {
        refuse(&err, "build.compiler", "see its messages");
        end(b, &err);
    } else
        end(b, keep_executable(b, fd, &err) ? NULL : &err);
}

static void on_answer(const struct warden_answer *answer, int *fd, void *context)
{
    struct building *b = context;
    struct idevs_error err;

    b->asked = false;
    if (answer) {
        finish(b, answer, *fd);
    } else if (b->n_attempts >= LIMIT_BUILD_ATTEMPTS) {
        refuse(&err, "warden.unreachable", "lost %u times during this build", b->n_attempts);
        end(b, &err);
    }
}

static int blob_memfd(const struct launcher *l, const char *name, const uint8_t sha256[32],
                      struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SOURCE);

    if (!blob_get(l->state.blobs, sha256, &b, ret_err))
        return -1;
    int fd = memfd_sealed(name, buffer_bytes(&b));
    if (fd < 0)
        refuse_errno(ret_err, "internal", name);
    return fd;
}

/* Asks the warden, or waits for it to come. */
static void ask(struct building *b)
{
    struct launcher *l = b->launcher;
    struct idevs_error err;

    if (b->asked || !warden_status(l->warden))
        return;
    int source = blob_memfd(l, "source", b->build.source, &err);
    int manifest = source < 0 ? -1 : blob_memfd(l, "manifest", b->build.manifest, &err);
    if (manifest < 0) {
        fd_close(&source);
        end(b, &err);
        return;
    }
    b->n_attempts++;
    b->asked = warden_build(l->warden, source, manifest, on_answer, b);
    if (!b->asked) {
        refuse(&err, "warden.unreachable", "it takes no more requests");
        end(b, &err);
    }
}

static struct building *add(struct launcher *l, const struct build *build)
{
    struct building *b = alloc_zero(1, sizeof(*b));

    b->launcher = l;
    b->build = *build;
    b->build.messages = buffer_up_to(LIMIT_COMPILER_TEXT);
    b->next = l->building;
    l->building = b;
    return b;
}

static bool is_known(const struct launcher *l, const char *id)
{
    for (const struct building *b = l->building; b; b = b->next)
        if (strcmp(b->build.id, id) == 0)
            return true;
    return false;
}

bool builds_start(struct launcher *l, const struct program *program, struct build *ret,
                  struct idevs_error *ret_err)
{
    struct idevs_error none;

    *ret = (struct build){.owner = program->owner, .messages = buffer_up_to(LIMIT_COMPILER_TEXT)};
    if (!program->source.set)
        return refuse(ret_err, "build.source", "%s was added as an executable", program->name);
    if (state_running_build(&l->state, &program->owner, program->name, ret, &none)) {
        if (!is_known(l, ret->id)) /* its end could not be written to a full disk */
            ask(add(l, ret));
        return true;
    }
    if (l->stopping || !warden_status(l->warden))
        return refuse(ret_err, "warden.unreachable", "no connection to %s", l->config->warden);
    memcpy(ret->program, program->name, sizeof(ret->program));
    memcpy(ret->source, program->source.sha256, sizeof(ret->source));
    memcpy(ret->manifest, program->manifest, sizeof(ret->manifest));
    if (!state_add_build(&l->state, ret, ret_err))
        return false;
    ask(add(l, ret));
    return true;
}

static bool resume(const struct build *build, void *context)
{
    add(context, build);
    return true;
}

bool builds_resume(struct launcher *l, struct idevs_error *ret_err)
{
    return state_each_running_build(&l->state, resume, l, ret_err);
}

void builds_warden_up(struct launcher *l)
{
    for (struct building *b = l->building, *next; b; b = next) {
        next = b->next;
        ask(b);
    }
}

void builds_free(struct launcher *l)
{
    for (struct building *b = l->building, *next; b; b = next) {
        next = b->next;
        building_free(b);
    }
}
