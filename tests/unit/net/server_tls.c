/* The server over TLS, and the client that daemons use. */
#include "served.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "net/client.h"
#include "sandbox/sandbox.h"
#include "test.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIFE 3600

static void write_file(const char *name, const struct buffer *b)
{
    struct idevs_error err;
    _cleanup_text_ char *path = alloc_format("%s/%s", served.folder, name);

    assert_true(file_write(path, buffer_bytes(b), 0600, &err));
}

static void make_credentials(const char *host)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer chain_pem = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer key_pem = buffer_up_to(KIB(16));
    _cleanup_chain_ struct chain chain = {0};
    struct idevs_error err;
    uint8_t spki[SPKI_LEN];
    int64_t now = (int64_t)time(NULL);
    struct certificate_fields fields = {.subject = "test",
                                        .spki = spki,
                                        .not_before = now - 60,
                                        .not_after = now + LIFE,
                                        .server_auth = true,
                                        .client_auth = true,
                                        .host = host};

    key_spki(key, spki);
    assert_true(certificate_make(&fields, NULL, key, &der));
    chain.at[0] = certificate_parse(buffer_bytes(&der), &err);
    chain.n = 1;
    assert_non_null(chain.at[0]);
    assert_true(chain_to_pem(&chain, &chain_pem) && key_save(key, &key_pem));
    write_file("cert.pem", &chain_pem);
    write_file("key.pem", &key_pem);
}

static int start_under(const char *host)
{
    memset(&served, 0, sizeof(served));
    snprintf(served.folder, sizeof(served.folder), "/tmp/idevs-server-XXXXXX");
    if (!mkdtemp(served.folder))
        return -1;
    make_credentials(host);
    served_start(true);
    return 0;
}

static int start_tls(void **state)
{
    (void)state;
    return start_under("127.0.0.1");
}

static int start_tls_by_name(void **state)
{
    (void)state;
    return start_under("localhost");
}

static int stop_tls(void **state)
{
    static const char *const NAMES[] = {"cert.pem", "key.pem"};

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_text_ char *path = alloc_format("%s/%s", served.folder, NAMES[i]);
        unlink(path);
    }
    rmdir(served.folder);
    return served_stop(state);
}

static bool fetch(const char *path, struct bytes content, bool with_certificate,
                  struct buffer *storage, struct http_message *ret)
{
    _cleanup_text_ char *certificate = alloc_format("%s/cert.pem", served.folder);
    _cleanup_text_ char *key = alloc_format("%s/key.pem", served.folder);
    _cleanup_text_ char *url = alloc_format("https://127.0.0.1:%u", served.port);
    struct client_options options = {.ca_file = certificate};
    struct http_message m = {.method = bytes_of_text(content.len ? "POST" : "GET"),
                             .path = bytes_of_text(path),
                             .content = content};
    struct idevs_error err;

    if (with_certificate) {
        options.certificate = certificate;
        options.key = key;
    }
    if (client_fetch(&options, url, &m, storage, ret, &err))
        return true;
    print_message("%s: %s\n", err.code, err.found);
    return false;
}

static void a_client_is_known_by_its_key(void **state)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    _cleanup_key_ struct key *key = NULL;
    struct idevs_error err;
    struct http_message m;
    uint8_t spki[SPKI_LEN], digest[32];
    char hex[65];

    (void)state;
    assert_true(fetch("/spki", bytes_of(NULL, 0), true, &storage, &m));
    key = key_load(served_file("key.pem", &pem), &err);
    key_spki(key, spki);
    sha256(bytes_of(spki, sizeof(spki)), digest);
    hex_text(digest, sizeof(digest), hex);
    assert_true(bytes_equal_text(m.content, hex));
}

static void a_client_without_certificate_has_no_key(void **state)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(4));
    struct http_message m;

    (void)state;
    assert_true(fetch("/spki", bytes_of(NULL, 0), false, &storage, &m));
    assert_true(bytes_equal_text(m.content, "none"));
}

static void a_client_shows_no_certificate_of_another_key(void **state)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    _cleanup_key_ struct key *other = key_generate();
    struct http_message m;

    (void)state;
    assert_true(key_save(other, &pem));
    write_file("key.pem", &pem);
    assert_false(fetch("/spki", bytes_of(NULL, 0), true, &storage, &m));
    assert_true(fetch("/spki", bytes_of(NULL, 0), false, &storage, &m));
}

struct outcome {
    struct event_base *base;
    uint16_t status;
};

static void note_outcome(const struct client_response *response, void *context)
{
    struct outcome *outcome = context;

    outcome->status = response->message.status;
    if (response->error.code[0])
        print_message("%s: %s\n", response->error.code, response->error.found);
    event_base_loopbreak(outcome->base);
}

/* A confined daemon looks up names in a thread and opens connections. */
static int fetch_confined(void)
{
    static const struct sandbox CONFINED = {
        .name = "test", .calls = SANDBOX_NETWORK | SANDBOX_FILES, .any_connect = true};
    _cleanup_text_ char *certificate = alloc_format("%s/cert.pem", served.folder);
    _cleanup_text_ char *url = alloc_format("https://localhost:%u", served.port);
    struct outcome outcome = {.base = event_base_new()};
    struct client *client =
        client_new(outcome.base, &(struct client_options){.ca_file = certificate});
    struct http_message m = {.method = bytes_of_text("GET"), .path = bytes_of_text("/spki")};
    struct idevs_error err;

    if (!sandbox_enter(&CONFINED, &err))
        return 1;
    client_send(client, url, &m, note_outcome, &outcome);
    event_base_dispatch(outcome.base);
    return outcome.status == 200 ? 0 : 2;
}

static void a_confined_client_reaches_a_server_by_name(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(fetch_confined());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void large_messages_pass_whole_over_tls(void **state)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(2 * BIG);
    _cleanup_buffer_ struct buffer body = buffer_up_to(MAX_BODY);
    uint8_t *room = buffer_extend(&body, MAX_BODY);
    struct http_message m;

    (void)state;
    for (size_t i = 0; i < MAX_BODY; i++)
        room[i] = (uint8_t)(i * 7 + i / 251);
    assert_true(fetch("/echo", buffer_bytes(&body), false, &storage, &m));
    assert_true(m.content.len > MAX_BODY);
    assert_memory_equal(m.content.data + m.content.len - MAX_BODY, body.data, MAX_BODY);
    assert_true(fetch("/big", bytes_of(NULL, 0), false, &storage, &m));
    assert_int_equal(m.content.len, BIG);
}

static void a_handshake_that_never_ends_is_left(void **state)
{
    char heard[1024];
    _cleanup_fd_ int fd = dial();
    double began = seconds_now();

    (void)state;
    assert_true(fd_write_all(fd, "\x16\x03\x01\x02\x00\x01", 6));
    hear_all(fd, heard, sizeof(heard));
    assert_true(seconds_now() - began < 3);
}

static void handshakes_that_never_end_keep_nobody_out(void **state)
{
    int fds[8]; /* as many as the server takes */
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(64));
    struct http_message m;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        assert_true(fd_write_all(fds[i], "\x16\x03\x01\x02\x00\x01", 6));
    }
    assert_true(fetch("/echo", bytes_of(NULL, 0), false, &storage, &m));
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
}

static void plain_text_to_a_tls_port_gets_no_answer(void **state)
{
    char heard[1024];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, GET("/"));
    hear_all(fd, heard, sizeof(heard));
    assert_null(strstr(heard, "HTTP/"));
}

#define tls(test) cmocka_unit_test_setup_teardown(test, start_tls, stop_tls)

int main(void)
{
    const struct CMUnitTest tests[] = {
        tls(a_client_is_known_by_its_key),
        tls(a_client_without_certificate_has_no_key),
        tls(a_client_shows_no_certificate_of_another_key),
        cmocka_unit_test_setup_teardown(a_confined_client_reaches_a_server_by_name,
                                        start_tls_by_name, stop_tls),
        tls(large_messages_pass_whole_over_tls),
        tls(a_handshake_that_never_ends_is_left),
        tls(handshakes_that_never_end_keep_nobody_out),
        tls(plain_text_to_a_tls_port_gets_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
