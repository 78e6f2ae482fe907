/* idevs-authority and idevs-signer as processes: TLS, sandbox, administration beside a running
 * daemon, the end by SIGTERM and by the loss of the signer. */
#include "base/fd.h"
#include "net/client.h"
#include "port.h"
#include "test.h"

#include "station.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define WAIT_MS 10000

struct scene {
    struct station station; /* the same state directory, as the administrator would open it */
    char config[128];
    char ca[128];
    char url[64];
    pid_t pid; /* of the daemon; 0: none */
    struct buffer storage;
};

/* ---- processes ---- */

static pid_t start(const char *const *argv)
{
    /* A sanitizer's search for leaks at the end wants to trace, which the sandbox forbids. */
    char no_leaks[] = "ASAN_OPTIONS=detect_leaks=0";
    char *const environment[] = {no_leaks, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, 1, 2), 0);
    assert_int_equal(
        posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static int end_of(pid_t pid)
{
    int status;

    for (int ms = 0; ms < WAIT_MS; ms += 10) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        assert_true(got >= 0);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        usleep(10000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    fail_msg("it did not end within %d ms", WAIT_MS);
    return -1;
}

/* idevs-authority with up to six words; its exit status. */
static int run(const char *const words[7])
{
    const char *argv[9] = {getenv("IDEVS_AUTHORITY")};

    for (size_t i = 0; i < 7 && words[i]; i++)
        argv[i + 1] = words[i];
    return end_of(start(argv));
}

static bool fetch(struct scene *s, const char *method, const char *path, const char *type,
                  struct bytes body, struct http_message *ret)
{
    const struct client_options options = {.ca_file = s->ca};
    struct http_message m = {
        .method = bytes_of_text(method), .path = bytes_of_text(path), .content = body};
    struct idevs_error err;

    if (type)
        assert_true(http_add(&m, "content-type", bytes_of_text(type)));
    buffer_clear(&s->storage);
    return client_fetch(&options, s->url, &m, &s->storage, ret, &err);
}

static void serve(struct scene *s)
{
    const char *argv[] = {getenv("IDEVS_AUTHORITY"), "serve", "--config", s->config, NULL};
    struct http_message m;

    s->pid = start(argv);
    for (int ms = 0; ms < WAIT_MS; ms += 10) {
        if (fetch(s, "GET", "/v1/health", NULL, (struct bytes){0}, &m)) {
            assert_int_equal(m.status, 200);
            return;
        }
        assert_int_equal(waitpid(s->pid, NULL, WNOHANG), 0);
        usleep(10000);
    }
    fail_msg("it does not serve");
}

static int stop(struct scene *s, int signal_number)
{
    pid_t pid = s->pid;

    s->pid = 0;
    assert_int_equal(kill(pid, signal_number), 0);
    return end_of(pid);
}

/* The one child of the daemon. */
static pid_t signer_of(pid_t daemon)
{
    char path[64];
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(4));

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon, daemon);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fd_read_to_end(fd, &b));
    return b.len ? (pid_t)strtol((const char *)b.data, NULL, 10) : 0;
}

static bool is_confined(pid_t pid)
{
    char path[64];
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fd_read_to_end(fd, &b));
    return strstr((const char *)b.data, "NoNewPrivs:\t1") &&
           strstr((const char *)b.data, "Seccomp:\t2");
}

/* ---- files ---- */

static void write_file(const struct scene *s, const char *name, struct bytes data)
{
    char path[256];
    struct idevs_error err;

    snprintf(path, sizeof(path), "%s/%s", s->station.folder, name);
    assert_true(file_write(path, data, 0600, &err));
}

static void write_certificate(const struct scene *s, const char *name,
                              const struct certificate_fields *f, const struct certificate *issuer,
                              const struct key *key, struct certificate **ret)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    assert_true(certificate_make(f, issuer, key, &der));
    *ret = certificate_parse(buffer_bytes(&der), &err);
    struct chain chain = {.at = {*ret}, .n = 1};
    assert_true(*ret && chain_to_pem(&chain, &pem));
    write_file(s, name, buffer_bytes(&pem));
}

static void write_tls(const struct scene *s)
{
    _cleanup_key_ struct key *ca_key = key_generate();
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_certificate_ struct certificate *ca = NULL;
    _cleanup_certificate_ struct certificate *leaf = NULL;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    uint8_t ca_spki[SPKI_LEN];
    uint8_t spki[SPKI_LEN];
    int64_t now = clock_unix();
    struct certificate_fields ca_fields = {.subject = "test CA",
                                           .spki = ca_spki,
                                           .not_before = now - 60,
                                           .not_after = now + 3600,
                                           .is_ca = true};
    struct certificate_fields fields = {.subject = "test",
                                        .spki = spki,
                                        .not_before = now - 60,
                                        .not_after = now + 3600,
                                        .server_auth = true,
                                        .host = "127.0.0.1"};

    key_spki(ca_key, ca_spki);
    key_spki(key, spki);
    write_certificate(s, "ca.pem", &ca_fields, NULL, ca_key, &ca);
    write_certificate(s, "cert.pem", &fields, ca, ca_key, &leaf);
    assert_true(key_save(key, &pem));
    write_file(s, "priv.pem", buffer_bytes(&pem));
}

static int set_up(void **state)
{
    static struct scene s;
    char config[1024];
    unsigned port = port_free("127.0.0.1");

    signal(SIGPIPE, SIG_IGN);
    memset(&s, 0, sizeof(s));
    s.storage = buffer_up_to(MIB(1));
    station_make(&s.station);
    write_tls(&s);
    snprintf(config, sizeof(config),
             "listen: 127.0.0.1:%u\ncertificate: cert.pem\nkey: priv.pem\nstate: .\nsigner: %s\n",
             port, getenv("IDEVS_SIGNER"));
    write_file(&s, "authority.yaml", bytes_of_text(config));
    snprintf(s.config, sizeof(s.config), "%s/authority.yaml", s.station.folder);
    snprintf(s.ca, sizeof(s.ca), "%s/ca.pem", s.station.folder);
    snprintf(s.url, sizeof(s.url), "https://127.0.0.1:%u", port);
    serve(&s);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;

    if (s->pid)
        stop(s, SIGKILL);
    buffer_free(&s->storage);
    station_free(&s->station);
    return 0;
}

/* ---- claims ---- */

static void certify(struct scene *s)
{
    struct http_message m;
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    assert_true(fetch(s, "POST", "/v1/challenges", NULL, (struct bytes){0}, &m));
    assert_int_equal(m.content.len, CHALLENGE_LEN);
    memcpy(s->station.e.challenge, m.content.data, CHALLENGE_LEN);
    example_nonce(&s->station.e);
    station_body(&s->station, &body);
    assert_true(
        fetch(s, "POST", "/v1/certificates", CERTIFICATE_REQUEST_TYPE, buffer_bytes(&body), &m));
    if (m.status != 200)
        fail_msg("%.*s", (int)m.content.len, m.content.data);
}

static void it_certifies_over_tls_and_ends_with_0_on_sigterm(void **state)
{
    struct scene *s = *state;

    certify(s);
    assert_int_equal(stop(s, SIGTERM), 0);
}

static void both_processes_are_confined(void **state)
{
    struct scene *s = *state;
    pid_t signer = signer_of(s->pid);

    assert_true(signer > 0);
    assert_true(is_confined(s->pid));
    assert_true(is_confined(signer));
}

static void a_killed_signer_ends_the_authority_which_starts_again(void **state)
{
    struct scene *s = *state;
    pid_t pid = s->pid;

    assert_int_equal(kill(signer_of(s->pid), SIGKILL), 0);
    assert_int_equal(end_of(pid), 1);
    serve(s);
    certify(s); /* owners, platforms and approvals are still there */
}

static void a_killed_authority_keeps_what_it_acknowledged(void **state)
{
    struct scene *s = *state;
    struct http_message m;
    struct appraisal_name name;
    struct idevs_error err;
    struct approval a = s->station.e.approval;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));

    strcpy(a.program, "kept");
    station_sign_approval(&s->station.e, &a, &b);
    assert_true(fetch(s, "POST", "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b), &m));
    assert_int_equal(m.status, 201);
    stop(s, SIGKILL);
    assert_true(registry_name(s->station.issuer.registry, "kept", &name, &err));
    assert_int_equal(name.n_approvals, 1);
}

static void owners_are_administered_while_it_serves(void **state)
{
    struct scene *s = *state;
    struct http_message m;
    struct approval a = s->station.e.approval;
    struct example other = s->station.e;
    char pem_path[256];
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public_half = public_key_of(key);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));
    const char *folder = s->station.folder;

    strcpy(a.program, "anothers");
    other.owner = key;
    station_sign_approval(&other, &a, &b);
    assert_true(public_key_pem(public_half, &pem));
    write_file(s, "other.pub.pem", buffer_bytes(&pem));
    snprintf(pem_path, sizeof(pem_path), "%s/other.pub.pem", folder);
    assert_true(fetch(s, "POST", "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b), &m));
    assert_int_equal(m.status, 403);
    assert_int_equal(
        run((const char *const[7]){"owner", "add", "other", pem_path, "--state", folder}), 0);
    assert_true(fetch(s, "POST", "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b), &m));
    assert_int_equal(m.status, 201);
    assert_int_equal(run((const char *const[7]){"owner", "list", "--state", folder}), 0);
    assert_int_equal(run((const char *const[7]){"approvals", "--state", folder}), 0);
    assert_int_equal(run((const char *const[7]){"owner", "rm", "other", "--state", folder}), 0);
    assert_true(fetch(s, "POST", "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b), &m));
    assert_int_equal(m.status, 403);
}

static void exit_statuses_tell_refusal_from_usage(void **state)
{
    struct scene *s = *state;
    const char *folder = s->station.folder;
    const struct {
        const char *words[7];
        int status;
    } CALLS[] = {
        {{"--help"}, 0},
        {{"--version"}, 0},
        {{NULL}, 2},
        {{"serve"}, 2},
        {{"nonsense", "--state", folder}, 2},
        {{"owner", "add", "x", "--state", folder}, 2},
        {{"owner", "list"}, 2},
        {{"owner", "list", "--nonsense"}, 2},
        {{"init", "--state", "/nonexistent/x"}, 2},
        {{"init", "--state", folder, "--trust-domain", "example.org"}, 1},
        {{"owner", "add", "x", "/nonexistent", "--state", folder}, 1},
        {{"owner", "add", "x", s->ca, "--state", folder}, 1},
        {{"owner", "rm", "nobody", "--state", folder}, 1},
        {{"platform", "token", "--tier", "hardware", "--state", folder}, 2},
        {{"platform", "token", "--state", folder}, 2},
        {{"platform", "token", "--tier=isolated", "--life", "8d", "--state", folder}, 2},
        {{"platform", "token", "--tier=isolated", "--life", "0h", "--state", folder}, 2},
        {{"platform", "token", "--tier=isolated", "--life", "90m", "--state", folder}, 0},
        {{"platform", "list", "--state", folder}, 0},
        {{"platform", "rm", "xyz", "--state", folder}, 2},
        {{"serve", "--config", "/nonexistent"}, 1},
        {{"serve", "--config", s->config}, 1}, /* the port is taken */
    };

    for (size_t i = 0; i < ARRAY_LEN(CALLS); i++) {
        int status = run(CALLS[i].words);
        if (status != CALLS[i].status)
            fail_msg("call %zu: exit %d, wanted %d", i, status, CALLS[i].status);
    }
}

static void certificates_are_issued_by_the_hundred(void **state)
{
    struct scene *s = *state;
    uint64_t since = clock_monotonic_ns();
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    struct idevs_error err;
    enum { N = 200 };

    for (int i = 0; i < N; i++) {
        _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
        station_fresh_body(&s->station, &body);
        buffer_clear(&pem);
        assert_true(station_certify(&s->station, buffer_bytes(&body), &pem, &err));
    }
    double seconds = (double)(clock_monotonic_ns() - since) / 1e9;
    print_message("%.0f certificates a second, evidence and requests made here too\n", N / seconds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_certifies_over_tls_and_ends_with_0_on_sigterm),
        TEST(both_processes_are_confined),
        TEST(a_killed_signer_ends_the_authority_which_starts_again),
        TEST(a_killed_authority_keeps_what_it_acknowledged),
        TEST(owners_are_administered_while_it_serves),
        TEST(exit_statuses_tell_refusal_from_usage),
        TEST(certificates_are_issued_by_the_hundred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
