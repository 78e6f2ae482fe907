#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/little_endian.h"
#include "compartment/cpio.h"
#include "compartment/filter.h"
#include "compartment/guest/report.h"
#include "compartment/microvm_image.h"
#include "warden/gather.h"
#include "warden/guest.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CODE "compartment.missing"

struct making {
    const struct guest_options *options;
    struct gather to;
};

/* ---- the kernel: its file is a loader with the ELF file compressed inside ---- */

/* Of Documentation/x86/boot.rst: sectors of the loader's first part, magic "HdrS", where the
 * payload begins after that part, and its length. The last four bytes are not the compressor's. */
enum { AT_SECTORS = 0x1f1, AT_MAGIC = 0x202, AT_PAYLOAD = 0x248, HEAD = 0x250, TAIL = 4 };

static bool find_payload(struct bytes file, struct bytes *ret)
{
    if (file.len < HEAD || memcmp(file.data + AT_MAGIC, "HdrS", 4) != 0)
        return false;
    uint64_t sectors = file.data[AT_SECTORS] ? file.data[AT_SECTORS] : 4;
    uint64_t from = (sectors + 1) * 512 + le32(file.data + AT_PAYLOAD);
    uint64_t len = le32(file.data + AT_PAYLOAD + 4);

    if (len <= TAIL || from > file.len || len > file.len - from)
        return false;
    *ret = bytes_of(file.data + from, len - TAIL);
    return true;
}

static const char *unpacker_of(struct bytes payload)
{
    static const struct {
        struct bytes magic;
        const char *program;
    } KINDS[] = {
        {{(const uint8_t *)"\x02\x21\x4c\x18", 4}, "lz4"},
        {{(const uint8_t *)"\xfd"
                           "7zXZ",
          5},
         "xz"},
        {{(const uint8_t *)"\x28\xb5\x2f\xfd", 4}, "zstd"},
        {{(const uint8_t *)"\x1f\x8b", 2}, "gzip"},
    };

    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++)
        if (payload.len > KINDS[i].magic.len &&
            memcmp(payload.data, KINDS[i].magic.data, KINDS[i].magic.len) == 0)
            return KINDS[i].program;
    return NULL;
}

/* Programs that unpack read a file: one in the folder, for so long. */
static bool unpack(struct making *m, struct bytes packed, const char *program, struct buffer *b)
{
    _cleanup_text_ char *path = alloc_format("%s/packed", m->to.folder);
    const char *argv[] = {program, "-dc", path, NULL};
    bool ok = file_write(path, packed, 0600, m->to.err) && gather_output(&m->to, argv, b);

    unlink(path);
    return ok;
}

static bool put_kernel(struct making *m)
{
    _cleanup_text_ char *path = alloc_format("%s/" IMAGE_KERNEL, m->to.root);
    _cleanup_buffer_ struct buffer file = buffer_up_to(LIMIT_GUEST_FILE);
    _cleanup_buffer_ struct buffer kernel = buffer_up_to(LIMIT_GUEST_FILE);
    struct bytes payload;

    if (!file_read(m->options->kernel, &file, m->to.err))
        return false;
    const char *unpacker =
        find_payload(buffer_bytes(&file), &payload) ? unpacker_of(payload) : NULL;
    if (!unpacker)
        return refuse_expecting(m->to.err, CODE, "a kernel of Debian's package (vmlinuz)", "%s",
                                m->options->kernel);
    if (!unpack(m, payload, unpacker, &kernel))
        return false;
    if (kernel.len < 4 || memcmp(kernel.data, "\177ELF", 4) != 0)
        return refuse(m->to.err, CODE, "%s unpacks to no ELF file", m->options->kernel);
    return file_write(path, buffer_bytes(&kernel), 0644, m->to.err);
}

/* ---- the first file system, but for the program ---- */

static bool add_file(struct making *m, struct buffer *b, const char *name, mode_t mode,
                     struct bytes content)
{
    return cpio_add(b, name, S_IFREG | mode, content) ||
           refuse(m->to.err, CODE, "%s is too large", name);
}

static bool add_init(struct making *m, struct buffer *b)
{
    _cleanup_buffer_ struct buffer init = buffer_up_to(LIMIT_EXECUTABLE);

    return file_read(m->options->init, &init, m->to.err) &&
           add_file(m, b, GUEST_INIT, 0700, buffer_bytes(&init));
}

static bool add_filter(struct making *m, struct buffer *b)
{
    _cleanup_buffer_ struct buffer filter = buffer_up_to(LIMIT_FILTER);

    return filter_build(COMPARTMENT_RUN, &filter, m->to.err) &&
           add_file(m, b, GUEST_FILTER, 0600, buffer_bytes(&filter));
}

/* PREFIX/lib/modules/VERSION/kernel of PREFIX/boot/vmlinuz-VERSION; NULL for another name. */
static char *modules_of(const char *kernel)
{
    const char *at = strstr(kernel, "/boot/vmlinuz-");

    if (!at)
        return NULL;
    return alloc_format("%.*s/lib/modules/%s/kernel", (int)(at - kernel), kernel,
                        at + strlen("/boot/vmlinuz-"));
}

static bool read_module(struct making *m, const char *path, struct buffer *b)
{
    _cleanup_text_ char *packed = alloc_format("%s.xz", path);
    const char *argv[] = {"xz", "-dc", packed, NULL};

    if (access(path, F_OK) < 0 && access(packed, F_OK) == 0)
        return gather_output(&m->to, argv, b);
    return file_read(path, b, m->to.err);
}

/* Each after those that it needs. */
static bool add_modules(struct making *m, struct buffer *b)
{
    static const char *const MODULES[] = {
        "drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio.ko",
        "drivers/virtio/virtio_mmio.ko", "drivers/char/virtio_console.ko"};
    _cleanup_text_ char *folder = modules_of(m->options->kernel);

    if (!folder)
        return refuse_expecting(m->to.err, CODE, "a kernel called …/boot/vmlinuz-VERSION", "%s",
                                m->options->kernel);
    for (unsigned i = 0; i < ARRAY_LEN(MODULES); i++) {
        char name[32];
        _cleanup_text_ char *path = alloc_format("%s/%s", folder, MODULES[i]);
        _cleanup_buffer_ struct buffer module = buffer_up_to(LIMIT_GUEST_FILE);
        snprintf(name, sizeof(name), GUEST_MODULE, i);
        if (!read_module(m, path, &module) || !add_file(m, b, name, 0600, buffer_bytes(&module)))
            return false;
    }
    return true;
}

static bool put_base(struct making *m)
{
    _cleanup_text_ char *path = alloc_format("%s/" IMAGE_BASE, m->to.folder);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_GUEST_FILE);

    return add_init(m, &b) && add_filter(m, &b) &&
           (cpio_add(&b, "modules", S_IFDIR | 0700, bytes_of(NULL, 0)) ||
            refuse(m->to.err, CODE, "no room")) &&
           add_modules(m, &b) && file_write(path, buffer_bytes(&b), 0600, m->to.err);
}

/* ---- what QEMU sees ---- */

static bool put_monitor(struct making *m)
{
    /* The firmware of this machine, and what it loads a kernel with. */
    static const char *const FIRMWARE[] = {"bios-microvm.bin", "pvh.bin"};

    _cleanup_text_ char *tcg = alloc_format("usr/lib/%s/qemu/accel-tcg-x86_64.so", m->to.triple);
    _cleanup_text_ char *from_tcg = alloc_format("/%s", tcg);

    if (!gather_program(&m->to, m->options->qemu, IMAGE_MONITOR))
        return false;
    /* Where TCG is a plug-in. */
    if (access(from_tcg, F_OK) == 0 && !gather_program(&m->to, from_tcg, tcg))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(FIRMWARE); i++) {
        _cleanup_text_ char *to = alloc_format("usr/share/qemu/%s", FIRMWARE[i]);
        _cleanup_text_ char *from = alloc_format("/%s", to);
        if (!gather_file(&m->to, from, to))
            return false;
    }
    return true;
}

/* A device of its own: the host's is for a group of the host. Everybody may open it, so nobody but
 * root gets into the folder. Whether guests boot with it is found out by the warden. */
static bool put_devices(struct making *m)
{
    _cleanup_text_ char *folder = alloc_format("%s/dev", m->to.root);
    _cleanup_text_ char *path = alloc_format("%s/" IMAGE_KVM, m->to.root);
    struct stat st;

    if (!folder_make(folder, 0755, m->to.err))
        return false;
    if (stat("/dev/kvm", &st) < 0 || !S_ISCHR(st.st_mode) || geteuid() != 0)
        return true;
    return (mknod(path, S_IFCHR | 0600, st.st_rdev) == 0 && chmod(path, 0666) == 0) ||
           refuse_errno(m->to.err, "file.unwritable", path);
}

static bool make(struct making *m)
{
    free_text(&m->to.root);
    m->to.root = alloc_format("%s/" IMAGE_ROOT, m->to.folder);
    m->to.triple = alloc_text("x86_64-linux-gnu");
    return folder_make(m->to.folder, 0700, m->to.err) && gather_folders(&m->to) && put_kernel(m) &&
           put_base(m) && put_monitor(m) && put_devices(m);
}

bool guest_make(const struct guest_options *options, struct idevs_error *ret_err)
{
    struct making m = {.options = options};

    if (!gather_begin(&m.to, options->out, CODE, ret_err))
        return false;
    return gather_end(&m.to, make(&m));
}
