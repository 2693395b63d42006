/* What one caller hears: a playlist of clips, music when nothing is spoken, else silence.
 *
 * Clips follow each other without a gap, also within one tick. Music pauses under speech and goes
 * on where it was. */
#include <string.h>

#include "media.h"

void rc_speech_play(
	struct rc_speech *speech, const struct rc_clip *clips, uint32_t count, uint32_t tag)
{
	memcpy(speech->clips, clips, count * sizeof *clips);
	speech->count = count;
	speech->current = 0;
	speech->offset = 0;
	speech->tag = tag;
	speech->speaking = true;
}

void rc_speech_stop(struct rc_speech *speech)
{
	speech->speaking = false;
	speech->count = 0;
}

void rc_speech_music(struct rc_speech *speech, struct rc_clip music)
{
	speech->music = music;
	speech->music_offset = 0;
}

/* Speaks up to `room` samples and returns how many there were. */
static uint32_t speak(struct rc_speech *speech, int16_t *out, uint32_t room)
{
	uint32_t made = 0;

	while (made < room && speech->current < speech->count) {
		struct rc_clip clip = speech->clips[speech->current];
		uint32_t left = clip.length - speech->offset;
		uint32_t part = left < room - made ? left : room - made;

		memcpy(out + made, clip.samples + speech->offset, part * sizeof *out);
		made += part;
		speech->offset += part;
		if (speech->offset == clip.length) {
			speech->current++;
			speech->offset = 0;
		}
	}
	return made;
}

static void loop_music(struct rc_speech *speech, int16_t *out, uint32_t room)
{
	for (uint32_t made = 0; made < room;) {
		uint32_t left = speech->music.length - speech->music_offset;
		uint32_t part = left < room - made ? left : room - made;

		memcpy(out + made, speech->music.samples + speech->music_offset,
			part * sizeof *out);
		made += part;
		speech->music_offset = (speech->music_offset + part) % speech->music.length;
	}
}

bool rc_speech_next(struct rc_speech *speech, int16_t *out)
{
	uint32_t made = speech->speaking ? speak(speech, out, RC_TICK_SAMPLES) : 0;
	bool ended = speech->speaking && speech->current == speech->count;

	if (ended)
		rc_speech_stop(speech);
	if (speech->music.length > 0)
		loop_music(speech, out + made, RC_TICK_SAMPLES - made);
	else
		memset(out + made, 0, (RC_TICK_SAMPLES - made) * sizeof *out);
	return ended;
}
