#include "runtime/secret_memory.h"

#include <cpuid.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>

long secret_memory_replace(uintptr_t at, size_t size, void *secret, uintptr_t from, size_t len)
{
    register long flags __asm__("r10") = MREMAP_MAYMOVE | MREMAP_FIXED;
    register uintptr_t target __asm__("r8") = at;
    char *to = (char *)secret + (from - at);
    long result;

    __asm__ volatile("rep movsb\n\t"
                     "mov %[secret], %%rdi\n\t"
                     "mov %[size], %%rsi\n\t"
                     "mov %[size], %%rdx\n\t"
                     "mov %[number], %%eax\n\t"
                     "syscall"
                     : "=&a"(result), "+&D"(to), "+&S"(from), "+&c"(len)
                     : [secret] "r"(secret), [size] "r"(size), [number] "i"(SYS_mremap), "r"(flags),
                       "r"(target)
                     : "rdx", "r11", "memory", "cc");
    return result < 0 ? result : 0;
}

#define HAS_XSAVE  (1u << 27)  /* CPUID 1, ECX: OSXSAVE */
#define LEAF_XSAVE 0xd         /* CPUID: of its area */
#define VECTORS    0xe6u       /* of XCR0: SSE, AVX, and the three parts of AVX-512 */
#define AREA_LEN   (3u * 4096) /* with the tiles of AMX, too, 11008 */
#define AT_MXCSR   24

/* Which of them this processor and kernel have. An area that is larger than any known is left. */
static unsigned vector_state(void)
{
    unsigned a, b, c, d;
    unsigned low, high;
    unsigned area;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & HAS_XSAVE) ||
        !__get_cpuid_count(LEAF_XSAVE, 0, &a, &area, &c, &d) || area > AREA_LEN)
        return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low & VECTORS;
}

/* Restores from an area that holds no state but the rounding mode: the initial one, which is zero.
 * All of these registers are the caller's to save. The processor may touch the whole area, to its
 * last byte, even where it says that there is no state: so it is no shorter than that, and not on
 * the stack, which can end above a caller sooner. */
void secret_memory_clear_registers(void)
{
    static _Alignas(64) uint8_t area[AREA_LEN];
    static unsigned state;
    static bool looked;

    if (!looked)
        state = vector_state();
    looked = true;
    if (!state)
        return;
    __asm__ volatile("stmxcsr %0" : "=m"(*(uint32_t *)(void *)(area + AT_MXCSR)));
    __asm__ volatile("xrstor64 %0"
                     :
                     : "m"(area), "a"(state), "d"(0)
                     : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}
