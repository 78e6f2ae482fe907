#include "compartment/microvm_monitor.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "compartment/guest/report.h"
#include "compartment/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define INITRAMFS "initramfs" /* in the folder in which it is started */
#define TRIAL_UID 65534       /* nobody's; nothing else runs while it is tried */

/* ---- the machine, as arguments ---- */

/* Random numbers, what cryptography is fast with, and what keeps the guest's kernel from its
 * program's pages. More of it makes booting slower: the kernel has a variant of itself for each. */
#define TCG_CPU "qemu64,+rdrand,+aes,+pclmulqdq,+ssse3,+sse4.1,+sse4.2,+smep,+smap,+umip"

/* On descriptors that setup.c puts there. As pipes, which are read to their end: of a socket that
 * its other side has closed QEMU reads no more, whatever is still in it. */
#define PORT(number, fd)                                                                           \
    "-add-fd", "set=" number ",fd=" fd, "-chardev",                                                \
        "pipe,id=port" number ",path=/dev/fdset/" number, "-device",                               \
        "virtserialport,chardev=port" number ",nr=" number

/* The ports of guest/report.h. No clock but the processor's own and the one that tells the date; no
 * other devices. Writes to the ports are carried out before the guest goes on (ioeventfd=off), so
 * that its last words are out before it ends. */
static bool start_process(const struct monitor_spec *spec, const char *command_line, uint64_t ram,
                          const struct compartment_spec *process, struct compartment **ret,
                          struct idevs_error *ret_err)
{
    char memory[32];
    const char *const argv[] = {
        "/" IMAGE_MONITOR,
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "-display",
        "none",
        "-L",
        "/usr/share/qemu",
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-M",
        "microvm,pic=off,pit=off,rtc=on,isa-serial=off,auto-kernel-cmdline=off",
        "-accel",
        spec->kvm ? "kvm" : "tcg,tb-size=32",
        "-cpu",
        spec->kvm ? "host" : TCG_CPU,
        "-smp",
        "1",
        "-m",
        memory,
        "-kernel",
        "/" IMAGE_KERNEL,
        "-initrd",
        INITRAMFS,
        "-append",
        command_line,
        "-global",
        "virtio-mmio.ioeventfd=off",
        "-device",
        "virtio-serial-device,max_ports=4",
        PORT("1", "3"),
        PORT("2", "4"),
        PORT("3", "5"),
        NULL,
    };
    static const char *const no_env[] = {NULL};
    struct compartment_spec with = *process;

    snprintf(memory, sizeof(memory), "%" PRIu64 "M", ram);
    with.argv = argv;
    with.envp = no_env;
    return COMPARTMENT_PROCESS.start(&with, ret, ret_err);
}

/* ---- starting ---- */

/* A folder that dies with its descriptor and QEMU's mount of it. */
static int work_with(struct bytes initramfs)
{
    int work = compartment_work(initramfs.len + 4 * (size_t)getpagesize());

    if (work < 0)
        return -1;
    _cleanup_fd_ int fd = openat(work, INITRAMFS, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd >= 0 && fd_write_all(fd, initramfs.data, initramfs.len) && fchmod(fd, 0444) == 0)
        return work;
    close(work);
    return -1;
}

/* Mebibytes. */
static uint64_t ram_for(uint64_t memory, size_t initramfs)
{
    uint64_t all = memory + LIMIT_GUEST_KERNEL + 2 * (uint64_t)initramfs; /* packed and unpacked */

    return (all + (1 << 20) - 1) >> 20;
}

static bool start_with(const struct monitor_spec *spec, struct bytes initramfs, struct monitor *m,
                       int report, struct idevs_error *ret_err)
{
    char command_line[LIMIT_EAT_TEXT];
    uint64_t ram = ram_for(spec->memory, initramfs.len);
    _cleanup_fd_ int work = work_with(initramfs);
    _cleanup_fd_ int root = open(spec->image->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (work < 0 || root < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "folders of the guest");
    image_command_line(spec->image, spec->kvm, spec->memory, command_line);
    component_of("initramfs", "what starts the program, and the program", initramfs, &m->initramfs);
    component_of("command line", command_line, bytes_of_text(command_line), &m->command_line);
    const struct compartment_spec process = {
        .profile = COMPARTMENT_MONITOR,
        .uid = spec->uid,
        .memory = (ram << 20) + LIMIT_MONITOR_MEMORY,
        .processes = LIMIT_MONITOR_THREADS,
        .executable = -1,
        .channel = spec->channel,
        .attester = spec->attester,
        .report = report,
        .root = root,
        .work = work,
        .output = m->output,
    };
    return start_process(spec, command_line, ram, &process, &m->process, ret_err);
}

bool monitor_start(const struct monitor_spec *spec, struct monitor *ret,
                   struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer initramfs = buffer_up_to(LIMIT_GUEST_FILE + LIMIT_EXECUTABLE);
    struct monitor m = {.report = -1, .output = -1};
    int report[2] = {-1, -1};

    if (!image_initramfs(spec->image, spec->executable, &initramfs, ret_err))
        return false;
    m.output = memfd_create("output", MFD_CLOEXEC);
    bool ok = m.output >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) == 0;
    m.report = report[0];
    if (!ok)
        refuse_errno(ret_err, "compartment.unavailable", "descriptors");
    ok = ok && start_with(spec, buffer_bytes(&initramfs), &m, report[1], ret_err);
    fd_close(&report[1]);
    if (!ok) {
        monitor_destroy(&m);
        return false;
    }
    *ret = m;
    return true;
}

void monitor_destroy(struct monitor *m)
{
    COMPARTMENT_PROCESS.destroy(m->process);
    m->process = NULL;
    fd_close(&m->report);
    fd_close(&m->output);
}

/* ---- what is heard of it ---- */

void monitor_report(const struct monitor *m, struct buffer *b)
{
    char text[GUEST_LINE];
    ssize_t n;

    while ((n = recv(m->report, text, sizeof(text), MSG_DONTWAIT)) > 0)
        if (!buffer_append(b, text, (size_t)n))
            break;
}

/* QEMU's words can carry a guest's: only printable ones are passed on. */
void monitor_last_words(const struct monitor *m, char *ret, size_t size)
{
    char text[512];
    off_t end = lseek(m->output, 0, SEEK_END);
    off_t from = end > (off_t)sizeof(text) - 1 ? end - ((off_t)sizeof(text) - 1) : 0;
    ssize_t n = pread(m->output, text, sizeof(text) - 1, from);

    n = n < 0 ? 0 : n;
    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n] = 0;
    const char *line = strrchr(text, '\n');
    snprintf(ret, size, "%s", line ? line + 1 : text);
    for (char *p = ret; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

/* ---- whether guests boot ---- */

/* Without a program the guest's first process fails at opening it, and all before that worked. */
static bool got_far_enough(struct bytes report)
{
    static const char expected[] = GUEST_FAILED " 2 program\n";

    return bytes_equal_text(report, expected);
}

static bool await_try(const struct monitor *m, unsigned patience_ms, struct buffer *report)
{
    uint64_t until = clock_monotonic_ns() + (uint64_t)patience_ms * 1000000;
    struct pollfd at[] = {{.fd = m->report, .events = POLLIN},
                          {.fd = COMPARTMENT_PROCESS.watch(m->process), .events = POLLIN}};

    while (!got_far_enough(buffer_bytes(report)) && !at[1].revents) {
        uint64_t now = clock_monotonic_ns();
        if (now >= until || poll(at, 2, (int)((until - now) / 1000000) + 1) < 0)
            break;
        monitor_report(m, report);
    }
    monitor_report(m, report);
    return got_far_enough(buffer_bytes(report));
}

bool monitor_try(const struct image *image, bool kvm, unsigned patience_ms,
                 struct idevs_error *ret_err)
{
    const char *accelerator = kvm ? "KVM" : "TCG";
    char words[96];
    int stream[2];
    struct monitor m;
    _cleanup_buffer_ struct buffer report = buffer_up_to(LIMIT_GUEST_REPORT);

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "descriptors");
    const struct monitor_spec spec = {
        .image = image,
        .kvm = kvm,
        .uid = TRIAL_UID,
        .memory = LIMIT_MEMORY_FLOOR,
        .executable = -1,
        .channel = stream[0],
        .attester = stream[1],
    };
    bool ok = monitor_start(&spec, &m, ret_err);
    close(stream[0]);
    close(stream[1]);
    if (!ok)
        return false;
    ok = await_try(&m, patience_ms, &report);
    monitor_last_words(&m, words, sizeof(words));
    if (!ok)
        refuse(ret_err, "compartment.unavailable", "a guest that does not boot with %s: %.*s%s",
               accelerator, (int)report.len, (const char *)report.data, words);
    monitor_destroy(&m);
    return ok;
}
