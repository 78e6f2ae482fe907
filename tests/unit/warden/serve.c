/* A warden served in a process of its own, and a launcher that asks it. As root, with the include
 * folder, libidevs.a and asks_attester.c in argv[1] to argv[3]. */
#include "../test.h"
#include "attester/attester.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "exchange/cose.h"
#include "served.h"
#include "warden/warden.h"
#include "wire/cbor.h"
#include "wire/certificate_request.h"
#include "wire/cmw.h"
#include "wire/frame.h"
#include "wire/manifest.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UID_FIRST 720000

static struct {
    bool possible;
    char *source; /* text of asks_attester.c */
} world;

/* The manifest names `named`, or "": any; the launcher asks for the back end `asked`. */
static void run_in(int sock, int executable, const char *asked, const char *named,
                   struct answer *ret)
{
    struct manifest manifest = served_manifest("some");

    snprintf(manifest.back_end, sizeof(manifest.back_end), "%s", named);
    served_run(sock, executable, asked, &manifest, ret);
}

static void run(int sock, int executable, const char *program, struct answer *ret)
{
    const struct manifest manifest = served_manifest(program);

    served_run(sock, executable, "process", &manifest, ret);
}

/* The evidence that a run makes over 64 bytes of 7. */
static void evidence_of(int channel, struct eat_claims *ret)
{
    uint8_t in[KIB(64)];
    struct pollfd p = {.fd = channel, .events = POLLIN};
    struct frame f;
    size_t have = 0;
    size_t used;
    struct bytes type;
    struct bytes cose;
    struct bytes payload;

    assert_true(fd_write_all(channel, "a", 1));
    do {
        assert_int_equal(poll(&p, 1, 10000), 1);
        ssize_t n = read(channel, in + have, sizeof(in) - have);
        assert_true(n > 0);
        have += (size_t)n;
    } while (frame_decode(bytes_of(in, have), LIMIT_EVIDENCE, &f, &used) == FRAME_NEED_MORE);
    assert_int_equal(f.status, 200);
    assert_true(cmw_decode(f.body, &type, &cose));
    assert_true(bytes_equal_text(type, CMW_EAT_CWT));
    assert_true(cose_verify(served.platform, CMW_EAT_CWT, cose, &payload));
    assert_true(eat_decode(payload, ret));
    assert_int_equal(ret->nonce[0], 7);
    assert_int_equal(ret->nonce[REPORT_DATA_LEN - 1], 7);
}

static void skip_unless_possible(void)
{
    if (!world.possible)
        skip(); /* needs root and the files of the command line */
}

/* ---- claims ---- */

static void a_program_is_built_run_and_attested(void **state)
{
    struct answer built;
    struct answer a;
    struct eat_claims claims;
    uint8_t digest[SHA256_LEN];

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    if (!built.done)
        fail_msg("%s: %s", built.code, built.text);
    assert_true(sha256_fd(built.fd, digest));
    assert_memory_equal(digest, built.digest, SHA256_LEN);
    run(sock, built.fd, "some", &a);
    assert_string_equal(a.code, "");
    uint64_t number = a.number;
    int channel = a.fd;
    evidence_of(channel, &claims);
    assert_memory_equal(claims.executable.sha256, digest, SHA256_LEN);
    sha256(bytes_of_text(world.source), digest);
    assert_true(claims.source.present);
    assert_memory_equal(claims.source.sha256, digest, SHA256_LEN);
    assert_true(claims.toolchain.present);
    assert_memory_equal(claims.toolchain.sha256, served.toolchain, SHA256_LEN);
    assert_int_equal(claims.memory, MIB(64));
    assert_true(claims.measured.memory_map.present);
    assert_non_null(strstr(claims.measured.memory_map_summary, "both 0.0"));
    assert_true(fd_write_all(channel, "x", 1));
    assert_ended(sock, number, "");
    close(channel);
    close(built.fd);
    close(sock);
}

/* Of every one that the warden runs programs in. */
static void evidence_names_the_back_end_and_says_whether_it_isolates(void **state)
{
    struct answer built;

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    for (size_t i = 0; i < ARRAY_LEN(SERVED_BACK_ENDS); i++) {
        const struct compartment_back_end *b = compartment_back_end(SERVED_BACK_ENDS[i]);
        struct eat_claims claims;
        struct answer a;
        run_in(sock, built.fd, b->name, i % 2 || !b->isolates ? b->name : "", &a);
        assert_string_equal(a.code, "");
        evidence_of(a.fd, &claims);
        assert_string_equal(claims.back_end, b->name);
        assert_int_equal(claims.debug, b->isolates ? EAT_DEBUG_DISABLED : EAT_DEBUG_ENABLED);
        assert_true(fd_write_all(a.fd, "x", 1));
        assert_ended(sock, a.number, "");
        close(a.fd);
    }
    close(built.fd);
    close(sock);
}

/* Nothing but the user differs from the warden's own: it needs the right to kill others'. */
static void a_run_that_nothing_isolates_can_be_killed_too(void **state)
{
    _cleanup_buffer_ struct buffer message = buffer_up_to(16);
    struct answer built;
    struct answer a;
    struct answer b;

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    run_in(sock, built.fd, "none", "none", &a);
    assert_true(buffer_append(&message, "\xa3\x00\x04\x01\x09\x02", 6) &&
                cbor_put_uint(&message, a.number));
    served_ask(sock, buffer_bytes(&message), NULL, 0);
    assert_true(served_receive(sock, &b));
    assert_ended(sock, a.number, "run.stopped");
    close(a.fd);
    close(built.fd);
    close(sock);
}

static const struct {
    const char *asked;
    const char *named;
    const char *code;
} REFUSED_BACK_ENDS[] = {
    {"magic", "", "compartment.not-permitted"},
    {"magic", "magic", "compartment.not-permitted"},
    {"none", "process", "compartment.not-permitted"}, /* a launcher that would look inside */
    {"none", "", "compartment.not-permitted"},        /* and no owner who said that it may */
    {"process", "microvm", "compartment.not-permitted"},
};

static void a_back_end_that_is_not_permitted_is_refused(void **state)
{
    struct answer built;
    struct answer a;

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    for (size_t i = 0; i < ARRAY_LEN(REFUSED_BACK_ENDS); i++) {
        run_in(sock, built.fd, REFUSED_BACK_ENDS[i].asked, REFUSED_BACK_ENDS[i].named, &a);
        if (strcmp(a.code, REFUSED_BACK_ENDS[i].code) != 0)
            fail_msg("%s for %s: '%s'", REFUSED_BACK_ENDS[i].asked, REFUSED_BACK_ENDS[i].named,
                     a.code);
        assert_int_equal(a.fd, -1);
    }
    close(built.fd);
    close(sock);
}

/* The same executable under another manifest: what it was compiled from is not claimed for it. */
static void another_manifest_gets_no_source_claim(void **state)
{
    struct answer built;
    struct answer a;
    struct eat_claims claims;

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    run(sock, built.fd, "other", &a);
    evidence_of(a.fd, &claims);
    assert_false(claims.source.present);
    assert_false(claims.toolchain.present);
    close(a.fd);
    close(built.fd);
    close(sock);
}

/* A prepared executable runs, and is no more than measured. */
static void an_executable_from_elsewhere_gets_no_source_claim(void **state)
{
    struct answer built;
    struct answer a;
    struct eat_claims claims;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    assert_int_equal(lseek(built.fd, 0, SEEK_SET), 0);
    assert_true(fd_read_to_end(built.fd, &b) && buffer_append_u8(&b, 0));
    int other = memfd_sealed("other", buffer_bytes(&b));
    run(sock, other, "some", &a);
    evidence_of(a.fd, &claims);
    assert_false(claims.source.present);
    close(a.fd);
    close(other);
    close(built.fd);
    close(sock);
}

/* Sealed when it was first run: a launcher that names its digest gets it, and never what it handed
 * over beside that. */
static void an_executable_that_is_kept_is_run_whatever_is_handed_over(void **state)
{
    const struct manifest manifest = served_manifest("some");
    struct answer built;
    struct answer a;
    struct eat_claims claims;
    int other = memfd_sealed("other", bytes_of_text("no executable"));

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    for (unsigned i = 0; i < 2; i++) {
        served_run_as(sock, i == 0 ? built.fd : other, built.digest, &manifest, &a);
        assert_string_equal(a.code, "");
        evidence_of(a.fd, &claims);
        assert_memory_equal(claims.executable.sha256, built.digest, SHA256_LEN);
        assert_true(fd_write_all(a.fd, "x", 1));
        assert_ended(sock, a.number, "");
        close(a.fd);
    }
    close(other);
    close(built.fd);
    close(sock);
}

static void read_request(int channel, struct buffer *in, struct frame *ret)
{
    struct pollfd p = {.fd = channel, .events = POLLIN};
    size_t used;

    buffer_clear(in);
    while (frame_decode(buffer_bytes(in), LIMIT_CSR, ret, &used) != FRAME_DONE) {
        uint8_t step[4096];
        assert_int_equal(poll(&p, 1, 10000), 1);
        ssize_t n = read(channel, step, sizeof(step));
        assert_true(n > 0 && buffer_append(in, step, (size_t)n));
    }
    assert_int_equal(ret->kind, FRAME_REQUEST);
}

/* Key, evidence and certificate request are made inside, with no call that is forbidden there. */
static void the_run_time_asks_for_a_certificate_from_inside(void **state)
{
    static const char SOURCE[] = "#include <idevs.h>\n"
                                 "int main(void) { return idevs_open(0) ? 0 : 1; }\n";
    _cleanup_buffer_ struct buffer in = buffer_up_to(KIB(128));
    _cleanup_buffer_ struct buffer out = buffer_up_to(KIB(1));
    const uint8_t challenge[CHALLENGE_LEN] = {5};
    struct answer built;
    struct answer a;
    struct frame f;

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(SOURCE), "some", &built);
    if (!built.done || built.text[0])
        fail_msg("%s: %s", built.code, built.text);
    run(sock, built.fd, "some", &a);
    read_request(a.fd, &in, &f);
    assert_true(bytes_equal_text(f.target, "authority:challenge"));
    const struct frame reply = {.id = f.id,
                                .kind = FRAME_REPLY,
                                .status = 200,
                                .type = bytes_of_text("application/octet-stream"),
                                .body = bytes_of(challenge, sizeof(challenge))};
    assert_true(frame_encode(&reply, &out) && fd_write_all(a.fd, out.data, out.len));
    read_request(a.fd, &in, &f);
    assert_true(bytes_equal_text(f.target, "authority:certificate"));
    assert_true(f.body.len > 500);
    close(a.fd);
    close(built.fd);
    close(sock);
}

static void a_second_build_comes_from_the_cache_unless_it_is_damaged(void **state)
{
    struct answer first;
    struct answer a;
    char hex[2 * SHA256_LEN + 1];

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text("int main(void) { return 0; }\n"), "cached", &first);
    assert_true(first.done && !first.cached);
    close(first.fd);
    served_build(sock, bytes_of_text("int main(void) { return 0; }\n"), "cached", &a);
    assert_true(a.done && a.cached);
    assert_memory_equal(a.digest, first.digest, SHA256_LEN);
    close(a.fd);
    hex_text(first.digest, SHA256_LEN, hex);
    _cleanup_text_ char *kept = alloc_format("%s/state/cache/executables/%s", served.folder, hex);
    assert_int_equal(truncate(kept, 100), 0);
    served_build(sock, bytes_of_text("int main(void) { return 0; }\n"), "cached", &a);
    assert_true(a.done && !a.cached);
    assert_memory_equal(a.digest, first.digest, SHA256_LEN);
    close(a.fd);
    close(sock);
}

static void every_input_of_a_build_shows_in_its_digest(void **state)
{
    struct answer a;
    struct answer b;

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text("int main(void) { return 0; }\n"), "one", &a);
    close(a.fd);
    served_build(sock, bytes_of_text("int main(void) { return 0; }\n"), "two", &b);
    close(b.fd);
    assert_memory_not_equal(a.digest, b.digest, SHA256_LEN);
    served_build(sock, bytes_of_text("int main(void) { return 0; }\n// comment\n"), "one", &b);
    close(b.fd);
    assert_memory_not_equal(a.digest, b.digest, SHA256_LEN);
    close(sock);
}

static const struct {
    const char *source;
    const char *code;
    const char *text; /* in what the compiler says */
} SOURCES[] = {
    {"int main(void) { return x; }\n", "build.compiler", "'x' undeclared"},
    {"\xff\xfe int main(void) { return \x01; }\n", "build.compiler", "?"},
    {"int f(void);\nint main(void) { return f(); }\n", "build.compiler", "undefined reference"},
    {"char big[1UL << 30] = {1};\nint main(void) { return big[5]; }\n", "", ""},
};

static void bad_sources_are_refused_with_the_compilers_words(void **state)
{
    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    for (size_t i = 0; i < ARRAY_LEN(SOURCES); i++) {
        struct answer a;
        served_build(sock, bytes_of_text(SOURCES[i].source), "bad", &a);
        if (a.done || a.fd >= 0)
            fail_msg("built: %s", SOURCES[i].source);
        if (*SOURCES[i].code && strcmp(a.code, SOURCES[i].code) != 0)
            fail_msg("%s: %s, not %s", SOURCES[i].source, a.code, SOURCES[i].code);
        if (!strstr(a.text, SOURCES[i].text))
            fail_msg("%s: %s", SOURCES[i].source, a.text);
    }
    close(sock);
}

static void a_run_can_be_killed_by_its_own_launcher_only(void **state)
{
    static const uint8_t kill_it[] = {0xa3, 0, 4, 1, 9, 2, 0x1a};
    struct answer built;
    struct answer a;
    struct answer b;
    uint8_t message[11];

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    int other = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    run(sock, built.fd, "some", &a);
    assert_true(a.number < 24); /* so that its encoding is short */
    memcpy(message, kill_it, 6);
    message[6] = (uint8_t)a.number;
    served_ask(other, bytes_of(message, 7), NULL, 0);
    assert_true(served_receive(other, &b));
    assert_string_equal(b.code, "api.not-found");
    served_ask(sock, bytes_of(message, 7), NULL, 0);
    assert_true(served_receive(sock, &b));
    assert_int_equal(b.kind, WARDEN_KILL);
    assert_ended(sock, a.number, "run.stopped");
    close(a.fd);
    close(built.fd);
    close(other);
    close(sock);
}

static void a_launcher_that_goes_takes_its_runs_along(void **state)
{
    struct answer built;
    struct answer a;
    struct pollfd p = {.events = POLLIN};
    char c;

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    run(sock, built.fd, "some", &a);
    close(sock);
    p.fd = a.fd;
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(read(a.fd, &c, 1), 0);
    close(a.fd);
    close(built.fd);
}

static void who_says_what_it_may_not_is_cut_off(void **state)
{
    static const uint8_t unknown[] = {0xa2, 0, 9, 1, 5};
    static const uint8_t status[] = {0xa2, 0, 1, 1, 5};
    struct answer a;

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    served_ask(sock, bytes_of(status, sizeof(status)), NULL, 0);
    assert_true(served_receive(sock, &a));
    assert_memory_equal(a.digest, served.toolchain, SHA256_LEN);
    served_ask(sock, bytes_of(unknown, sizeof(unknown)), NULL, 0);
    assert_false(served_receive(sock, &a));
    close(sock);
}

static void hostile_descriptors_are_refused(void **state)
{
    static const uint8_t message[] = {0xa2, 0, 2, 1, 5};
    struct answer a;
    int fds[2];

    (void)state;
    skip_unless_possible();
    int sock = served_connect();
    assert_int_equal(pipe(fds), 0); /* would block a careless reader for ever */
    served_ask(sock, bytes_of(message, sizeof(message)), fds, 2);
    assert_true(served_receive(sock, &a));
    assert_string_equal(a.code, "build.source");
    close(fds[0]);
    close(fds[1]);
    close(sock);
}

static void other_users_are_turned_away(void **state)
{
    int status;

    (void)state;
    skip_unless_possible();
    assert_int_equal(chmod(served.socket, 0666), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct answer a;
        static const uint8_t message[] = {0xa2, 0, 1, 1, 5};
        if (setresuid(65534, 65534, 65534) < 0)
            _exit(3);
        int sock = served_connect();
        bool sent = fd_send(sock, bytes_of(message, sizeof(message)), NULL, 0);
        _exit(sent && served_receive(sock, &a) ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- the world ---- */

static void gathering_twice_gives_one_digest(void **state)
{
    char **argv = *state;
    uint8_t digest[SHA256_LEN];

    skip_unless_possible();
    served_gather(argv[1], argv[2], "elsewhere", digest);
    assert_memory_equal(digest, served.toolchain, SHA256_LEN);
}

static bool begin(char **argv)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer source = buffer_up_to(KIB(64));

    if (!file_read(argv[3], &source, &err))
        return false;
    world.source = alloc_text((const char *)source.data);
    return served_begin(argv[1], argv[2], UID_FIRST);
}

static void sigterm_ends_everything_with_status_0(void **state)
{
    (void)state;
    skip_unless_possible();
    served_stop();
}

/* The test's program has no libidevs in it, so it stays where it is. Where the host has no secret
 * memory it does not even start. */
static void no_evidence_of_ordinary_memory_is_made_where_secret_is_required(void **state)
{
    struct answer built;
    struct answer a;

    (void)state;
    skip_unless_possible();
    served_start(UID_FIRST, SECRECY_REQUIRED);
    int sock = served_connect();
    served_build(sock, bytes_of_text(world.source), "some", &built);
    assert_true(built.done);
    run(sock, built.fd, "some", &a);
    if (*a.code) {
        assert_string_equal(a.code, "compartment.secret-memory");
    } else {
        assert_true(fd_write_all(a.fd, "a", 1));
        assert_ended(sock, a.number, "compartment.secret-memory");
        close(a.fd);
    }
    close(built.fd);
    close(sock);
    served_stop();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_is_built_run_and_attested),
        cmocka_unit_test(evidence_names_the_back_end_and_says_whether_it_isolates),
        cmocka_unit_test(a_run_that_nothing_isolates_can_be_killed_too),
        cmocka_unit_test(a_back_end_that_is_not_permitted_is_refused),
        cmocka_unit_test(another_manifest_gets_no_source_claim),
        cmocka_unit_test(an_executable_from_elsewhere_gets_no_source_claim),
        cmocka_unit_test(an_executable_that_is_kept_is_run_whatever_is_handed_over),
        cmocka_unit_test(the_run_time_asks_for_a_certificate_from_inside),
        cmocka_unit_test(a_second_build_comes_from_the_cache_unless_it_is_damaged),
        cmocka_unit_test(every_input_of_a_build_shows_in_its_digest),
        cmocka_unit_test(bad_sources_are_refused_with_the_compilers_words),
        cmocka_unit_test(a_run_can_be_killed_by_its_own_launcher_only),
        cmocka_unit_test(a_launcher_that_goes_takes_its_runs_along),
        cmocka_unit_test(who_says_what_it_may_not_is_cut_off),
        cmocka_unit_test(hostile_descriptors_are_refused),
        cmocka_unit_test(other_users_are_turned_away),
        cmocka_unit_test_prestate(gathering_twice_gives_one_digest, argv),
        cmocka_unit_test(sigterm_ends_everything_with_status_0),
        cmocka_unit_test(no_evidence_of_ordinary_memory_is_made_where_secret_is_required),
    };

    world.possible = argc == 4 && geteuid() == 0 && begin(argv);
    if (!world.possible)
        printf("skipped: needs root\n");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    served_end();
    free(world.source);
    return failed;
}
