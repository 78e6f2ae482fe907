/* The free-ride program as the warden would build it (one source, static, libidevs.a), run against
 * the peer: what the store's rows make it write, and what it reports. */
#include "peer.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct peer peer;
static const char *program;

/* Rows in the store's order. The seq is the place in the array, from 1. */
static const char *const ROWS[] = {
    "\"id\":1,\"customer\":{\"name\":\"Zoë \\\"Z\\\" O'Brien\",\"phone\":\"+34 600-12.34.56\","
    "\"address\":\"Calle Ñandú 1\"},\"total\":150}",
    "\"id\":2,\"customer\":{\"name\":\"Ana\",\"phone\":\"+34600123456\",\"address\":\"A\"},"
    "\"total\":149.99}",
    "\"id\":3,\"customer\":{\"name\":\"Inf\",\"phone\":\"+34600123456\",\"address\":\"A\"},"
    "\"total\":Infinity}",
    "\"id\":4,\"customer\":null,\"total\":200}",
    "\"id\":5,\"customer\":null,\"total\":20}",
    "\"id\":6,\"customer\":{\"name\":\"No\",\"phone\":null,\"address\":\"A\"},\"total\":200}",
    "\"id\":7,\"customer\":{\"name\":\"Bad\",\"phone\":\"+1234567\",\"address\":\"A\"},\"total\":"
    "200}",
    "\"id\":8,\"customer\":{\"name\":\"Neg\",\"phone\":\"+34600123456\",\"address\":\"A\"},"
    "\"total\":-5}",
    "\"id\":2,\"customer\":{\"name\":\"Again\",\"phone\":\"+34600123456\",\"address\":\"A\"},"
    "\"total\":500}",
    "\"id\":3,\"customer\":{\"name\":\"Again\",\"phone\":\"+34600123456\",\"address\":\"A\"},"
    "\"total\":500}",
    "garbage",
    "\"id\":12,\"customer\":{\"name\":\"Refused\",\"phone\":\"+34600123456\",\"address\":\"A\"},"
    "\"total\":500}",
    "\"id\":11,\"customer\":{\"name\":\"Late\",\"phone\":\"+34600123457\",\"address\":\"B\"},"
    "\"total\":1e3}",
};

static long long number_after(const char *path, const char *name)
{
    const char *at = strstr(path, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

/* GET /api/sales?after=N&limit=M and ?id=ID */
static void answer_store(const char *path, char *body, size_t size)
{
    long long after = number_after(path, "after=");
    char id[32];
    size_t n = 0;

    snprintf(id, sizeof(id), "\"id\":%lld,", number_after(path, "?id="));
    body[0] = 0;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        if (after >= 0 ? (long long)i + 1 > after : strncmp(ROWS[i], id, strlen(id)) == 0)
            n += (size_t)snprintf(body + n, size - n, "{\"seq\":%zu,%s\n", i + 1, ROWS[i]);
}

static int answer(const char *method, const char *path, const char *content, char *body,
                  size_t size)
{
    (void)method;
    if (strncmp(path, "/api/sales", 10) == 0)
        answer_store(path, body, size);
    else
        snprintf(body, size, "{\"id\":70}");
    return strstr(content, "\"customer\":\"Refused\"") ? 422 : 200;
}

/* Runs the program with its two descriptors, for one tick; its exit status. */
static int run_program(void)
{
    pid_t child = fork();

    if (child == 0) {
        int launcher = fcntl(peer.program[0], F_DUPFD, 10);
        int attester = fcntl(peer.program[1], F_DUPFD, 10);
        if (dup2(launcher, RUNTIME_LAUNCHER_FD) < 0 || dup2(attester, RUNTIME_ATTESTER_FD) < 0)
            _exit(99);
        for (int fd = 5; fd < 64; fd++)
            close(fd);
        execl(program, program, (char *)NULL);
        _exit(98);
    }
    close(peer.program[0]);
    close(peer.program[1]);
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const struct peer_seen *find(const char *key)
{
    const struct peer_seen *found = NULL;

    for (unsigned i = 0; i < peer.n_exchanges && i < PEER_SEEN; i++)
        if (strcmp(peer.seen[i].key, key) == 0)
            found = &peer.seen[i];
    return found;
}

static int begin(void **state)
{
    (void)state;
    peer_init(&peer);
    peer.manifest.every = 0;
    peer.answer = answer;
    return 0;
}

static int end(void **state)
{
    (void)state;
    peer_end(&peer);
    return 0;
}

static void each_sale_that_qualifies_is_written_and_the_others_are_reported(void **state)
{
    static const char *const REPORTED[] = {
        "sale 3 (seq 3) is left out: its line is no JSON",
        "sale 4 (seq 4) is left out: it has no customer",
        "sale 6 (seq 6) is left out: its customer has no valid phone number",
        "sale 7 (seq 7) is left out: its customer has no valid phone number",
        "sale 8 (seq 8) is left out: its total is negative",
        "sale 2 (seq 9) is left out: an earlier sale has the same id",
        "sale 3 (seq 10) is left out: an earlier sale has the same id",
        "sale -1 (seq 11) is left out: its line is no JSON",
        "sale 12: transport answers status 422; it is left out",
    };
    (void)state;
    peer_start(&peer);
    assert_int_equal(run_program(), 0);
    peer_join(&peer);
    assert_string_equal(find("sale-1-trip")->body,
                        "{\"sale\":1,\"customer\":\"Zoë \\\"Z\\\" O'Brien\",\"phone\":"
                        "\"+34600123456\",\"address\":\"Calle Ñandú 1\"}");
    assert_string_equal(find("sale-1-message")->body,
                        "{\"to\":\"+34600123456\",\"text\":\"Dear Zoë \\\"Z\\\" O'Brien, your free "
                        "ride home is booked: trip 70 for sale 1.\"}");
    assert_non_null(find("sale-11-trip")); /* a lower id that was not there before */
    assert_non_null(find("sale-11-message"));
    assert_non_null(find("sale-12-trip"));
    assert_null(find("sale-12-message"));
    for (long long id = 2; id <= 10; id++) {
        char key[32];
        snprintf(key, sizeof(key), "sale-%lld-trip", id);
        assert_null(find(key));
    }
    for (size_t i = 0; i < ARRAY_LEN(REPORTED); i++)
        assert_non_null(strstr((const char *)peer.log.data, REPORTED[i]));
    assert_int_equal(peer.n_logs, ARRAY_LEN(REPORTED));
    assert_string_equal((const char *)peer.state.data, "{\"cursor\":13,\"highest\":12}");
}

static void what_was_dealt_with_is_not_read_again(void **state)
{
    (void)state;
    assert_true(buffer_append_text(&peer.state, "{\"cursor\":13,\"highest\":12}"));
    peer.state_version = 4;
    peer_start(&peer);
    assert_int_equal(run_program(), 0);
    peer_join(&peer);
    assert_int_equal(peer.n_exchanges, 2); /* load, read */
    assert_int_equal(peer.state_version, 4);
    assert_int_equal(peer.n_logs, 0);
}

static void a_refused_start_ends_with_status_1(void **state)
{
    (void)state;
    peer.fault = PEER_REFUSES;
    peer_start(&peer);
    assert_int_equal(run_program(), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            each_sale_that_qualifies_is_written_and_the_others_are_reported, begin, end),
        cmocka_unit_test_setup_teardown(what_was_dealt_with_is_not_read_again, begin, end),
        cmocka_unit_test_setup_teardown(a_refused_start_ends_with_status_1, begin, end),
    };
    if (argc != 2)
        return 2;
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
