/* One version of "MD5 of several messages at once": FUNCTION, compiled for the processor that TARGET names. */
TARGET static void FUNCTION(uint32_t *const states[LANES], const uint8_t *const messages[LANES], size_t blocks)
{
    lanes_t a, b, c, d;
    for (int lane = 0; lane < LANES; lane++) {
        a[lane] = states[lane][0];
        b[lane] = states[lane][1];
        c[lane] = states[lane][2];
        d[lane] = states[lane][3];
    }
    for (size_t block = 0; block < blocks; block++) {
        _Alignas(64) uint32_t words[16][LANES];
        for (int lane = 0; lane < LANES; lane++) {
            const uint8_t *message = messages[lane] + 64 * block;
            for (int j = 0; j < 16; j++)
                words[j][lane] = load(message + 4 * j);
        }
        const lanes_t a0 = a, b0 = b, c0 = c, d0 = d;
#define WORD(j) (*(const lanes_t *)words[j])
#include "md5_steps.h"
#undef WORD
        a += a0;
        b += b0;
        c += c0;
        d += d0;
    }
    for (int lane = 0; lane < LANES; lane++) {
        states[lane][0] = a[lane];
        states[lane][1] = b[lane];
        states[lane][2] = c[lane];
        states[lane][3] = d[lane];
    }
}
#undef FUNCTION
#undef TARGET
