/* What both ends of a telephone line need here: frames to say, and how far apart those heard lie.
 */
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	CALLS_MOST = 1024,
	HEADER = 3, /* bytes of a frame: kind, and length with the high byte first */
	SAMPLES = 160,
	FRAME = HEADER + SAMPLES * 2,
	FRAME_NS = 20000000,
	PARTS = 20, /* of a frame's time: a millisecond */
	PART_NS = FRAME_NS / PARTS,
	A_SECOND = 50,  /* frames */
	BUCKETS = 4000, /* of a tenth of a millisecond */
};

struct spread {
	uint64_t count;
	uint64_t of[BUCKETS];
};

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Before others on a busy machine, where that is allowed, as the engine does: what else runs here
 * is not to be measured. */
static inline void go_first(void)
{
	sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
}

static inline void note(struct spread *spread, uint64_t ns)
{
	uint64_t bucket = ns / 100000u;

	spread->of[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	spread->count++;
}

static inline double percentile(const struct spread *spread, double part)
{
	uint64_t wanted = (uint64_t)ceil(part * (double)spread->count), seen = 0;
	size_t bucket = 0;

	while (bucket < BUCKETS - 1 && (seen += spread->of[bucket]) < wanted)
		bucket++;
	return (double)bucket / 10.0;
}

/* Frames heard, their gaps, and how late we were ourselves. */
static inline void tell(const struct spread *gaps, const struct spread *late)
{
	printf("%lu %.1f %.1f %.1f %.1f %.1f\n", (unsigned long)gaps->count, percentile(gaps, 0.5),
		percentile(gaps, 0.99), percentile(gaps, 0.999), percentile(gaps, 1.0),
		percentile(late, 0.999));
	fflush(stdout);
}

static inline void give(int to, const void *bytes, size_t size)
{
	if (send(to, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		fail("what is said is not taken");
}

/* Loud at one moment and soft at the next, as speech is. */
static inline void make_noise(uint8_t *frame)
{
	static uint32_t noise = 1;

	memcpy(frame, "\x10\x01\x40", HEADER);
	for (size_t at = HEADER; at < FRAME; at += 2) {
		noise = noise * 1664525u + 1013904223u;
		frame[at] = (uint8_t)(noise >> 16);
		frame[at + 1] = (uint8_t)((int8_t)(noise >> 24) / 16);
	}
}

/* Has the kernel write down when each packet came: how long it lay until it was read, on a machine
 * that may be busy, is no matter of who sent it. */
static inline void time_arrivals(int socket)
{
	if (setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int)) < 0)
		fail("arrivals cannot be timed");
}

/* Reads what is there, and tells when the last of it came. */
static inline ssize_t hear_from(int socket, void *bytes, size_t size, uint64_t *at_ns)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	ssize_t count = recvmsg(socket, &message, MSG_DONTWAIT);
	struct cmsghdr *found = count > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct timespec at;

	if (found)
		memcpy(&at, CMSG_DATA(found), sizeof at);
	else
		clock_gettime(CLOCK_REALTIME, &at); /* the kernel takes a moment to begin */
	*at_ns = (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
	return count;
}
