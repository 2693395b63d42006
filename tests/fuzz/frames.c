/* Any bytes, in any pieces: the frame reader makes the same frames of them as in one piece, and
 * reads nothing that is not there.
 *
 * The first byte says how the rest is cut. Each piece lies in memory of its very size, so that the
 * sanitizer sees a read beyond it. */
#include <stdlib.h>
#include <string.h>

#include "media.h"

struct telling {
	uint64_t sum; /* of every frame's kind, length and payload */
	uint32_t frames;
	bool bad;
};

static void mix(struct telling *telling, uint8_t byte)
{
	telling->sum = (telling->sum ^ byte) * 0x100000001b3u;
}

static void hear(struct telling *telling, const struct rc_frame *frame)
{
	if (frame->length > RC_FRAME_LONGEST)
		abort();
	mix(telling, frame->kind);
	mix(telling, (uint8_t)(frame->length >> 8));
	mix(telling, (uint8_t)frame->length);
	for (uint16_t n = 0; n < frame->length; n++)
		mix(telling, frame->payload[n]);
	telling->frames++;
}

static void read_piece(
	struct telling *telling, struct rc_frame_reader *reader, const uint8_t *bytes, size_t size)
{
	uint8_t *piece = malloc(size);
	const uint8_t *at = piece;
	struct rc_frame frame;
	enum rc_status status;

	if (size > 0)
		memcpy(piece, bytes, size);
	while ((status = rc_frame_next(reader, &at, piece + size, &frame)) == RC_OK)
		hear(telling, &frame);
	if (status == RC_NONE && at != piece + size)
		abort();
	telling->bad = status == RC_BAD;
	free(piece);
}

static struct telling read_in_pieces(const uint8_t *bytes, size_t size, size_t piece)
{
	struct rc_frame_reader *reader = calloc(1, sizeof *reader);
	struct telling telling = {0};

	for (size_t at = 0; at < size && !telling.bad; at += piece)
		read_piece(&telling, reader, bytes + at, size - at < piece ? size - at : piece);
	free(reader);
	return telling;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct telling whole, cut;

	if (size < 2)
		return 0;
	whole = read_in_pieces(bytes + 1, size - 1, size);
	cut = read_in_pieces(bytes + 1, size - 1, (size_t)bytes[0] + 1);
	if (whole.sum != cut.sum || whole.frames != cut.frames || whole.bad != cut.bad)
		abort();
	return 0;
}
