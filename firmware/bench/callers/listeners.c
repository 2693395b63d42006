/* listeners: the far ends of real calls, to which a telephone company's Asterisk hands their audio.
 *
 * Says its port. Each connection hears what its call brings and says speech-like noise, a frame
 * each 20 ms from the moment on at which it came. A line of input begins the measuring anew; at the
 * end of the input one line comes out, as the callers'; as they do, we look once a millisecond. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "line.h"

enum {
	LONGEST = 4096, /* bytes read at once, and of a frame */
	AUDIO = 0x10,   /* kind of a frame */
};

static struct line {
	int socket;
	uint32_t part; /* when it speaks */
	size_t have;   /* bytes of an unfinished frame */
	uint8_t held[2 * LONGEST];
	uint64_t heard_ns;
} lines[CALLS_MOST];

static struct spread gaps, late;
static uint32_t count;

static int listen_anywhere(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, CALLS_MOST) < 0)
		fail("listeners: no port");
	getsockname(fd, (struct sockaddr *)&address, &size);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void welcome(int epoll, int listener, uint32_t part)
{
	int line = accept(listener, NULL, NULL);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = count};

	if (line < 0 || count == CALLS_MOST)
		fail("listeners: no line is free");
	setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	time_arrivals(line);
	lines[count++] = (struct line){.socket = line, .part = part};
	epoll_ctl(epoll, EPOLL_CTL_ADD, line, &event);
}

/* Whoever has been hung up on says nothing more. */
static void hang_up(struct line *line)
{
	close(line->socket);
	line->socket = -1;
}

static void hear(struct line *line, uint8_t kind, uint64_t at_ns)
{
	if (kind != AUDIO)
		return;
	if (line->heard_ns)
		note(&gaps, at_ns - line->heard_ns);
	line->heard_ns = at_ns;
}

static void listen_to(struct line *line)
{
	uint64_t at_ns = 0;
	ssize_t size = hear_from(line->socket, line->held + line->have, LONGEST, &at_ns);
	size_t at = 0, whole;

	if (size <= 0) {
		hang_up(line);
		return;
	}
	line->have += (size_t)size;
	while (line->have - at >= HEADER) {
		whole = HEADER + (size_t)(line->held[at + 1] << 8 | line->held[at + 2]);
		if (whole > LONGEST)
			fail("listeners: a frame too long");
		if (line->have - at < whole)
			break;
		hear(line, line->held[at], at_ns);
		at += whole;
	}
	line->have -= at;
	memmove(line->held, line->held + at, line->have);
}

static void speak(uint32_t part)
{
	uint8_t noise[FRAME];

	make_noise(noise);
	for (uint32_t n = 0; n < count; n++)
		if (lines[n].part == part && lines[n].socket >= 0 &&
			send(lines[n].socket, noise, FRAME, MSG_NOSIGNAL) != FRAME)
			hang_up(&lines[n]);
}

static void begin_anew(void)
{
	memset(&gaps, 0, sizeof gaps);
	memset(&late, 0, sizeof late);
	for (uint32_t n = 0; n < count; n++)
		lines[n].heard_ns = 0;
}

static void listen_to_all(int epoll)
{
	struct epoll_event ready[64];
	int found;

	do {
		found = epoll_wait(epoll, ready, 64, 0);
		for (int n = 0; n < found; n++)
			listen_to(&lines[ready[n].data.u32]);
	} while (found == 64);
}

static bool is_ready(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	return poll(&one, 1, 0) > 0;
}

int main(void)
{
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	int listener = listen_anywhere();
	struct itimerspec each = {.it_interval.tv_nsec = PART_NS, .it_value.tv_nsec = PART_NS};
	uint64_t turn = 0, began_ns = now_ns(), times;
	char line[16];

	go_first();
	timerfd_settime(timer, 0, &each, NULL);
	for (;;) {
		if (read(timer, &times, sizeof times) != sizeof times)
			fail("listeners: the clock");
		for (; times > 0; times--, turn++) {
			note(&late, now_ns() - (began_ns + (turn + 1) * PART_NS));
			speak(turn % PARTS);
		}
		listen_to_all(epoll);
		if (is_ready(listener))
			welcome(epoll, listener, turn % PARTS);
		if (!is_ready(STDIN_FILENO))
			continue;
		if (read(STDIN_FILENO, line, sizeof line) <= 0)
			break;
		begin_anew();
	}
	tell(&gaps, &late);
	return 0;
}
