/* Processors for which nobody has written the move: programs stay where they are. */
#include "runtime/secret_memory.h"

void secret_memory_before_wait(void)
{
}
