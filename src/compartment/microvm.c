#include "compartment/microvm.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "compartment/executable.h"
#include "compartment/guest/report.h"
#include "compartment/microvm_monitor.h"
#include "compartment/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct compartment {
    struct monitor monitor;
    const char *killed_for; /* code of kill(), or NULL */
    bool collected;
};

/* What was found out once; `kvm` is what guests were seen to boot with. */
static struct {
    const char *folder;
    bool open;
    struct image image;
    bool kvm;
} host;

void microvm_use(const char *folder)
{
    host.folder = folder;
}

/* ---- probe, open, close ---- */

static bool is_there(const char *name)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", host.folder, name);

    return access(path, R_OK) == 0;
}

static void microvm_probe(struct compartment_gaps *ret)
{
    static const char *const PARTS[] = {IMAGE_ROOT "/" IMAGE_KERNEL, IMAGE_ROOT "/" IMAGE_MONITOR,
                                        IMAGE_BASE};
    static const char HOW[] = "Install qemu-system-x86 and a kernel package "
                              "(linux-image-cloud-amd64), run `idevs-warden guest --out FOLDER`, "
                              "and name the folder as `guest` in the configuration.";

    COMPARTMENT_PROCESS.probe(ret);
    if (!host.folder) {
        compartment_lacks(ret, "a folder with what guests are made of", HOW, "none is configured");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(PARTS); i++)
        if (!is_there(PARTS[i]))
            compartment_lacks(ret, "a whole folder of a guest", HOW, "%s is not in %s", PARTS[i],
                              host.folder);
}

/* KVM is believed when a guest boots with it: there are hosts on which it is there and does not. */
static bool choose_accelerator(struct idevs_error *ret_err)
{
    host.kvm = is_there(IMAGE_ROOT "/" IMAGE_KVM) &&
               monitor_try(&host.image, true, LIMIT_GUEST_KVM_BOOT_MS, ret_err);
    return host.kvm || monitor_try(&host.image, false, LIMIT_GUEST_TCG_BOOT_MS, ret_err);
}

static void microvm_close(void)
{
    image_close(&host.image);
    host.open = false;
}

static bool microvm_open(struct idevs_error *ret_err)
{
    if (host.open)
        return true;
    if (!host.folder)
        return refuse(ret_err, "compartment.unavailable", "no folder of a guest");
    host.open = COMPARTMENT_PROCESS.open(ret_err) &&
                image_open(host.folder, &host.image, ret_err) && choose_accelerator(ret_err);
    if (!host.open)
        microvm_close();
    return host.open;
}

static void microvm_describe(char *ret, size_t size)
{
    snprintf(ret, size, "QEMU microvm with %s, %s",
             host.kvm ? "KVM" : "TCG, which interprets and isolates less", host.image.kernel.text);
}

/* ---- start ---- */

static bool microvm_start(const struct compartment_spec *spec, struct compartment **ret,
                          struct idevs_error *ret_err)
{
    const struct monitor_spec monitor = {
        .image = &host.image,
        .kvm = host.kvm,
        .uid = spec->uid,
        .memory = spec->memory,
        .executable = spec->executable,
        .channel = spec->channel,
        .attester = spec->attester,
    };

    if (!host.open || spec->profile != COMPARTMENT_RUN)
        return refuse(ret_err, "compartment.unavailable",
                      "a back end that was not opened, or something other than a program");
    if (spec->memory < LIMIT_MEMORY_FLOOR)
        return refuse(ret_err, "compartment.unavailable", "limits that nothing can run in");
    if (spec->secrecy == SECRECY_REQUIRED)
        return refuse(ret_err, "compartment.secret-memory", "a guest, whose memory root can read");
    if (!memory_check(spec->memory + LIMIT_GUEST_KERNEL + LIMIT_MONITOR_MEMORY, ret_err) ||
        !executable_check(spec->executable, ret_err))
        return false;
    struct compartment *c = alloc_zero(1, sizeof(*c));
    if (!monitor_start(&monitor, &c->monitor, ret_err)) {
        free(c);
        return false;
    }
    *ret = c;
    return true;
}

/* ---- watch, measure, end ---- */

static int microvm_watch(const struct compartment *c)
{
    return COMPARTMENT_PROCESS.watch(c->monitor.process);
}

static uint64_t microvm_cpu_time(const struct compartment *c)
{
    return COMPARTMENT_PROCESS.cpu_time(c->monitor.process);
}

static bool microvm_measure(const struct compartment *c, struct eat_measured *ret)
{
    struct eat_component monitor = host.image.monitor;
    const struct eat_component *const components[] = {&host.image.kernel, &c->monitor.initramfs,
                                                      &c->monitor.command_line, &monitor};

    if (c->collected)
        return false;
    snprintf(monitor.text, sizeof(monitor.text), "%s",
             host.kvm ? "QEMU microvm with KVM"
                      : "QEMU microvm, interpreted by TCG: isolates less than KVM");
    for (size_t i = 0; i < ARRAY_LEN(components); i++) {
        struct eat_component *to = eat_add_component(ret, components[i]->name);
        if (!to)
            return false;
        *to = *components[i];
    }
    return true;
}

static void microvm_kill(struct compartment *c, const char *code)
{
    if (!c->collected && !c->killed_for)
        c->killed_for = code;
    COMPARTMENT_PROCESS.kill(c->monitor.process, code);
}

static void microvm_destroy(struct compartment *c)
{
    if (!c)
        return;
    monitor_destroy(&c->monitor);
    free(c);
}

/* The number of the report's first line "word N". A guest that was taken over can write any: it
 * lies about its own program. */
static bool reported(struct bytes report, const char *word, unsigned *ret)
{
    const char *text = (const char *)report.data;
    size_t n = strlen(word);

    for (const char *line = report.len ? text : NULL; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, n) != 0 || line[n] != ' ')
            continue;
        *ret = (unsigned)strtoul(line + n, NULL, 10) % GUEST_NUMBERS;
        return true;
    }
    return false;
}

/* False: it said nothing of how its program ended. */
static bool ended_as_reported(struct bytes report, struct compartment_end *ret)
{
    unsigned number;

    if (reported(report, GUEST_EXITED, &number))
        *ret = process_end_of(true, (int)number);
    else if (reported(report, GUEST_SIGNALLED, &number))
        *ret = process_end_of(false, (int)number);
    else if (reported(report, GUEST_MEMORY, &number))
        *ret = (struct compartment_end){"compartment.limit", "memory"};
    else
        return false;
    return true;
}

/* The first line that says it all: what could not be done, or what QEMU printed. */
static void lost(const struct compartment *c, struct bytes report, struct compartment_end *ret)
{
    char words[96];
    unsigned number;
    bool failed = reported(report, GUEST_FAILED, &number);

    monitor_last_words(&c->monitor, words, sizeof(words));
    ret->code = "compartment.lost";
    if (failed)
        snprintf(ret->detail, sizeof(ret->detail), "its start in the guest: %s",
                 strerror((int)number));
    else
        snprintf(ret->detail, sizeof(ret->detail), "the guest ended without a word%s%s",
                 *words ? ": " : "", words);
}

static bool microvm_wait(struct compartment *c, struct compartment_end *ret)
{
    _cleanup_buffer_ struct buffer report = buffer_up_to(LIMIT_GUEST_REPORT);
    struct compartment_end end;

    if (!COMPARTMENT_PROCESS.wait(c->monitor.process, &end))
        return false;
    c->collected = true;
    monitor_report(&c->monitor, &report);
    if (!ended_as_reported(buffer_bytes(&report), &end) && !c->killed_for)
        lost(c, buffer_bytes(&report), &end);
    *ret = end;
    return true;
}

const struct compartment_back_end COMPARTMENT_MICROVM = {
    .name = "microvm",
    .isolates = true,
    .compiles = false,
    .protects_from = "other programs and users of the host, the launcher and the network; the host "
                     "and other programs are protected from the program by a second kernel and a "
                     "virtual machine",
    .exposed_to = "root of the host that runs the warden, its kernel and QEMU; whoever holds the "
                  "platform key",
    .build_flags = PROCESS_BUILD_FLAGS,
    .probe = microvm_probe,
    .open = microvm_open,
    .close = microvm_close,
    .describe = microvm_describe,
    .start = microvm_start,
    .watch = microvm_watch,
    .measure = microvm_measure,
    .cpu_time = microvm_cpu_time,
    .kill = microvm_kill,
    .wait = microvm_wait,
    .destroy = microvm_destroy,
};
