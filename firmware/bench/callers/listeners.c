/* listeners: the far ends of real calls, to which a telephone company's Asterisk hands their audio.
 *
 * Says its port. Each connection hears what its call brings and says speech-like noise, a frame
 * each 20 ms from the moment on at which it came. A line of input begins the measuring anew; at the
 * end of the input one line comes out, as the callers'. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "line.h"

enum {
	PARTS = 20,            /* of a frame's time: a millisecond */
	LONGEST = 4096,        /* bytes read at once, and of a frame */
	AUDIO = 0x10,          /* kind of a frame */
	LISTENER = CALLS_MOST, /* in epoll's data; below it are the lines */
	TIMER,
	INPUT,
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

static void watch(int epoll, int fd, uint32_t as)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = as};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("listeners: epoll");
}

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

static void welcome(int epoll, int listener, uint64_t turn)
{
	int line = accept(listener, NULL, NULL);

	if (line < 0 || count == CALLS_MOST)
		fail("listeners: no line is free");
	setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	time_arrivals(line);
	lines[count] = (struct line){.socket = line, .part = turn % PARTS};
	watch(epoll, line, count++);
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

int main(void)
{
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	int listener = listen_anywhere();
	struct itimerspec each = {
		.it_interval.tv_nsec = FRAME_NS / PARTS, .it_value.tv_nsec = FRAME_NS / PARTS};
	struct epoll_event ready[64];
	uint64_t turn = 0, began_ns = now_ns(), times;
	char line[16];

	go_first();
	watch(epoll, listener, LISTENER);
	watch(epoll, timer, TIMER);
	watch(epoll, STDIN_FILENO, INPUT);
	timerfd_settime(timer, 0, &each, NULL);
	for (;;) {
		int found = epoll_wait(epoll, ready, 64, -1);

		for (int n = 0; n < found; n++) {
			uint32_t from = ready[n].data.u32;

			if (from < CALLS_MOST) {
				listen_to(&lines[from]);
			} else if (from == LISTENER) {
				welcome(epoll, listener, turn);
			} else if (from == INPUT && read(STDIN_FILENO, line, sizeof line) > 0) {
				begin_anew();
			} else if (from == INPUT) {
				tell(&gaps, &late);
				return 0;
			} else if (read(timer, &times, sizeof times) == sizeof times) {
				for (; times > 0; times--, turn++) {
					uint64_t due_ns = began_ns + (turn + 1) * FRAME_NS / PARTS;

					note(&late, now_ns() - due_ns);
					speak(turn % PARTS);
				}
			}
		}
	}
}
