/* The launcher itself, attacked by the programs that it relays for and by other owners. Its own
 * code in the test's process, between an owner, a warden, an authority and a gateway that are
 * played (tests/unit/launcher/world.h). */
#include "attack.h"

#include "world.h"

#include "base/clock.h"
#include "net/server.h"
#include "wire/cbor.h"

#include <stdio.h>
#include <sys/socket.h>

static struct world w;
static struct world_program *program;
static char run[ID_LEN + 1];

static int begin(void **state)
{
    (void)state;
    world_make(&w);
    world_add_program(&w, "hostile", 0);
    program = world_run(&w, "hostile", run);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static void exchange_is_answered(uint32_t id)
{
    program_ask(program, id, "service:store", "message/ohttp-req", bytes_of_text("sealed"));
    struct frame reply = program_get(&w, program);
    assert_int_equal(reply.id, id);
    assert_int_equal(reply.status, 200);
}

static void control(void)
{
    program_certify(&w, program, clock_unix() + 600);
    exchange_is_answered(1);
    assert_int_equal(w.n_exchanges, 1);
}

/* ---- a program that asks for what is not its own ---- */

static const char *code_of(struct bytes body)
{
    static char code[48];
    json_t *json = json_loadb((const char *)body.data, body.len, 0, NULL);

    snprintf(code, sizeof(code), "%s",
             json ? json_string_value(json_object_get(json, "code")) : "");
    json_decref(json);
    return code;
}

static void frame_is_refused(const struct attack *this, const char *target, const char *type,
                             struct bytes body)
{
    unsigned before = w.n_exchanges;

    program_ask(program, 7, target, type, body);
    struct frame reply = program_get(&w, program);
    assert_int_equal(reply.id, 7);
    assert_int_equal(w.n_exchanges, before);
    attack_refused(this, LAUNCHER, code_of(reply.body));
}

ATTACK(a_service_outside_the_manifest_is_not_reached, LAUNCHER, "service.unknown",
       "A program has the launcher connect to a service that its manifest does not name.")
{
    program_certify(&w, program, clock_unix() + 600);
    frame_is_refused(this, "service:other", "message/ohttp-req", bytes_of_text("x"));
    frame_is_refused(this, "service:store/../admin", "message/ohttp-req", bytes_of_text("x"));
    frame_is_refused(this, "service:https://127.0.0.1:1", "message/ohttp-req", bytes_of_text("x"));
    frame_is_refused(this, "service-keys:other", "", bytes_of(NULL, 0));
}

ATTACK(a_path_of_the_authoritys_is_not_the_programs_to_choose, LAUNCHER, "api.not-found",
       "A program has the launcher post an approval to the authority.")
{
    frame_is_refused(this, "authority:approvals", "application/vnd.idevs.approval+cbor",
                     bytes_of_text("x"));
    frame_is_refused(this, "authority:../v1/platforms", "", bytes_of(NULL, 0));
}

ATTACK(an_unknown_target_is_refused, LAUNCHER, "api.not-found",
       "A program asks the launcher for something that there is not.")
{
    frame_is_refused(this, "file:/etc/passwd", "", bytes_of(NULL, 0));
    frame_is_refused(this, "log:stranger", "", bytes_of(NULL, 0));
    frame_is_refused(this, "report:all", "", bytes_of(NULL, 0));
}

ATTACK(what_is_not_sealed_is_not_carried, LAUNCHER, "exchange.media-type",
       "A program has the launcher carry a message of another media type to a gateway.")
{
    program_certify(&w, program, clock_unix() + 600);
    frame_is_refused(this, "service:store", "text/plain", bytes_of_text("in the open"));
}

ATTACK(an_exchange_without_a_certificate_is_not_carried, LAUNCHER, "certificate.expired",
       "A program that was never certified sends requests.")
{
    frame_is_refused(this, "service:store", "message/ohttp-req", bytes_of_text("sealed"));
}

ATTACK(an_exchange_beside_an_expired_certificate_is_not_carried, LAUNCHER, "certificate.expired",
       "A program whose certificate has ended goes on sending requests.")
{
    program_certify(&w, program, clock_unix() - 1);
    frame_is_refused(this, "service:store", "message/ohttp-req", bytes_of_text("sealed"));
}

static bool is_held(const struct world *world, const void *key)
{
    (void)key;
    return world->held != NULL;
}

ATTACK(a_second_exchange_in_flight_is_refused, LAUNCHER, "launcher.busy",
       "A program sends requests without waiting for answers, to take the launcher's connections.")
{
    program_certify(&w, program, clock_unix() + 600);
    w.hold = true;
    program_ask(program, 6, "service:store", "message/ohttp-req", bytes_of_text("first"));
    world_until(&w, is_held, NULL);
    frame_is_refused(this, "service:store", "message/ohttp-req", bytes_of_text("second"));
    server_answer_bytes(w.held, 503, "text/plain", bytes_of_text("late"));
}

ATTACK(a_log_line_over_the_limit_is_refused, LAUNCHER, "limit.log",
       "A program logs a line longer than any.")
{
    static const uint8_t zeros[LIMIT_LOG_SEALED + 1];

    frame_is_refused(this, "log:owner", "application/octet-stream", bytes_of(zeros, sizeof(zeros)));
}

ATTACK(spans_that_are_none_are_refused, LAUNCHER, "api.field",
       "A program reports steps with names of its own making, to write into its owner's terminal.")
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));

    assert_true(cbor_put_map(&b, 1) && cbor_put_text(&b, bytes_of_text("\033[2Jdeploy")) &&
                cbor_put_uint(&b, 1));
    frame_is_refused(this, "report:spans", "application/cbor", buffer_bytes(&b));
    frame_is_refused(this, "report:spans", "application/cbor", bytes_of_text("\xbf"));
}

/* ---- frames that are none ---- */

/* Its run ends, with that reason. */
static void run_is_ended(const struct attack *this, const void *bytes, size_t len)
{
    char path[128];

    program_send(program, bytes, len);
    world_wait_state(&w, run, "ended");
    snprintf(path, sizeof(path), "/v1/runs/%s", run);
    struct reply r _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    attack_refused(this, LAUNCHER,
                   json_string_value(json_object_get(json_object_get(r.json, "error"), "code")));
}

static void frame_ends_the_run(const struct attack *this, const struct frame *frame)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));

    assert_true(frame_encode(frame, &b));
    run_is_ended(this, b.data, b.len);
}

ATTACK(a_reply_from_a_program_ends_its_run, LAUNCHER, "frame.malformed",
       "A program replies to the launcher, which asked nothing.")
{
    frame_ends_the_run(this, &(struct frame){.id = 1, .kind = FRAME_REPLY, .status = 200});
}

ATTACK(an_event_from_a_program_ends_its_run, LAUNCHER, "frame.malformed",
       "A program sends the launcher the event by which the launcher stops programs.")
{
    frame_ends_the_run(this, &(struct frame){.kind = FRAME_EVENT, .target = bytes_of_text("stop")});
}

ATTACK(a_frame_over_the_limit_ends_its_run, LAUNCHER, "frame.malformed",
       "A program announces a frame of two gigabytes.")
{
    static const uint8_t HEAD[] = {0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1};

    run_is_ended(this, HEAD, sizeof(HEAD));
}

ATTACK(a_control_character_in_a_target_ends_its_run, LAUNCHER, "frame.malformed",
       "A program puts a line break into a target, which the launcher logs.")
{
    static const uint8_t FRAME[] = {0, 0, 0, 14, 0, 0, 0, 1, 1, 0, 0, 0, 3, 'a', '\n', 'b', 0, 0};

    run_is_ended(this, FRAME, sizeof(FRAME));
}

/* What it took from the socket while nobody reads the replies. */
ATTACK(a_program_that_reads_no_reply_is_not_read_from, LAUNCHER, HELD_BACK,
       "A program asks without end and reads no reply, to fill the launcher's memory.")
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    const struct frame frame = {.id = 1, .kind = FRAME_REQUEST, .target = bytes_of_text("nothing")};
    size_t sent = 0;

    while (b.len < KIB(32))
        assert_true(frame_encode(&frame, &b));
    for (int i = 0; i < 3000; i++) {
        ssize_t n = send(program->fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0 && (size_t)n < b.len) /* the rest of a frame that was cut */
            break;
        sent += n > 0 ? (size_t)n : 0;
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    assert_in_range(sent, KIB(64), MIB(4));
    struct reply health _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/health", "");
    assert_int_equal(health.status, 200);
    attack_refused(this, LAUNCHER, HELD_BACK);
}

/* ---- other owners ---- */

static void asked_by(const struct attack *this, struct client *who, const char *method,
                     const char *path, const char *body)
{
    struct reply r _cleanup_reply_ = world_ask_as(&w, who, method, path, bytes_of_text(body));

    attack_refused(this, LAUNCHER, reply_text(&r, "code"));
}

ATTACK(a_run_of_another_owner_is_not_found, LAUNCHER, "api.not-found",
       "Another configured owner reads, stops, and takes the certificate of a run.")
{
    static const char *const PATHS[] = {"", "/logs", "/certificate"};
    char path[128];

    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        snprintf(path, sizeof(path), "/v1/runs/%s%s", run, PATHS[i]);
        asked_by(this, w.stranger, "GET", path, "");
    }
    snprintf(path, sizeof(path), "/v1/runs/%s/stop", run);
    asked_by(this, w.stranger, "POST", path, "");
    assert_int_equal(w.n_kills, 0);
}

ATTACK(a_program_of_another_owner_is_not_found, LAUNCHER, "api.not-found",
       "Another configured owner reads, builds, runs and deletes a program.")
{
    unsigned runs = w.n_runs;

    asked_by(this, w.stranger, "GET", "/v1/programs/hostile", "");
    asked_by(this, w.stranger, "POST", "/v1/programs/hostile/builds", "");
    asked_by(this, w.stranger, "POST", "/v1/programs/hostile/runs", "");
    asked_by(this, w.stranger, "DELETE", "/v1/programs/hostile", "");
    assert_int_equal(w.n_runs, runs);
}

ATTACK(somebody_without_a_key_is_refused, LAUNCHER, "api.owner",
       "Somebody without a client certificate lists programs and stops a run.")
{
    char path[128];

    asked_by(this, w.nobody, "GET", "/v1/programs", "");
    snprintf(path, sizeof(path), "/v1/runs/%s/stop", run);
    asked_by(this, w.nobody, "POST", path, "");
    assert_int_equal(w.n_kills, 0);
}

ATTACK(a_manifest_of_another_owner_is_refused, LAUNCHER, "owner.key",
       "An owner adds a program with a manifest that names another owner.")
{
    _cleanup_key_ struct key *other = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);
    uint8_t spki[SPKI_LEN];
    char manifest[65];
    char body[512];

    key_spki(other, spki);
    world_manifest(&w, "other", 0, spki, &b);
    world_put_blob(&w, buffer_bytes(&b), manifest);
    snprintf(body, sizeof(body), "{\"name\":\"other\",\"manifest\":\"%s\",\"source\":\"%s\"}",
             manifest, manifest);
    asked_by(this, w.owner, "POST", "/v1/programs", body);
}

ATTACK(other_bytes_under_a_digest_are_refused, LAUNCHER, "api.field",
       "An owner uploads other bytes under the digest of an executable that is there.")
{
    char hex[65];
    char path[128];

    world_put_blob(&w, bytes_of_text("some bytes"), hex);
    snprintf(path, sizeof(path), "/v1/blobs/%s", hex);
    asked_by(this, w.owner, "PUT", path, "other bytes");
    struct reply there _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    assert_true(bytes_equal_text(buffer_bytes(&there.body), "some bytes"));
}

ATTACK(a_name_that_is_a_path_is_refused, LAUNCHER, "name.invalid",
       "An owner calls a program by a name that is a path or has control characters.")
{
    static const char *const NAMES[] = {"..", "a/b", "a;b", "-a", "a\\u0001b"};
    char manifest[65];
    char body[512];

    world_put_blob(&w, bytes_of_text("x"), manifest);
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        snprintf(body, sizeof(body), "{\"name\":\"%s\",\"manifest\":\"%s\",\"source\":\"%s\"}",
                 NAMES[i], manifest, manifest);
        asked_by(this, w.owner, "POST", "/v1/programs", body);
    }
}

ATTACK(an_upload_over_the_limit_is_refused, LAUNCHER, "http.body-too-large",
       "An owner sends more than the route takes.")
{
    static const uint8_t zeros[KIB(64)];
    struct reply r _cleanup_reply_ =
        world_ask(&w, "POST", "/v1/programs", bytes_of(zeros, sizeof(zeros)));

    attack_refused(this, LAUNCHER, reply_text(&r, "code"));
}

static const struct attack *const ATTACKS[] = {
    ROW(a_service_outside_the_manifest_is_not_reached),
    ROW(a_path_of_the_authoritys_is_not_the_programs_to_choose),
    ROW(an_unknown_target_is_refused),
    ROW(what_is_not_sealed_is_not_carried),
    ROW(an_exchange_without_a_certificate_is_not_carried),
    ROW(an_exchange_beside_an_expired_certificate_is_not_carried),
    ROW(a_second_exchange_in_flight_is_refused),
    ROW(a_log_line_over_the_limit_is_refused),
    ROW(spans_that_are_none_are_refused),
    ROW(a_reply_from_a_program_ends_its_run),
    ROW(an_event_from_a_program_ends_its_run),
    ROW(a_frame_over_the_limit_ends_its_run),
    ROW(a_control_character_in_a_target_ends_its_run),
    ROW(a_program_that_reads_no_reply_is_not_read_from),
    ROW(a_run_of_another_owner_is_not_found),
    ROW(a_program_of_another_owner_is_not_found),
    ROW(somebody_without_a_key_is_refused),
    ROW(a_manifest_of_another_owner_is_refused),
    ROW(other_bytes_under_a_digest_are_refused),
    ROW(a_name_that_is_a_path_is_refused),
    ROW(an_upload_over_the_limit_is_refused),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "launcher",
                              .begin = begin,
                              .end = end,
                              .control = control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
