/* The ACD: two intrusive lists, waiting calls and free agents, each kept in the order in which it
 * is served.
 *
 * Of agents who can help a call, the fewest other skills are the fewest skills, so one order of
 * agents serves every call. A newcomer is placed from the back, where time puts it almost always;
 * nothing is ever re-sorted. */
#include "rc.h"

struct link {
	struct link *next, *prev; /* both NULL: in no list */
};

struct call {
	struct link link; /* first, so that a link is its call */
	uint64_t needs;
	int64_t deadline_ms, since_ms;
};

struct agent {
	struct link link; /* first, so that a link is its agent */
	uint64_t skills;
	int64_t since_ms;
};

struct rc_acd {
	struct link waiting, idle; /* the ends of two rings */
	uint32_t agents, calls;
	struct agent *agent;
	struct call *call;
};

/* The tables follow one another in one piece of memory. */
_Static_assert(sizeof(struct rc_acd) % 8 == 0, "agents would be misaligned");
_Static_assert(sizeof(struct agent) % 8 == 0, "calls would be misaligned");

typedef bool goes_before(const struct link *a, const struct link *b);

static bool call_goes_before(const struct link *a, const struct link *b)
{
	const struct call *one = (const struct call *)a, *other = (const struct call *)b;

	if (one->deadline_ms != other->deadline_ms)
		return one->deadline_ms < other->deadline_ms;
	if (one->since_ms != other->since_ms)
		return one->since_ms < other->since_ms;
	return one < other; /* the lower slot */
}

static int count(uint64_t skills)
{
	return __builtin_popcountll(skills);
}

static bool agent_goes_before(const struct link *a, const struct link *b)
{
	const struct agent *one = (const struct agent *)a, *other = (const struct agent *)b;

	if (count(one->skills) != count(other->skills))
		return count(one->skills) < count(other->skills);
	if (one->since_ms != other->since_ms)
		return one->since_ms < other->since_ms;
	return one < other;
}

static void take_out(struct link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	*link = (struct link){NULL, NULL};
}

static void put_in(struct link *ring, struct link *link, goes_before *before)
{
	struct link *after = ring->prev;

	while (after != ring && before(link, after))
		after = after->prev;
	*link = (struct link){.next = after->next, .prev = after};
	link->next->prev = link;
	after->next = link;
}

static bool is_in(const struct link *link)
{
	return link->next != NULL;
}

size_t rc_acd_size(uint32_t agents, uint32_t calls)
{
	return sizeof(struct rc_acd) + agents * sizeof(struct agent) + calls * sizeof(struct call);
}

struct rc_acd *rc_acd_init(void *memory, uint32_t agents, uint32_t calls)
{
	struct rc_acd *acd = memory;

	acd->waiting = (struct link){&acd->waiting, &acd->waiting};
	acd->idle = (struct link){&acd->idle, &acd->idle};
	acd->agents = agents;
	acd->calls = calls;
	acd->agent = (struct agent *)(acd + 1);
	acd->call = (struct call *)(acd->agent + agents);
	for (uint32_t i = 0; i < agents; i++)
		acd->agent[i] = (struct agent){.skills = 0};
	for (uint32_t i = 0; i < calls; i++)
		acd->call[i] = (struct call){.needs = 0};
	return acd;
}

enum rc_status rc_acd_call_waits(
	struct rc_acd *acd, uint32_t slot, uint64_t needs, int64_t since_ms, int64_t target_ms)
{
	int64_t deadline_ms;

	if (slot >= acd->calls || target_ms < 0)
		return RC_BAD;
	if (__builtin_add_overflow(since_ms, target_ms, &deadline_ms))
		return RC_BAD;

	struct call *call = &acd->call[slot];

	if (is_in(&call->link))
		take_out(&call->link);
	call->needs = needs;
	call->since_ms = since_ms;
	call->deadline_ms = deadline_ms;
	put_in(&acd->waiting, &call->link, call_goes_before);
	return RC_OK;
}

enum rc_status rc_acd_call_leaves(struct rc_acd *acd, uint32_t slot)
{
	if (slot >= acd->calls)
		return RC_BAD;
	if (!is_in(&acd->call[slot].link))
		return RC_NONE;
	take_out(&acd->call[slot].link);
	return RC_OK;
}

enum rc_status rc_acd_agent_free(
	struct rc_acd *acd, uint32_t slot, uint64_t skills, int64_t since_ms)
{
	if (slot >= acd->agents)
		return RC_BAD;

	struct agent *agent = &acd->agent[slot];

	if (is_in(&agent->link))
		take_out(&agent->link);
	agent->skills = skills;
	agent->since_ms = since_ms;
	put_in(&acd->idle, &agent->link, agent_goes_before);
	return RC_OK;
}

enum rc_status rc_acd_agent_busy(struct rc_acd *acd, uint32_t slot)
{
	if (slot >= acd->agents)
		return RC_BAD;
	if (!is_in(&acd->agent[slot].link))
		return RC_NONE;
	take_out(&acd->agent[slot].link);
	return RC_OK;
}

static const struct agent *who_helps(const struct rc_acd *acd, uint64_t needs)
{
	for (const struct link *at = acd->idle.next; at != &acd->idle; at = at->next) {
		const struct agent *agent = (const struct agent *)at;

		if ((needs & ~agent->skills) == 0)
			return agent;
	}
	return NULL;
}

enum rc_status rc_acd_next(const struct rc_acd *acd, struct rc_match *out)
{
	for (const struct link *at = acd->waiting.next; at != &acd->waiting; at = at->next) {
		const struct call *call = (const struct call *)at;
		const struct agent *agent = who_helps(acd, call->needs);

		if (agent != NULL) {
			out->call = (uint32_t)(call - acd->call);
			out->agent = (uint32_t)(agent - acd->agent);
			return RC_OK;
		}
	}
	return RC_NONE;
}

uint32_t rc_acd_position(const struct rc_acd *acd, uint32_t slot)
{
	uint32_t position = 1;

	if (slot >= acd->calls || !is_in(&acd->call[slot].link))
		return 0;
	for (const struct link *at = acd->call[slot].link.prev; at != &acd->waiting; at = at->prev)
		if (((const struct call *)at)->needs == acd->call[slot].needs)
			position++;
	return position;
}
