#include "warden/build.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "warden/back_ends.h"
#include "warden/cache.h"
#include "warden/compile.h"
#include "warden/connection.h"
#include "warden/intake.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct build {
    struct build *next;
    struct warden *w;
    struct connection *c;
    struct request request;
    struct origin origin;
    struct buffer source;
    uint64_t began;
    const char *const *flags;        /* of the back end that it is for */
    struct compilation *compilation; /* NULL: it waits */
    uid_t uid;
    struct source output;
    struct source watch;
};

static void build_free(struct build *build)
{
    struct build **at = &build->w->builds;

    while (*at && *at != build)
        at = &(*at)->next;
    if (*at)
        *at = build->next;
    loop_remove(&build->w->loop, &build->output);
    loop_remove(&build->w->loop, &build->watch);
    if (build->compilation) {
        compilation_free(build->compilation);
        warden_return_uid(build->w, build->uid);
    }
    buffer_free(&build->source);
    free(build);
}

/* ---- answers ---- */

static void answer(const struct build *build, const struct built *built, bool cached,
                   struct bytes text, const struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    struct build_answer a = {
        .id = build->request.id,
        .executable = built ? built->executable : NULL,
        .toolchain = build->origin.toolchain,
        .text = text,
        .cached = cached,
        .milliseconds = (clock_monotonic_ns() - build->began) / 1000000,
        .err = err,
    };
    int fd = built ? memfd_sealed("executable", buffer_bytes(&built->bytes)) : -1;
    struct idevs_error no_memory;

    if (built && fd < 0) {
        refuse_errno(&no_memory, "build.limit", "memory for the executable");
        a.executable = NULL;
        a.err = &no_memory;
    }
    if (answer_build(&a, &b))
        connection_send(build->c, buffer_bytes(&b), fd);
    else
        fd_close(&fd);
}

static void refuse_build(const struct build *build, struct bytes text,
                         const struct idevs_error *err)
{
    log_refusal(IDEVS_INFO, "build", err);
    answer(build, NULL, false, text, err);
}

/* ---- compiling ---- */

static void start_next(struct warden *w);

static void finish(struct build *build)
{
    struct idevs_error err;
    _cleanup_built_ struct built built;

    built_init(&built);
    bool ok = compilation_finish(build->compilation, &built.bytes, &err);
    struct bytes text = compilation_text(build->compilation);
    if (ok) {
        sha256(buffer_bytes(&built.bytes), built.executable);
        fault_point("warden.build.compiled");
        ok = buffer_append_bytes(&built.text, text) &&
             cache_put(build->w->cache, &build->origin, &built, &err);
    }
    if (ok)
        answer(build, &built, false, text, NULL);
    else
        refuse_build(build, text, &err);
}

static void output_ready(void *arg, short revents)
{
    struct build *build = arg;

    (void)revents;
    if (!compilation_listen(build->compilation))
        loop_remove(&build->w->loop, &build->output);
}

static void watch_ready(void *arg, short revents)
{
    struct build *build = arg;
    struct warden *w = build->w;

    if (!revents) {
        compilation_give_up(build->compilation);
        return;
    }
    finish(build);
    build_free(build);
    start_next(w);
}

static bool start(struct build *build, struct idevs_error *ret_err)
{
    struct warden *w = build->w;
    uint8_t identity[SHA256_LEN];

    if (!warden_take_uid(w, &build->uid, ret_err))
        return false;
    origin_identity(&build->origin, identity);
    const struct compilation_order order = {.toolchain = w->toolchain,
                                            .uid = build->uid,
                                            .source = buffer_bytes(&build->source),
                                            .identity = identity,
                                            .flags = build->flags};
    if (!compilation_start(&order, &build->compilation, ret_err)) {
        warden_return_uid(w, build->uid);
        return false;
    }
    fault_point("warden.build.started");
    build->output = (struct source){.fd = compilation_output(build->compilation),
                                    .events = POLLIN,
                                    .ready = output_ready,
                                    .arg = build};
    build->watch =
        (struct source){.fd = compilation_watch(build->compilation),
                        .events = POLLIN,
                        .deadline = clock_monotonic_ns() + LIMIT_BUILD_TIME * NS_PER_SECOND,
                        .ready = watch_ready,
                        .arg = build};
    loop_add(&w->loop, &build->output);
    loop_add(&w->loop, &build->watch);
    return true;
}

/* Builds stand in the order in which they came. */
static void start_next(struct warden *w)
{
    size_t running = 0;

    for (const struct build *b = w->builds; b; b = b->next)
        running += b->compilation != NULL;
    for (struct build *b = w->builds; b && running < LIMIT_BUILDS_RUNNING;) {
        struct build *next = b->next;
        struct idevs_error err;
        if (!b->compilation && start(b, &err)) {
            running++;
        } else if (!b->compilation) {
            refuse_build(b, bytes_of_text(""), &err);
            build_free(b);
        }
        b = next;
    }
}

void builds_end_of(struct warden *w, const struct connection *c)
{
    for (struct build *build = w->builds; build;) {
        struct build *next = build->next;
        if (!c || build->c == c)
            build_free(build);
        build = next;
    }
    if (c)
        start_next(w);
}

/* ---- beginning ---- */

static bool take_inputs(struct build *build, int source, int manifest_fd,
                        struct idevs_error *ret_err)
{
    struct manifest manifest;
    _cleanup_buffer_ struct buffer bytes = buffer_up_to(LIMIT_MANIFEST);

    if (!intake_bytes(source, "build.source", &build->source, ret_err) ||
        !intake_manifest(manifest_fd, &bytes, &manifest, build->origin.manifest, ret_err))
        return false;
    build->flags = back_ends_flags(build->w, manifest.back_end, ret_err);
    if (!build->flags)
        return false;
    sha256(buffer_bytes(&build->source), build->origin.source);
    memcpy(build->origin.toolchain, build->w->toolchain_digest, SHA256_LEN);
    return true;
}

static bool answered_from_cache(const struct build *build)
{
    _cleanup_built_ struct built built;

    built_init(&built);
    if (!cache_get(build->w->cache, &build->origin, &built))
        return false;
    answer(build, &built, true, buffer_bytes(&built.text), NULL);
    return true;
}

static bool enqueue(struct build *build, struct idevs_error *ret_err)
{
    struct build **last = &build->w->builds;
    size_t n = 0;

    for (; *last; last = &(*last)->next)
        n++;
    if (n >= LIMIT_BUILDS_RUNNING + LIMIT_BUILDS_WAITING)
        return refuse_expecting(ret_err, "build.limit", "fewer builds at a time",
                                "%zu builds under way", n);
    *last = build;
    return true;
}

bool build_begin(struct warden *w, struct connection *c, const struct request *request, int source,
                 int manifest, struct idevs_error *ret_err)
{
    if (w->toolchain < 0)
        return refuse(ret_err, "build.toolchain", "no toolchain is configured");
    struct build *build = alloc_zero(1, sizeof(*build));
    build->w = w;
    build->c = c;
    build->request = *request;
    build->began = clock_monotonic_ns();
    build->source = buffer_up_to(LIMIT_SOURCE);
    build->output.fd = -1;
    build->watch.fd = -1;
    if (!take_inputs(build, source, manifest, ret_err)) {
        build_free(build);
        return false;
    }
    if (answered_from_cache(build)) {
        build_free(build);
        return true;
    }
    if (!enqueue(build, ret_err)) {
        build_free(build);
        return false;
    }
    start_next(w);
    return true;
}
