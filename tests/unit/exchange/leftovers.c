/* What an operation leaves in memory when it is over: nothing of what it derived on its way, nor of
 * what it sealed or opened.
 *
 * Each operation runs on a stack of its own, and its thread is halted where it returned. Then all
 * that this process can write to is copied, heap and that stack included, and only then are the
 * secrets computed: so the search cannot find its own needles. That it finds what is there shows in
 * the results that are still in use. */
#include "base/text.h"
#include "exchange/attestation.h"
#include "exchange/request.h"
#include "test.h"

#include "derived.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_LEN KIB(512)
#define COPY_LEN  MIB(64)
#define INFO      "message/bhttp request" /* with its NUL, then the header: RFC 9458, 4.3 */

/* ---- a copy of this process ---- */

static struct {
    uint8_t *map; /* shared, so that no copy contains it */
    size_t len;
} copy;

static bool begins_private(const char *line, unsigned long *low, unsigned long *high)
{
    char permissions[5];

    return sscanf(line, "%lx-%lx %4s", low, high, permissions) == 3 &&
           strcmp(permissions, "rw-p") == 0;
}

static void copy_range(int memory, unsigned long low, unsigned long high)
{
    assert_true(copy.len + (high - low) <= COPY_LEN);
    for (unsigned long at = low; at < high;) {
        ssize_t n = pread(memory, copy.map + copy.len, high - at, (off_t)at);
        assert_true(n > 0);
        copy.len += (size_t)n;
        at += (unsigned long)n;
    }
}

static void copy_process(void)
{
    static char maps[KIB(64)];
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    unsigned long low;
    unsigned long high;

    assert_true(fd >= 0 && memory >= 0);
    for (ssize_t n; (n = read(fd, maps + len, sizeof(maps) - 1 - len)) > 0;)
        len += (size_t)n;
    maps[len] = 0;
    copy.len = 0;
    for (char *line = maps, *end; (end = strchr(line, '\n')); line = end + 1)
        if (begins_private(line, &low, &high))
            copy_range(memory, low, high);
    close(memory);
    close(fd);
}

static bool is_in_copy(const void *needle, size_t len)
{
    return memmem(copy.map, copy.len, needle, len) != NULL;
}

/* ---- the operation ---- */

/* What operations are given and give back. Of secrets only the private keys, and what is in use. */
static struct {
    uint8_t receiver[X25519_LEN];
    struct x25519_key *key;
    struct ohttp_key_config config;
    struct exchange_signer signer;
    struct key *signing_key;
    struct hpke hpke;
    struct exchange program;
    struct exchange gateway;
    struct aead aead;
    struct buffer request;
    struct buffer response;
    struct buffer plain;
    struct buffer sealed;
    int file;
} world;

static struct {
    bool (*run)(void);
    bool ok;
    sem_t over;
    sem_t go_on;
} operation;

/* Far below what halting needs of the stack. */
static __attribute__((noinline)) bool run_deep(void)
{
    volatile uint8_t distance[KIB(8)];

    distance[0] = 0;
    return operation.run() && distance[0] == 0;
}

static void *run_and_halt(void *unused)
{
    operation.ok = run_deep();
    sem_post(&operation.over);
    sem_wait(&operation.go_on);
    return unused;
}

static void run_apart(bool (*run)(void))
{
    pthread_attr_t attr;
    pthread_t thread;
    void *stack = mmap(NULL, STACK_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    operation.run = run;
    assert_true(stack != MAP_FAILED);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, stack, STACK_LEN), 0);
    assert_int_equal(pthread_create(&thread, &attr, run_and_halt, NULL), 0);
    sem_wait(&operation.over);
    copy_process();
    sem_post(&operation.go_on);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
    munmap(stack, STACK_LEN);
    assert_true(operation.ok);
}

/* ---- searching ---- */

/* `in_use`: names that must be found; NULL ends them. */
static void assert_left(const struct derived *d, const char *const *in_use)
{
    for (size_t i = 0; i < d->n; i++) {
        bool kept = false;
        for (const char *const *name = in_use; *name; name++)
            kept = kept || strcmp(*name, d->at[i].name) == 0;
        if (is_in_copy(d->at[i].bytes, d->at[i].len) != kept)
            fail_msg("%s is %sleft", d->at[i].name, kept ? "not " : "");
    }
}

static void assert_nothing_is_left(const struct derived *d)
{
    assert_left(d, (const char *const[]){NULL});
}

static const char *const CONTEXT[] = {"key", "base_nonce", "exporter_secret", NULL};

static struct bytes info_of(uint8_t room[sizeof(INFO) + OHTTP_HEADER_LEN])
{
    memcpy(room, INFO, sizeof(INFO));
    ohttp_header(world.config.key_id, room + sizeof(INFO));
    return bytes_of(room, sizeof(INFO) + OHTTP_HEADER_LEN);
}

static void derive_encapsulation(const uint8_t enc[HPKE_ENC_LEN], struct derived *ret)
{
    uint8_t info[sizeof(INFO) + OHTTP_HEADER_LEN];

    derived_of_encapsulation(world.key, enc, info_of(info), ret);
}

/* The text that is sealed: made where it is needed, so that it stands nowhere else. */
static void make_text(uint8_t ret[SHA256_LEN])
{
    sha256(bytes_of_text("what nobody else may read"), ret);
}

static void add_text(struct derived *d)
{
    uint8_t text[SHA256_LEN];

    make_text(text);
    derived_add(d, "the text", text, sizeof(text));
    wipe(text, sizeof(text));
}

/* ---- HPKE ---- */

static uint8_t enc_of_others[HPKE_ENC_LEN];

static bool set_up_receiver(void)
{
    uint8_t info[sizeof(INFO) + OHTTP_HEADER_LEN];

    return hpke_setup_receiver(enc_of_others, world.key, info_of(info), &world.hpke);
}

static void a_receiver_has_its_context_and_leaves_nothing_else(void **state)
{
    struct derived d = {.n = 0};
    _cleanup_x25519_ struct x25519_key *other = x25519_generate();
    (void)state;
    x25519_public(other, enc_of_others);
    run_apart(set_up_receiver);
    hpke_wipe(&world.hpke);
    derive_encapsulation(enc_of_others, &d);
    assert_left(&d, CONTEXT);
}

static bool set_up_sender(void)
{
    uint8_t info[sizeof(INFO) + OHTTP_HEADER_LEN];

    return hpke_setup_sender(world.config.public_key, info_of(info), NULL, enc_of_others,
                             &world.hpke);
}

static void a_sender_has_its_context_and_leaves_nothing_else(void **state)
{
    struct derived d = {.n = 0};
    (void)state;
    run_apart(set_up_sender);
    hpke_wipe(&world.hpke);
    derive_encapsulation(enc_of_others, &d);
    assert_left(&d, CONTEXT);
}

/* ---- exchanges, step by step ---- */

static bool seal_request(void)
{
    uint8_t text[SHA256_LEN];
    struct http_message m = {.method = bytes_of_text("POST"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text("store.example"),
                             .path = bytes_of_text("/api/trips"),
                             .content = bytes_of(text, sizeof(text))};

    make_text(text);
    buffer_clear(&world.request);
    bool ok = exchange_seal_request(&world.config, &world.signer, &m, 1800000000, NULL,
                                    &world.program, &world.request);
    wipe(text, sizeof(text));
    return ok;
}

static bool open_request(void)
{
    struct http_message m;
    struct idevs_error err;

    return exchange_open_request(&world.config, world.key, buffer_bytes(&world.request),
                                 &world.gateway, &world.plain, &m, &err);
}

static bool seal_response(void)
{
    uint8_t text[SHA256_LEN];
    struct http_message m = {.status = 200, .content = bytes_of(text, sizeof(text))};

    make_text(text);
    buffer_clear(&world.response);
    bool ok = exchange_seal_response(&world.gateway, &m, &world.response);
    wipe(text, sizeof(text));
    return ok;
}

static bool open_response(void)
{
    struct http_message m;
    struct idevs_error err;

    return exchange_open_response(&world.program, buffer_bytes(&world.response), &world.plain, &m,
                                  &err);
}

static bool open_spoilt_response(void)
{
    world.response.data[world.response.len - 1] ^= 1;
    return !open_response();
}

/* Up to a sealed response; what was opened on the way is wiped. */
static void exchange_so_far(void)
{
    assert_true(seal_request() && open_request() && seal_response());
    buffer_clear(&world.plain);
}

static void exchange_over(void)
{
    exchange_wipe(&world.program);
    exchange_wipe(&world.gateway);
    buffer_clear(&world.plain);
}

static void add_request_nonce(struct derived *d)
{
    uint8_t nonce[32];

    assert_true(hpke_export(&world.program.hpke, bytes_of_text(EXCHANGE_NONCE_LABEL), nonce,
                            sizeof(nonce)));
    derived_add(d, "request_nonce", nonce, sizeof(nonce));
}

static void derive_response(struct derived *ret)
{
    derived_of_response(&world.program.hpke, world.program.enc,
                        bytes_of(world.response.data, OHTTP_NONCE_LEN), ret);
}

static void who_sealed_a_request_has_its_context_and_leaves_nothing_else(void **state)
{
    struct derived d = {.n = 0};
    (void)state;
    run_apart(seal_request);
    derive_encapsulation(world.program.enc, &d);
    add_request_nonce(&d);
    add_text(&d);
    assert_left(&d, CONTEXT);
    exchange_over();
}

static void who_opened_a_request_has_context_and_text_and_leaves_nothing_else(void **state)
{
    static const char *const IN_USE[] = {"key", "base_nonce", "exporter_secret", "the text", NULL};
    struct derived d = {.n = 0};
    (void)state;
    assert_true(seal_request());
    run_apart(open_request);
    derive_encapsulation(world.program.enc, &d);
    add_request_nonce(&d);
    add_text(&d);
    assert_left(&d, IN_USE);
    exchange_over();
}

static void who_sealed_a_response_leaves_nothing(void **state)
{
    struct derived d = {.n = 0};
    (void)state;
    exchange_so_far();
    run_apart(seal_response);
    derive_response(&d);
    add_text(&d);
    assert_nothing_is_left(&d);
    exchange_over();
}

static void who_opened_a_response_has_its_text_and_leaves_nothing_else(void **state)
{
    static const char *const IN_USE[] = {"the text", NULL};
    struct derived d = {.n = 0};
    (void)state;
    exchange_so_far();
    run_apart(open_response);
    derive_response(&d);
    add_text(&d);
    assert_left(&d, IN_USE);
    exchange_over();
}

/* It was decrypted before its tag was found wrong. */
static void a_refused_response_leaves_nothing(void **state)
{
    struct derived d = {.n = 0};
    (void)state;
    exchange_so_far();
    run_apart(open_spoilt_response);
    derive_response(&d);
    add_text(&d);
    assert_nothing_is_left(&d);
    exchange_over();
}

static bool wipe_exchanges(void)
{
    exchange_wipe(&world.program);
    exchange_wipe(&world.gateway);
    return true;
}

static void an_exchange_that_is_over_has_no_context(void **state)
{
    uint8_t enc[HPKE_ENC_LEN];
    struct derived d = {.n = 0};
    (void)state;
    exchange_so_far();
    memcpy(enc, world.program.enc, sizeof(enc));
    run_apart(wipe_exchanges);
    derive_encapsulation(enc, &d);
    assert_nothing_is_left(&d);
}

static bool derive_aead(void)
{
    return ohttp_response_aead(&world.gateway.hpke, world.gateway.enc, world.response.data,
                               &world.aead);
}

static void the_key_of_a_response_leaves_nothing_of_its_derivation(void **state)
{
    static const char *const IN_USE[] = {"response_key", "response_nonce", NULL};
    struct derived d = {.n = 0};
    (void)state;
    exchange_so_far();
    run_apart(derive_aead);
    wipe(&world.aead, sizeof(world.aead));
    derive_response(&d);
    assert_left(&d, IN_USE);
    exchange_over();
}

/* ---- data at rest, log lines ---- */

static const char REST_SECRET[] = "a secret that is none";

static bool seal_for_rest(void)
{
    uint8_t text[SHA256_LEN];

    make_text(text);
    buffer_clear(&world.sealed);
    bool ok = rest_seal(bytes_of_text(REST_SECRET), "label", bytes_of("", 0),
                        bytes_of(text, sizeof(text)), &world.sealed);
    wipe(text, sizeof(text));
    return ok;
}

static bool open_from_rest(void)
{
    return rest_open(bytes_of_text(REST_SECRET), "label", bytes_of("", 0),
                     buffer_bytes(&world.sealed), &world.plain);
}

static void derive_rest(struct derived *ret)
{
    derived_of_rest(bytes_of_text(REST_SECRET), "label", bytes_of(world.sealed.data, 32), ret);
    add_text(ret);
}

static void sealing_for_rest_leaves_nothing(void **state)
{
    struct derived d = {.n = 0};
    (void)state;
    run_apart(seal_for_rest);
    derive_rest(&d);
    assert_nothing_is_left(&d);
}

static void opening_from_rest_has_the_text_and_leaves_nothing_else(void **state)
{
    static const char *const IN_USE[] = {"the text", NULL};
    struct derived d = {.n = 0};
    (void)state;
    assert_true(seal_for_rest());
    run_apart(open_from_rest);
    derive_rest(&d);
    assert_left(&d, IN_USE);
    buffer_clear(&world.plain);
}

#define PROGRAM "free-ride"

static bool seal_line(void)
{
    uint8_t text[SHA256_LEN];

    make_text(text);
    buffer_clear(&world.sealed);
    bool ok =
        log_seal(world.config.public_key, PROGRAM, bytes_of(text, sizeof(text)), &world.sealed);
    wipe(text, sizeof(text));
    return ok;
}

static void a_sealed_line_leaves_nothing(void **state)
{
    struct derived d = {.n = 0};
    (void)state;
    run_apart(seal_line);
    derived_of_encapsulation(world.key, world.sealed.data,
                             bytes_of(LOG_INFO "\0" PROGRAM, sizeof(LOG_INFO) + strlen(PROGRAM)),
                             &d);
    add_text(&d);
    assert_nothing_is_left(&d);
}

/* ---- keys in files ---- */

/* Makes a key, writes its file where only the kernel has it, loads it, signs, and frees it. */
static bool use_a_key_file(void)
{
    uint8_t signature[ES256_LEN];
    struct idevs_error err;
    _cleanup_key_ struct key *made = key_generate();
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));

    if (!key_save(made, &pem) || pwrite(world.file, pem.data, pem.len, 0) != (ssize_t)pem.len)
        return false;
    _cleanup_key_ struct key *loaded = key_load(buffer_bytes(&pem), &err);
    return loaded && key_sign(loaded, bytes_of_text("message"), signature);
}

static void a_key_that_was_freed_leaves_neither_number_nor_text(void **state)
{
    static const uint8_t MARK[] = {0x02, 0x01, 0x01, 0x04, 0x20}; /* RFC 5915 */
    char text[512] = "";
    uint8_t reversed[32];
    struct derived d = {.n = 0};
    _cleanup_buffer_ struct buffer body = buffer_up_to(512);
    _cleanup_buffer_ struct buffer der = buffer_up_to(512);
    (void)state;
    world.file = memfd_create("key", MFD_CLOEXEC);
    run_apart(use_a_key_file);
    assert_true(pread(world.file, text, sizeof(text) - 1, 0) > 0);
    close(world.file);
    const char *first = strchr(text, '\n') + 1;
    const char *second = strchr(first, '\n') + 1;
    for (const char *p = first; *p && *p != '-'; p++)
        if (*p != '\n')
            assert_true(buffer_append_u8(&body, (uint8_t)*p));
    assert_true(base64_decode(buffer_bytes(&body), &der));
    const uint8_t *number = memmem(der.data, der.len, MARK, sizeof(MARK));
    assert_non_null(number);
    number += sizeof(MARK);
    for (size_t i = 0; i < sizeof(reversed); i++)
        reversed[i] = number[sizeof(reversed) - 1 - i];
    derived_add(&d, "the number", number, sizeof(reversed));
    derived_add(&d, "the number as OpenSSL keeps it", reversed, sizeof(reversed));
    derived_add(&d, "the text", second, 24); /* which the number alone makes */
    assert_nothing_is_left(&d);
}

static int prepare(void **state)
{
    (void)state;
    copy.map = mmap(NULL, COPY_LEN, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    random_bytes(world.receiver, sizeof(world.receiver));
    world.key = x25519_from_raw(world.receiver);
    world.config.key_id = 7;
    x25519_public(world.key, world.config.public_key);
    world.signing_key = key_generate();
    world.signer.key = world.signing_key;
    world.request = world.response = world.plain = world.sealed = buffer_up_to(KIB(64));
    return copy.map == MAP_FAILED || sem_init(&operation.over, 0, 0) != 0 ||
           sem_init(&operation.go_on, 0, 0) != 0;
}

static int finish(void **state)
{
    struct buffer *const buffers[] = {&world.request, &world.response, &world.plain, &world.sealed};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(buffers); i++)
        buffer_free(buffers[i]);
    x25519_free(world.key);
    key_free(world.signing_key);
    return munmap(copy.map, COPY_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receiver_has_its_context_and_leaves_nothing_else),
        cmocka_unit_test(a_sender_has_its_context_and_leaves_nothing_else),
        cmocka_unit_test(who_sealed_a_request_has_its_context_and_leaves_nothing_else),
        cmocka_unit_test(who_opened_a_request_has_context_and_text_and_leaves_nothing_else),
        cmocka_unit_test(who_sealed_a_response_leaves_nothing),
        cmocka_unit_test(who_opened_a_response_has_its_text_and_leaves_nothing_else),
        cmocka_unit_test(a_refused_response_leaves_nothing),
        cmocka_unit_test(an_exchange_that_is_over_has_no_context),
        cmocka_unit_test(the_key_of_a_response_leaves_nothing_of_its_derivation),
        cmocka_unit_test(sealing_for_rest_leaves_nothing),
        cmocka_unit_test(opening_from_rest_has_the_text_and_leaves_nothing_else),
        cmocka_unit_test(a_sealed_line_leaves_nothing),
        cmocka_unit_test(a_key_that_was_freed_leaves_neither_number_nor_text),
    };

    return cmocka_run_group_tests(tests, prepare, finish);
}
