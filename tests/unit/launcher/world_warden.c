/* The warden that the test plays. */
#include "world.h"

#include "base/fd.h"
#include "wire/cbor.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool put_head(struct buffer *b, size_t n, unsigned kind, uint32_t id)
{
    return cbor_put_map(b, n) && cbor_put_uint(b, 0) && cbor_put_uint(b, kind) &&
           cbor_put_uint(b, 1) && cbor_put_uint(b, id);
}

static void warden_say(struct world *w, struct buffer *b, int fd)
{
    assert_true(fd_send(w->warden, buffer_bytes(b), &fd, fd >= 0 ? 1 : 0));
}

static bool put_text(struct buffer *b, const char *text)
{
    return cbor_put_text(b, bytes_of_text(text));
}

/* `process`, and one that lacks something. */
static bool put_listing(struct buffer *b)
{
    return cbor_put_uint(b, 9) && cbor_put_array(b, 2) && cbor_put_array(b, 6) &&
           put_text(b, "process") && cbor_put_bool(b, true) && cbor_put_bool(b, true) &&
           put_text(b, "others") && put_text(b, "root") && cbor_put_array(b, 0) &&
           cbor_put_array(b, 6) && put_text(b, "microvm") && cbor_put_bool(b, false) &&
           cbor_put_bool(b, true) && put_text(b, "more") && put_text(b, "root\x1b[2J") &&
           cbor_put_array(b, 1) && cbor_put_array(b, 3) && put_text(b, "nothing") &&
           put_text(b, "QEMU") && put_text(b, "Install it.");
}

static void say_status(struct world *w, uint32_t id)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    uint8_t digest[32];

    memset(digest, 'T', sizeof(digest));
    assert_true(put_head(&b, 7, 1, id) && cbor_put_uint(&b, 2) && cbor_put_array(&b, 1) &&
                cbor_put_text(&b, bytes_of_text("process")) && cbor_put_uint(&b, 3) &&
                cbor_put_bytes(&b, bytes_of(digest, 32)) && cbor_put_uint(&b, 4) &&
                cbor_put_bytes(&b, bytes_of(digest, 32)) && cbor_put_uint(&b, 5) &&
                cbor_put_text(&b, bytes_of_text("0.1.0")) && put_listing(&b));
    warden_say(w, &b, -1);
}

static void say_compiler_error(struct world *w, uint32_t id)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));

    assert_true(put_head(&b, 6, 2, id) && cbor_put_uint(&b, 2) && cbor_put_bool(&b, false) &&
                cbor_put_uint(&b, 5) && cbor_put_text(&b, bytes_of_text("bad.c:1:1: error: no")) &&
                cbor_put_uint(&b, 10) && cbor_put_text(&b, bytes_of_text("build.compiler")) &&
                cbor_put_uint(&b, 11) && cbor_put_text(&b, bytes_of_text("exit status 1")));
    warden_say(w, &b, -1);
}

/* "Compiles": the executable is the source with a mark in front. */
static void say_built(struct world *w, uint32_t id, int source)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    _cleanup_buffer_ struct buffer executable = buffer_up_to(LIMIT_EXECUTABLE);
    uint8_t digest[32];

    assert_true(buffer_append_text(&executable, "EXE:") && lseek(source, 0, SEEK_SET) == 0 &&
                fd_read_to_end(source, &executable));
    if (executable.len >= 7 && memcmp(executable.data + 4, "bad", 3) == 0) {
        say_compiler_error(w, id);
        return;
    }
    _cleanup_fd_ int fd = memfd_sealed("executable", buffer_bytes(&executable));
    sha256(buffer_bytes(&executable), digest);
    assert_true(put_head(&b, 8, 2, id) && cbor_put_uint(&b, 2) && cbor_put_bool(&b, true) &&
                cbor_put_uint(&b, 3) && cbor_put_bytes(&b, bytes_of(digest, 32)) &&
                cbor_put_uint(&b, 4) && cbor_put_bytes(&b, bytes_of(digest, 32)) &&
                cbor_put_uint(&b, 5) && cbor_put_text(&b, bytes_of_text("warning: \xc3\xa9")) &&
                cbor_put_uint(&b, 6) && cbor_put_bool(&b, w->n_builds > 1) &&
                cbor_put_uint(&b, 7) && cbor_put_uint(&b, 12));
    warden_say(w, &b, fd);
}

static void say_started(struct world *w, uint32_t id)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(w->n_runs < WORLD_PROGRAMS);
    struct world_program *p = &w->programs[w->n_runs];
    p->fd = pair[0];
    p->run = ++w->n_runs;
    p->in = buffer_up_to(LIMIT_FRAME);
    assert_true(put_head(&b, 4, 3, id) && cbor_put_uint(&b, 2) && cbor_put_uint(&b, p->run) &&
                cbor_put_uint(&b, 8) && cbor_put_map(&b, 1) &&
                cbor_put_text(&b, bytes_of_text("deploy")) && cbor_put_uint(&b, 5000000));
    warden_say(w, &b, pair[1]);
    close(pair[1]);
}

static void say_refused(struct world *w, uint32_t id)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));

    assert_true(put_head(&b, 4, 3, id) && cbor_put_uint(&b, 10) &&
                cbor_put_text(&b, bytes_of_text("compartment.unavailable")) &&
                cbor_put_uint(&b, 11) && cbor_put_text(&b, bytes_of_text("no namespaces")));
    warden_say(w, &b, -1);
}

static void say_killed(struct world *w, uint32_t id, uint32_t run)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));

    w->n_kills++;
    assert_true(put_head(&b, 2, 4, id));
    warden_say(w, &b, -1);
    assert_true(run >= 1 && run <= w->n_runs);
    if (w->programs[run - 1].fd >= 0)
        world_end_program(w, &w->programs[run - 1], "run.stopped");
}

static void warden_answer(struct world *w, struct bytes message, const int *fds)
{
    struct reader r = reader_of(message);
    size_t n;
    uint64_t key = 0;
    uint64_t kind = 0;
    uint64_t id = 0;
    uint64_t run = 0;

    assert_true(cbor_get_map(&r, &n) && cbor_get_uint(&r, &key) && cbor_get_uint(&r, &kind) &&
                cbor_get_uint(&r, &key) && cbor_get_uint(&r, &id));
    if (kind == 4)
        assert_true(cbor_get_uint(&r, &key) && cbor_get_uint(&r, &run));
    if (kind == 2)
        w->n_builds++;
    if (kind == 1)
        say_status(w, (uint32_t)id);
    else if (w->garbage)
        assert_int_equal(send(w->warden, "\xff", 1, MSG_NOSIGNAL), 1);
    else if (w->silent && kind != 4)
        return;
    else if (kind == 2)
        say_built(w, (uint32_t)id, fds[0]);
    else if (kind == 3 && w->refuse_runs)
        say_refused(w, (uint32_t)id);
    else if (kind == 3)
        say_started(w, (uint32_t)id);
    else
        say_killed(w, (uint32_t)id, (uint32_t)run);
}

static void lose_launcher(struct world *w)
{
    if (w->reading)
        event_free(w->reading);
    w->reading = NULL;
    fd_close(&w->warden);
    for (unsigned i = 0; i < w->n_runs; i++)
        fd_close(&w->programs[i].fd);
}

static void on_warden_readable(evutil_socket_t fd, short what, void *context)
{
    struct world *w = context;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    int fds[LIMIT_FDS];
    size_t n_fds;
    (void)what;

    if (!fd_receive(fd, &b, fds, &n_fds) || b.len == 0) {
        lose_launcher(w);
        return;
    }
    warden_answer(w, buffer_bytes(&b), fds);
    for (size_t i = 0; i < LIMIT_FDS; i++)
        fd_close(&fds[i]);
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
    struct world *w = context;
    (void)what;

    lose_launcher(w);
    w->warden = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(w->warden >= 0);
    w->reading = event_new(w->base, w->warden, EV_READ | EV_PERSIST, on_warden_readable, w);
    event_add(w->reading, NULL);
}

void world_start_warden(struct world *w)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", w->config.warden);
    unlink(address.sun_path);
    w->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(w->listener, 4), 0);
    w->accepting = event_new(w->base, w->listener, EV_READ | EV_PERSIST, on_accept, w);
    event_add(w->accepting, NULL);
}

void world_stop_warden(struct world *w)
{
    if (w->accepting)
        event_free(w->accepting);
    w->accepting = NULL;
    fd_close(&w->listener);
    lose_launcher(w);
}

void world_end_program(struct world *w, struct world_program *p, const char *code)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(4));

    fd_close(&p->fd);
    assert_true(put_head(&b, 5, 5, 0) && cbor_put_uint(&b, 2) && cbor_put_uint(&b, p->run) &&
                cbor_put_uint(&b, 3) && cbor_put_text(&b, bytes_of_text(code)) &&
                cbor_put_uint(&b, 4) && cbor_put_text(&b, bytes_of_text("as the test wants")));
    warden_say(w, &b, -1);
}
