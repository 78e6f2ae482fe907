/* What is the back end microvm's alone; conformance.c holds it to what all promise. As root, with a
 * guest's folder in IDEVS_GUEST and inside_guest.c in argv[1]. */
#include "compartment/microvm.h"
#include "../test.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "compartment/setup.h"
#include "crypto/digest.h"
#include "guest_facts.h"
#include "stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GUEST_UID 1234567
#define SKIPPED   77

static const struct compartment_back_end *const back_end = &COMPARTMENT_MICROVM;
static int inside = -1; /* sealed executable */

struct guest {
    struct compartment *c;
    int channel;
    int attester;
};

static void begin(struct guest *g, uint64_t memory, uid_t uid)
{
    int channel[2];
    int attester[2];
    struct idevs_error err;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester), 0);
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_RUN,
        .uid = uid,
        .memory = memory,
        .processes = 1,
        .executable = inside,
        .channel = channel[1],
        .attester = attester[1],
    };
    if (!back_end->start(&spec, &g->c, &err))
        fail_msg("%s: %s", err.code, err.found);
    close(channel[1]);
    close(attester[1]);
    g->channel = channel[0];
    g->attester = attester[0];
}

static void end(struct guest *g)
{
    back_end->destroy(g->c);
    close(g->channel);
    close(g->attester);
}

static struct guest_facts ask(const struct guest *g)
{
    struct guest_facts facts;

    assert_int_equal(write(g->channel, "?", 1), 1);
    assert_true(fd_read_exactly(g->channel, &facts, sizeof(facts)));
    return facts;
}

static int64_t host_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * (int64_t)NS_PER_SECOND + t.tv_nsec;
}

/* ---- clocks and random numbers ---- */

/* A whole second of the clock that tells the date, and what a busy host adds. */
static void a_guests_clock_is_right_and_goes_as_fast_as_the_hosts(void **state)
{
    struct guest g;

    (void)state;
    begin(&g, MIB(16), GUEST_UID);
    ask(&g); /* it is up */
    int64_t from = host_ns(CLOCK_MONOTONIC);
    struct guest_facts first = ask(&g);
    int64_t off = (first.real_ns - host_ns(CLOCK_REALTIME)) / (int64_t)NS_PER_SECOND;
    usleep(1000000);
    struct guest_facts last = ask(&g);
    int64_t passed = host_ns(CLOCK_MONOTONIC) - from;
    int64_t in_guest = last.monotonic_ns - first.monotonic_ns;
    printf("off by %lld s; in %lld ms of the host %lld ms passed\n", (long long)off,
           (long long)passed / 1000000, (long long)in_guest / 1000000);
    assert_in_range(off + LIMIT_CLOCK_SKEW, 0, 2 * LIMIT_CLOCK_SKEW);
    assert_in_range(in_guest, 1000000000 * 99LL / 100, passed);
    assert_in_range(last.real_ns - first.real_ns, in_guest - 10000000, in_guest + 10000000);
    end(&g);
}

static void no_two_guests_draw_the_same_random_numbers(void **state)
{
    struct guest one;
    struct guest other;

    (void)state;
    begin(&one, MIB(16), GUEST_UID);
    begin(&other, MIB(16), GUEST_UID + 1);
    struct guest_facts a = ask(&one);
    struct guest_facts b = ask(&other);
    assert_memory_not_equal(a.random, b.random, sizeof(a.random));
    end(&one);
    end(&other);
}

static void the_program_is_not_root_of_its_guest(void **state)
{
    struct guest g;

    (void)state;
    begin(&g, MIB(16), GUEST_UID);
    struct guest_facts facts = ask(&g);
    assert_int_equal(facts.uid, SETUP_UID);
    assert_int_equal(facts.gid, SETUP_UID);
    end(&g);
}

/* Root of the host reads a guest's memory in QEMU's. */
static void where_secret_memory_is_required_nothing_starts(void **state)
{
    const struct compartment_spec spec = {.profile = COMPARTMENT_RUN,
                                          .uid = GUEST_UID,
                                          .memory = MIB(16),
                                          .processes = 1,
                                          .executable = inside,
                                          .secrecy = SECRECY_REQUIRED};
    struct compartment *c;
    struct idevs_error err;

    (void)state;
    assert_false(back_end->start(&spec, &c, &err));
    assert_refused(&err, "compartment.secret-memory");
}

/* ---- what is measured ---- */

static const struct eat_component *component(const struct eat_measured *m, const char *name)
{
    for (size_t i = 0; i < m->n_components; i++)
        if (strcmp(m->components[i].name, name) == 0)
            return &m->components[i];
    fail_msg("nothing is called %s", name);
    return NULL;
}

static void measure_one(uint64_t memory, struct eat_measured *ret)
{
    struct guest g;

    *ret = (struct eat_measured){.n_components = 0};
    begin(&g, memory, GUEST_UID);
    assert_true(back_end->measure(g.c, ret));
    end(&g);
}

static void the_same_program_with_the_same_memory_measures_the_same(void **state)
{
    static const char *const NAMES[] = {"kernel", "initramfs", "command line", "monitor"};
    struct eat_measured a;
    struct eat_measured b;
    struct eat_measured larger;

    (void)state;
    measure_one(MIB(16), &a);
    measure_one(MIB(16), &b);
    measure_one(MIB(17), &larger);
    assert_memory_equal(&a, &b, sizeof(a));
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        assert_true(component(&a, NAMES[i])->digest.present);
    assert_non_null(strstr(component(&a, "kernel")->text, "Linux version "));
    assert_non_null(strstr(component(&larger, "command line")->text, "idevs_memory=17825792"));
    assert_memory_not_equal(component(&a, "command line")->digest.sha256,
                            component(&larger, "command line")->digest.sha256, SHA256_LEN);
    assert_memory_equal(component(&a, "initramfs")->digest.sha256,
                        component(&larger, "initramfs")->digest.sha256, SHA256_LEN);
}

/* One byte more is another program. */
static void another_program_is_another_initramfs(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct eat_measured a;
    struct eat_measured changed;
    int as_it_is = inside;

    (void)state;
    measure_one(MIB(16), &a);
    assert_int_equal(lseek(inside, 0, SEEK_SET), 0);
    assert_true(fd_read_to_end(inside, &b) && buffer_append_u8(&b, 0));
    inside = memfd_sealed("changed", buffer_bytes(&b));
    measure_one(MIB(16), &changed);
    close(inside);
    inside = as_it_is;
    assert_memory_not_equal(component(&a, "initramfs")->digest.sha256,
                            component(&changed, "initramfs")->digest.sha256, SHA256_LEN);
}

/* ---- the monitor ---- */

static pid_t process_of(uid_t uid)
{
    pid_t pid = 0;

    assert_int_equal(processes_of(uid, &pid), 1);
    return pid;
}

static void read_status(pid_t pid, char *ret, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    ret[fread(ret, 1, size - 1, file)] = 0;
    fclose(file);
}

static bool is_in_another_network(pid_t pid)
{
    char path[64];
    struct stat ours;
    struct stat its;

    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    assert_int_equal(stat(path, &its), 0);
    assert_int_equal(stat("/proc/self/ns/net", &ours), 0);
    return its.st_ino != ours.st_ino;
}

static void the_monitor_has_no_rights_no_network_and_nothing_of_the_host(void **state)
{
    static const char *const LINES[] = {"CapEff:\t0000000000000000", "CapPrm:\t0000000000000000",
                                        "CapBnd:\t0000000000000000", "NoNewPrivs:\t1",
                                        "Seccomp:\t2"};
    char status[4096];
    char path[64];
    struct guest g;

    (void)state;
    begin(&g, MIB(16), GUEST_UID);
    ask(&g);
    pid_t pid = process_of(GUEST_UID);
    read_status(pid, status, sizeof(status));
    for (size_t i = 0; i < ARRAY_LEN(LINES); i++)
        if (!strstr(status, LINES[i]))
            fail_msg("%s is not in %s", LINES[i], status);
    assert_true(is_in_another_network(pid));
    snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(faccessat(root, "kernel", F_OK, 0), 0);
    assert_int_equal(faccessat(root, "etc", F_OK, 0), -1);
    close(root);
    end(&g);
}

/* ---- folders of guests ---- */

static void a_folder_that_is_not_whole_is_a_gap_with_its_remedy(void **state)
{
    struct compartment_gaps gaps = {.n = 0};

    (void)state;
    microvm_use("/nonexistent");
    back_end->probe(&gaps);
    microvm_use(getenv("IDEVS_GUEST"));
    assert_int_equal(gaps.n, 3);
    assert_refused(&gaps.at[0], "compartment.missing");
    assert_non_null(strstr(gaps.at[0].remedy, "idevs-warden guest"));
}

/* The kernel boots, and there is nothing for it to start. */
static void a_guest_that_does_not_boot_is_refused_before_any_program(void **state)
{
    char folder[] = "/tmp/idevs-guest-XXXXXX";
    struct idevs_error err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    _cleanup_text_ char *root = alloc_format("%s/root", folder);
    _cleanup_text_ char *base = alloc_format("%s/initramfs.base", folder);
    _cleanup_text_ char *target = alloc_format("%s/root", getenv("IDEVS_GUEST"));
    assert_int_equal(symlink(target, root), 0);
    assert_true(file_write(base, bytes_of_text("nothing "), 0600, &err));
    back_end->close();
    microvm_use(folder);
    assert_false(back_end->open(&err));
    assert_refused(&err, "compartment.unavailable");
    assert_non_null(strstr(err.found, "a guest that does not boot with TCG"));
    microvm_use(getenv("IDEVS_GUEST"));
    unlink(root);
    unlink(base);
    rmdir(folder);
}

static bool prepare(const char *path)
{
    struct compartment_gaps gaps = {.n = 0};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct idevs_error err;

    microvm_use(getenv("IDEVS_GUEST"));
    back_end->probe(&gaps);
    for (size_t i = 0; i < gaps.n; i++)
        printf("skipped: %s: %s\n", gaps.at[i].found, gaps.at[i].remedy);
    if (gaps.n > 0)
        return false;
    if (!back_end->open(&err) || !file_read(path, &b, &err)) {
        printf("%s: %s\n", err.code, err.found);
        exit(1); /* what probe() called usable */
    }
    inside = memfd_sealed("inside", buffer_bytes(&b));
    return inside >= 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guests_clock_is_right_and_goes_as_fast_as_the_hosts),
        cmocka_unit_test(no_two_guests_draw_the_same_random_numbers),
        cmocka_unit_test(the_program_is_not_root_of_its_guest),
        cmocka_unit_test(where_secret_memory_is_required_nothing_starts),
        cmocka_unit_test(the_same_program_with_the_same_memory_measures_the_same),
        cmocka_unit_test(another_program_is_another_initramfs),
        cmocka_unit_test(the_monitor_has_no_rights_no_network_and_nothing_of_the_host),
        cmocka_unit_test(a_folder_that_is_not_whole_is_a_gap_with_its_remedy),
        cmocka_unit_test(a_guest_that_does_not_boot_is_refused_before_any_program),
    };

    if (argc < 2 || !prepare(argv[1]))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
