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
       b.refusal_reason, b.counter_gap, b.chain_broken
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

/// Registers an OCMF meter. $1 serial number, $2 metering point, $3 id, $4 public key in
/// hexadecimal, $5 created_at.
inline constexpr postgres::Query kInsertOcmfMeter{"insert_ocmf_meter", R"sql(
INSERT INTO ocmf_meters (serial_number, metering_point_id, ocmf_meter_id, public_key, created_at)
VALUES ($1, $2, $3, decode($4, 'hex'), $5::timestamptz)
ON CONFLICT DO NOTHING
)sql"};

/// $1 metering point, $2 id.
inline constexpr postgres::Query kSelectOcmfMeter{"select_ocmf_meter", R"sql(
SELECT serial_number, metering_point_id, ocmf_meter_id, encode(public_key, 'hex'), created_at
FROM ocmf_meters
WHERE metering_point_id = $1 AND ocmf_meter_id = $2
)sql"};

/// $1 serial numbers.
inline constexpr postgres::Query kFindOcmfMeters{"find_ocmf_meters", R"sql(
SELECT m.serial_number, m.metering_point_id, m.ocmf_meter_id, encode(m.public_key, 'hex'),
       m.created_at
FROM unnest($1::text[]) AS asked(serial_number)
JOIN ocmf_meters m ON m.serial_number = asked.serial_number
)sql"};

/// Keeps OCMF records, as columns: $1 metering points, $2 contents, $3 verified as 0 or 1.
/// $4 created_at.
inline constexpr postgres::Query kInsertOcmfRecords{"insert_ocmf_records", R"sql(
INSERT INTO ocmf_records (metering_point_id, digest, created_at, verified, content)
SELECT metering_point_id, sha256(convert_to(content, 'UTF8')), $4::timestamptz, verified = 1,
       content
FROM unnest($1::text[], $2::text[], $3::integer[]) AS sent(metering_point_id, content, verified)
ORDER BY 1, 2
ON CONFLICT (metering_point_id, digest) DO NOTHING
)sql"};

/// OCMF records of a point, in order. $1 metering point, after ($2 created_at, $3 digest in
/// hexadecimal), $4 rows at most.
inline constexpr postgres::Query kListOcmfRecords{"list_ocmf_records", R"sql(
SELECT content, verified, created_at, encode(digest, 'hex')
FROM ocmf_records
WHERE metering_point_id = $1 AND (created_at, digest) > ($2::timestamptz, decode($3, 'hex'))
ORDER BY created_at, digest
LIMIT $4::bigint
)sql"};

/// The statements of this file, to be prepared on each connection.
inline std::vector<postgres::Query> EvidenceQueries() {
  return {kInsertChains,      kLockChains,      kSelectLinks,     kInsertSignedBatches,
          kUpdateRefusal,     kMoveChains,      kListSignedBatches, kInsertOcmfMeter,
          kSelectOcmfMeter,   kFindOcmfMeters,  kInsertOcmfRecords, kListOcmfRecords};
}

}  // namespace peerwatt::metering
