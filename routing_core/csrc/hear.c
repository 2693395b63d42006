/* What a caller sends: bytes become frames, frames become keys, tones and recordings.
 *
 * Whatever one connection does, it costs the others at most one bounded read each pass: bytes,
 * frames and digits all have a limit, and who passes it is not heard or let go. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"

enum { TONE_RISE = 80 }; /* samples: 10 ms */

static const uint64_t SAMPLE_NS = 125000;
static const uint64_t NO_AUDIO_AFTER_NS = 60000000; /* three frames missing */

/* ---- recording ---- */

static struct rc_media_event length_of(const struct rc_recording *recording)
{
	return (struct rc_media_event){
		.samples = (uint32_t)recording->samples, .spoke = recording->spoke};
}

void rc_caller_stop_recording(struct rc_media *media, struct rc_caller *caller)
{
	if (!caller->recording.on)
		return;
	rc_recording_end(&caller->recording, &media->chunks);
	rc_caller_tell(media, caller, RC_MEDIA_RECORDING_ENDED, length_of(&caller->recording));
}

static void tell_recording(
	struct rc_media *media, struct rc_caller *caller, enum rc_recording_state state)
{
	switch (state) {
	case RC_RECORDING_GOES_ON:
		break;
	case RC_RECORDING_IS_FULL:
		rc_caller_tell(
			media, caller, RC_MEDIA_RECORDING_FULL, length_of(&caller->recording));
		break;
	case RC_RECORDING_IS_STALLED:
		rc_caller_tell(media, caller, RC_MEDIA_STALLED, length_of(&caller->recording));
		break;
	}
}

void rc_caller_record(
	struct rc_media *media, struct rc_caller *caller, const struct rc_media_command *command)
{
	struct rc_recording *recording = &caller->recording;

	rc_caller_stop_recording(media, caller);
	if (caller->stage != RC_OPEN)
		return;
	recording->call = rc_handle_of(media, caller);
	memcpy(recording->uuid, caller->uuid, sizeof recording->uuid);
	recording->quiet = command->quiet;
	recording->silent = command->silent;
	rc_voice_init(&caller->voice);
	if (rc_recording_begin(recording, &media->chunks, media->now_ns, command->longest) != RC_OK)
		rc_caller_tell(media, caller, RC_MEDIA_STALLED, (struct rc_media_event){0});
}

void rc_caller_keep_recording(struct rc_media *media, struct rc_caller *caller)
{
	if (!caller->recording.on)
		return;
	tell_recording(media, caller,
		rc_recording_keep_time(&caller->recording, &media->chunks, media->now_ns));
	if (rc_recording_is_over(&caller->recording))
		rc_caller_tell(media, caller, RC_MEDIA_SPEECH_ENDED, length_of(&caller->recording));
}

static void record(struct rc_media *media, struct rc_caller *caller, uint32_t samples)
{
	struct rc_recording *recording = &caller->recording;
	bool speaks;

	if (!recording->on)
		return;
	speaks = rc_voice_feed(&caller->voice, media->heard, samples);
	tell_recording(media, caller,
		rc_recording_hear(recording, &media->chunks, media->now_ns, media->heard, samples));
	if (!speaks)
		return;
	if (!recording->spoke)
		recording->spoke_from = recording->samples;
	recording->spoke = true;
	recording->told_quiet = false;
	recording->spoke_at = recording->samples;
}

/* ---- tones ---- */

/* Silences what is not message: the samples from a tone's begin, in this frame and in what is
 * recorded already. */
static void mute(struct rc_media *media, struct rc_caller *caller, uint64_t from, uint64_t heard,
	uint32_t samples)
{
	if (from >= heard) {
		if (from - heard < samples)
			memset(media->heard + (from - heard), 0,
				(samples - (from - heard)) * sizeof *media->heard);
		return;
	}
	memset(media->heard, 0, samples * sizeof *media->heard);
	if (caller->recording.on)
		rc_recording_forget(&caller->recording, &media->chunks, heard - from);
}

/* A tone begins where it is half as loud as it will be. */
static uint64_t before_its_rise(uint64_t at_sample)
{
	return at_sample > TONE_RISE ? at_sample - TONE_RISE : 0;
}

static void listen_for_tones(struct rc_media *media, struct rc_caller *caller, uint32_t samples)
{
	uint64_t heard = caller->dtmf.heard;
	size_t count =
		rc_dtmf_feed(&caller->dtmf, media->heard, samples, media->tones, RC_TONE_EVENTS);

	if (caller->tone)
		mute(media, caller, heard, heard, samples);
	for (size_t n = 0; n < count && caller->stage == RC_OPEN; n++) {
		const struct rc_dtmf_event *tone = &media->tones[n];
		uint64_t ago_ns = (heard + samples - tone->at_sample) * SAMPLE_NS;
		bool began = tone->kind == RC_DTMF_BEGAN;

		if (began)
			mute(media, caller, before_its_rise(tone->at_sample), heard, samples);
		caller->tone = began ? tone->digit : 0;
		rc_caller_tell(media, caller, began ? RC_MEDIA_TONE_BEGAN : RC_MEDIA_TONE_ENDED,
			(struct rc_media_event){
				.digit = tone->digit, .at_ns = media->now_ns - ago_ns});
	}
}

/* ---- what the line says ---- */

void rc_caller_listen(struct rc_caller *caller, const struct rc_media_command *command)
{
	const uint32_t samples_per_ms = 8;

	caller->tones = command->tones;
	rc_progress_init(&caller->progress, command->silent / samples_per_ms, false);
}

static void tell_of_line(
	struct rc_media *media, struct rc_caller *caller, const struct rc_progress_event *event)
{
	if (event->kind == RC_PROGRESS_RECOGNISED)
		rc_caller_tell(media, caller, RC_MEDIA_LINE_TONE,
			(struct rc_media_event){.tag = event->tone});
	if (event->kind == RC_PROGRESS_SILENCE)
		rc_caller_tell(media, caller, RC_MEDIA_LINE_SILENT, (struct rc_media_event){0});
}

static void listen_to_line(struct rc_media *media, struct rc_caller *caller, uint32_t samples)
{
	size_t count;

	if (!caller->tones)
		return;
	count = rc_progress_feed(&caller->progress, caller->tones, media->heard, samples,
		media->line, RC_LINE_EVENTS);
	for (size_t n = 0; n < count && caller->stage == RC_OPEN; n++)
		tell_of_line(media, caller, &media->line[n]);
}

/* A tone whose end never arrives because nothing does would sound for ever, and a line that has
 * gone quiet so would never be silent. */
void rc_caller_hear_nothing(struct rc_media *media, struct rc_caller *caller)
{
	if (media->now_ns - caller->heard_ns < NO_AUDIO_AFTER_NS)
		return;
	if (!caller->tone && !caller->tones)
		return;
	memset(media->heard, 0, RC_TICK_SAMPLES * sizeof *media->heard);
	listen_to_line(media, caller, RC_TICK_SAMPLES);
	if (caller->tone && caller->stage == RC_OPEN)
		listen_for_tones(media, caller, RC_TICK_SAMPLES);
}

/* ---- frames ---- */

static void take_key(struct rc_media *media, struct rc_caller *caller, const struct rc_frame *frame)
{
	char digit = (char)frame->payload[0];

	if (digit == 0 || !strchr("0123456789*#ABCD", digit))
		return; /* no key of a telephone */
	if (caller->keys_left == 0) {
		rc_caller_end(media, caller, RC_CLOSED_BAD_FRAME);
		return;
	}
	caller->keys_left--;
	if (caller->tones)
		rc_progress_stir(&caller->progress);
	rc_caller_tell(media, caller, RC_MEDIA_KEY_FRAME, (struct rc_media_event){.digit = digit});
}

/* Here all listen to a caller: for what the line says, for keys, the recording. */
static void take_audio(
	struct rc_media *media, struct rc_caller *caller, const struct rc_frame *frame)
{
	uint32_t samples = frame->length / 2u;

	if (frame->length % 2 != 0) {
		rc_caller_end(media, caller, RC_CLOSED_BAD_FRAME);
		return;
	}
	rc_add(&media->frames_in, 1);
	caller->heard_ns = media->now_ns;
	if (samples > caller->may_send) {
		rc_add(&media->samples_dropped, samples);
		return;
	}
	caller->may_send -= samples;
	memcpy(media->heard, frame->payload, frame->length);
	listen_to_line(media, caller, samples);
	listen_for_tones(media, caller, samples);
	record(media, caller, samples);
	explicit_bzero(media->heard, frame->length);
}

void rc_caller_take_frame(
	struct rc_media *media, struct rc_caller *caller, const struct rc_frame *frame)
{
	if (caller->stage == RC_WAITING) {
		rc_caller_open(media, caller, frame);
		return;
	}
	switch (frame->kind) {
	case RC_FRAME_AUDIO:
		take_audio(media, caller, frame);
		return;
	case RC_FRAME_DIGIT:
		if (frame->length == 1) {
			take_key(media, caller, frame);
			return;
		}
		break;
	case RC_FRAME_HANGUP:
		rc_caller_end(media, caller, RC_CLOSED_HUNG_UP);
		return;
	case RC_FRAME_ERROR:
		rc_caller_end(media, caller, RC_CLOSED_PEER_FAILED);
		return;
	default:
		break;
	}
	rc_caller_end(media, caller, RC_CLOSED_BAD_FRAME);
}

/* ---- bytes ---- */

void rc_caller_take_bytes(struct rc_media *media, struct rc_caller *caller, const uint8_t *end)
{
	const uint8_t *at = media->bytes;
	enum rc_status status = RC_OK;
	struct rc_frame frame;

	while (status == RC_OK && (caller->stage == RC_WAITING || caller->stage == RC_OPEN)) {
		status = rc_frame_next(&caller->reader, &at, end, &frame);
		if (status == RC_OK)
			rc_caller_take_frame(media, caller, &frame);
	}
	if (status == RC_BAD)
		rc_caller_end(media, caller, RC_CLOSED_BAD_FRAME);
	if (caller->reader.have == 0)
		caller->unfinished_ns = 0;
	else if (caller->unfinished_ns == 0)
		caller->unfinished_ns = media->now_ns;
}

/* Without libc's cancellation point, which nobody uses and which costs a tenth of a microsecond. */
static ssize_t receive(int socket, void *bytes, size_t size)
{
	return syscall(SYS_recvfrom, socket, bytes, size, MSG_DONTWAIT, NULL, NULL);
}

/* Where the detector puts the frame that is going to be received, and what it looks back on. */
static void fetch_recent(const struct rc_dtmf *dtmf)
{
	enum { BACK = RC_TICK_SAMPLES / 2 };
	uint32_t from = dtmf->filled > BACK ? dtmf->filled - BACK : 0;
	uint32_t room = RC_DTMF_RECENT - from, used = BACK + RC_TICK_SAMPLES;

	rc_fetch(dtmf->recent + from, dtmf->recent + from + (used < room ? used : room));
}

bool rc_caller_hear(struct rc_media *media, struct rc_caller *caller)
{
	ssize_t count;

	fetch_recent(&caller->dtmf);
	count = receive(caller->socket, media->bytes, sizeof media->bytes);

	if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (count < 0 && errno == EINTR)
		return true;
	if (count > 0) {
		rc_caller_take_bytes(media, caller, media->bytes + count);
		explicit_bzero(media->bytes, (size_t)count);
	} else {
		rc_caller_end(media, caller, count < 0 ? RC_CLOSED_LOST : RC_CLOSED_HUNG_UP);
		rc_caller_close_socket(caller);
	}
	rc_caller_free_if_done(media, caller);
	return count == sizeof media->bytes;
}

/* Whoever has more than was read, or has hung up behind it, is told of again. */
static void hear_more(struct rc_media *media, struct epoll_event event)
{
	struct rc_caller *caller = rc_caller_of(media, event.data.u64);

	event.events = RC_HEAR_EVENTS;
	if (caller && caller->socket >= 0)
		epoll_ctl(media->callers_fd, EPOLL_CTL_MOD, caller->socket, &event);
}

static void fetch(const struct rc_media *media, uint64_t handle)
{
	const struct rc_caller *caller = &media->callers[handle & 0xffff];

	rc_fetch(caller, caller->reader.held);
	rc_fetch(&caller->dtmf, caller->dtmf.past);
}

bool rc_callers_hear(struct rc_media *media)
{
	int count = epoll_wait(media->callers_fd, media->ready, (int)media->settings.calls, 0);

	for (int n = 0; n < count; n++) {
		struct epoll_event event = media->ready[n];
		struct rc_caller *caller = rc_caller_of(media, event.data.u64);
		bool ended = event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);

		if (n + 1 < count)
			fetch(media, media->ready[n + 1].data.u64);
		if (caller && caller->socket >= 0 && (rc_caller_hear(media, caller) || ended))
			hear_more(media, event);
	}
	return count > 0;
}
