/* What a gateway hears of revoked certificates: whoever sits between it and the authority answers
 * what it likes. The lists are served over http://, so that nothing but the lists themselves tells
 * a good one. */
#include "stage.h"

#include "base/fd.h"
#include "crypto/revocation.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- who answers for the authority ---- */

static struct {
    int listener;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    struct buffer answer; /* empty: the gateway is kept waiting */
    unsigned n_asked;     /* connections so far */
    bool stop;
} between = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

/* Waits until there is something to say; one answer, then the connection ends. */
static void answer_one(int fd)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_REVOCATION_LIST + KIB(1));
    char request[2048];

    if (read(fd, request, sizeof(request)) <= 0)
        return;
    pthread_mutex_lock(&between.lock);
    between.n_asked++;
    pthread_cond_broadcast(&between.change);
    while (between.answer.len == 0 && !between.stop)
        pthread_cond_wait(&between.change, &between.lock);
    bool made = buffer_append_format(&b,
                                     "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\n"
                                     "Connection: close\r\nContent-Length: %zu\r\n\r\n",
                                     between.answer.len) &&
                buffer_append_bytes(&b, buffer_bytes(&between.answer));
    pthread_mutex_unlock(&between.lock);
    if (made && fd_write_all(fd, b.data, b.len))
        shutdown(fd, SHUT_WR);
}

static void *serve(void *context)
{
    int fd;

    (void)context;
    while ((fd = accept4(between.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        answer_one(fd);
        close(fd);
    }
    return NULL;
}

static void between_start(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);

    between.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(between.listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(between.listener, 8), 0);
    assert_int_equal(getsockname(between.listener, (struct sockaddr *)&at, &len), 0);
    between.port = ntohs(at.sin_port);
    between.n_asked = 0;
    between.stop = false;
    between.answer = buffer_up_to(LIMIT_REVOCATION_LIST);
    assert_int_equal(pthread_create(&between.thread, NULL, serve, NULL), 0);
}

static void between_stop(void)
{
    pthread_mutex_lock(&between.lock);
    between.stop = true;
    pthread_cond_broadcast(&between.change);
    pthread_mutex_unlock(&between.lock);
    shutdown(between.listener, SHUT_RDWR);
    pthread_join(between.thread, NULL);
    fd_close(&between.listener);
    buffer_free(&between.answer);
}

/* Says `answer` from now on, and returns when the gateway has done with it: it has had it, and asks
 * again. One connection may have been waiting, or under way with the answer of before. */
static void say(struct bytes answer)
{
    pthread_mutex_lock(&between.lock);
    unsigned waited = between.answer.len == 0 ? between.n_asked : between.n_asked + 1;
    buffer_clear(&between.answer);
    assert_true(buffer_append_bytes(&between.answer, answer));
    pthread_cond_broadcast(&between.change);
    unsigned wanted = (waited ? waited : 1) + 1;
    while (between.n_asked < wanted)
        pthread_cond_wait(&between.change, &between.lock);
    pthread_mutex_unlock(&between.lock);
}

/* A list by `ca` of `ago` seconds ago, which revokes the program, or nobody. */
static void say_list(const struct actor_ca *ca, uint64_t number, int64_t ago, bool revokes)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_REVOCATION_LIST);
    struct revoked entry = {.at = clock_unix() - ago};
    const struct revocation_fields fields = {.number = number,
                                             .this_update = clock_unix() - ago,
                                             .next_update = clock_unix() - ago + LIMIT_LIST_LIFE,
                                             .revoked = &entry,
                                             .n_revoked = revokes ? 1 : 0};

    assert_true(certificate_serial(store.program.chain.at[0], entry.serial));
    assert_true(revocation_list_make(&fields, ca->certificate, ca->key, &der));
    say(buffer_bytes(&der));
}

/* ---- the stage ---- */

static int begin(void **state)
{
    char lines[160];

    (void)state;
    between_start();
    snprintf(lines, sizeof(lines),
             "revocation: {lists: ['http://127.0.0.1:%u/v1/crl/isolated'], every: 1s}\n",
             between.port);
    return stage_begin_with(lines);
}

static int end(void **state)
{
    between_stop();
    return stage_end(state);
}

static void control(void)
{
    say_list(&store.tier, 1, 0, false);
    stage_control();
}

static void read_is_refused(const struct attack *this)
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_read(&store, &x, &sealed);
    gateway_refuses(this, buffer_bytes(&sealed), &x);
}

/* ---- attacks ---- */

ATTACK(a_revoked_certificate_is_refused_out_of_the_cache_too, GATEWAY, "certificate.revoked",
       "The launcher goes on with the certificate of a program that its owner revoked.")
{
    _cleanup_exchange_ struct exchange before;
    _cleanup_exchange_ struct exchange after;
    _cleanup_buffer_ struct buffer first;
    _cleanup_buffer_ struct buffer second;
    _cleanup_answer_ struct answer served;
    _cleanup_answer_ struct answer refused;

    say_list(&store.tier, 1, 0, false);
    seal_read(&store, &before, &first);
    assert_true(world_post(&store, &store.program, buffer_bytes(&first), &before, &served));
    assert_true(served.sealed && served.message.status == 200);
    say_list(&store.tier, 2, 0, true);
    seal_read(&store, &after, &second);
    assert_true(world_post(&store, &store.program, buffer_bytes(&second), &after, &refused));
    attack_refused(this, GATEWAY, refusal_of(&refused));
    assert_int_equal(fake_service_count(&store.service), 1);
}

ATTACK(an_older_list_does_not_undo_a_revocation, GATEWAY, "certificate.revoked",
       "Whoever sits between gateway and authority answers with the list of before a revocation.")
{
    say_list(&store.tier, 5, 0, true);
    say_list(&store.tier, 4, 0, false);
    read_is_refused(this);
}

ATTACK(a_list_that_was_kept_serves_nobody, GATEWAY, "crl.stale",
       "Whoever sits between hands a gateway that has just started a list of long ago.")
{
    say_list(&store.tier, 1, LIMIT_LIST_AGE + 10, false);
    read_is_refused(this);
}

ATTACK(a_list_by_a_ca_of_the_same_name_counts_for_nobody, GATEWAY, "crl.stale",
       "Whoever sits between signs a list without entries with a CA of its own.")
{
    struct actor_ca other;

    actor_ca_make(&other, "isolated", clock_unix());
    say_list(&other, 1, 0, false);
    read_is_refused(this);
    actor_ca_free(&other);
}

ATTACK(a_page_instead_of_the_list_serves_nobody, GATEWAY, "crl.stale",
       "Whoever sits between answers with a page instead of a list.")
{
    say(bytes_of_text("<html>all is well</html>"));
    read_is_refused(this);
}

static const struct attack *const ATTACKS[] = {
    ROW(a_revoked_certificate_is_refused_out_of_the_cache_too),
    ROW(an_older_list_does_not_undo_a_revocation),
    ROW(a_list_that_was_kept_serves_nobody),
    ROW(a_list_by_a_ca_of_the_same_name_counts_for_nobody),
    ROW(a_page_instead_of_the_list_serves_nobody),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "revocation",
                              .begin = begin,
                              .end = end,
                              .control = control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
