/* The parts of the host, a whole exchange in C: host.c runs the engine, townsfolk.c calls it,
 * allocations.c, where it is linked in, counts. */
#ifndef HOST_H
#define HOST_H

#include <stdint.h>

enum { WORDS = 8000, TELLING = 16 }; /* samples; so many in a row are told from chance */

/* The one waveform that all callers speak, over and over. */
void make_words(int16_t *words);

/* More callers than there are places, each with its own manners, for so long. Never returns. */
_Noreturn void call_for(uint16_t port, uint32_t callers, uint32_t seconds);

/* From now on, and how many since. Weak: without allocations.c nothing is counted. */
__attribute__((weak)) void count_allocations(void);
__attribute__((weak)) uint64_t allocations(void);

#endif
