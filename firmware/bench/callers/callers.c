/* callers PORT CALLS SECONDS: so many callers at once, each speaking and listening as Asterisk
 * does.
 *
 * Every 20 ms each says a frame, spread evenly over the milliseconds as real callers come. They say
 * speech-like noise, once a second a key that Asterisk tells of, and half a second later one as
 * tones in the audio. How far apart the frames come that they hear is measured by the kernel here,
 * where they are received; we look at them once a millisecond, so that no server's cost is that of
 * waking us.
 *
 * One line comes out: frames heard, the gap's median, 99th and 99.9th percentile and greatest
 * value, and the 99.9th percentile of how late we spoke ourselves, in milliseconds. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "line.h"

enum {
	KEY_FRAMES = 4, /* 80 ms */
	SETTLED = 25,   /* frames: half a second is not measured, the callers still arrive */
};

static struct caller {
	int socket;
	size_t have;   /* bytes of an unfinished frame */
	uint32_t said; /* frames */
	uint64_t heard_ns;
} callers[CALLS_MOST];

static struct spread gaps, late;
static uint8_t key_audio[KEY_FRAMES][FRAME];

/* ---- speaking ---- */

/* The key 5 of ITU-T Q.23, at -10 dBm0 each tone. */
static void make_key(void)
{
	for (int n = 0; n < KEY_FRAMES * SAMPLES; n++) {
		double at_s = n / 8000.0;
		int16_t sample = (int16_t)(7200 * sin(2 * M_PI * 770 * at_s) +
					   7200 * sin(2 * M_PI * 1336 * at_s));

		memcpy(key_audio[n / SAMPLES] + HEADER + n % SAMPLES * 2, &sample, 2);
	}
	for (int n = 0; n < KEY_FRAMES; n++)
		memcpy(key_audio[n], "\x10\x01\x40", HEADER);
}

static void speak(struct caller *caller, const uint8_t *noise)
{
	uint32_t moment = caller->said++ % A_SECOND;

	if (moment == 0)
		give(caller->socket,
			"\x03\x00\x01"
			"1",
			4);
	if (moment >= A_SECOND / 2 && moment < A_SECOND / 2 + KEY_FRAMES)
		give(caller->socket, key_audio[moment - A_SECOND / 2], FRAME);
	else
		give(caller->socket, noise, FRAME);
}

static void speak_all(uint32_t part, uint32_t calls)
{
	uint8_t noise[FRAME];

	make_noise(noise);
	for (uint32_t n = part; n < calls; n += PARTS)
		speak(&callers[n], noise);
}

/* ---- listening ---- */

static void arrive(int epoll, uint32_t n, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = n};
	uint8_t name[HEADER + 16] = {0x01, 0, 16};

	memcpy(name + HEADER, &n, sizeof n);
	callers[n].socket = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(callers[n].socket, (struct sockaddr *)&address, sizeof address) < 0)
		fail("callers: nobody listens");
	setsockopt(callers[n].socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	time_arrivals(callers[n].socket);
	give(callers[n].socket, name, sizeof name);
	epoll_ctl(epoll, EPOLL_CTL_ADD, callers[n].socket, &event);
}

static void note_gap(struct caller *caller, uint64_t at_ns)
{
	if (caller->heard_ns && caller->said > SETTLED)
		note(&gaps, at_ns - caller->heard_ns);
	caller->heard_ns = at_ns;
}

static void listen_to(struct caller *caller)
{
	uint8_t bytes[8 * FRAME];
	uint64_t at_ns = 0;
	ssize_t count = hear_from(caller->socket, bytes, sizeof bytes, &at_ns);

	if (count <= 0)
		fail("callers: a call was ended");
	caller->have += (size_t)count;
	for (; caller->have >= FRAME; caller->have -= FRAME)
		note_gap(caller, at_ns);
}

static void listen_to_all(int epoll)
{
	struct epoll_event ready[64];
	int found;

	do {
		found = epoll_wait(epoll, ready, 64, 0);
		for (int n = 0; n < found; n++)
			listen_to(&callers[ready[n].data.u32]);
	} while (found == 64);
}

static void call(uint16_t port, uint32_t calls, uint64_t turns)
{
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec each = {.it_interval.tv_nsec = PART_NS, .it_value.tv_nsec = PART_NS};
	uint64_t began_ns, times;

	for (uint32_t n = 0; n < calls; n++)
		arrive(epoll, n, port);
	began_ns = now_ns();
	timerfd_settime(timer, 0, &each, NULL);
	for (uint64_t turn = 0; turn < turns;) {
		if (read(timer, &times, sizeof times) != sizeof times)
			fail("callers: the clock");
		for (; times > 0 && turn < turns; times--, turn++) {
			if (turn > SETTLED * PARTS)
				note(&late, now_ns() - (began_ns + (turn + 1) * PART_NS));
			speak_all(turn % PARTS, calls);
		}
		listen_to_all(epoll);
	}
}

int main(int argc, char **argv)
{
	uint32_t calls = argc == 4 ? (uint32_t)atoi(argv[2]) : 0;
	uint32_t seconds = argc == 4 ? (uint32_t)atoi(argv[3]) : 0;

	if (calls < 1 || calls > CALLS_MOST || seconds < 1)
		return fprintf(stderr, "usage: callers PORT CALLS SECONDS\n"), 2;
	go_first();
	make_key();
	call((uint16_t)atoi(argv[1]), calls, (uint64_t)seconds * A_SECOND * PARTS);
	tell(&gaps, &late);
	return 0;
}
