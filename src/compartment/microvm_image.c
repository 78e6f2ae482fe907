#include "compartment/microvm_image.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "compartment/cpio.h"
#include "compartment/guest/report.h"
#include "compartment/tsc.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void component_of(const char *name, const char *text, struct bytes content,
                  struct eat_component *ret)
{
    *ret = (struct eat_component){.digest = {.present = true}};
    snprintf(ret->name, sizeof(ret->name), "%s", name);
    snprintf(ret->text, sizeof(ret->text), "%s", text);
    sha256(content, ret->digest.sha256);
}

/* ---- opening ---- */

/* "Linux version 6.1.0-…" up to the first space after it, as the kernel has it in itself. */
static void version_of(struct bytes kernel, char *ret, size_t size)
{
    static const char PREFIX[] = "Linux version ";
    const char *at = memmem(kernel.data, kernel.len, PREFIX, strlen(PREFIX));
    size_t left = at ? (size_t)((const char *)kernel.data + kernel.len - at) : 0;
    size_t n = strlen(PREFIX);

    while (n < left && n < size - 1 && at[n] > ' ' && at[n] <= '~')
        n++;
    snprintf(ret, size, "%.*s", at ? (int)n : 7, at ? at : "unknown");
}

static bool read_component(const char *folder, const char *path, const char *name,
                           struct eat_component *ret, struct idevs_error *ret_err)
{
    char text[LIMIT_EAT_TEXT];
    _cleanup_text_ char *full = alloc_format("%s/" IMAGE_ROOT "/%s", folder, path);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_GUEST_FILE);

    if (!file_read(full, &b, ret_err))
        return false;
    version_of(buffer_bytes(&b), text, sizeof(text));
    component_of(name, text, buffer_bytes(&b), ret);
    return true;
}

bool image_open(const char *folder, struct image *ret, struct idevs_error *ret_err)
{
    _cleanup_text_ char *base = alloc_format("%s/" IMAGE_BASE, folder);
    struct image image = {.base = buffer_up_to(LIMIT_GUEST_FILE)};

    if (!read_component(folder, IMAGE_KERNEL, "kernel", &image.kernel, ret_err) ||
        !read_component(folder, IMAGE_MONITOR, "monitor", &image.monitor, ret_err) ||
        !file_read(base, &image.base, ret_err)) {
        image_close(&image);
        return false;
    }
    image.root = alloc_format("%s/" IMAGE_ROOT, folder);
    image.tsc_khz = tsc_khz();
    *ret = image;
    return image.tsc_khz > 0 ||
           refuse(ret_err, "compartment.unavailable", "a processor that is not x86-64");
}

void image_close(struct image *image)
{
    free_text(&image->root);
    buffer_free(&image->base);
}

/* ---- one guest's ---- */

bool image_initramfs(const struct image *image, int executable, struct buffer *b,
                     struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer program = buffer_up_to(LIMIT_EXECUTABLE);

    if (executable >= 0 &&
        (lseek(executable, 0, SEEK_SET) < 0 || !fd_read_to_end(executable, &program)))
        return refuse_errno(ret_err, "compartment.unavailable", "the executable");
    bool ok =
        buffer_append_bytes(b, buffer_bytes(&image->base)) &&
        (executable < 0 || cpio_add(b, GUEST_PROGRAM, S_IFREG | 0111, buffer_bytes(&program))) &&
        cpio_end(b);
    return ok ||
           refuse(ret_err, "compartment.unavailable", "a first file system that is too large");
}

/* A triple fault restarts the machine, and that ends the monitor. Under TCG nothing tells the
 * kernel how fast its counter runs, and its own attempts to find out go wrong on a busy host. */
void image_command_line(const struct image *image, bool kvm, uint64_t memory,
                        char ret[LIMIT_EAT_TEXT])
{
    char tsc[64] = "";

    if (!kvm)
        snprintf(tsc, sizeof(tsc), " tsc=reliable tsc_early_khz=%" PRIu32, image->tsc_khz);
    snprintf(ret, LIMIT_EAT_TEXT,
             "quiet loglevel=0 cryptomgr.notests=1 panic=-1 reboot=t%s " GUEST_MEMORY_VARIABLE
             "=%" PRIu64,
             tsc, memory);
}
