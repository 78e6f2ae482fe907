/* What board.c starts. One letter on the channel says what it does. */
#include <stdlib.h>
#include <unistd.h>

/* Writes behind the end of what it was given: where pointers are capabilities, that ends it. */
static void write_behind(size_t n)
{
    volatile char *p = malloc(n);

    for (size_t i = 0; p && i <= 4096; i++)
        p[i] = 1;
}

int main(void)
{
    char what = 0;

    if (read(3, &what, 1) != 1)
        return 8;
    switch (what) {
    case 'e':
        return write(3, "ok", 2) == 2 && write(4, "ok", 2) == 2 ? 0 : 9;
    case 's':
        return 3;
    case 'a':
        abort();
    case 'b':
        write_behind(16);
        return 7;
    case 'w':
        while (read(3, &what, 1) > 0)
            ;
        return 0;
    default:
        return 8;
    }
}
