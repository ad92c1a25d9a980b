#pragma once

namespace peerwatt::metering::testing {

/// A record of a charge point in the field, as published with the transparency software for OCMF:
/// a charging session of a tenth of a watt hour in 2019.
inline constexpr char kFieldRecord[] =
    R"ocmf(OCMF|{"FV":"1.0","GI":"KEBA_KCP30","GS":"17619300","GV":"2.8.5","PG":"T32","IS)ocmf"
    R"ocmf(":false,"IL":"NONE","IF":["RFID_NONE","OCPP_NONE","ISO15118_NONE","PLMN_NONE"])ocmf"
    R"ocmf(,"IT":"NONE","ID":"","RD":[{"TM":"2019-08-13T10:03:15,000+0000 I","TX":"B","EF)ocmf"
    R"ocmf(":"","ST":"G","RV":0.2596,"RI":"1-b:1.8.0","RU":"kWh"},{"TM":"2019-08-13T10:03)ocmf"
    R"ocmf(:36,000+0000 R","TX":"E","EF":"","ST":"G","RV":0.2597,"RI":"1-b:1.8.0","RU":"k)ocmf"
    R"ocmf(Wh"}]}|{"SD":"304502200E2F107C987A300AC1695CA89EA149A8CDFA16188AF0A33EE64B6796)ocmf"
    R"ocmf(4AA943F9022100889A72B6D65364BEA8562E7F6A0253157ACFF84FE4929A93B5964D23C4265699)ocmf"
    R"ocmf("})ocmf";
/// The key that signed it, SubjectPublicKeyInfo, DER.
inline constexpr char kFieldKeyHex[] =
    "3059301306072A8648CE3D020106082A8648CE3D030107034200043AEEB45C392357820A58FDFB0857BD77ADA315"
    "85C61C430531DFA53B440AFBFDD95AC887C658EA55260F808F55CA948DF235C2108A0D6DC7D4AB1A5E1A7955BE";

}  // namespace peerwatt::metering::testing
