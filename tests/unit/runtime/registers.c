/* The one piece of the move onto secret memory that every wait of a program passes through. */
#include "test.h"

#include "runtime/secret_memory.h"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK (64u << 10)

static ucontext_t here;
static unsigned cleared;

static void clear(void)
{
    secret_memory_clear_registers();
    cleared++;
}

/* In a function that was called where the stack ends `room` bytes above. */
static void clear_below_the_end(uint8_t *stack, size_t room)
{
    ucontext_t there;

    assert_int_equal(getcontext(&there), 0);
    there.uc_link = &here;
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = STACK - room;
    makecontext(&there, clear, 0);
    assert_int_equal(swapcontext(&here, &there), 0);
}

/* The kernel begins a process's stack at an address of its own choice, with little above it. */
static void registers_are_cleared_wherever_the_stack_ends(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *stack =
        mmap(NULL, STACK + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    assert_ptr_not_equal(stack, MAP_FAILED);
    assert_int_equal(mprotect(stack + STACK, page, PROT_NONE), 0);
    for (size_t room = 0; room < page; room += 64)
        clear_below_the_end(stack, room);
    assert_int_equal(cleared, page / 64);
    munmap(stack, STACK + page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_are_cleared_wherever_the_stack_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
