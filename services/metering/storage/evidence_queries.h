#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::metering {

/// Begins chains of devices that have none. $1 devices, sorted.
inline constexpr postgres::Query kInsertChains{"insert_chains", R"sql(
INSERT INTO signed_chains (device_id, last_counter)
SELECT id, 0 FROM unnest($1::text[]) AS asked(id) ORDER BY id
ON CONFLICT (device_id) DO NOTHING
)sql"};

/// Locks chains against other writers, in order of their devices. $1 devices, each once.
inline constexpr postgres::Query kLockChains{"lock_chains", R"sql(
SELECT c.device_id, c.last_counter
FROM unnest($1::text[]) AS asked(id)
JOIN signed_chains c ON c.device_id = asked.id
ORDER BY c.device_id
FOR NO KEY UPDATE OF c
)sql"};

/// Finds links by device and counter. $1 devices, $2 counters. Digests in hexadecimal.
inline constexpr postgres::Query kSelectLinks{"select_links", R"sql(
SELECT b.device_id, b.counter, encode(b.previous_digest, 'hex'), encode(b.digest, 'hex'),
       b.refusal_reason
FROM unnest($1::text[], $2::bigint[]) AS asked(device_id, counter)
JOIN signed_batches b ON b.device_id = asked.device_id AND b.counter = asked.counter
)sql"};

/// Keeps signed batches, as columns, bytes in hexadecimal: $1 devices, $2 counters, $3 digests,
/// $4 previous digests, $5 signatures, $6 public keys, $7 reasons of refusal, $8 counter gaps and
/// $9 broken chains as 0 or 1, $10 encodings. $11 created_at.
inline constexpr postgres::Query kInsertSignedBatches{"insert_signed_batches", R"sql(
INSERT INTO signed_batches (
  device_id, counter, digest, previous_digest, signature, public_key, refusal_reason, counter_gap,
  chain_broken, created_at, encoding)
SELECT device_id, counter, decode(digest, 'hex'), decode(previous_digest, 'hex'),
       decode(signature, 'hex'), decode(public_key, 'hex'), refusal_reason, counter_gap = 1,
       chain_broken = 1, $11::timestamptz, decode(encoding, 'hex')
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::integer[], $9::integer[], $10::text[])
     AS sent(device_id, counter, digest, previous_digest, signature, public_key, refusal_reason,
             counter_gap, chain_broken, encoding)
)sql"};

/// $1 device, $2 counter, $3 reason of refusal, or empty.
inline constexpr postgres::Query kUpdateRefusal{"update_refusal", R"sql(
UPDATE signed_batches SET refusal_reason = $3 WHERE device_id = $1 AND counter = $2::bigint
)sql"};

/// Moves chains on. $1 devices, $2 counters.
inline constexpr postgres::Query kMoveChains{"move_chains", R"sql(
UPDATE signed_chains c SET last_counter = moved.last_counter
FROM unnest($1::text[], $2::bigint[]) AS moved(device_id, last_counter)
WHERE c.device_id = moved.device_id AND c.last_counter < moved.last_counter
)sql"};

/// Signed batches of a device, in order. $1 device, $2 counter of the page before, $3 only those
/// with an event, $4 rows at most. Bytes in hexadecimal.
inline constexpr postgres::Query kListSignedBatches{"list_signed_batches", R"sql(
SELECT counter, encode(previous_digest, 'hex'), encode(digest, 'hex'), encode(encoding, 'hex'),
       encode(signature, 'hex'), encode(public_key, 'hex'), refusal_reason, counter_gap,
       chain_broken, created_at
FROM signed_batches
WHERE device_id = $1 AND counter > $2::bigint
  AND (NOT $3::boolean OR counter_gap OR chain_broken)
ORDER BY counter
LIMIT $4::bigint
)sql"};

/// The statements of this file, to be prepared on each connection.
inline std::vector<postgres::Query> EvidenceQueries() {
  return {kInsertChains,        kLockChains,    kSelectLinks, kInsertSignedBatches,
          kUpdateRefusal,       kMoveChains,    kListSignedBatches};
}

}  // namespace peerwatt::metering
