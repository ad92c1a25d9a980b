#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/registry/storage/handover_queries.h"
#include "services/registry/storage/network_queries.h"
#include "services/registry/storage/scheme_queries.h"
#include "services/registry/storage/tariff_queries.h"

namespace peerwatt::registry {

// Users and sessions.

inline constexpr postgres::Query kSelectUser{"select_user", R"sql(
SELECT u.user_id, u.email, u.display_name, u.roles, u.password_phc, u.created_at,
       p.participant_id
FROM users u
LEFT JOIN participants p ON p.user_id = u.user_id
WHERE u.user_id = $1
)sql"};

inline constexpr postgres::Query kSelectUserByEmail{"select_user_by_email", R"sql(
SELECT u.user_id, u.email, u.display_name, u.roles, u.password_phc, u.created_at,
       p.participant_id
FROM users u
LEFT JOIN participants p ON p.user_id = u.user_id
WHERE u.email = $1
)sql"};

inline constexpr postgres::Query kInsertUser{"insert_user", R"sql(
INSERT INTO users (user_id, email, display_name, roles, password_phc, created_at)
VALUES ($1, $2, $3, $4::text[], $5, $6::timestamptz)
ON CONFLICT DO NOTHING
RETURNING user_id
)sql"};

inline constexpr postgres::Query kDeleteExpiredFamilies{"delete_expired_families", R"sql(
DELETE FROM refresh_families WHERE user_id = $1 AND expires_at < $2::timestamptz
)sql"};

inline constexpr postgres::Query kInsertFamily{"insert_family", R"sql(
INSERT INTO refresh_families (user_id, expires_at)
VALUES ($1, $2::timestamptz)
RETURNING family_id
)sql"};

inline constexpr postgres::Query kInsertRefreshToken{"insert_refresh_token", R"sql(
INSERT INTO refresh_tokens (token_sha256, family_id, issued_at, expires_at)
VALUES ($1, $2::uuid, $3::timestamptz, $4::timestamptz)
)sql"};

// Locks the token itself, not only its family: who waited must see the successor.
inline constexpr postgres::Query kLockRefreshToken{"lock_refresh_token", R"sql(
SELECT f.user_id, f.family_id, t.expires_at, t.successor_sha256,
       f.revoked_at IS NOT NULL AS family_revoked
FROM refresh_tokens t
JOIN refresh_families f ON f.family_id = t.family_id
WHERE t.token_sha256 = $1
FOR UPDATE
)sql"};

inline constexpr postgres::Query kSetSuccessor{"set_successor", R"sql(
UPDATE refresh_tokens SET successor_sha256 = $2 WHERE token_sha256 = $1
)sql"};

inline constexpr postgres::Query kExtendFamily{"extend_family", R"sql(
UPDATE refresh_families SET expires_at = $2::timestamptz WHERE family_id = $1::uuid
)sql"};

inline constexpr postgres::Query kRevokeFamily{"revoke_family", R"sql(
UPDATE refresh_families SET revoked_at = $2::timestamptz WHERE family_id = $1::uuid
)sql"};

// Audit trail.

inline constexpr postgres::Query kInsertAuditEvent{"insert_audit_event", R"sql(
INSERT INTO audit_events (actor, action, subject, detail, occurred_at)
VALUES ($1, $2, $3, $4, $5::timestamptz)
)sql"};

// Communities and tariffs.

inline constexpr postgres::Query kInsertCommunity{"insert_community", R"sql(
INSERT INTO communities (
  community_id, display_name, time_zone, currency_code, interval_s, trading_starts_at,
  opening_lead_s, gate_closure_lead_s, settlement_grace_s, network_fee_micros_per_kwh,
  operator_share_ppm, price_min_micros_per_kwh, price_max_micros_per_kwh, created_at,
  signed_readings_required, co2_g_per_kwh, co2_source)
VALUES ($1, $2, $3, $4, $5::bigint, $6::timestamptz, $7::bigint, $8::bigint, $9::bigint,
        $10::bigint, $11::bigint, $12::bigint, $13::bigint, $14::timestamptz, $15::boolean,
        $16::integer, $17)
ON CONFLICT DO NOTHING
RETURNING community_id
)sql"};

inline constexpr postgres::Query kSelectCommunity{"select_community", R"sql(
SELECT community_id, display_name, time_zone, currency_code, interval_s, trading_starts_at,
       opening_lead_s, gate_closure_lead_s, settlement_grace_s, network_fee_micros_per_kwh,
       operator_share_ppm, price_min_micros_per_kwh, price_max_micros_per_kwh, created_at,
       signed_readings_required, co2_g_per_kwh, co2_source
FROM communities
WHERE community_id = $1
)sql"};

inline constexpr postgres::Query kListCommunities{"list_communities", R"sql(
SELECT community_id, display_name, time_zone, currency_code, interval_s, trading_starts_at,
       opening_lead_s, gate_closure_lead_s, settlement_grace_s, network_fee_micros_per_kwh,
       operator_share_ppm, price_min_micros_per_kwh, price_max_micros_per_kwh, created_at,
       signed_readings_required, co2_g_per_kwh, co2_source
FROM communities
WHERE community_id > $1
ORDER BY community_id
LIMIT $2::int
)sql"};

/// A flat tariff. The caller has locked the community.
inline constexpr postgres::Query kInsertTariff{"insert_tariff", R"sql(
INSERT INTO tariffs (
  community_id, tariff_id, feed_in_price_micros_per_kwh, retail_price_micros_per_kwh, starts_at,
  version_no)
SELECT $1, $2, $3::bigint, $4::bigint, $5::timestamptz,
       (SELECT count(*) + 1 FROM tariffs WHERE community_id = $1)
ON CONFLICT DO NOTHING
RETURNING tariff_id
)sql"};

inline constexpr postgres::Query kSelectTariff{"select_tariff", R"sql(
SELECT community_id, tariff_id, feed_in_price_micros_per_kwh, retail_price_micros_per_kwh,
       starts_at
FROM tariffs
WHERE community_id = $1 AND tariff_id = $2
)sql"};

inline constexpr postgres::Query kListTariffs{"list_tariffs", R"sql(
SELECT community_id, tariff_id, feed_in_price_micros_per_kwh, retail_price_micros_per_kwh,
       starts_at
FROM tariffs
WHERE community_id = $1 AND starts_at < $2::timestamptz
  AND retail_price_micros_per_kwh IS NOT NULL
ORDER BY starts_at DESC
LIMIT $3::int
)sql"};

/// Those that have left at $2 are left out.
inline constexpr postgres::Query kSelectCommunityMembers{"select_community_members", R"sql(
SELECT m.metering_point_id, m.participant_id, m.community_id, m.grid_connection_id,
       p.kyc_state = 'APPROVED' AS approved, m.import_capacity_w, m.export_capacity_w,
       c.interval_s, c.time_zone, c.signed_readings_required, m.zone, m.energy_source,
       m.is_boundary
FROM metering_points m
JOIN participants p ON p.participant_id = m.participant_id
JOIN communities c ON c.community_id = m.community_id
WHERE m.community_id = $1 AND coalesce((
    SELECT h.participant_id IS NOT NULL FROM metering_point_holders h
    WHERE h.metering_point_id = m.metering_point_id AND h.starts_at <= $2::timestamptz
    ORDER BY h.starts_at DESC LIMIT 1), true)
ORDER BY m.metering_point_id
)sql"};

inline constexpr postgres::Query kSelectMembers{"select_members", R"sql(
SELECT m.metering_point_id, m.participant_id, m.community_id, m.grid_connection_id,
       p.kyc_state = 'APPROVED' AS approved, m.import_capacity_w, m.export_capacity_w,
       c.interval_s, c.time_zone, c.signed_readings_required, m.zone, m.energy_source,
       m.is_boundary
FROM unnest($1::text[]) WITH ORDINALITY AS asked (metering_point_id, position)
JOIN metering_points m ON m.metering_point_id = asked.metering_point_id
JOIN participants p ON p.participant_id = m.participant_id
JOIN communities c ON c.community_id = m.community_id
ORDER BY asked.position
)sql"};

// Participants.

inline constexpr postgres::Query kInsertParticipant{"insert_participant", R"sql(
INSERT INTO participants (
  participant_id, display_name, community_id, user_id, kyc_state, kyc_reason, kyc_document_kind,
  kyc_document_sha256, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, '', '', '', $6::timestamptz, $6::timestamptz)
ON CONFLICT DO NOTHING
RETURNING participant_id
)sql"};

inline constexpr postgres::Query kSelectParticipant{"select_participant", R"sql(
SELECT participant_id, display_name, community_id, user_id, kyc_state, kyc_reason,
       kyc_document_kind, kyc_document_sha256, created_at, updated_at
FROM participants
WHERE participant_id = $1
)sql"};

inline constexpr postgres::Query kLockParticipant{"lock_participant", R"sql(
SELECT participant_id, display_name, community_id, user_id, kyc_state, kyc_reason,
       kyc_document_kind, kyc_document_sha256, created_at, updated_at
FROM participants
WHERE participant_id = $1
FOR NO KEY UPDATE
)sql"};

inline constexpr postgres::Query kListParticipants{"list_participants", R"sql(
SELECT participant_id, display_name, community_id, user_id, kyc_state, kyc_reason,
       kyc_document_kind, kyc_document_sha256, created_at, updated_at
FROM participants
WHERE participant_id > $1
  AND ($2::text = '' OR community_id = $2)
  AND ($3::text = '' OR kyc_state = $3)
ORDER BY participant_id
LIMIT $4::int
)sql"};

inline constexpr postgres::Query kUpdateKyc{"update_kyc", R"sql(
UPDATE participants
SET kyc_state = $2, kyc_reason = $3, kyc_document_kind = $4, kyc_document_sha256 = $5,
    updated_at = $6::timestamptz
WHERE participant_id = $1
)sql"};

inline constexpr postgres::Query kSelectParticipantContext{"select_participant_context", R"sql(
SELECT p.participant_id, p.community_id, c.currency_code,
       p.kyc_state = 'APPROVED' AS approved
FROM participants p
JOIN communities c ON c.community_id = p.community_id
WHERE p.participant_id = $1
)sql"};

// Metering points.

inline constexpr postgres::Query kInsertGridConnection{"insert_grid_connection", R"sql(
INSERT INTO grid_connections (grid_connection_id, participant_id)
VALUES ($1, $2)
ON CONFLICT DO NOTHING
)sql"};

inline constexpr postgres::Query kSelectGridConnection{"select_grid_connection", R"sql(
SELECT participant_id FROM grid_connections WHERE grid_connection_id = $1
)sql"};

/// A point of the other role behind a connection. $2: whether the role is that of a boundary.
inline constexpr postgres::Query kSelectOtherRole{"select_other_role", R"sql(
SELECT metering_point_id FROM metering_points
WHERE grid_connection_id = $1 AND is_boundary <> $2
LIMIT 1
)sql"};

inline constexpr postgres::Query kInsertMeteringPoint{"insert_metering_point", R"sql(
INSERT INTO metering_points (
  metering_point_id, participant_id, community_id, grid_connection_id, import_capacity_w,
  export_capacity_w, created_at, zone, energy_source, is_boundary)
VALUES ($1, $2, $3, $4, $5::bigint, $6::bigint, $7::timestamptz, $8, $9, $10)
ON CONFLICT DO NOTHING
RETURNING metering_point_id
)sql"};

inline constexpr postgres::Query kSelectMeteringPoint{"select_metering_point", R"sql(
SELECT metering_point_id, participant_id, community_id, grid_connection_id, import_capacity_w,
       export_capacity_w, created_at, zone, energy_source, is_boundary
FROM metering_points
WHERE metering_point_id = $1
)sql"};

inline constexpr postgres::Query kListMeteringPoints{"list_metering_points", R"sql(
SELECT metering_point_id, participant_id, community_id, grid_connection_id, import_capacity_w,
       export_capacity_w, created_at, zone, energy_source, is_boundary
FROM metering_points
WHERE metering_point_id > $1
ORDER BY metering_point_id
LIMIT $2::int
)sql"};

inline constexpr postgres::Query kListMeteringPointsOf{"list_metering_points_of", R"sql(
SELECT metering_point_id, participant_id, community_id, grid_connection_id, import_capacity_w,
       export_capacity_w, created_at, zone, energy_source, is_boundary
FROM metering_points
WHERE participant_id = $1 AND metering_point_id > $2
ORDER BY metering_point_id
LIMIT $3::int
)sql"};

// Devices.

inline constexpr postgres::Query kSelectUnknownMeteringPoint{"select_unknown_metering_point", R"sql(
SELECT asked.metering_point_id
FROM unnest($1::text[]) AS asked (metering_point_id)
WHERE NOT EXISTS (
  SELECT FROM metering_points m WHERE m.metering_point_id = asked.metering_point_id)
ORDER BY asked.metering_point_id
LIMIT 1
)sql"};

inline constexpr postgres::Query kInsertDevice{"insert_device", R"sql(
INSERT INTO devices (
  device_id, state, enrolment_token_sha256, enrolment_token_expires_at, enrolment_csr_sha256,
  certificate_serial, created_at)
VALUES ($1, 'ENROLLING', $2, $3::timestamptz, '', '', $4::timestamptz)
ON CONFLICT DO NOTHING
RETURNING device_id
)sql"};

inline constexpr postgres::Query kInsertDeviceMeteringPoints{"insert_device_metering_points", R"sql(
INSERT INTO device_metering_points (device_id, metering_point_id)
SELECT $1, asked.metering_point_id FROM unnest($2::text[]) AS asked (metering_point_id)
)sql"};

inline constexpr postgres::Query kUpdateEnrolmentToken{"update_enrolment_token", R"sql(
UPDATE devices
SET enrolment_token_sha256 = $2, enrolment_token_expires_at = $3::timestamptz
WHERE device_id = $1
)sql"};

// Takes the device's row first, so that what is read after it belongs together.
inline constexpr postgres::Query kLockDevice{"lock_device", R"sql(
SELECT device_id FROM devices WHERE device_id = $1 FOR NO KEY UPDATE
)sql"};

inline constexpr postgres::Query kSelectDevice{"select_device", R"sql(
SELECT d.device_id, d.state, d.enrolment_token_sha256, d.enrolment_token_expires_at,
       d.enrolment_csr_sha256, d.certificate_serial, d.created_at,
       c.certificate_pem, c.csr_sha256, c.issued_at, c.expires_at,
       ARRAY(SELECT m.metering_point_id FROM device_metering_points m
             WHERE m.device_id = d.device_id ORDER BY m.metering_point_id) AS metering_points
FROM devices d
LEFT JOIN device_certificates c ON c.certificate_serial = d.certificate_serial
WHERE d.device_id = $1
)sql"};

inline constexpr postgres::Query kListDevices{"list_devices", R"sql(
SELECT d.device_id, d.state, d.certificate_serial, d.created_at, c.expires_at,
       ARRAY(SELECT m.metering_point_id FROM device_metering_points m
             WHERE m.device_id = d.device_id ORDER BY m.metering_point_id) AS metering_points
FROM devices d
LEFT JOIN device_certificates c ON c.certificate_serial = d.certificate_serial
WHERE d.device_id > $1
ORDER BY d.device_id
LIMIT $2::int
)sql"};

inline constexpr postgres::Query kInsertCertificate{"insert_certificate", R"sql(
INSERT INTO device_certificates (
  certificate_serial, device_id, csr_sha256, certificate_pem, issued_at, expires_at)
VALUES ($1, $2, $3, $4, $5::timestamptz, $6::timestamptz)
)sql"};

// The first certificate uses the enrolment token up.
inline constexpr postgres::Query kActivateDevice{"activate_device", R"sql(
UPDATE devices
SET state = 'ACTIVE', certificate_serial = $2,
    enrolment_csr_sha256 = CASE enrolment_csr_sha256 WHEN '' THEN $3 ELSE enrolment_csr_sha256 END
WHERE device_id = $1
)sql"};

inline constexpr postgres::Query kRevokeDevice{"revoke_device", R"sql(
UPDATE devices SET state = 'REVOKED' WHERE device_id = $1
)sql"};

inline constexpr postgres::Query kResolveDevices{"resolve_devices", R"sql(
SELECT q.place, d.state,
       EXISTS (SELECT FROM device_certificates c
               WHERE c.certificate_serial = q.serial
                 AND c.device_id = d.device_id) AS certificate_known,
       ARRAY(SELECT m.metering_point_id FROM device_metering_points m
             WHERE m.device_id = d.device_id ORDER BY m.metering_point_id) AS metering_points
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS q (device_id, serial, place)
JOIN devices d ON d.device_id = q.device_id
)sql"};

inline constexpr postgres::Query kListCertificates{"list_certificates", R"sql(
SELECT c.certificate_pem
FROM devices d
LEFT JOIN device_certificates c
  ON c.device_id = d.device_id AND d.state = 'ACTIVE' AND c.expires_at > $2::timestamptz
WHERE d.device_id = $1
ORDER BY c.issued_at DESC, c.certificate_serial
)sql"};

/// All statements of the registry, to be prepared on every connection.
inline std::vector<postgres::Query> Queries() {
  std::vector<postgres::Query> queries = {
          kLockHolder, kInsertHolder, kUpdateHolder, kSelectMembership,
          kSelectFormerHolders, kCountHandovers,
          kLockCommunity, kInsertNetwork, kSelectNetwork, kListNetworks, kListNetworksInForce,
          kSelectZoneInUse, kSelectZoneKnown, kUpdateZone, kInsertScheme, kSelectScheme,
          kListSchemes, kListSchemesInForce, kSelectStranger, kSelectNamedBoundary,
          kSelectUser, kSelectUserByEmail, kInsertUser, kDeleteExpiredFamilies, kInsertFamily,
          kInsertRefreshToken, kLockRefreshToken, kSetSuccessor, kExtendFamily, kRevokeFamily,
          kInsertAuditEvent, kInsertCommunity, kSelectCommunity, kListCommunities, kInsertTariff,
          kSelectTariff, kListTariffs, kSelectCommunityMembers,
          kSelectMembers, kInsertParticipant, kSelectParticipant, kLockParticipant,
          kListParticipants, kUpdateKyc, kSelectParticipantContext, kInsertGridConnection,
          kSelectGridConnection, kSelectOtherRole, kInsertMeteringPoint, kSelectMeteringPoint,
          kListMeteringPoints, kListMeteringPointsOf, kSelectUnknownMeteringPoint, kInsertDevice,
          kInsertDeviceMeteringPoints, kUpdateEnrolmentToken, kLockDevice, kSelectDevice,
          kListDevices, kInsertCertificate, kActivateDevice, kRevokeDevice, kResolveDevices,
          kListCertificates};
  const std::vector<postgres::Query> tariffs = TariffQueries();
  queries.insert(queries.end(), tariffs.begin(), tariffs.end());
  return queries;
}

}  // namespace peerwatt::registry
