/* The callers of host.c, in a process of their own: more than there are places, good ones and bad.
 *
 * Each time a caller connects it draws its manners: how long it stays, whether it presses keys, by
 * frame or in the audio, and how it leaves. All speak the same words, in frames of 20 ms. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "host.h"
#include "rc.h"

enum { CALLERS_MOST = 64, TICK = 160, TICKS_A_SECOND = 50 };

enum leaving {
	HANGS_UP,
	CLOSES,
	RESETS,
	BREAKS_OFF,
	TELLS_AN_ERROR,
	TALKS_NONSENSE,
	READS_NOTHING
};

struct caller {
	int socket; /* -1: at home */
	uint32_t ticks_left;
	uint32_t said;   /* samples of the words */
	uint32_t breath; /* ticks until it falls silent, or speaks again */
	bool is_silent;
	enum leaving leaving;
	struct rc_tone tone; /* a key in the audio, while it sounds */
};

static struct caller callers[CALLERS_MOST];
static int16_t words[WORDS];
static uint32_t chance = 2026;

static uint32_t any(uint32_t below)
{
	chance = chance * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)chance * below >> 32);
}

void make_words(int16_t *to)
{
	uint32_t noise = 1;

	for (size_t n = 0; n < WORDS; n++) {
		noise = noise * 1664525u + 1013904223u;
		to[n] = (int16_t)((int32_t)(noise >> 18) - 8192);
	}
}

/* An engine that has let us go takes nothing more. */
static void say(struct caller *caller, uint8_t kind, const void *payload, uint16_t size)
{
	uint8_t frame[3 + 2 * TICK] = {kind, (uint8_t)(size >> 8), (uint8_t)size};

	if (size > 0)
		memcpy(frame + 3, payload, size);
	(void)!send(caller->socket, frame, 3u + size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void go_home(struct caller *caller)
{
	close(caller->socket);
	*caller = (struct caller){.socket = -1, .ticks_left = any(TICKS_A_SECOND)};
}

static void ring(struct caller *caller, uint16_t port)
{
	static uint32_t calls;
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint8_t name[16] = {0};

	calls++;
	memcpy(name, &calls, sizeof calls);
	*caller = (struct caller){.socket = socket(AF_INET, SOCK_STREAM, 0),
		.ticks_left = 5 + any(6 * TICKS_A_SECOND),
		.breath = any(TICKS_A_SECOND),
		.leaving = any(READS_NOTHING + 1)};
	if (caller->leaving == READS_NOTHING) {
		caller->ticks_left = 10 * TICKS_A_SECOND;
		setsockopt(caller->socket, SOL_SOCKET, SO_RCVBUF, &(int){1024}, sizeof(int));
	}
	if (connect(caller->socket, (struct sockaddr *)&address, sizeof address) < 0) {
		go_home(caller);
		return;
	}
	setsockopt(caller->socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (any(20) != 0) /* some never say who they are */
		say(caller, 0x01, name, sizeof name);
}

static void leave(struct caller *caller)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	switch (caller->leaving) {
	case HANGS_UP:
		say(caller, 0x00, NULL, 0);
		break;
	case RESETS:
		setsockopt(caller->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		break;
	case BREAKS_OFF:
		(void)!send(caller->socket, "\x10\x01", 2, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case TELLS_AN_ERROR:
		say(caller, 0xff, "\x02", 1);
		break;
	case TALKS_NONSENSE:
		say(caller, 0x77, "nonsense", 8);
		break;
	case CLOSES:
	case READS_NOTHING:
		break;
	}
	go_home(caller);
}

static void speak(struct caller *caller)
{
	static const char keys[] = "0123456789*#";
	int16_t sound[TICK];
	size_t tones = rc_tone_next(&caller->tone, sound, TICK);

	if (any(100) == 0)
		say(caller, 0x03, &keys[any(12)], 1);
	if (tones == 0 && any(150) == 0)
		(void)rc_tone_digit(&caller->tone, keys[any(12)], -9.0, 800);
	if (caller->breath-- == 0) {
		caller->is_silent = !caller->is_silent;
		caller->breath = 10 + any(2 * TICKS_A_SECOND);
	}
	for (size_t n = tones; n < TICK; n++)
		sound[n] = caller->is_silent ? 0 : words[(caller->said + n) % WORDS];
	caller->said = (caller->said + TICK) % WORDS;
	if (any(50) != 0) /* a packet is lost now and then */
		say(caller, 0x10, sound, sizeof sound);
}

static bool was_let_go(const struct caller *caller)
{
	uint8_t heard[4096];
	ssize_t count;

	if (caller->leaving == READS_NOTHING)
		return false;
	while ((count = recv(caller->socket, heard, sizeof heard, MSG_DONTWAIT)) > 0)
		;
	return count == 0 || errno == ECONNRESET;
}

static void live(struct caller *caller, uint16_t port)
{
	if (caller->ticks_left > 0)
		caller->ticks_left--;
	if (caller->socket < 0) {
		if (caller->ticks_left == 0)
			ring(caller, port);
		return;
	}
	if (was_let_go(caller))
		go_home(caller);
	else if (caller->ticks_left == 0)
		leave(caller);
	else
		speak(caller);
}

_Noreturn void call_for(uint16_t port, uint32_t count, uint32_t seconds)
{
	const struct itimerspec each = {
		.it_interval.tv_nsec = 20000000, .it_value.tv_nsec = 20000000};
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t times, ticks = 0;

	make_words(words);
	for (uint32_t n = 0; n < count; n++)
		callers[n] = (struct caller){.socket = -1, .ticks_left = any(TICKS_A_SECOND)};
	timerfd_settime(timer, 0, &each, NULL);
	while (ticks < (uint64_t)seconds * TICKS_A_SECOND) {
		if (read(timer, &times, sizeof times) != sizeof times)
			_exit(1);
		ticks += times;
		for (uint32_t n = 0; n < count; n++)
			live(&callers[n], port);
	}
	_exit(0);
}
