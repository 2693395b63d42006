/* AudioSocket on the wire: bytes in, frames out. No socket here.
 *
 * A frame is one byte of kind, two of length, high byte first, and the payload. A frame that lies
 * whole in the bytes given is not copied; one that does not is gathered in the reader. */
#include <string.h>

#include "media.h"

static uint16_t length_in(const uint8_t *header)
{
	return (uint16_t)(header[1] << 8 | header[2]);
}

/* Moves bytes into the reader until it holds `wanted`; false when they ran out before. */
static bool gather(
	struct rc_frame_reader *reader, const uint8_t **at, const uint8_t *end, size_t wanted)
{
	size_t missing = wanted - reader->have;
	size_t given = (size_t)(end - *at);
	size_t part = given < missing ? given : missing;

	memcpy(reader->held + reader->have, *at, part);
	reader->have = (uint16_t)(reader->have + part);
	*at += part;
	return part == missing;
}

static void show(struct rc_frame *frame, const uint8_t *bytes)
{
	*frame = (struct rc_frame){bytes[0], length_in(bytes), bytes + RC_FRAME_HEADER};
}

static enum rc_status next_gathered(struct rc_frame_reader *reader, const uint8_t **at,
	const uint8_t *end, struct rc_frame *frame)
{
	if (reader->have < RC_FRAME_HEADER && !gather(reader, at, end, RC_FRAME_HEADER))
		return RC_NONE;
	if (length_in(reader->held) > RC_FRAME_LONGEST)
		return RC_BAD;
	if (!gather(reader, at, end, (size_t)RC_FRAME_HEADER + length_in(reader->held)))
		return RC_NONE;
	show(frame, reader->held);
	reader->have = 0;
	return RC_OK;
}

enum rc_status rc_frame_next(struct rc_frame_reader *reader, const uint8_t **at, const uint8_t *end,
	struct rc_frame *frame)
{
	size_t given = (size_t)(end - *at);

	if (reader->have > 0 || given < RC_FRAME_HEADER)
		return next_gathered(reader, at, end, frame);
	if (given < (size_t)RC_FRAME_HEADER + length_in(*at))
		return next_gathered(reader, at, end, frame);
	if (length_in(*at) > RC_FRAME_LONGEST)
		return RC_BAD;
	show(frame, *at);
	*at += RC_FRAME_HEADER + frame->length;
	return RC_OK;
}
