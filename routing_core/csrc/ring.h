/* A ring between one writing and one reading thread.
 *
 * Here are only the counts; the array of items stands beside it and belongs to whoever owns the
 * ring. A writer takes the place, fills it, then says so; a reader the same. The counts only grow,
 * so a full ring and an empty one differ. */
#ifndef RC_RING_H
#define RC_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RC_CACHE_LINE = 64 }; /* bytes: the two threads do not fight over one */

struct rc_ring {
	alignas(RC_CACHE_LINE) _Atomic uint64_t written;
	alignas(RC_CACHE_LINE) _Atomic uint64_t taken;
	uint64_t places; /* a power of two */
};

static inline void rc_ring_init(struct rc_ring *ring, uint64_t places)
{
	atomic_init(&ring->written, 0);
	atomic_init(&ring->taken, 0);
	ring->places = places;
}

/* Where the next item goes; false: the ring is full. Writer only. */
static inline bool rc_ring_place(struct rc_ring *ring, uint64_t *place)
{
	uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);

	if (written - atomic_load_explicit(&ring->taken, memory_order_acquire) == ring->places)
		return false;
	*place = written & (ring->places - 1);
	return true;
}

static inline void rc_ring_wrote(struct rc_ring *ring)
{
	uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);

	atomic_store_explicit(&ring->written, written + 1, memory_order_release);
}

/* Where the oldest item stands; false: the ring is empty. Reader only. */
static inline bool rc_ring_oldest(struct rc_ring *ring, uint64_t *place)
{
	uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

	if (taken == atomic_load_explicit(&ring->written, memory_order_acquire))
		return false;
	*place = taken & (ring->places - 1);
	return true;
}

static inline void rc_ring_took(struct rc_ring *ring)
{
	uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

	atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
}

/* How many items wait; exact for neither thread, right for both to judge by. */
static inline uint64_t rc_ring_waiting(const struct rc_ring *ring)
{
	uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);

	return atomic_load_explicit(&ring->written, memory_order_acquire) - taken;
}

#endif
