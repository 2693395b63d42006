/* callers PORT CALLS SECONDS: so many callers at once, each speaking and listening as Asterisk
 * does.
 *
 * Every 20 ms each sends a frame of speech-like noise, once a second a key; how far apart the
 * frames it hears lie is measured. One line comes out: frames heard, and the gap's median, 99th
 * and 99.9th percentile and greatest value, in milliseconds. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	CALLS_MOST = 1024,
	FRAME = 323,        /* bytes */
	BUCKETS = 4000,     /* of a tenth of a millisecond */
	SETTLED_TICKS = 25, /* half a second is not measured: the callers still arrive */
};

static struct caller {
	int socket;
	size_t have; /* bytes of an unfinished frame */
	uint64_t heard_ns;
} callers[CALLS_MOST];

static uint64_t gaps[BUCKETS], heard;
static unsigned ticks;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void give(int socket, const void *bytes, size_t size)
{
	if (send(socket, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		fail("callers: the engine does not take what is said");
}

static void arrive(int epoll, uint32_t n, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = n};
	uint8_t name[19] = {0x01, 0, 16};

	memcpy(name + 3, &n, sizeof n);
	callers[n].socket = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(callers[n].socket, (struct sockaddr *)&address, sizeof address) < 0)
		fail("callers: nobody listens");
	setsockopt(callers[n].socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	give(callers[n].socket, name, sizeof name);
	epoll_ctl(epoll, EPOLL_CTL_ADD, callers[n].socket, &event);
}

static void speak(uint32_t count)
{
	static const uint8_t key[4] = {0x03, 0, 1, '1'};
	static uint32_t noise = 1;
	uint8_t frame[FRAME] = {0x10, 0x01, 0x40};

	ticks++;
	for (size_t at = 3; at < FRAME; at += 2) {
		noise = noise * 1664525u + 1013904223u;
		frame[at] = (uint8_t)(noise >> 16);
		frame[at + 1] = (uint8_t)((int8_t)(noise >> 24) / 16);
	}
	for (uint32_t n = 0; n < count; n++) {
		give(callers[n].socket, frame, sizeof frame);
		if (ticks % 50 == n % 50)
			give(callers[n].socket, key, sizeof key);
	}
}

static void note_gap(struct caller *caller, uint64_t at_ns)
{
	uint64_t bucket = (at_ns - caller->heard_ns) / 100000u;

	if (caller->heard_ns && ticks > SETTLED_TICKS) {
		gaps[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
		heard++;
	}
	caller->heard_ns = at_ns;
}

static void listen_to(struct caller *caller)
{
	uint8_t bytes[8 * FRAME];
	ssize_t count = recv(caller->socket, bytes, sizeof bytes, MSG_DONTWAIT);

	if (count <= 0)
		fail("callers: the engine ended a call");
	caller->have += (size_t)count;
	for (; caller->have >= FRAME; caller->have -= FRAME)
		note_gap(caller, now_ns());
}

static double percentile(double part)
{
	uint64_t wanted = (uint64_t)(part * (double)heard), seen = 0;
	size_t bucket = 0;

	while (bucket < BUCKETS - 1 && (seen += gaps[bucket]) < wanted)
		bucket++;
	return (double)bucket / 10.0;
}

int main(int argc, char **argv)
{
	struct itimerspec each = {.it_interval.tv_nsec = 20000000, .it_value.tv_nsec = 20000000};
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = CALLS_MOST}, ready[64];
	uint32_t count = argc == 4 ? (uint32_t)atoi(argv[2]) : 0;
	unsigned last = argc == 4 ? (unsigned)atoi(argv[3]) * 50u : 0;

	if (count < 1 || count > CALLS_MOST)
		return fprintf(stderr, "usage: callers PORT CALLS SECONDS\n"), 2;
	for (uint32_t n = 0; n < count; n++)
		arrive(epoll, n, (uint16_t)atoi(argv[1]));
	timerfd_settime(timer, 0, &each, NULL);
	epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
	while (ticks < last) {
		int found = epoll_wait(epoll, ready, 64, -1);

		for (int n = 0; n < found; n++) {
			uint64_t times = 0;

			if (ready[n].data.u32 < CALLS_MOST)
				listen_to(&callers[ready[n].data.u32]);
			else if (read(timer, &times, sizeof times) == sizeof times)
				while (times-- > 0)
					speak(count);
		}
	}
	printf("%lu %.1f %.1f %.1f %.1f\n", (unsigned long)heard, percentile(0.5), percentile(0.99),
		percentile(0.999), percentile(1.0));
	return 0;
}
