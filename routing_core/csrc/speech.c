/* What one caller hears: a playlist of clips, music when nothing is spoken, else silence.
 *
 * Clips follow each other without a gap, also within one tick. Music pauses under speech and goes
 * on where it was. */
#include <string.h>

#include "media.h"

static const size_t SAMPLE_BYTES = sizeof(int16_t);

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

/* Copies what there is of a clip from `offset` on, up to `room` samples. */
static uint32_t copy_of(struct rc_clip clip, uint32_t offset, uint8_t *out, uint32_t room)
{
	uint32_t left = clip.length - offset;
	uint32_t part = left < room ? left : room;

	memcpy(out, clip.samples + offset, part * sizeof *clip.samples);
	return part;
}

/* Speaks up to `room` samples and returns how many there were. */
static uint32_t speak(struct rc_speech *speech, uint8_t *out, uint32_t room)
{
	uint32_t made = 0;

	while (made < room && speech->current < speech->count) {
		struct rc_clip clip = speech->clips[speech->current];
		uint32_t part =
			copy_of(clip, speech->offset, out + made * SAMPLE_BYTES, room - made);

		made += part;
		speech->offset += part;
		if (speech->offset == clip.length) {
			speech->current++;
			speech->offset = 0;
		}
	}
	return made;
}

static void loop_music(struct rc_speech *speech, uint8_t *out, uint32_t room)
{
	for (uint32_t made = 0; made < room;) {
		uint32_t part = copy_of(speech->music, speech->music_offset,
			out + made * SAMPLE_BYTES, room - made);

		made += part;
		speech->music_offset = (speech->music_offset + part) % speech->music.length;
	}
}

bool rc_speech_next(struct rc_speech *speech, uint8_t *out)
{
	uint32_t made = speech->speaking ? speak(speech, out, RC_TICK_SAMPLES) : 0;
	uint8_t *rest = out + made * SAMPLE_BYTES;
	bool ended = speech->speaking && speech->current == speech->count;

	if (ended)
		rc_speech_stop(speech);
	if (speech->music.length > 0)
		loop_music(speech, rest, RC_TICK_SAMPLES - made);
	else
		memset(rest, 0, (RC_TICK_SAMPLES - made) * SAMPLE_BYTES);
	return ended;
}
