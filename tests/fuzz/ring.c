/* The rings between threads, and the door of the control ring: whatever is written comes out once,
 * in order; a full ring takes nothing; and no command gets in that the engine could not obey. */
#include <sys/mman.h>

#include "input.h"
#include "media.h"

enum { PLACES_MOST = 16, SOUND = 100 };

static const struct rc_media_settings SETTINGS = {
	.calls = 1, .chunks = 1, .chunks_of_one = 1, .unfed_after_ms = 1000};

static const int16_t sound[SOUND];

/* Beside the ring, a count of what is in it says what must happen. */
static void write_and_read(struct input *input)
{
	struct rc_ring ring;
	uint64_t places = 1u << take_byte(input) % 5, first = 0, next = 0, place;
	uint64_t items[PLACES_MOST];

	rc_ring_init(&ring, places);
	for (int steps = 0; steps < 200 && has_more(input); steps++) {
		must(rc_ring_waiting(&ring) == next - first);
		if (take_byte(input) % 2) {
			bool has_room = rc_ring_place(&ring, &place);

			must(has_room == (next - first < places));
			if (!has_room)
				continue;
			must(place < places);
			items[place] = next++;
			rc_ring_wrote(&ring);
		} else {
			bool has_one = rc_ring_oldest(&ring, &place);

			must(has_one == (next > first));
			if (!has_one)
				continue;
			must(items[place] == first++);
			rc_ring_took(&ring);
		}
	}
}

/* Every byte of it is the input's, but that a clip's samples are there or missing. */
static struct rc_media_command any_command(struct input *input)
{
	struct rc_media_command command;
	uint8_t flags;

	memset(&command, 0, sizeof command);
	take(input, &command.call, sizeof command.call);
	command.order = take_byte(input);
	command.count = take_byte(input);
	take(input, &command.longest, sizeof command.longest);
	take(input, &command.quiet, sizeof command.quiet);
	for (uint32_t n = 0; n < RC_MEDIA_CLIPS; n++) {
		flags = take_byte(input);
		command.clips[n].samples = flags & 1 ? NULL : sound;
		command.clips[n].length = flags >> 1 > SOUND ? SOUND : flags >> 1;
	}
	return command;
}

static bool can_be_obeyed(const struct rc_media_command *command)
{
	if (command->order < RC_ORDER_PLAY || command->order > RC_ORDER_CLOSE ||
		command->count > RC_MEDIA_CLIPS)
		return false;
	for (uint32_t n = 0; n < command->count; n++)
		if (!command->clips[n].samples || command->clips[n].length == 0)
			return false;
	return command->order != RC_ORDER_RECORD || command->longest > 0;
}

/* An engine that has no thread: its ring fills. */
static struct rc_media *stopped_engine(void)
{
	static uint8_t *memory;
	size_t size = rc_media_size(&SETTINGS);
	struct rc_media *media;

	if (!memory)
		memory = aligned_alloc(4096, size);
	memset(memory, 0, size);
	must(rc_media_open(memory, size, &SETTINGS, &media) == RC_OK);
	return media;
}

static void command_any(struct input *input)
{
	static struct rc_media *media;
	static uint64_t waiting;

	while (has_more(input)) {
		struct rc_media_command command = any_command(input);
		enum rc_status status;

		if (!media)
			media = stopped_engine();
		status = rc_media_command(media, &command);
		must((status == RC_BAD) == !can_be_obeyed(&command));
		waiting += status == RC_OK;
		if (status != RC_FULL)
			continue;
		must(waiting >= 1024);
		must(rc_media_commands_taken(media) == 0);
		rc_media_shut(media);
		media = NULL;
		waiting = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, bytes + size};

	write_and_read(&input);
	command_any(&input);
	return 0;
}
