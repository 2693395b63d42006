/* Speech as the lines carry it: ITU-T G.711's 8 bits a sample, A-law and µ-law. Every code decodes
 * to the middle of its interval and encodes to itself again, but for µ-law's minus zero, which
 * becomes plus zero. Of samples without channels: one after the other or several callers' frames in
 * one call make no difference. Codes and samples may not overlap. */

void rc_alaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples);
void rc_alaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples);
void rc_ulaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples);
void rc_ulaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples);
