#include "warden/run.h"
#include "attester/tpm.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "compartment/compartment.h"
#include "warden/attest.h"
#include "warden/back_ends.h"
#include "warden/cache.h"
#include "warden/connection.h"
#include "warden/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct run {
    struct run *next;
    struct warden *w;
    struct connection *c;
    uint32_t number;
    struct request asked;
    uid_t uid;
    const struct compartment_back_end *back_end;
    struct compartment *compartment;
    struct source watch;    /* its end, and the clock of its limits */
    struct source attester; /* the second stream */
    struct buffer in;
    struct buffer out;
    size_t sent; /* of out */
    struct attest_budget budget;
    struct attester_run facts; /* but what the back end measures each time */
    struct buffer manifest;
    uint64_t began;
    uint64_t limit;     /* nanoseconds */
    bool repeats;       /* has a schedule: the limit is of continuous work, not of all its time */
    uint64_t cpu_seen;  /* processor time at the last look */
    uint64_t last_look; /* when */
    uint64_t idle_at;   /* when it last was seen not working */
};

static void run_free(struct run *run)
{
    struct run **at = &run->w->runs;

    while (*at && *at != run)
        at = &(*at)->next;
    if (*at)
        *at = run->next;
    loop_remove(&run->w->loop, &run->watch);
    loop_remove(&run->w->loop, &run->attester);
    fd_close(&run->attester.fd);
    if (run->compartment)
        run->back_end->destroy(run->compartment);
    warden_return_uid(run->w, run->uid);
    buffer_free(&run->in);
    buffer_free(&run->out);
    buffer_free(&run->manifest);
    free(run);
}

/* ---- limits ---- */

/* A program with a schedule may run for ever, but not work without a pause for longer than its
 * limit: less than half of a processor since the last look is a pause. */
static bool works_too_long(struct run *run, uint64_t now)
{
    uint64_t cpu = run->back_end->cpu_time(run->compartment);
    uint64_t passed = now - run->last_look;

    if (!run->repeats)
        return now - run->began > run->limit;
    if (cpu - run->cpu_seen < passed / 2)
        run->idle_at = now;
    run->cpu_seen = cpu;
    run->last_look = now;
    return now - run->idle_at > run->limit;
}

static void look(struct run *run)
{
    uint64_t now = clock_monotonic_ns();

    if (works_too_long(run, now))
        run->back_end->kill(run->compartment, "compartment.limit");
    run->watch.deadline = now + NS_PER_SECOND;
}

/* ---- its end ---- */

static void watch_ready(void *arg, short revents)
{
    struct run *run = arg;
    struct compartment_end end;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);

    if (!revents) {
        look(run);
        return;
    }
    if (!run->back_end->wait(run->compartment, &end))
        return;
    fault_point("warden.run.ended");
    log_info("run %u ended: %s%s%s", run->number, end.code, *end.code ? ": " : "", end.detail);
    if (event_ended(run->number, end.code, end.detail, &b))
        connection_send(run->c, buffer_bytes(&b), -1);
    run_free(run);
}

bool run_kill(struct warden *w, const struct connection *c, uint32_t number,
              struct idevs_error *ret_err)
{
    for (struct run *run = w->runs; run; run = run->next) {
        if (run->number != number || run->c != c)
            continue;
        run->back_end->kill(run->compartment, "run.stopped");
        return true;
    }
    return refuse(ret_err, "api.not-found", "run %u", number);
}

void runs_end_of(struct warden *w, const struct connection *c)
{
    for (struct run *run = w->runs; run;) {
        struct run *next = run->next;
        if (!c || run->c == c)
            run_free(run);
        run = next;
    }
}

/* ---- the attester's stream ---- */

/* A program without libidevs, or with one from before there was secret memory, did not move. */
static bool is_as_secret_as_required(const struct run *run, const struct eat_measured *measured)
{
    const char *kind = eat_component_text(measured, EAT_MEMORY);

    return run->w->config.secrecy != SECRECY_REQUIRED || (kind && strcmp(kind, EAT_SECRET) == 0);
}

static bool make_evidence(void *arg, const uint8_t report_data[REPORT_DATA_LEN], struct buffer *b)
{
    struct run *run = arg;
    struct attester_run facts = run->facts;

    if (!run->back_end->measure(run->compartment, &facts.measured))
        return false;
    if (!is_as_secret_as_required(run, &facts.measured)) {
        run->back_end->kill(run->compartment, "compartment.secret-memory");
        return false;
    }
    fault_point("warden.attest");
    struct warden *w = run->w;
    return w->tpm ? attest_tpm(w->tpm, w->config.tpm_registers, w->platform, &w->host, &facts,
                               report_data, clock_unix(), b)
                  : attest_provider_signed(w->platform, &w->host, &facts, report_data, clock_unix(),
                                           b);
}

static bool read_request(struct run *run)
{
    uint8_t step[LIMIT_ATTEST_IN];
    ssize_t n = read(run->attester.fd, step, run->in.max - run->in.len);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    return n > 0 && buffer_append(&run->in, step, (size_t)n);
}

static bool write_reply(struct run *run)
{
    while (run->sent < run->out.len) {
        ssize_t n = send(run->attester.fd, run->out.data + run->sent, run->out.len - run->sent,
                         MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        run->sent += (size_t)n;
    }
    buffer_clear(&run->out);
    run->sent = 0;
    return true;
}

/* One reply at a time: nothing is read while one waits to be taken. */
static bool serve_attester(struct run *run, short revents)
{
    const struct attest_source source = {
        .manifest = buffer_bytes(&run->manifest), .evidence = make_evidence, .arg = run};
    bool answered = true;

    if ((revents & POLLIN) && !read_request(run))
        return false;
    if ((revents & POLLOUT) && !write_reply(run))
        return false;
    while (run->out.len == 0 && answered)
        if (!attest_step(&source, &run->budget, clock_monotonic_ns(), &run->in, &run->out,
                         &answered) ||
            !write_reply(run))
            return false;
    run->attester.events = run->out.len ? POLLOUT : POLLIN;
    return (revents & (POLLIN | POLLOUT)) || !(revents & (POLLHUP | POLLERR));
}

static void attester_ready(void *arg, short revents)
{
    struct run *run = arg;

    if (serve_attester(run, revents))
        return;
    loop_remove(&run->w->loop, &run->attester);
    fd_close(&run->attester.fd);
}

/* ---- its beginning ---- */

static void set_limits(struct run *run, const struct manifest *manifest)
{
    run->began = run->last_look = run->idle_at = clock_monotonic_ns();
    run->limit = (uint64_t)(manifest->run_seconds + LIMIT_RUN_GRACE) * NS_PER_SECOND;
    run->repeats = manifest->every > 0;
    run->watch.deadline = run->began + NS_PER_SECOND;
}

static void put_digest(struct eat_digest *ret, const uint8_t digest[SHA256_LEN])
{
    ret->present = true;
    memcpy(ret->sha256, digest, SHA256_LEN);
}

/* Source and toolchain are claimed only for what was compiled here with this very manifest. */
static void claim_origin(struct run *run)
{
    struct origin origin;

    if (!cache_origin(run->w->cache, run->facts.executable.sha256, &origin) ||
        memcmp(origin.manifest, run->facts.manifest.sha256, SHA256_LEN) != 0)
        return;
    put_digest(&run->facts.source, origin.source);
    put_digest(&run->facts.toolchain, origin.toolchain);
}

/* Measures and starts. `channel` is the program's end; spans get the paper's two steps. */
static bool deploy(struct run *run, int executable, const struct manifest *manifest, int channel,
                   int attester, struct spans *spans, struct idevs_error *ret_err)
{
    uint64_t since = clock_monotonic_ns();
    uint8_t digest[SHA256_LEN];
    const uint8_t *said = run->asked.has_executable ? run->asked.executable : NULL;
    _cleanup_fd_ int sealed = executables_take(&run->w->kept, executable, said,
                                               "compartment.unavailable", digest, ret_err);

    if (sealed < 0)
        return false;
    put_digest(&run->facts.executable, digest);
    claim_origin(run);
    since = span_end(spans, "deploy", since);
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_RUN,
        .uid = run->uid,
        .memory = manifest->memory,
        .processes = 1,
        .executable = sealed,
        .channel = channel,
        .attester = attester,
        .secrecy = run->w->config.secrecy,
        .root = -1,
        .work = -1,
        .output = -1,
    };
    if (!run->back_end->start(&spec, &run->compartment, ret_err))
        return false;
    span_end(spans, "createCompartment", since);
    return true;
}

static void watch_over(struct run *run)
{
    run->watch = (struct source){.fd = run->back_end->watch(run->compartment),
                                 .events = POLLIN,
                                 .deadline = run->watch.deadline,
                                 .ready = watch_ready,
                                 .arg = run};
    run->attester.events = POLLIN;
    run->attester.ready = attester_ready;
    run->attester.arg = run;
    loop_add(&run->w->loop, &run->watch);
    loop_add(&run->w->loop, &run->attester);
    run->next = run->w->runs;
    run->w->runs = run;
}

static bool choose_back_end(struct run *run, const struct manifest *manifest,
                            struct idevs_error *ret_err)
{
    run->back_end = back_ends_find(run->w, run->asked.back_end, manifest->back_end, ret_err);
    if (!run->back_end)
        return false;
    run->facts.back_end = run->back_end->name;
    run->facts.isolates = run->back_end->isolates;
    return true;
}

static bool begin_with(struct run *run, int executable, int manifest_fd, int *ret_channel,
                       struct spans *spans, struct idevs_error *ret_err)
{
    struct manifest manifest;
    uint8_t digest[SHA256_LEN];
    int channel[2] = {-1, -1};
    int attester[2] = {-1, -1};

    if (!intake_manifest(manifest_fd, &run->manifest, &manifest, digest, ret_err) ||
        !choose_back_end(run, &manifest, ret_err))
        return false;
    put_digest(&run->facts.manifest, digest);
    run->facts.memory = manifest.memory;
    bool ok = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == 0 &&
              socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester) == 0 &&
              fcntl(attester[0], F_SETFL, O_NONBLOCK) == 0;
    run->attester.fd = attester[0];
    if (!ok)
        refuse_errno(ret_err, "compartment.unavailable", "descriptors");
    ok = ok && deploy(run, executable, &manifest, channel[1], attester[1], spans, ret_err);
    fd_close(&channel[1]);
    fd_close(&attester[1]);
    if (!ok) {
        fd_close(&channel[0]);
        return false;
    }
    set_limits(run, &manifest);
    log_info("run %u: %s", run->number, manifest.program);
    *ret_channel = channel[0];
    return true;
}

static struct run *run_new(struct warden *w, struct connection *c, uid_t uid)
{
    struct run *run = alloc_zero(1, sizeof(*run));

    run->w = w;
    run->c = c;
    run->uid = uid;
    run->number = ++w->last_run;
    run->in = buffer_up_to(LIMIT_ATTEST_IN);
    run->out = buffer_up_to(LIMIT_ATTEST_OUT);
    run->manifest = buffer_up_to(LIMIT_MANIFEST);
    run->watch.fd = -1;
    run->attester.fd = -1;
    return run;
}

bool run_begin(struct warden *w, struct connection *c, const struct request *request,
               int executable, int manifest, struct idevs_error *ret_err)
{
    struct spans spans = {0};
    int channel;
    uid_t uid;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);

    if (!warden_take_uid(w, &uid, ret_err))
        return false;
    struct run *run = run_new(w, c, uid);
    run->asked = *request;
    if (!begin_with(run, executable, manifest, &channel, &spans, ret_err)) {
        run_free(run);
        return false;
    }
    fault_point("warden.run.started");
    watch_over(run);
    if (!answer_run(request->id, run->number, &spans, &b)) {
        close(channel);
        return false;
    }
    connection_send(c, buffer_bytes(&b), channel);
    return true;
}
